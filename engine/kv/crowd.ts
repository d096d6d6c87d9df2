/**
 * Caches for a step with rows of several timelines, of which each sees its own past only.
 *
 * ```
 *   rows of the step    0   1   2 | 3 | 4   5
 *   timeline            A   A   A | B | C   C
 *   position            0   1   2 | 9 | 4   5
 * ```
 *
 * All products with weights are made for the whole step at once, so each weight is read once for all
 * texts. Only what reads the past goes from timeline to timeline: scores and choices of the indexer, and
 * the addresses of the rows that a query attends to. No number of one text meets one of another, so each
 * text gets the bits that it would get alone.
 *
 * @see Orca, Yu et al., OSDI 2022 (selective batching)
 * @module
 */
import { type Indices, ShapeError, type Tensor } from "../base/tensor.ts";
import type { LatentRows } from "../ops/ops.ts";
import type { LatentCache } from "./latent-cache.ts";
import type { ModelCache } from "./model-cache.ts";
import type { KeysInSight, LatentStore, StepCache } from "./step-cache.ts";

/** Some successive rows of a step, which are the next positions of one timeline. */
export interface Strand {
  readonly cache: ModelCache;
  /** How many rows, one or more. */
  readonly nRows: number;
}

/** A strand, and where its rows are in the step. */
interface Placed {
  readonly cache: ModelCache;
  readonly from: number;
  readonly to: number;
  /** Position of the first row. */
  readonly start: number;
}

/** The caches of a step, and the positions of its rows. */
export interface Crowd {
  readonly cache: StepCache;
  readonly positions: Int32Array;
}

/**
 * Puts strands together. All are of one pool of pages.
 *
 * @throws {ShapeError} when a timeline comes twice, or the pools differ
 */
export function crowdOf(strands: readonly Strand[]): Crowd {
  const placed: Placed[] = [];
  let from = 0;
  for (const { cache, nRows } of strands) {
    placed.push({ cache, from, to: from + nRows, start: cache.length });
    from += nRows;
  }
  const positions = new Int32Array(from);
  for (const { from, to, start } of placed) {
    for (let t = from; t < to; t++) positions[t] = start + t - from;
  }
  const [first, ...others] = strands;
  if (others.length === 0) return { cache: first.cache, positions };
  const caches = new Set(strands.map(({ cache }) => cache));
  const pools = new Set(strands.map(({ cache }) => cache.table.pool));
  if (caches.size < strands.length || pools.size > 1) {
    const what = `${strands.length} strands of ${caches.size} timelines in ${pools.size} pools`;
    throw new ShapeError(`crowd: expected timelines of one pool, each once, got ${what}`);
  }
  const layers = first.cache.layers.map(({ index }, l) => ({
    latent: latentOf(placed, l),
    index: index && { append: appendKeys(placed, l) },
  }));
  return { cache: { layers }, positions };
}

/** Appends keys to each timeline's index keys of layer `l`. */
function appendKeys(placed: readonly Placed[], l: number) {
  return (positions: Int32Array, keys: Tensor<["T", "rope+idxNope"]>): KeysInSight[] => {
    for (const { cache, from, to } of placed) {
      cache.layers[l].index?.append(positions.subarray(from, to), rowsOf(keys, from, to));
    }
    // Appending may have moved the memory, so the rows are looked at when all of them are there.
    return placed.flatMap(({ cache, from, to, start }) => {
      const index = cache.layers[l].index;
      return index ? [{ keys: index.rows(), from, to, start }] : [];
    });
  };
}

/** The latent rows of layer `l` of all timelines. */
function latentOf(placed: readonly Placed[], l: number): LatentStore {
  const caches = placed.map(({ cache }) => cache.layers[l].latent);
  return {
    append(positions, latent, kPe) {
      placed.forEach(({ from, to }, i) => {
        const [c, k] = [rowsOf(latent, from, to), rowsOf(kPe, from, to)];
        caches[i].append(positions.subarray(from, to), c, k);
      });
      return {
        ...caches[0].rows(),
        nS: caches.reduce((sum, cache) => sum + cache.length, 0),
        bringIn: bringIn(placed, caches),
      };
    },
  };
}

/** Brings the rows in that queries of several timelines chose; see {@link LatentRows.bringIn}. */
function bringIn(placed: readonly Placed[], caches: readonly LatentCache[]): LatentRows["bringIn"] {
  // Where rows come from a store, addresses hold until the next timeline is asked.
  const isTiered = placed[0].cache.table.pool.hotRows !== undefined;
  return (topK, from, at) => {
    const [, nK] = topK.shape;
    let end = from;
    for (const [i, strand] of placed.entries()) {
      if (strand.to <= end) continue;
      const mine = rowsOf(topK, 0, strand.to);
      end = caches[i].rows().bringIn(mine, end, at.subarray((end - from) * nK));
      if (isTiered || end < strand.to) break;
    }
    return end;
  };
}

/** Rows `from … to` as a view. */
function rowsOf<X extends Tensor | Indices>(x: X, from: number, to: number): X {
  const width = x.shape.slice(1).reduce((n, m) => n * m, 1);
  return {
    ...x,
    shape: [to - from, ...x.shape.slice(1)],
    data: x.data.subarray(from * width, to * width),
  };
}
