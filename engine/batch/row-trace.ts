/**
 * What the layers chose for the rows of a text: experts, and the positions that are attended to. A job can ask
 * for it; programs that train a model, or check another engine, want to know it.
 *
 * The rows of a step belong to several texts. So taps copy, of each layer's choices, the rows of those texts
 * that asked, while the step runs.
 *
 * Next: harvest.ts
 * @module
 */
import { bothTaps, newTap, type Tap, type Taps } from "../base/tap.ts";
import type { Indices, Tensor } from "../base/tensor.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { NO_ROW } from "../ops/no-row.ts";

/** What is to be told of the rows of a job. */
export interface TraceWish {
  /** The experts of each sparse layer. */
  readonly experts?: boolean | undefined;
  /** The positions that each full layer selects. */
  readonly selections?: boolean | undefined;
}

/** What was chosen for some rows, one after the other. */
export interface TracedRows {
  /** How many rows they are. */
  readonly nRows: number;
  /** `[rows, sparse layers, active experts]`, ascending in each layer. */
  readonly experts?: Uint16Array | undefined;
  /** `[rows, full layers, index top-k]`: ascending positions, filled up with −1. */
  readonly selections?: Int32Array | undefined;
}

/** The layers whose choices are told, and how many things each of them chooses. */
export interface TraceShape {
  /** Layers of the model. */
  readonly nLayers: number;
  /** Those with experts, ascending. */
  readonly sparseLayers: readonly number[];
  /** Experts of a token in a layer. */
  readonly nActive: number;
  /** Those that select positions, ascending; the ones between use the selection before them. */
  readonly fullLayers: readonly number[];
  /** The most positions that are selected. */
  readonly indexTopk: number;
}

/** Returns what there is to tell of a model's rows. */
export function traceShape(config: ModelConfig): TraceShape {
  const { numHiddenLayers: nLayers, mlpLayerTypes, indexerTypes } = config;
  const layers = Array.from({ length: nLayers }, (_, i) => i);
  return {
    nLayers,
    sparseLayers: layers.filter((i) => mlpLayerTypes[i] === "sparse"),
    nActive: config.numExpertsPerTok,
    fullLayers: layers.filter((i) => indexerTypes[i] === "full"),
    indexTopk: config.indexTopk,
  };
}

/** The rows of a text in a step, and what is to be told of them. */
export interface TracedPart {
  readonly nRows: number;
  readonly wish: TraceWish | undefined;
}

/** The rows of one text, which are filled while the step runs. */
interface Place {
  readonly from: number;
  readonly to: number;
  readonly experts: Uint16Array | undefined;
  readonly selections: Int32Array | undefined;
}

/** Looks on while one step runs; see the top of this file. */
export class StepTrace {
  readonly #shape: TraceShape;
  readonly #places: readonly (Place | undefined)[];

  /** @param parts the texts of the step, whose rows lie one after the other */
  constructor(shape: TraceShape, parts: readonly TracedPart[]) {
    this.#shape = shape;
    let to = 0;
    this.#places = parts.map(({ nRows, wish }) => {
      const from = to;
      to += nRows;
      if (!wish?.experts && !wish?.selections) return undefined;
      const { sparseLayers, nActive, fullLayers, indexTopk } = shape;
      const experts = wish.experts
        ? new Uint16Array(nRows * sparseLayers.length * nActive)
        : undefined;
      const selections = wish.selections
        ? new Int32Array(nRows * fullLayers.length * indexTopk).fill(NO_ROW)
        : undefined;
      return { from, to, experts, selections };
    });
  }

  /** The given taps, and those that look on for the texts that asked. */
  taps(given: Taps): Taps {
    if (this.#places.every((place) => place === undefined)) return given;
    return {
      model: given.model,
      layer: (index) => bothTaps(given.layer(index), this.#tap(index)),
    };
  }

  /** What was chosen for the rows of each text; undefined for those that did not ask. */
  rows(): readonly (TracedRows | undefined)[] {
    return this.#places.map(
      (place) =>
        place && {
          nRows: place.to - place.from,
          experts: place.experts,
          selections: place.selections,
        },
    );
  }

  #tap(layer: number): Tap {
    const { sparseLayers, fullLayers, nActive, indexTopk } = this.#shape;
    const sparse = sparseLayers.indexOf(layer);
    const full = fullLayers.indexOf(layer);
    const wantsExperts = sparse >= 0 && this.#places.some((place) => place?.experts);
    const wantsRows = full >= 0 && this.#places.some((place) => place?.selections);
    return newTap(
      (stage, value) => {
        const isExperts = stage === "ffn_moe_topk";
        const [at, n] = isExperts ? [sparse, nActive] : [full, indexTopk];
        const perRow = n * (isExperts ? sparseLayers : fullLayers).length;
        for (const place of this.#places) {
          const all = isExperts ? place?.experts : place?.selections;
          if (place && all) copyRows(value, place, all.subarray(at * n), perRow);
        }
      },
      (stage) => (stage === "ffn_moe_topk" && wantsExperts) || (stage === "top_k" && wantsRows),
    );
  }
}

/** Copies the rows of one text, each to its place in `to`, where rows are `perRow` numbers apart. */
function copyRows(
  { data, shape: [, width] }: Tensor | Indices,
  { from, to: end }: Place,
  to: Uint16Array | Int32Array,
  perRow: number,
): void {
  for (let row = from; row < end; row++) {
    to.set(data.subarray(row * width, (row + 1) * width), (row - from) * perRow);
  }
}
