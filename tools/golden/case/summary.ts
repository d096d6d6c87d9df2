/**
 * What the cases of a pack are for.
 * @module
 */
import { readCase } from "./case.ts";
import type { EngineClass } from "./engine-class.ts";
import { readEnvelope } from "./envelope-file.ts";
import { caseFolders } from "./pack-cases.ts";

/** A case of a pack. */
export interface CaseSummary {
  /** Name of the case. */
  readonly name: string;
  /** The folder that it is in. */
  readonly folder: string;
  /** What it is for, in words. */
  readonly purpose: string;
  /** Tokens of its text. */
  readonly nTokens: number;
  /** Classes of engines of which a right one chooses exactly what the case says. */
  readonly certified: readonly EngineClass[];
}

/** All cases of a pack, by default of the one that comes with this package, by name. */
export async function cases(pack?: string): Promise<CaseSummary[]> {
  const summaries: CaseSummary[] = [];
  for (const folder of await caseFolders([], pack)) {
    const { name, purpose, tokens } = await readCase(folder);
    const { certified } = await readEnvelope(folder);
    summaries.push({ name, folder, purpose, nTokens: tokens.length, certified });
  }
  return summaries;
}
