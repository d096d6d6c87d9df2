/**
 * The circumstances that a table of speeds must state: date, machine and versions.
 * @module
 */
import { spawnSync } from "node:child_process";
import { cpus, loadavg, release, type } from "node:os";
import { versions } from "node:process";
import { ourPackage } from "../../tools/node/our-package.ts";

/** Lines `name: value` about the machine, this package and the program that runs it. */
export async function circumstances(): Promise<[name: string, value: string][]> {
  const { folder, version } = await ourPackage();
  const commit = commitOf(folder);
  return [
    ["date", new Date().toISOString().slice(0, 16).replace("T", " ")],
    ["CPU", `${cpus()[0]?.model.trim() ?? "unknown"}, ${cpus().length} cores`],
    ["processes that wanted to run before", loadavg()[0].toFixed(1)],
    ["system", `${type()} ${release()}`],
    ["Node", `${versions.node}, V8 ${versions.v8}`],
    ["glm52.ts", commit === undefined ? version : `${version}, commit ${commit}`],
  ];
}

/** The commit of a folder under git, and whether files were changed since. */
function commitOf(folder: string): string | undefined {
  const git = (...args: string[]) => spawnSync("git", args, { cwd: folder, encoding: "utf8" });
  const { status, stdout } = git("rev-parse", "--short=12", "HEAD");
  if (status !== 0) return undefined;
  const isChanged = git("status", "--porcelain", "--untracked-files=no").stdout !== "";
  return isChanged ? `${stdout.trim()} and changes` : stdout.trim();
}
