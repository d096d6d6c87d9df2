/**
 * Compiles the program, and installs this package as a user does: it is packed by npm, and installed
 * with its dependencies into an empty project outside the repository. This is done once for all tests
 * that run what is compiled.
 *
 * The other runtimes are fetched here too, before any test asks for them.
 * @module
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { TestProject } from "vitest/node";
import { compileStrangers } from "./compile.ts";
import { builtExplorer } from "./explorer.ts";
import { ROOT } from "./paths.ts";
import { fetchRuntimes, type Runtimes } from "./runtimes.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The folder of the compiled program, inside this project, so that it finds its packages. */
    readonly built: string;
    /** The file that `npm pack` made. */
    readonly tarball: string;
    /** The folder of the bare project. */
    readonly project: string;
    /** What the compiler says of the programs in its folder `strangers`. */
    readonly compiled: string;
    /** The other runtimes, or the reason why they are not there. */
    readonly runtimes: Runtimes | string;
  }
}

/** @returns a function that removes everything again */
export async function setup({ provide }: TestProject): Promise<() => void> {
  const scratch = mkdtempSync(join(tmpdir(), "glm52-installed-"));
  const built = join(ROOT, ".cache", `built-${process.pid}`);
  build(built);
  cpSync((await builtExplorer()).folder, join(built, "explorer"), { recursive: true });
  provide("built", built);
  const tarball = pack(built, scratch);
  provide("tarball", tarball);
  const project = install(tarball, join(scratch, "project"));
  provide("project", project);
  provide("compiled", compileStrangers(project));
  provide("runtimes", fetchRuntimes());
  return () => {
    for (const folder of [built, scratch]) rmSync(folder, { recursive: true, force: true });
  };
}

/** Compiles into a folder, like `npm run build`, but without the type check. `dist` stays as it is. */
function build(folder: string): void {
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const project = join(ROOT, "tsconfig.build.json");
  execFileSync(process.execPath, [tsc, "-p", project, "--noCheck", "--outDir", folder]);
  execFileSync(process.execPath, [join(ROOT, "scripts/build-assets.mjs"), folder], { cwd: ROOT });
}

/** Packs a copy of the package with what is compiled. @returns the file */
function pack(built: string, scratch: string): string {
  const copy = join(scratch, "package");
  cpSync(built, join(copy, "dist"), { recursive: true });
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
