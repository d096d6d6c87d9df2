/**
 * Compiles programs of a user, in the empty project where this package is installed.
 * @module
 */
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "./paths.ts";

/** Options of TypeScript that a user may have chosen. */
export const MODULES = {
  nodenext: { module: "nodenext" },
  bundler: { module: "esnext", moduleResolution: "bundler" },
} as const;

/** The strictest options of TypeScript. */
const STRICT = {
  target: "es2022",
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  skipDefaultLibCheck: true,
  rewriteRelativeImportExtensions: true,
};

/** Which parts of TypeScript's own types a program needs. */
export const PLACES = {
  node: { lib: ["es2023"], types: ["node"] },
  browser: { lib: ["es2023", "dom", "dom.asynciterable"], types: [] as string[] },
};

/**
 * Compiles programs that stand in one folder.
 *
 * @param outDir where the compiled files go; the settings of the compiler stand in a file beside it
 * @returns the messages of the compiler; an empty text if there are none
 */
export function compile(
  files: readonly string[],
  outDir: string,
  modules: (typeof MODULES)[keyof typeof MODULES],
  place: (typeof PLACES)[keyof typeof PLACES],
): string {
  const compilerOptions = { ...STRICT, ...modules, ...place, outDir, rootDir: dirname(files[0]) };
  const config = `${outDir}.json`;
  writeFileSync(config, JSON.stringify({ compilerOptions, files }));
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  return spawnSync(process.execPath, [tsc, "-p", config], { encoding: "utf8" }).stdout;
}

/**
 * Compiles the programs of `test/package/strangers`, and that of the README, once for all tests that run
 * them: most of the work is to read the package's types.
 *
 * @param project the folder of the project; the compiled programs are then in its `strangers/out`
 * @returns as {@link compile}
 */
export function compileStrangers(project: string): string {
  const folder = join(project, "strangers");
  cpSync(join(ROOT, "test/package/strangers"), folder, { recursive: true });
  cpSync(join(ROOT, "examples/generate.js"), join(folder, "generate.ts"));
  const files = readdirSync(folder).map((name) => join(folder, name));
  return compile(files, join(folder, "out"), MODULES.nodenext, PLACES.node);
}
