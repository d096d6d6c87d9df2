/**
 * How the released repositories are cut into files, to the byte.
 *
 * 1. All names are sorted by code unit: `lm_head.weight`, `model.embed_tokens.weight`,
 *    `model.layers.0.…`, `.1.`, `.10.`, …, `.19.`, `.2.`, …; inside a layer `experts.0`, `.1`, `.10`,
 *    `.100`, …; inside an expert `down_proj`, `gate_proj`, `up_proj`, each before its scales.
 * 2. A file takes tensors in this order as long as their bytes are at most {@link SHARD_LIMIT} in all.
 * 3. Inside a file stand all F32, then all BF16, then all FP8, each by name. There is no
 *    `__metadata__`, and the header is padded with blanks to a multiple of 8 bytes.
 *
 * So the three matrices of an expert are one run of bytes (36 MiB in FP8), and its scales another
 * near the front of the same file, unless a file ends between them.
 *
 * The rule gives the published sizes and offsets of GLM-5.2 in BF16 and GLM-5.3 in FP8, which
 * `test/tools/stream/official-shards.test.ts` lists. Nobody has published the headers of GLM-5.2 in FP8.
 *
 * Next: ghost.ts
 * @module
 */
import type { ModelConfig } from "../../engine/config/model-config.ts";
import { officialTensors, type Release } from "../../engine/weights/official-tensors.ts";
import { isNeeded, type ModelPart } from "../../engine/weights/part.ts";
import type { TensorForm } from "../../engine/weights/safetensors.ts";
import {
  type SafetensorsHeader,
  safetensorsHeader,
} from "../../engine/weights/write-safetensors.ts";
import { cutIntoShards, indexText, SHARD_LIMIT, shardName } from "../convert/shards.ts";

/** One file of a repository. */
export interface Shard {
  /** Its name, `model-00001-of-00141.safetensors`. */
  readonly file: string;
  /** What it holds. */
  readonly tensors: ReadonlyMap<string, TensorForm>;
  /** Its first bytes, and the order of the tensors after them. */
  readonly header: SafetensorsHeader;
  /** Its size in bytes. */
  readonly size: number;
}

/**
 * The files of a repository with this config.
 *
 * @param limit most bytes of tensors in one file; a larger tensor has a file of its own
 */
export function officialShards(
  config: ModelConfig,
  release: Release,
  limit: number = SHARD_LIMIT,
): readonly Shard[] {
  const shards = cutIntoShards([...officialTensors(config, release)], limit);
  return shards.map((shard, i) => {
    const tensors = new Map(shard);
    const header = safetensorsHeader(Object.fromEntries(tensors));
    const file = shardName(i, shards.length);
    return { file, tensors, header, size: header.bytes.length + header.dataLength };
  });
}

/** The index of a repository. */
export function officialIndex(shards: readonly Shard[]): string {
  return indexText(shards.map(({ file, header }) => ({ name: file, header })));
}

/** The files that a part of the model needs. */
export function shardsOf(
  config: ModelConfig,
  shards: readonly Shard[],
  part: ModelPart,
): readonly Shard[] {
  return shards.filter(({ tensors }) =>
    [...tensors.keys()].some((name) => isNeeded(config, part, name)),
  );
}
