import { defineConfig } from "vitest/config";
import { SkippedReporter } from "./test/support/skipped-reporter.ts";

/** Tests that run the compiled program: they share one build, and one packed and installed copy of it. */
const BUILT = [
  "test/package/**/*.test.ts",
  "test/runtimes/**/*.test.ts",
  "test/tools/cli/process.test.ts",
  "test/tools/convert/killed.test.ts",
  "test/tools/docs/readme-commands.test.ts",
  "test/tools/explorer/process.test.ts",
  "test/tools/serve/process/**/*.test.ts",
  "test/tools/sessions/soak.test.ts",
  "test/tools/stream/kill.test.ts",
];

export default defineConfig({
  test: {
    // No test is about time: on a machine that does ten other things, all of them must end, too.
    testTimeout: 900_000,
    hookTimeout: 900_000,
    maxWorkers: "100%",
    reporters: ["default", new SkippedReporter()],
    // A process runs many files, which share the modules that it has loaded: no file leaves a
    // global changed. A process of its own for each costs half a second of the processor.
    isolate: false,
    projects: [
      {
        extends: true,
        test: {
          name: "sources",
          include: ["test/**/*.test.ts"],
          exclude: BUILT,
        },
      },
      {
        extends: true,
        test: {
          name: "built",
          include: BUILT,
          globalSetup: "test/support/installed.ts",
        },
      },
    ],
  },
});
