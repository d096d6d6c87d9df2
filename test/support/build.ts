/**
 * Compiles the program for tests that run it as a process.
 * @module
 */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./paths.ts";

/** Compiles the program into a folder, like `npm run build`, but without the type check. */
export function buildInto(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const project = join(ROOT, "tsconfig.build.json");
  execFileSync(process.execPath, [tsc, "-p", project, "--noCheck", "--outDir", folder]);
  execFileSync(process.execPath, [join(ROOT, "scripts/build-assets.mjs"), folder], { cwd: ROOT });
}
