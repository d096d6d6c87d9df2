/**
 * Runs and compiles programs of a user, in the empty project where this package is installed.
 * @module
 */
import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { inject } from "vitest";
import { ROOT } from "./paths.ts";
import type { Runtimes } from "./runtimes.ts";

/** A runtime, and the command that comes before the name of a program. */
export interface Way {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Whether it runs the sources; the others run what is compiled. */
  readonly runsSources: boolean;
}

/** The runtime that runs the tests. */
export const HERE: Way["command"] = [process.execPath];

/** This runtime, and the others that are installed. */
export function everyRuntime(): readonly Way[] {
  const runtimes = inject("runtimes");
  const here: Way = { name: `Node ${process.versions.node}`, command: HERE, runsSources: false };
  return [here, ...(typeof runtimes === "string" ? [] : others(runtimes))];
}

function others({ node22, node24, deno }: Runtimes): Way[] {
  return [
    { name: "Node 22", command: [node22], runsSources: false },
    { name: "Node 24", command: [node24], runsSources: false },
    { name: "Deno 2", command: [deno, "run", "-A", "--no-lock"], runsSources: true },
  ];
}

/** Writes a file of the project. @returns its path */
export function write(name: string, text: string): string {
  const path = join(inject("project"), name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

/** Runs a program in the project. @returns what it prints */
export async function run(
  [program, ...before]: Way["command"],
  args: readonly string[],
): Promise<string> {
  const { stdout } = await promisify(execFile)(program, [...before, ...args], {
    cwd: inject("project"),
    env: { ...process.env, NO_COLOR: "1" },
    maxBuffer: 2 ** 26,
  });
  return stdout;
}

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
 * Compiles programs that stand in one folder of the project.
 *
 * @param into the folder of the project for the compiled files
 * @returns the messages of the compiler; an empty text if there are none
 */
export function compile(
  files: readonly string[],
  into: string,
  modules: (typeof MODULES)[keyof typeof MODULES],
  place: (typeof PLACES)[keyof typeof PLACES],
): string {
  const [outDir, rootDir] = [join(inject("project"), into), dirname(files[0])];
  const compilerOptions = { ...STRICT, ...modules, ...place, outDir, rootDir };
  const config = write(`${into}.json`, JSON.stringify({ compilerOptions, files }));
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  return spawnSync(process.execPath, [tsc, "-p", config], { encoding: "utf8" }).stdout;
}

/**
 * Compiles programs of `test/package/strangers` in the project.
 *
 * @returns as {@link compile}; the programs are then in `strangers/out`
 */
export function compileStrangers(...names: readonly string[]): string {
  const folder = join(inject("project"), "strangers");
  cpSync(join(ROOT, "test/package/strangers"), folder, { recursive: true });
  const files = names.map((name) => join(folder, `${name}.ts`));
  return compile(files, "strangers/out", MODULES.nodenext, PLACES.node);
}

/** SHA-256, in hex. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
