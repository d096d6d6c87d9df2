/**
 * envelope.json of a case: how far rounding may take an engine of each class from the expected
 * numbers, and which of its choices rounding can turn. tools/golden/build measures it;
 * docs/golden-pack.md tells what the file means.
 *
 * Next: bounds.ts
 * @module
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../node/user-error.ts";
import { CLASSES, type EngineClass, type PerClass } from "./engine-class.ts";
import { type IsKind, readJson } from "./read-json.ts";

/** Changes when the meaning of the file does. */
export const ENVELOPE_FORMAT = "glm52-envelope 1";

/** The file's name in a case. */
export const ENVELOPE_FILE = "envelope.json";

/** Root-mean-square and largest error, as shares of the stage's largest magnitude. */
export type StageError = readonly [rms: number, largest: number];

/** The narrowest choice of a stage, and how far the gaps of the stage's choices move. */
export interface Choice {
  readonly margin: number;
  readonly row: number;
  readonly moved: PerClass<number>;
}

/** Exactly equal scores at the border of a row: which answers are legal. */
export interface Tie {
  readonly row: number;
  readonly always: readonly number[];
  /** How many of `of` are chosen. */
  readonly any: number;
  readonly of: readonly number[];
}

/** What the file holds. */
export interface Envelope {
  readonly format: typeof ENVELOPE_FORMAT;
  /** Other engines may be off this many times as far as those that were measured. */
  readonly room: number;
  /** Classes of which no engine can choose otherwise than the case says. */
  readonly certified: readonly EngineClass[];
  readonly choices: Readonly<Record<string, Choice>>;
  readonly ties: Readonly<Record<string, readonly Tie[]>>;
  readonly stages: Readonly<Record<string, PerClass<StageError>>>;
}

/**
 * Reads the envelope of the case in `dir`.
 *
 * @throws {UserError} for a case without one, or with one of another format
 */
export async function readEnvelope(dir: string): Promise<Envelope> {
  const file = join(dir, ENVELOPE_FILE);
  if (!(await stat(file).catch(() => undefined))) {
    throw new UserError(file, "expected an envelope, found none; glm52 golden build measures it");
  }
  const what = `${ENVELOPE_FORMAT}, with stages for ${CLASSES.join(", ")}, choices and ties, as glm52 golden build writes it`;
  return readJson(file, what, isEnvelope);
}

const isEnvelope: IsKind<Envelope> = (json): json is Envelope & typeof json => {
  const { format, room, certified, choices, ties, stages } = json;
  const isWhole = [choices, ties, stages].every(
    (part) => typeof part === "object" && part !== null,
  );
  const hasAll = (stage: unknown): boolean =>
    typeof stage === "object" && stage !== null && CLASSES.every((kind) => kind in stage);
  return (
    isWhole && // packs before 1.1.0 have fewer classes
    Object.values(stages as object).every(hasAll) &&
    format === ENVELOPE_FORMAT &&
    typeof room === "number" &&
    Array.isArray(certified)
  );
};
