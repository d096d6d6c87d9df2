import { sizeOf } from "../../../engine/base/tensor.ts";
import { parseConfig } from "../../../engine/config/config.ts";
import type { ModelConfig } from "../../../engine/config/model-config.ts";
import { encodeF32, toBf16, toF16 } from "../../../engine/numbers/formats.ts";
import { memoryFiles } from "../../../engine/weights/byte-source.ts";
import {
  type Checkpoint,
  openCheckpoint,
  SINGLE_FILE,
  type StoredTensor,
} from "../../../engine/weights/checkpoint.ts";
import { type ExpertLayout, SCALE_SUFFIX } from "../../../engine/weights/names.ts";
import { quantizeBlocks } from "../../../engine/weights/quantize.ts";
import { everySpec, modelSpecs } from "../../../engine/weights/table.ts";
import { writeSafetensors } from "../../../engine/weights/write-safetensors.ts";
import { TINY } from "./configs.ts";

export const tinyConfig: ModelConfig = parseConfig(TINY);

/** Numbers in [-1, 1), the same in every run (xorshift32). */
export function randomSource(seed: number): () => number {
  let s = seed;
  return () => {
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    return (s >>> 0) / 2 ** 31 - 1;
  };
}

export type Format = "F32" | "F64" | "BF16" | "F16" | "F8_E4M3";

/** Values as a stored tensor, rounded to the format. fp8 goes through {@link quantizeBlocks}. */
export function stored(
  format: Exclude<Format, "F8_E4M3">,
  shape: readonly number[],
  values: ArrayLike<number>,
): StoredTensor {
  if (format === "F32") return encodeF32(shape, values) as StoredTensor;
  if (format === "F64") {
    return { dtype: format, shape, bytes: new Uint8Array(Float64Array.from(values).buffer) };
  }
  const round = format === "BF16" ? toBf16 : toF16;
  return { dtype: format, shape, bytes: new Uint8Array(Uint16Array.from(values, round).buffer) };
}

export interface TinyOptions {
  readonly format?: Format;
  readonly layout?: ExpertLayout;
  readonly hasMtp?: boolean;
  readonly seed?: number;
}

/** Random tensors for everything that the config implies. */
export function randomTensors(
  config: ModelConfig,
  { format = "F32", layout = "per-expert", hasMtp, seed = 1 }: TinyOptions = {},
): Record<string, StoredTensor> {
  const next = randomSource(seed);
  const specs = modelSpecs(config, {
    layoutOf: () => layout,
    ...(hasMtp !== undefined && { hasMtp }),
  });
  const tensors: Record<string, StoredTensor> = {};
  for (const { name, shape, quantized } of everySpec(specs)) {
    const values = Float32Array.from({ length: sizeOf(shape) }, next);
    if (format !== "F8_E4M3") tensors[name] = stored(format, shape, values);
    else if (!quantized) tensors[name] = stored("BF16", shape, values);
    else Object.assign(tensors, quantizedPair(name, shape, values));
  }
  return tensors;
}

/** A stack of matrices in fp8 and its scales, under their two names. */
function quantizedPair(
  name: string,
  shape: readonly number[],
  values: Float32Array,
): Record<string, StoredTensor> {
  const [rows, cols] = shape.slice(-2);
  const n = sizeOf(shape.slice(0, -2));
  const parts = Array.from({ length: n }, (_, m) =>
    quantizeBlocks(rows, cols, values.subarray(m * rows * cols, (m + 1) * rows * cols)),
  );
  const scaleShape = [...shape.slice(0, -2), Math.ceil(rows / 128), Math.ceil(cols / 128)];
  return {
    [name]: { dtype: "F8_E4M3", shape, bytes: concat(parts.map(({ bytes }) => bytes)) },
    [name + SCALE_SUFFIX]: encodeF32(
      scaleShape,
      parts.flatMap(({ scales }) => [...scales]),
    ) as StoredTensor,
  };
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** A checkpoint of one file in memory. */
export function checkpointOf(tensors: Readonly<Record<string, StoredTensor>>): Promise<Checkpoint> {
  return openCheckpoint(memoryFiles({ [SINGLE_FILE]: writeSafetensors(tensors) }));
}

/** A safetensors file with this header, `nData` zeros, and a length that may be a lie. */
export function hostileFile(header: string | Uint8Array, nData = 0, length?: bigint): Uint8Array {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const file = new Uint8Array(8 + text.length + nData);
  new DataView(file.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  file.set(text, 8);
  return file;
}

/** A checkpoint of all tensors that the config implies, without numbers. */
export function headersOf(config: ModelConfig, fp8: boolean): Checkpoint {
  const tensors: Map<string, ReturnType<Checkpoint["tensors"]["get"]> & object> = new Map();
  const add = (name: string, dtype: "F8_E4M3" | "BF16" | "F32", shape: readonly number[]): void => {
    const length = sizeOf(shape) * { F8_E4M3: 1, BF16: 2, F32: 4 }[dtype];
    tensors.set(name, { dtype, shape, offset: 0, length, file: SINGLE_FILE });
  };
  for (const { name, shape, quantized } of everySpec(modelSpecs(config))) {
    if (name.endsWith("e_score_correction_bias")) add(name, "F32", shape);
    else add(name, fp8 && quantized ? "F8_E4M3" : "BF16", shape);
    if (fp8 && quantized) {
      add(
        name + SCALE_SUFFIX,
        "F32",
        shape.map((n) => Math.ceil(n / 128)),
      );
    }
  }
  return { tensors, read: () => Promise.reject(new Error("headers only")) };
}
