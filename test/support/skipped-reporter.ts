/**
 * Says at the end which tests were skipped, and why: the reason stands in their name, in that of a suite
 * around them, or in the note that they gave.
 * @module
 */
import { relative } from "node:path";
import type { Reporter, TestCase, TestModule, TestSuite } from "vitest/node";

/** The outermost name that says why, or else the test's own. */
function reasonOf(test: TestCase): string {
  const result = test.result();
  const note = result.state === "skipped" ? result.note : undefined;
  if (note) return `${test.name} (skipped: ${note})`;
  let name = test.name;
  for (let at: TestSuite | TestModule = test.parent; at.type === "suite"; at = at.parent) {
    if (/skipped|not where|needs|npm run/.test(at.name) || at.options.mode === "skip")
      name = at.name;
  }
  return name;
}

/** A reporter for the end of a run. */
export class SkippedReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const lines = modules.flatMap((module) => {
      const counts = new Map<string, number>();
      for (const test of module.children.allTests("skipped")) {
        const reason = reasonOf(test);
        counts.set(reason, (counts.get(reason) ?? 0) + 1);
      }
      const file = relative(process.cwd(), module.moduleId);
      return [...counts].map(([reason, n]) => `  ${n} × ${file}: ${reason}`);
    });
    if (lines.length > 0) console.info(`\nSkipped:\n${lines.join("\n")}`);
  }
}
