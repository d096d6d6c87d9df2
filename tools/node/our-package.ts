/**
 * This package as it is installed: its version, its data, the model that comes with it.
 * @module
 */
import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "./user-error.ts";

/** This package as it is installed. */
export interface OurPackage {
  readonly folder: string;
  readonly version: string;
}

/** Looks for our package.json: above `tools/` in the sources, above `dist/tools/` when built. */
export async function ourPackage(): Promise<OurPackage> {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    const text = await readFile(join(folder, "package.json"), "utf8").catch(() => "{}");
    const { name, version } = JSON.parse(text) as { name?: string; version?: string };
    if (name === "glm52.ts" && version !== undefined) return { folder, version };
    if (folder === dirname(folder)) {
      throw new UserError(start, "expected the package.json of glm52.ts above it, found none");
    }
  }
}

/** The folder of the model that comes with the package: it lies beside `tools/`, as in the sources. */
export async function demoModel(): Promise<string> {
  const folder = fileURLToPath(new URL("../../demo-model", import.meta.url));
  const there = await stat(join(folder, "config.json")).catch(() => undefined);
  if (!there) throw new UserError(folder, "expected the demo model there: choose one with --model");
  return folder;
}
