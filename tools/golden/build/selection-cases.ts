/**
 * The indexer alone at 4096, 131,072 and 1,048,576 keys: what is chosen, and the scores around the
 * border. Lengths that are no multiple of 4, steps of three queries, sums over more rows than some
 * engines can count: each has gone wrong somewhere (test/README.md, G29, G30, G33).
 * @module
 */
import { writeSafetensors } from "../../../engine/weights/write-safetensors.ts";
import {
  HEADS,
  integerKey,
  integerQuery,
  integerScores,
  integerWeights,
  score,
  WIDTH,
} from "./integer-indexer.ts";

/** Rows that each query chooses: index_topk of the released model. */
export const CHOSEN = 2048;

/** Scores that are kept on each side of the border. */
const AROUND = 64;

/** The last chosen score is at least this much larger than the next: f32 cannot be off by half of it. */
export const LEAST_GAP = 8;

/** A step of `queries` queries, the last at position `keys − 1`. */
export interface SelectionCase {
  readonly keys: number;
  readonly queries: number;
  readonly seed: number;
}

/** What one query must choose. */
export interface Selection {
  /** Ascending positions. */
  readonly chosen: Int32Array;
  /** The scores of ranks `2048 − 64 … 2048 + 63`, largest first. */
  readonly border: Int32Array;
}

/** Each seed is the first that {@link firstSeed} accepts. */
export const SELECTION_CASES: readonly SelectionCase[] = [
  { keys: 4093, queries: 3, seed: 7 },
  { keys: 4096, queries: 1, seed: 0 },
  { keys: 4097, queries: 3, seed: 10 },
  { keys: 4100, queries: 1, seed: 1 },
  { keys: 131_072, queries: 1, seed: 130 },
  { keys: 131_075, queries: 1, seed: 46 },
  { keys: 1_048_576, queries: 1, seed: 6265 },
];

/** Query `t` of a case sees its own position and all before it. */
export function select({ keys, queries, seed }: SelectionCase, t: number): Selection {
  const n = keys - queries + 1 + t;
  const scores = integerScores(seed, t, n);
  const ranked = scores.slice().sort().reverse();
  const last = ranked[CHOSEN - 1];
  let equal = CHOSEN - ranked.indexOf(last); // of equal scores the first positions
  const chosen = new Int32Array(CHOSEN);
  let at = 0;
  for (let s = 0; s < n; s++) {
    if (scores[s] > last || (scores[s] === last && equal-- > 0)) chosen[at++] = s;
  }
  return { chosen, border: ranked.slice(CHOSEN - AROUND, CHOSEN + AROUND) };
}

/** Whether the border is wide, and every query chooses its own position, the last that it sees. */
export function isClear(selection: Selection, n: number): boolean {
  const { chosen, border } = selection;
  return border[AROUND - 1] - border[AROUND] >= LEAST_GAP && chosen[CHOSEN - 1] === n - 1;
}

/** The first seed for which every query of a case is clear. */
export function firstSeed(keys: number, queries: number): number {
  for (let seed = 0; ; seed++) {
    const ts = Array.from({ length: queries }, (_, t) => t);
    const isLikely = ts.every((t) => choosesLast(seed, t, keys - queries + 1 + t));
    const isRight = (t: number): boolean =>
      isClear(select({ keys, queries, seed }, t), keys - queries + 1 + t);
    if (isLikely && ts.every(isRight)) return seed;
  }
}

/** Whether the last key is among the best of a few. This spares most seeds a look at a million keys. */
function choosesLast(seed: number, t: number, n: number): boolean {
  const [q, w] = [integerQuery(seed, t), integerWeights(seed, t)];
  const mine = score(q, w, integerKey(seed, n - 1));
  const nSample = 2048;
  const share = (CHOSEN / n) * 2; // leave room: a sample errs
  let better = 0;
  for (let s = 0; s < nSample && better <= share * nSample; s++) {
    if (score(q, w, integerKey(seed, s)) > mine) better++;
  }
  return better <= share * nSample;
}

/** selections.json: how each case is made. */
export function describeSelections(): object {
  return {
    format: "glm52-selections 1",
    heads: HEADS,
    width: WIDTH,
    chosen: CHOSEN,
    around: AROUND,
    leastGap: LEAST_GAP,
    cases: SELECTION_CASES,
  };
}

/** selections.safetensors: `top_k-<keys>` `[queries, 2048]` and `border-<keys>` `[queries, 128]`. */
export function selectionFile(): Uint8Array {
  const tensors = SELECTION_CASES.flatMap((one) => {
    const rows = Array.from({ length: one.queries }, (_, t) => select(one, t));
    const stack = (lists: Int32Array[]) => {
      const all = Int32Array.from(lists.flatMap((list) => [...list]));
      const shape = [lists.length, all.length / lists.length];
      return { dtype: "I32" as const, shape, bytes: new Uint8Array(all.buffer) };
    };
    return [
      [`top_k-${one.keys}`, stack(rows.map(({ chosen }) => chosen))],
      [`border-${one.keys}`, stack(rows.map(({ border }) => border))],
    ] as const;
  });
  return writeSafetensors(Object.fromEntries(tensors));
}
