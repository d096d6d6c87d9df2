/**
 * JUnit XML, which most CI systems show: suites of tests, some of them skipped, some of them failed.
 * @module
 * @see https://github.com/testmoapp/junitxml, the common form of a format without a standard
 */
import { escaped } from "../../library/escape.ts";

/** A test, which passed unless something else is said. */
export interface JunitTest {
  readonly name: string;
  /** Why it was not made. */
  readonly skipped?: string | undefined;
  /** Why it failed. */
  readonly failure?: string | undefined;
}

/** Tests that belong together. */
export interface JunitSuite {
  readonly name: string;
  readonly tests: readonly JunitTest[];
}

/** The whole file. */
export function junitXml(suites: readonly JunitSuite[]): string {
  const all = suites.flatMap(({ tests }) => tests);
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites ${countsOf(all)}>
${suites.map(suite).join("\n")}
</testsuites>
`;
}

function countsOf(tests: readonly JunitTest[]): string {
  const nFailed = tests.filter(({ failure }) => failure !== undefined).length;
  const nSkipped = tests.filter(({ skipped }) => skipped !== undefined).length;
  return `tests="${tests.length}" failures="${nFailed}" skipped="${nSkipped}"`;
}

function suite({ name, tests }: JunitSuite): string {
  const lines = tests.map((test) => {
    const open = `    <testcase classname="${escaped(name)}" name="${escaped(test.name)}"`;
    const { skipped, failure } = test;
    if (skipped !== undefined) return `${open}><skipped message="${escaped(skipped)}"/></testcase>`;
    if (failure === undefined) return `${open}/>`;
    return `${open}><failure message="${escaped(failure)}"/></testcase>`;
  });
  return `  <testsuite name="${escaped(name)}" ${countsOf(tests)}>
${lines.join("\n")}
  </testsuite>`;
}
