/**
 * A judgement as JUnit XML, which most CI systems show: a stage is a test.
 * @module
 * @see https://github.com/testmoapp/junitxml, the common form of a format without a standard
 */

import { escaped } from "../../library/escape.ts";
import type { Judgement, StageResult } from "../judge/judge.ts";
import { inWords } from "./heat-map.ts";

/** One test suite, named after the case. Stages that are missing or not judged are skipped tests. */
export function renderJunit({ stages }: Judgement, caseName: string): string {
  const nSkipped = stages.filter(isSkipped).length;
  const nOff = stages.filter(({ verdict }) => verdict === "off").length;
  const counts = `tests="${stages.length}" failures="${nOff}" skipped="${nSkipped}"`;
  const name = escaped(caseName);
  const tests = stages.map((stage) => {
    const open = `    <testcase classname="${name}" name="${escaped(stage.name)}"`;
    if (isSkipped(stage)) {
      return `${open}><skipped message="${escaped(inWords(stage))}"/></testcase>`;
    }
    if (stage.verdict !== "off") return `${open}/>`;
    return `${open}><failure message="${escaped(stage.sentence ?? inWords(stage))}"/></testcase>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites ${counts}>
  <testsuite name="${name}" ${counts}>
${tests.join("\n")}
  </testsuite>
</testsuites>
`;
}

function isSkipped({ verdict }: StageResult): boolean {
  return verdict === "missing" || verdict === "after";
}
