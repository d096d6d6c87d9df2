/**
 * From the answers of the engine to the tables behind the figures. A figure and its table are made of
 * the same arrays, so that the eye and the table read the same numbers.
 * @module
 */
import type {
  Dense,
  Drafts,
  LayerLook,
  Overlaps,
  Pages,
  Recorded,
  RouterLook,
  StageGlance,
  TokenChance,
  Votes,
  WhatIf,
} from "../messages.ts";
import { meanOfHeads, rankOf } from "./bins.ts";
import type { Word } from "./engine.ts";
import { type NumberTable, tableOf } from "./tables.ts";

/** Scene 0: what each layer does with the fact. */
export const storyTable = (recorded: Recorded, head: readonly string[]): NumberTable =>
  tableOf(
    head,
    recorded.layers.map((each) => [
      each.layer,
      each.type === "full" ? "full" : `shared ← ${each.lender}`,
      each.score,
      each.rank,
      each.threshold,
      each.isChosen ? "✓" : "",
      each.weight,
      each.lensRank,
      each.lensP,
    ]),
  );

/** Scene 1: the tokens and their bytes. */
export const tokenTable = (words: readonly Word[], head: readonly string[]): NumberTable => ({
  head,
  count: words.length,
  row: (i) => {
    const { id, text, bytes } = words[i];
    const hex = bytes && Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join(" ");
    return [i, JSON.stringify(text), id, hex];
  },
});

/** Scene 2: the stages of a layer. */
export const stageTable = (stages: readonly StageGlance[], head: readonly string[]): NumberTable =>
  tableOf(
    head,
    stages.map(({ name, dims, shape, rms, least, most }) => [
      name,
      shape.map((n, i) => `${dims[i]} ${n}`).join(", "),
      rms,
      least,
      most,
    ]),
  );

/** The `k` positions with the largest numbers, ascending; of equal ones the smaller positions. */
export function bestOf(values: ArrayLike<number>, k: number): Int32Array {
  const all = Int32Array.from({ length: values.length }, (_, s) => s);
  return all
    .sort((a, b) => values[b] - values[a] || a - b)
    .slice(0, k)
    .sort((a, b) => a - b);
}

/** Scene 3: the scores of all positions, the best first. */
export function scoreTable(
  scores: Float32Array,
  chosen: ArrayLike<number>,
  head: readonly string[],
): NumberTable {
  const order = bestOf(scores, scores.length).sort((a, b) => scores[b] - scores[a] || a - b);
  const marked = new Set(Array.from(chosen));
  return {
    head,
    count: order.length,
    row: (i) => [i + 1, order[i], scores[order[i]], marked.has(order[i]) ? "✓" : ""],
  };
}

/** Scene 3: the votes of all heads for one row. */
export function votesTable(
  { votes, heads }: Votes,
  s: number,
  head: readonly string[],
): NumberTable {
  const width = votes.length / heads;
  return tableOf(
    head,
    Array.from({ length: heads }, (_, h) => [h, votes[h * width + s]]),
  );
}

/** Scene 4: the weights of a dense attention, the largest mean first. */
export function denseTable(
  { weights }: Dense,
  heads: number,
  marks: { readonly chosen: ReadonlySet<number>; readonly lost: ReadonlySet<number> },
  head: readonly string[],
): NumberTable {
  const mean = meanOfHeads(weights, heads);
  const width = mean.length;
  const order = bestOf(mean, width).sort((a, b) => mean[b] - mean[a] || a - b);
  return {
    head,
    count: width,
    row: (i) => {
      const s = order[i];
      const each = Array.from({ length: heads }, (_, h) => weights[h * width + s]);
      return [s, marks.chosen.has(s) ? "✓" : marks.lost.has(s) ? "✗" : "", ...each];
    },
  };
}

/** Scene 5: rows that two choices have in common. */
export const overlapTable = (overlaps: Overlaps, head: readonly string[]): NumberTable =>
  tableOf(
    head,
    overlaps.layers.flatMap((a, i) =>
      overlaps.layers.map((b, j) => [a, b, overlaps.atT[i][j], overlaps.mean[i][j]]),
    ),
  );

/** What becomes of one row in one layer. */
export interface RowInLayer {
  readonly layer: number;
  readonly lender: number;
  readonly score: number | undefined;
  readonly rank: number | undefined;
  readonly isChosen: boolean;
  /** Attention weight, mean over the heads and largest of them; undefined where it is not known. */
  readonly weight: number | undefined;
  readonly most: number | undefined;
}

/** Scene 5: follows a row through the layers. */
export function followRow(
  layers: readonly LayerLook[],
  lenders: readonly number[],
  s: number,
): RowInLayer[] {
  return layers.map(({ layer, chosen, weights }) => {
    const lender = lenders[layer] ?? layer;
    const scores = layers.find((each) => each.layer === lender)?.scores;
    const at = chosen?.indexOf(s) ?? -1;
    const heads = chosen && weights && chosen.length > 0 ? weights.length / chosen.length : 0;
    const each =
      at < 0 || !chosen || !weights
        ? []
        : Array.from({ length: heads }, (_, h) => weights[h * chosen.length + at]);
    return {
      layer,
      lender,
      score: scores?.[s],
      rank: scores && s < scores.length ? rankOf(scores, s) : undefined,
      isChosen: at >= 0,
      weight: weights && each.reduce((a, b) => a + b, 0) / (each.length || 1),
      most: weights && Math.max(0, ...each),
    };
  });
}

/** The table of {@link followRow}. */
export const followTable = (rows: readonly RowInLayer[], head: readonly string[]): NumberTable =>
  tableOf(
    head,
    rows.map((each) => [
      each.layer,
      each.lender,
      each.score,
      each.rank,
      each.isChosen ? "✓" : "",
      each.weight,
      each.most,
    ]),
  );

/** Scene 6: what the cache keeps of a position in a layer. */
export const latentTable = (look: LayerLook, head: readonly string[]): NumberTable =>
  tableOf(head, [
    ...Array.from(look.latent ?? [], (x, i) => [`c[${i}]`, x]),
    ...Array.from(look.rotaryKey ?? [], (x, i) => [`kPe[${i}]`, x]),
  ]);

/** Scene 7: what the router makes of each expert. */
export function routerTable(router: RouterLook, head: readonly string[]): NumberTable {
  const chosen = Array.from(router.chosen);
  return tableOf(
    head,
    Array.from(router.logits, (logit, e) => {
      const at = chosen.indexOf(e);
      return [
        e,
        logit,
        router.scores[e],
        router.bias?.[e],
        at < 0 ? "" : "✓",
        at < 0 ? undefined : router.weights[at],
      ];
    }),
  );
}

/** Scene 8: the pages of both timelines. */
export const pagesTable = (pages: Pages, head: readonly string[]): NumberTable =>
  tableOf(
    head,
    (["text", "fork"] as const).flatMap((name) =>
      (pages[name] ?? []).map(({ page, from, to, count, isCold }) => [
        name,
        page,
        from,
        to,
        count,
        isCold ? "✓" : "",
      ]),
    ),
  );

/** Scene 9: all guesses. */
export const guessTable = ({ rounds }: Drafts, head: readonly string[]): NumberTable =>
  tableOf(
    head,
    rounds.flatMap(({ guesses }, round) =>
      guesses.map(({ text, draft, main, fate, by }) => [
        round + 1,
        JSON.stringify(text),
        draft,
        main,
        fate,
        by && JSON.stringify(by.text),
      ]),
    ),
  );

/** A switch, and what it changed. */
export interface Tried {
  readonly id: string;
  readonly answer: WhatIf;
}

/** Scene 11: all switches on one text. */
export const triedTable = (tried: readonly Tried[], head: readonly string[]): NumberTable =>
  tableOf(
    head,
    tried.map(({ id, answer: { stage, tokenAt, meanLogP, recall } }) => [
      id,
      stage,
      tokenAt,
      meanLogP,
      recall?.changed,
      recall?.of,
    ]),
  );

/** Scene 10: the likeliest next tokens. */
export const chanceTable = (
  chances: readonly TokenChance[],
  head: readonly string[],
): NumberTable =>
  tableOf(
    head,
    chances.map(({ id, text, p }) => [id, JSON.stringify(text), p]),
  );
