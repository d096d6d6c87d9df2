/**
 * Runs programs of a user, in the empty project where this package is installed.
 * @module
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { inject } from "vitest";
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

/** SHA-256, in hex. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
