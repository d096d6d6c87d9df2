/**
 * Writes a trace as a safetensors file. Numbers are F32 or F64, like the run, and indices are I32.
 * The metadata says everything that is needed to make the trace again.
 * @module
 */

import type { Precision } from "../numbers/rope-table.ts";
import type { Activations } from "../ops/ops.ts";
import type { StoredTensor } from "../weights/checkpoint.ts";
import { writeSafetensors } from "../weights/write-safetensors.ts";
import type { NamedTensor } from "./recorder.ts";

/** The name of the format. Its number must change when names or layout of the tensors change. */
export const TRACE_FORMAT = "glm52-trace 1";

/** How a trace was made. */
export interface TraceOrigin {
  /** Version of this package. */
  readonly engineVersion: string;
  /** Name of the model's folder. */
  readonly model: string;
  /** SHA-256 of its config.json, in hex. */
  readonly configSha256: string;
  /** Number format of the activations. */
  readonly precision: Precision;
  /** What products with q8 and q4 weights saw of them; f32 when it is not given. */
  readonly activations?: Activations | undefined;
  /** Eps of the latent norms. */
  readonly latentEps: number;
  /** The tokens that were run. */
  readonly tokens: readonly number[];
  /** The command that made the trace. */
  readonly command: string;
}

/** The bytes of a trace file. */
export function traceFile(tensors: readonly NamedTensor[], origin: TraceOrigin): Uint8Array {
  return writeSafetensors(storedTensors(tensors), {
    format: TRACE_FORMAT,
    engine: `glm52.ts ${origin.engineVersion}`,
    model: origin.model,
    config_sha256: origin.configSha256,
    precision: origin.precision,
    ...(origin.activations === "int8" && { activations: origin.activations }),
    latent_eps: String(origin.latentEps),
    tokens: origin.tokens.join(","),
    command: origin.command,
  });
}

/** Recorded tensors as a file stores them. */
export function storedTensors(tensors: readonly NamedTensor[]): Record<string, StoredTensor> {
  return Object.fromEntries(
    tensors.map(({ name, shape, data }): [string, StoredTensor] => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      const isInt = data instanceof Int32Array;
      const dtype = isInt ? "I32" : data instanceof Float64Array ? "F64" : "F32";
      return [name, { dtype, shape, bytes }];
    }),
  );
}
