/**
 * Taps that record what they see. The result is one tensor for each stage and layer, which has the
 * rows of all steps of a run.
 * @module
 */
import { newTap, type Stage, type Tap, type Taps } from "../base/tap.ts";
import type { Floats, Indices, Tensor } from "../base/tensor.ts";

/** A named array of a trace file. Floats keep their precision, and indices are int32. */
export interface NamedTensor {
  /** Name of the stage, with its layer. */
  readonly name: string;
  /** Lengths of the axes, outermost first. */
  readonly shape: readonly number[];
  /** The numbers, last axis fastest. */
  readonly data: Floats | Int32Array;
}

/** Whether to record a stage; `layer` is undefined for stages of the whole model. */
export type Wanted = (stage: Stage, layer: number | undefined) => boolean;

/** Axes that grow from step to step, and the values that fill the rows of earlier steps. */
const GROWING: Readonly<Record<string, number>> = { K: -1, S: Number.NEGATIVE_INFINITY };

/** The rows that one step adds to a tensor. */
interface Part {
  readonly dims: readonly string[];
  readonly shape: readonly number[];
  readonly data: Floats | Int32Array;
}

/** Records the wanted stages, in the order in which they are seen first. */
export class Recorder implements Taps {
  /** The tap of the whole model. */
  readonly model: Tap;
  readonly #wanted: Wanted;
  readonly #parts = new Map<string, Part[]>();

  constructor(wanted: Wanted) {
    this.#wanted = wanted;
    this.model = this.#tap(undefined, (stage) => (stage === "result_output" ? "logits" : stage));
  }

  /** {@inheritDoc Taps.layer} */
  layer(index: number): Tap {
    return this.#tap(index, (stage) => `${stage}-${index}`);
  }

  /** Adds a copy of these rows to the tensor of a name, after the rows that it has already. */
  add(name: string, { dims, shape, data }: Tensor | Indices): void {
    const parts = this.#parts.get(name) ?? [];
    this.#parts.set(name, parts);
    parts.push({ dims, shape, data: data.slice() });
  }

  /** All recorded tensors. */
  tensors(): NamedTensor[] {
    return [...this.#parts].map(([name, parts]) => ({ name, ...concatenate(parts) }));
  }

  #tap(layer: number | undefined, name: (stage: Stage) => string): Tap {
    return newTap(
      (stage, value) => this.add(name(stage), value),
      (stage) => this.#wanted(stage, layer),
    );
  }
}

/** Joins the rows of all steps. Rows with a growing last axis are filled up to the longest one. */
function concatenate(parts: readonly Part[]): Omit<NamedTensor, "name"> {
  const { dims, shape, data } = parts[0];
  if (parts.length === 1) return { shape, data };
  const last = dims.length - 1;
  const width = Math.max(...parts.map((part) => part.shape[last]));
  const nRows = parts.reduce((n, part) => n + part.data.length / part.shape[last], 0);
  const nT = parts.reduce((n, part) => n + part.shape[0], 0);
  const out = emptyLike(data, nRows * width).fill(GROWING[dims[last]] ?? Number.NaN);
  let row = 0;
  for (const part of parts) {
    const nC = part.shape[last];
    for (let at = 0; at < part.data.length; at += nC) {
      out.set(part.data.subarray(at, at + nC), row++ * width);
    }
  }
  return { shape: [nT, ...shape.slice(1, last), ...(last > 0 ? [width] : [])], data: out };
}

function emptyLike(data: Floats | Int32Array, n: number): Floats | Int32Array {
  if (data instanceof Int32Array) return new Int32Array(n);
  return data instanceof Float64Array ? new Float64Array(n) : new Float32Array(n);
}
