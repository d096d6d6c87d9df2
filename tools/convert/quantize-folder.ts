/**
 * Writes the files of a quantised model into a folder.
 *
 * Next: divergence.ts
 * @module
 */
import { copyFile, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { sizeOf } from "../../engine/base/tensor.ts";
import { GROUPS_METHOD } from "../../engine/config/quantization.ts";
import { type Aside, type Checkpoint, openCheckpoint } from "../../engine/index.ts";
import { GROUP } from "../../engine/numbers/raw-tensor.ts";
import { SINGLE_FILE, type StoredTensor } from "../../engine/weights/checkpoint.ts";
import type { OnProgress } from "../../engine/weights/load.ts";
import { matchTensors } from "../../engine/weights/match-tensors.ts";
import { STORED_BYTES } from "../../engine/weights/safetensors.ts";
import {
  type SafetensorsHeader,
  safetensorsHeader,
} from "../../engine/weights/write-safetensors.ts";
import { fileCheckpoint } from "../node/file-source.ts";
import { openConfig } from "../node/open-config.ts";
import { allCores } from "../node/threads.ts";
import { type PlacedPiece, writePlaced, writeWhole } from "../node/write-whole.ts";
import { type Conversion, conversions, type NamedPart, type WeightFormat } from "./quantize.ts";
import type { TensorError } from "./round-tensor.ts";
import { type Rounding, startRounding } from "./round-threads.ts";

/** What was written. */
export interface Written {
  /** The number format of the matrices. */
  readonly format: WeightFormat;
  /** The size of the file of weights. */
  readonly bytes: number;
  /** The size of the tensors that it was made from. */
  readonly bytesBefore: number;
  /** The rounding errors of each tensor that was written in the new format. */
  readonly tensors: readonly TensorError[];
  /** What the files hold that cannot change a result; tensors of this kind were not written. */
  readonly leftAside: readonly Aside[];
}

/** How the weights are written. */
export interface WriteOptions {
  /** Tensors whose name contains one of these words are not changed. */
  readonly keep?: readonly string[] | undefined;
  /** Unknown keys of the config that the caller knows to change nothing. */
  readonly ignoreConfigKeys?: readonly string[] | undefined;
  /** How many threads round; changes no bit. Default: as many as there are cores. */
  readonly threads?: number | undefined;
  /** Told after each tensor how many bytes are written, and how many there will be. */
  readonly onProgress?: OnProgress | undefined;
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
  options: WriteOptions = {},
): Promise<Written> {
  const { keep = [], ignoreConfigKeys, threads = allCores(), onProgress = () => {} } = options;
  const { config, asides } = await openConfig(folder, { ignoreConfigKeys });
  const files = fileCheckpoint(folder);
  const rounding = startRounding(threads);
  try {
    const checkpoint = await openCheckpoint(files);
    const matched = matchTensors(config, checkpoint);
    const planned = conversions(checkpoint, matched, to, keep);
    const parts = planned.flatMap((each) => each.parts);
    const header = safetensorsHeader(Object.fromEntries(parts), { format: "pt" });
    const tensors: TensorError[] = [];
    const places = placesOf(header, parts);
    onProgress(0, header.dataLength);
    async function* pieces(): AsyncGenerator<PlacedPiece> {
      yield { at: 0, bytes: header.bytes };
      let done = 0;
      for await (const { parts: made, bytes, error } of convertAll(checkpoint, planned, rounding)) {
        if (error) tensors.push(error);
        for (const [i, [name]] of made.entries()) {
          yield { at: places.get(name) ?? 0, bytes: bytes[i] };
          done += bytes[i].length;
        }
        onProgress(done, header.dataLength);
      }
    }
    await writePlaced(join(into, SINGLE_FILE), pieces());
    await writeWhole(join(into, "config.json"), await newConfig(folder, to, parts));
    for (const name of await readdir(folder)) {
      if (COPIED.includes(name)) await copyFile(join(folder, name), join(into, name));
    }
    return {
      format: to,
      bytes: header.bytes.length + header.dataLength,
      bytesBefore: matched.bytes,
      tensors: inFileOrder(tensors, header.names),
      leftAside: [...asides, ...matched.asides],
    };
  } finally {
    await Promise.all([files.close(), rounding.close()]);
  }
}

/** Most bytes of old tensors that are in work at once, unless a single one has more. */
const IN_WORK = 2 ** 28;

/** The new bytes of a tensor's parts, and its rounding error if it was rounded. */
interface Converted extends Pick<Conversion, "parts"> {
  readonly bytes: readonly Uint8Array[];
  readonly error?: TensorError;
}

/** Converts the tensors in their order; while some are rounded, the next ones are read. */
async function* convertAll(
  checkpoint: Checkpoint,
  planned: readonly Conversion[],
  rounding: Rounding,
): AsyncGenerator<Converted> {
  const begun: { readonly size: number; readonly result: Promise<Converted> }[] = [];
  let inWork = 0;
  for (const conversion of planned) {
    const size = conversion.from.reduce((n, name) => n + sizeIn(checkpoint, name), 0);
    while (begun.length > rounding.lanes || (begun.length > 0 && inWork + size > IN_WORK)) {
      yield* first();
    }
    const result = convert(checkpoint, conversion, rounding);
    result.catch(() => {}); // it is awaited in its turn, and the first error counts
    begun.push({ size, result });
    inWork += size;
  }
  while (begun.length > 0) yield* first();

  async function* first(): AsyncGenerator<Converted> {
    const next = begun.shift();
    if (next === undefined) return;
    yield await next.result;
    inWork -= next.size;
  }
}

const sizeIn = ({ tensors }: Checkpoint, name: string): number => tensors.get(name)?.length ?? 0;

async function convert(
  checkpoint: Checkpoint,
  { name, shape, to, from, parts }: Conversion,
  rounding: Rounding,
): Promise<Converted> {
  const stored = new Map<string, StoredTensor>();
  for (const each of from) stored.set(each, await checkpoint.read(each));
  if (to === undefined) return { parts, bytes: [...stored.values()].map(({ bytes }) => bytes) };
  return { parts, ...(await rounding.round({ name, shape, to, stored })) };
}

/** Where the bytes of each tensor begin in the file. */
function placesOf(
  { bytes, names }: SafetensorsHeader,
  parts: readonly NamedPart[],
): Map<string, number> {
  const byName = new Map(parts);
  const places = new Map<string, number>();
  let at = bytes.length;
  for (const name of names) {
    places.set(name, at);
    const part = byName.get(name);
    if (part) at += sizeOf(part.shape) * STORED_BYTES[part.dtype];
  }
  return places;
}

/** The errors in the order of the tensors in the file. */
function inFileOrder(errors: readonly TensorError[], names: readonly string[]): TensorError[] {
  const order = new Map(names.map((name, i) => [name, i]));
  return errors.toSorted((a, b) => (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0));
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

/**
 * The bytes of the new config.json. Its `quantization_config` describes the new format. If that is
 * bf16, but some tensors kept an fp8 format, it is the one of the old config.
 */
async function newConfig(
  folder: string,
  to: WeightFormat,
  parts: readonly NamedPart[],
): Promise<Uint8Array> {
  const text = await readFile(join(folder, "config.json"), "utf8");
  const { quantization_config: before, ...rest } = JSON.parse(text) as Record<string, unknown>;
  const isScaled = parts.some(([, { dtype }]) => ["F8_E4M3", "I8", "U8"].includes(dtype));
  const bits = to === "q8" ? 8 : 4;
  // As in ggml's formats of these names; --activations f32 overrides it.
  const groups = { quant_method: GROUPS_METHOD, bits, group_size: GROUP, activations: "int8" };
  const after = to === "bf16" ? before : groups;
  const json = isScaled ? { ...rest, quantization_config: after } : rest;
  return new TextEncoder().encode(`${JSON.stringify(json, null, 2)}\n`);
}
