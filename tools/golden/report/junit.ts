/**
 * A judgement as JUnit XML: a stage is a test.
 * @module
 */
import type { Judgement, StageResult } from "../judge/judge.ts";
import { inWords } from "./heat-map.ts";
import { junitXml } from "./junit-xml.ts";

/** One test suite, named after the case. Stages that are missing or not judged are skipped tests. */
export function renderJunit({ stages }: Judgement, caseName: string): string {
  const tests = stages.map((stage) => {
    const { name, verdict, sentence } = stage;
    if (isSkipped(stage)) return { name, skipped: inWords(stage) };
    return { name, failure: verdict === "off" ? (sentence ?? inWords(stage)) : undefined };
  });
  return junitXml([{ name: caseName, tests }]);
}

function isSkipped({ verdict }: StageResult): boolean {
  return verdict === "missing" || verdict === "after";
}
