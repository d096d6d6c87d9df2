/**
 * What the released repositories hold: the format of each tensor, and how large a file with some of
 * them is.
 *
 * | tensor                                        | FP8 repository   | BF16 repository |
 * |-----------------------------------------------|------------------|-----------------|
 * | matrices, but embedding, head and those below | F8_E4M3 and F32 scales | BF16      |
 * | the bias that the router chooses with         | F32              | F32             |
 * | norms, router, indexer's head weights, …      | BF16             | BF16            |
 *
 * Next: part.ts
 * @module
 */
import type { ModelConfig } from "../config/model-config.ts";
import { FP8_BLOCK } from "../numbers/raw-tensor.ts";
import { SCALE_SUFFIX } from "./names.ts";
import type { TensorForm } from "./safetensors.ts";
import { everySpec, modelSpecs } from "./table.ts";
import { safetensorsHeader } from "./write-safetensors.ts";

/** The two repositories that a model is released in. */
export const RELEASES = ["fp8", "bf16"] as const;

/** The number format of a repository's matrices. */
export type Release = (typeof RELEASES)[number];

/** Every tensor of a repository with this config, layer after layer, scales behind their matrix. */
export function* officialTensors(
  c: ModelConfig,
  release: Release,
): Generator<readonly [name: string, form: TensorForm]> {
  for (const { name, shape, quantized } of everySpec(modelSpecs(c))) {
    if (release === "fp8" && quantized) {
      yield [name, { dtype: "F8_E4M3", shape }];
      const blocks = shape.map((n) => Math.ceil(n / FP8_BLOCK));
      yield [name + SCALE_SUFFIX, { dtype: "F32", shape: blocks }];
    } else {
      yield [name, { dtype: name.endsWith("e_score_correction_bias") ? "F32" : "BF16", shape }];
    }
  }
}

/**
 * The sizes in bytes of the files that an index lists, if it lists just the tensors of a released
 * repository with this config; otherwise nothing is known of files that are not there.
 *
 * @param map the file of each tensor
 */
export function officialSizes(
  c: ModelConfig,
  map: ReadonlyMap<string, string>,
): ReadonlyMap<string, number> {
  const isFp8 = [...map.keys()].some((name) => name.endsWith(SCALE_SUFFIX));
  const files = new Map<string, Record<string, TensorForm>>();
  let n = 0;
  for (const [name, form] of officialTensors(c, isFp8 ? "fp8" : "bf16")) {
    const file = map.get(name);
    if (file === undefined) return new Map();
    n++;
    const held = files.get(file);
    if (held) held[name] = form;
    else files.set(file, { [name]: form });
  }
  if (n !== map.size) return new Map();
  return new Map([...files].map(([file, tensors]) => [file, fileSize(tensors)]));
}

function fileSize(tensors: Readonly<Record<string, TensorForm>>): number {
  const { bytes, dataLength } = safetensorsHeader(tensors);
  return bytes.length + dataLength;
}
