/**
 * What a case says of its own model. A config.json of the architecture has no key for the epsilon of the
 * latent norms, and the engines disagree on it; so case.json says with which one the stages were made.
 * @module
 */
import { stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { type CaseInfo, readCase } from "./case.ts";
import { caseFolders } from "./pack-cases.ts";

/** A case, and where its files are. */
export interface FoundCase extends CaseInfo {
  /** The folder of its model. */
  readonly model: string;
  /** The file that says what the case is. */
  readonly file: string;
}

/** A case by its name in the pack of this project, or by its folder. */
export async function findCase(nameOrFolder: string): Promise<FoundCase> {
  const [folder] = await caseFolders([nameOrFolder]);
  return found(folder);
}

/** The case that a model belongs to: its folder is called `model` and has a case.json beside it. */
export async function caseOfModel(folder: string): Promise<FoundCase | undefined> {
  const path = resolve(folder);
  if (basename(path) !== "model") return undefined;
  const file = join(dirname(path), "case.json");
  const isThere = (await stat(file).catch(() => undefined))?.isFile() ?? false;
  return isThere ? found(dirname(folder)) : undefined;
}

async function found(folder: string): Promise<FoundCase> {
  return {
    ...(await readCase(folder)),
    model: join(folder, "model"),
    file: join(folder, "case.json"),
  };
}
