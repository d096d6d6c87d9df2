/**
 * The built explorer, as the sources are today.
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildExplorer } from "../../tools/explorer/build/build-explorer.ts";
import { stampsOf } from "../../tools/explorer/build/stamp.ts";
import { ROOT } from "./paths.ts";

/** Where `npm run build` puts it, and where tests do when that is of other sources. */
const FOLDERS = [join(ROOT, "dist/explorer"), join(ROOT, ".cache/explorer-of-tests")];

/** The folder of the built page. It is built only when no folder has what these sources give. */
export async function builtExplorer(): Promise<string> {
  const { whole } = await stampsOf(ROOT);
  const fresh = FOLDERS.find((folder) => {
    const stamp = join(folder, "stamp.txt");
    return existsSync(stamp) && readFileSync(stamp, "utf8") === whole;
  });
  if (fresh) return fresh;
  const [, own] = FOLDERS;
  await buildExplorer(ROOT, own);
  return own;
}
