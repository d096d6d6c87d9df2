/**
 * Where the cases of a pack are.
 * @module
 */

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { ourPackage } from "../../node/our-package.ts";
import { UserError } from "../../node/user-error.ts";

/**
 * Folders of cases, in the order of `cases`.
 *
 * @param cases names of cases of the pack; where no pack is given, folders of cases too. When there
 *   are none: all of the pack's, by name
 * @param pack  a folder as `glm52 golden build` writes it; default: golden of this project
 * @throws {UserError} for a folder without cases, and for a case that is not there
 */
export async function caseFolders(cases: readonly string[], pack?: string): Promise<string[]> {
  const isFolder = await Promise.all(cases.map(async (dir) => pack === undefined && isCase(dir)));
  if (cases.length > 0 && isFolder.every(Boolean)) return [...cases];
  const root = pack ?? join((await ourPackage()).folder, "golden");
  const names = await namesIn(root);
  return (cases.length > 0 ? cases : names).map((name, i) => {
    if (isFolder[i]) return name;
    if (names.includes(name)) return join(root, "cases", name);
    throw new UserError(root, `expected a case of ${names.join(", ")}; got ${name}`);
  });
}

async function namesIn(pack: string): Promise<string[]> {
  const folder = join(pack, "cases");
  const names: string[] = [];
  for (const name of (await readdir(folder).catch(() => [])).sort()) {
    if (await isCase(join(folder, name))) names.push(name);
  }
  if (names.length === 0) throw new UserError(pack, "expected a pack with cases/, found none");
  return names;
}

const isCase = async (dir: string): Promise<boolean> =>
  (await stat(join(dir, "case.json")).catch(() => undefined)) !== undefined;
