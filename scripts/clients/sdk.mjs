/**
 * Loads a client that is installed in the folder where a script is run, so that this repository need not
 * have it.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** Returns what the package exports, and its version. */
export async function sdk(name) {
  const entry = createRequire(join(process.cwd(), "index.js")).resolve(name);
  let folder = dirname(entry);
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return { ...(await import(entry)), version };
}
