/**
 * The built explorer, as the sources are today.
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildExplorer, stampText } from "../../tools/explorer/build/build-explorer.ts";
import { stampsOf } from "../../tools/explorer/build/stamp.ts";
import { ROOT } from "./paths.ts";

/** Where `npm run build:explorer` puts it, and where tests do when that is of other sources. */
const FOLDERS = [join(ROOT, "dist/explorer"), join(ROOT, ".cache/explorer-of-tests")];

/** Whether the tests take their time. */
const { GLM52_FULL } = process.env;

/** A built page. */
export interface BuiltExplorer {
  readonly folder: string;
  /** Whether only a little was recorded; with GLM52_FULL it is all. */
  readonly isQuick: boolean;
}

/** The page, built of these sources. It is built only when no folder has it. */
export async function builtExplorer(): Promise<BuiltExplorer> {
  const stamps = await stampsOf(ROOT);
  const kinds = GLM52_FULL ? [{ isQuick: false }] : [{ isQuick: false }, { isQuick: true }];
  for (const folder of FOLDERS) {
    const stamp = join(folder, "stamp.txt");
    if (!existsSync(stamp)) continue;
    const text = readFileSync(stamp, "utf8");
    const kind = kinds.find((each) => stampText(stamps, each) === text);
    if (kind) return { folder, ...kind };
  }
  const kind = { isQuick: !GLM52_FULL };
  const [, folder] = FOLDERS;
  await buildExplorer(ROOT, folder, kind);
  return { folder, ...kind };
}
