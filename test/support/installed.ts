/**
 * Installs this package as a user does: it is packed by npm, and installed with its dependencies
 * into an empty project outside the repository. This is done once for all tests of `test/package`
 * and `test/runtimes`.
 *
 * The other runtimes are fetched here too, before any test asks for them.
 * @module
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { buildInto } from "./build.ts";
import { ROOT } from "./paths.ts";
import { fetchRuntimes, type Runtimes } from "./runtimes.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The file that `npm pack` made. */
    readonly tarball: string;
    /** The folder of the bare project. */
    readonly project: string;
    /** The other runtimes, or the reason why they are not there. */
    readonly runtimes: Runtimes | string;
  }
}

/** @returns a function that removes everything again */
export function setup({ provide }: TestProject): () => void {
  const scratch = mkdtempSync(join(tmpdir(), "glm52-installed-"));
  const tarball = pack(scratch);
  provide("tarball", tarball);
  provide("project", install(tarball, join(scratch, "project")));
  provide("runtimes", fetchRuntimes());
  return () => rmSync(scratch, { recursive: true, force: true });
}

/** Builds and packs a copy, so that `dist` stays as it is. */
function pack(scratch: string): string {
  const copy = join(scratch, "package");
  buildInto(join(copy, "dist"));
  const { files } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const others = files.filter((path: string) => path !== "dist" && !path.startsWith("!"));
  for (const path of ["package.json", "README.md", "LICENSE", ...others]) {
    cpSync(join(ROOT, path), join(copy, path), { recursive: true });
  }
  const args = ["pack", "--ignore-scripts", "--json", "--pack-destination", scratch];
  const [{ filename }] = JSON.parse(execFileSync("npm", args, { cwd: copy, encoding: "utf8" }));
  rmSync(copy, { recursive: true });
  return join(scratch, filename);
}

/** Installs the package, and the types of Node, which compiled programs need. */
function install(tarball: string, project: string): string {
  mkdirSync(project);
  const types = join(ROOT, "node_modules/@types/node/package.json");
  const { version } = JSON.parse(readFileSync(types, "utf8"));
  const bare = { name: "stranger", private: true, type: "module" };
  writeFileSync(join(project, "package.json"), JSON.stringify(bare));
  const args = ["install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"];
  execFileSync("npm", [...args, tarball, `@types/node@${version}`], { cwd: project });
  return project;
}
