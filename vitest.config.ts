import { defineConfig } from "vitest/config";
import { SkippedReporter } from "./test/support/skipped-reporter.ts";

/** Tests of what is published: they share one packed and installed copy of it. */
const PUBLISHED = ["test/package/**/*.test.ts", "test/runtimes/**/*.test.ts"];

export default defineConfig({
  test: {
    // No test is about time: on a machine that does ten other things, all of them must end, too.
    testTimeout: 900_000,
    hookTimeout: 900_000,
    maxWorkers: "100%",
    reporters: ["default", new SkippedReporter()],
    projects: [
      {
        extends: true,
        test: { name: "sources", include: ["test/**/*.test.ts"], exclude: PUBLISHED },
      },
      {
        extends: true,
        test: {
          name: "published",
          include: PUBLISHED,
          globalSetup: "test/support/installed.ts",
        },
      },
    ],
  },
});
