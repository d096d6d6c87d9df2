/**
 * Runs a model and a changed one side by side over the same text, and finds where they part.
 * @module
 */

import { newTap } from "../../../engine/base/tap.ts";
import {
  argmax,
  type Floats,
  generate,
  logProbs,
  type Model,
  type PagePool,
  Session,
  type Stage,
  type Taps,
} from "../../../engine/index.ts";
import { stageAt } from "../../../engine/trace/stage-names.ts";
import type { Tokenizer } from "../../../tokenizer/index.ts";

/** How many tokens are run at once. Stages of so many tokens are held and compared. */
const CHUNK = 64;

/** Two models that run the same text. */
export interface Pair {
  readonly right: Model;
  /** Pages of `right`, which may hold the text already. */
  readonly pool: PagePool;
  readonly changed: Model;
  /** Stages of `right` in the order in which it makes them. */
  readonly stages: readonly string[];
  /** The number of the first of them that can differ. */
  readonly begins: number;
}

/** What reading a text told. */
export interface Compared {
  /** Number of the first stage that differs, and the first position where it does. */
  readonly stage: number | undefined;
  readonly stageAt: number | undefined;
  /** Log-probability of each token but the first. */
  readonly changedLogP: readonly number[];
  /** Holds the text without its last token. */
  readonly session: Session;
}

/** Says how far the work is, and lets an abort arrive. */
export type Breathe = (done: number) => Promise<void>;

/** Reads a text with both models; only as much of the right one as is needed. */
export async function compare(
  { right, pool, changed, stages, begins }: Pair,
  ids: readonly number[],
  breathe: Breathe,
): Promise<Compared> {
  let first = stages.length;
  let firstAt: number | undefined;
  const wanted = (name: string): boolean => {
    const at = stages.indexOf(name);
    return at >= 0 && at < first;
  };
  const [got, want] = [
    new Map<string, Floats | Int32Array>(),
    new Map<string, Floats | Int32Array>(),
  ];
  const session = new Session(changed, { taps: into(got, wanted), chunk: CHUNK });
  const logP: number[] = [];
  try {
    for (let from = 0; from < ids.length; from += CHUNK) {
      await breathe(from);
      const part = ids.slice(from, from + CHUNK);
      got.clear();
      const rows = session.appendAll(part);
      logP.push(...nextLogProbs(rows, ids, from));
      if (first <= begins) continue;
      want.clear();
      runRight(right, pool, ids.slice(0, from), part, into(want, wanted));
      for (let i = begins; i < first; i++) {
        const at = differsAt(got.get(stages[i]), want.get(stages[i]), part.length);
        if (at !== undefined) [first, firstAt] = [i, from + at];
      }
    }
  } catch (error) {
    session.close();
    throw error;
  }
  const stage = first < stages.length ? first : undefined;
  return { stage, stageAt: firstAt, changedLogP: logP, session };
}

/** Log-probabilities of a text under a model whose pages may hold it: all but the first token. */
export async function logProbsOf(
  model: Model,
  ids: readonly number[],
  breathe: Breathe,
): Promise<number[]> {
  const session = new Session(model, { chunk: CHUNK });
  const logP: number[] = [];
  try {
    for (let from = 0; from < ids.length; from += CHUNK) {
      await breathe(from);
      logP.push(...nextLogProbs(session.appendAll(ids.slice(from, from + CHUNK)), ids, from));
    }
    return logP;
  } finally {
    session.close();
  }
}

function nextLogProbs(rows: readonly Floats[], ids: readonly number[], from: number): number[] {
  return rows.flatMap((logits, t) => {
    const next = from + t + 1;
    return next < ids.length ? logProbs(logits, [ids[next]]) : [];
  });
}

/** Runs a part of the text; what stands before it is taken from the pool, or is run too. */
function runRight(
  model: Model,
  pool: PagePool,
  before: readonly number[],
  part: readonly number[],
  taps: Taps,
): void {
  let isOn = false;
  const only = (tap: ReturnType<Taps["layer"]>) =>
    newTap(
      (stage, value) => void tap(stage, value),
      (stage) => isOn && tap.wants(stage),
    );
  const session = new Session(model, {
    pool,
    taps: { model: only(taps.model), layer: (l) => only(taps.layer(l)) },
    chunk: CHUNK,
  });
  try {
    // A session takes pages over for a text that it is to read to the end, so it does, and steps back.
    if (before.length > 0) {
      session.sync([...before, part[0]]);
      session.truncate(before.length);
    }
    isOn = true;
    session.appendAll(part);
  } finally {
    session.close();
  }
}

/** Taps that copy the wanted stages. */
function into(map: Map<string, Floats | Int32Array>, wanted: (name: string) => boolean): Taps {
  const nameOf = (stage: Stage, layer: number | undefined): string => {
    if (stage === "result_output") return "logits";
    return layer === undefined ? stage : stageAt(stage, layer);
  };
  const tap = (layer?: number) =>
    newTap(
      (stage, { data }) => void map.set(nameOf(stage, layer), data.slice()),
      (stage) => wanted(nameOf(stage, layer)),
    );
  return { model: tap(), layer: tap };
}

/** The first of `nT` rows that differs in any bit; rows of another length differ, too. */
function differsAt(
  a: Floats | Int32Array | undefined,
  b: Floats | Int32Array | undefined,
  nT: number,
): number | undefined {
  if (!a || !b) return a === b ? undefined : 0;
  const [n, m] = [a.length / nT, b.length / nT];
  for (let t = 0; t < nT; t++) {
    if (!isSame(rowOf(a, t, n), rowOf(b, t, m))) return t;
  }
  return undefined;
}

/** A row without the places that name nothing, of which another choice has another number. */
function rowOf(x: Floats | Int32Array, t: number, n: number): Floats | Int32Array {
  const row = x.subarray(t * n, (t + 1) * n);
  return row instanceof Int32Array ? row.filter((s) => s >= 0) : row;
}

function isSame(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}

/** What a model writes after a text, greedily. */
export async function writes(
  session: Session,
  ids: readonly number[],
  count: number,
  tokenizer: Tokenizer,
  signal: AbortSignal,
): Promise<number[]> {
  const written: number[] = [];
  const sampling = { vocabLimit: tokenizer.vocabSize };
  const options = { maxTokens: count, sampling, stopIds: tokenizer.eosIds, signal };
  for await (const { id } of generate(session, ids, options)) written.push(id);
  return written;
}

/** A question at the end of a text, and the right answer. */
export interface Question {
  readonly ids: readonly number[];
  readonly answer: readonly number[];
}

/** How many questions are answered right, greedily. The session keeps what they have in common. */
export async function answersRight(
  session: Session,
  questions: readonly Question[],
  breathe: Breathe,
): Promise<number> {
  let right = 0;
  for (const [i, { ids, answer }] of questions.entries()) {
    await breathe(i);
    let logits = session.sync(ids).logits;
    const isRight = answer.every((id, j) => {
      if (argmax(logits) !== id) return false;
      if (j + 1 < answer.length) logits = session.append([id]);
      return true;
    });
    if (isRight) right++;
  }
  return right;
}
