import { defineConfig } from "vitest/config";

/** The long versions of tests, `*.soak.ts`. Each has its own command in package.json. */
export default defineConfig({
  test: { include: ["test/**/*.soak.ts"], testTimeout: 3_600_000 },
});
