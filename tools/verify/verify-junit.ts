/**
 * The outcome of a verification as JUnit XML: a gate is a suite, a check is a test.
 * @module
 */
import { type JunitTest, junitXml } from "../golden/report/junit-xml.ts";
import { oneLine } from "../library/one-line.ts";
import type { Check } from "./gate.ts";
import type { Outcome } from "./verify.ts";

/**
 * The whole file. What cannot be told is a skipped test; where a gate passes only with it, one more test of the gate
 * fails, so that no run is green that is no pass.
 */
export function outcomeJunit({ gates, url }: Outcome): string {
  return junitXml(
    gates.map(({ gate, verdict, checks }) => ({
      name: `${gate.name} of ${oneLine(url)}`,
      tests: [...checks.map(testOf), ...(verdict === "unknown" ? [UNTOLD] : [])],
    })),
  );
}

const UNTOLD: JunitTest = {
  name: "the gate can be told",
  failure: "a check that the gate needs could not be made; it is neither a pass nor a fault",
};

function testOf({ name, verdict, evidence, fault }: Check): JunitTest {
  if (verdict === "pass") return { name };
  if (verdict === "unknown") return { name, skipped: oneLine(evidence) };
  return { name, failure: oneLine(fault === undefined ? evidence : `${fault} (${evidence})`) };
}
