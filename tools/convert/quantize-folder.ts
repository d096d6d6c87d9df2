/**
 * Writes the files of a quantised model into a folder.
 *
 * Next: quantize.ts
 * @module
 */
import { copyFile, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { GROUPS_METHOD } from "../../engine/config/quantization.ts";
import { type Aside, openCheckpoint } from "../../engine/index.ts";
import { GROUP } from "../../engine/numbers/raw-tensor.ts";
import { SINGLE_FILE } from "../../engine/weights/checkpoint.ts";
import type { OnProgress } from "../../engine/weights/load.ts";
import { matchTensors } from "../../engine/weights/match-tensors.ts";
import { safetensorsHeader } from "../../engine/weights/write-safetensors.ts";
import { fileCheckpoint } from "../node/file-source.ts";
import { openConfig } from "../node/open-config.ts";
import { writePieces, writeWhole } from "../node/write-whole.ts";
import { type Part, quantizedParts, type TensorError, type WeightFormat } from "./quantize.ts";

/** What was written. */
export interface Written {
  /** The number format of the matrices. */
  readonly format: WeightFormat;
  /** The size of the file of weights. */
  readonly bytes: number;
  /** The rounding errors of each tensor that was written in the new format. */
  readonly tensors: readonly TensorError[];
  /** What the files hold that cannot change a result; tensors of this kind were not written. */
  readonly leftAside: readonly Aside[];
}

/**
 * Fills the folder `into` with a model's config, its quantised weights in one file, and its
 * tokenizer.
 *
 * @throws {UserError} when a word of `keep` is in no name; and the errors of reading the model
 */
export async function writeQuantized(
  folder: string,
  into: string,
  to: WeightFormat,
  keep: readonly string[],
  onProgress: OnProgress,
  ignoreConfigKeys?: readonly string[],
): Promise<Written> {
  const { config, asides } = await openConfig(folder, { ignoreConfigKeys });
  const files = fileCheckpoint(folder);
  const tensors: TensorError[] = [];
  try {
    const checkpoint = await openCheckpoint(files);
    const matched = matchTensors(config, checkpoint);
    const parts = quantizedParts(checkpoint, matched, to, keep, (error) => {
      tensors.push(error);
    });
    const header = safetensorsHeader(Object.fromEntries(parts), { format: "pt" });
    await writePieces(join(into, SINGLE_FILE), pieces(header, parts, onProgress));
    await writeWhole(join(into, "config.json"), await newConfig(folder, to, parts));
    for (const name of await readdir(folder)) {
      if (COPIED.includes(name)) await copyFile(join(folder, name), join(into, name));
    }
    return {
      format: to,
      bytes: header.bytes.length + header.dataLength,
      tensors,
      leftAside: [...asides, ...matched.asides],
    };
  } finally {
    await files.close();
  }
}

/** The files besides config and weights that belong to a model and are copied. */
const COPIED: readonly string[] = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "generation_config.json",
  "chat_template.jinja",
  "chat_template.json",
  "LICENSE",
];

/** The bytes of the file of weights, in pieces: the header, then each tensor. */
async function* pieces(
  header: ReturnType<typeof safetensorsHeader>,
  parts: ReadonlyMap<string, Part>,
  onProgress: OnProgress,
): AsyncGenerator<Uint8Array> {
  yield header.bytes;
  let done = 0;
  for (const name of header.names) {
    const bytes = (await parts.get(name)?.bytes()) ?? new Uint8Array(0);
    yield bytes;
    done += bytes.length;
    onProgress(done, header.dataLength);
  }
}

/**
 * The bytes of the new config.json. Its `quantization_config` describes the new format. If that is
 * bf16, but some tensors kept an fp8 format, it is the one of the old config.
 */
async function newConfig(
  folder: string,
  to: WeightFormat,
  parts: ReadonlyMap<string, Part>,
): Promise<Uint8Array> {
  const text = await readFile(join(folder, "config.json"), "utf8");
  const { quantization_config: before, ...rest } = JSON.parse(text) as Record<string, unknown>;
  const isScaled = [...parts.values()].some(({ dtype }) => ["F8_E4M3", "I8", "U8"].includes(dtype));
  const bits = to === "q8" ? 8 : 4;
  // As in ggml's formats of these names; --activations f32 overrides it.
  const groups = { quant_method: GROUPS_METHOD, bits, group_size: GROUP, activations: "int8" };
  const after = to === "bf16" ? before : groups;
  const json = isScaled ? { ...rest, quantization_config: after } : rest;
  return new TextEncoder().encode(`${JSON.stringify(json, null, 2)}\n`);
}
