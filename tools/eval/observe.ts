/**
 * Runs a text, and reports for each layer which positions the queries select.
 *
 * Next: selection.ts
 * @module
 */
import { type Model, Session } from "../../engine/index.ts";
import { Recorder } from "../../engine/trace/recorder.ts";
import { watchMass } from "./attention-mass.ts";
import {
  boundary,
  type Choices,
  distances,
  distinctRows,
  layerOverlap,
  lruMissShare,
  mean,
  overlap,
  temporalOverlap,
} from "./selection.ts";
import type { Task } from "./tasks.ts";

/** Sizes of the simulated cache, as multiples of `k`, the number of rows that a query selects. */
export const LRU_ROOMS = [1, 1.5, 2, 3, 4, 8] as const;

/** Tokens that are run at once. The attention mass is measured for the last query of each chunk. */
const CHUNK = 64;

/** The selections of one layer that has an indexer. */
export interface LayerSelection {
  readonly layer: number;
  /** Overlap with the selections of each layer that has an indexer, this one included. */
  readonly overlap: readonly number[];
  /** Overlap of a query's selection with that of the query before. */
  readonly temporal: number;
  /** The same, when the selection of the query before is moved along by one position. */
  readonly temporalMoved: number;
  /** Share of selected rows that a cache does not have, for each size of {@link LRU_ROOMS}. */
  readonly lruMisses: readonly number[];
  /** How many different rows 64 queries in a row select. */
  readonly distinctRows: number;
  /** How far back the selected rows lie; see {@link distances}. */
  readonly distances: readonly number[];
  /** Share of the needle's tokens that the last query selects. */
  readonly needleRecall: number;
  /** Share of queries with fewer than `k` scores above 0. */
  readonly fewPositive: number;
  /** Mean number of scores that equal the lowest selected score. */
  readonly tied: number;
}

/** The attention mass on the selected positions in one layer, over the measured queries. */
export interface LayerMass {
  readonly layer: number;
  readonly type: "full" | "shared";
  readonly least: number;
  readonly mean: number;
}

/** What was observed in one text. */
export interface Observed {
  readonly length: number;
  readonly k: number;
  /** The first query that is counted. Queries before `2k` have few positions to select from. */
  readonly from: number;
  readonly layers: readonly LayerSelection[];
  readonly mass: readonly LayerMass[];
}

/** Runs the prompt of a task, which must be longer than `2k`, and observes the selections. */
export function observe(model: Model, { prompt, needle }: Task): Observed {
  const { indexerTypes, indexTopk: k } = model.config;
  const recorder = new Recorder(
    (stage, layer) =>
      layer !== undefined &&
      indexerTypes[layer] === "full" &&
      (stage === "top_k" || stage === "indexer_score"),
  );
  const shares: number[][] = indexerTypes.map(() => []);
  const nLayers = indexerTypes.length;
  const ops = watchMass(model.ops, ({ call, share }) => {
    const step = Math.floor(call / nLayers);
    const position = Math.min((step + 1) * CHUNK, prompt.length) - 1;
    if (position >= 2 * k) shares[call % nLayers].push(share);
  });
  const session = new Session({ ...model, ops }, { taps: recorder, chunk: CHUNK });
  try {
    session.sync(prompt);
  } finally {
    session.close();
  }
  const found = new Map(recorder.tensors().map((tensor) => [tensor.name, tensor]));
  const full = indexerTypes.flatMap((type, layer) => (type === "full" ? [layer] : []));
  const rowsOf = (name: string): number[][] => {
    const tensor = found.get(name);
    if (!tensor) throw new Error(`expected the stage ${name}`);
    const [nT, nWidth] = tensor.shape;
    return Array.from({ length: nT }, (_, t) =>
      Array.from(tensor.data.subarray(t * nWidth, (t + 1) * nWidth)),
    );
  };
  const choices: Choices[] = full.map((layer) =>
    rowsOf(`top_k-${layer}`).map((row) => row.filter((s) => s >= 0)),
  );
  const from = 2 * k;
  const layers = full.map((layer, i): LayerSelection => {
    const own = choices[i];
    const edges = rowsOf(`indexer_score-${layer}`)
      .slice(from)
      .map((row) =>
        boundary(
          row.filter((score) => score > Number.NEGATIVE_INFINITY),
          k,
        ),
      );
    return {
      layer,
      overlap: choices.map((other) => layerOverlap(own, other, from)),
      temporal: temporalOverlap(own, from, 0),
      temporalMoved: temporalOverlap(own, from, 1),
      lruMisses: LRU_ROOMS.map((room) => lruMissShare(own, from, Math.round(room * k))),
      distinctRows: distinctRows(own, from, 64),
      distances: distances(own, from),
      needleRecall: overlap(needle, own[own.length - 1]),
      fewPositive: mean(edges.map(({ nPositive }) => (nPositive < k ? 1 : 0))),
      tied: mean(edges.map(({ nTied }) => nTied)),
    };
  });
  const mass = indexerTypes.map(
    (type, layer): LayerMass => ({
      layer,
      type,
      least: Math.min(...shares[layer]),
      mean: mean(shares[layer]),
    }),
  );
  return { length: prompt.length, k, from, layers, mass };
}
