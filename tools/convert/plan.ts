/**
 * All that is known of a conversion before a number is read: which files there will be, to the byte, and which
 * pieces of work fill them. It is the same whenever it is made, so that a run that was killed can be gone on with.
 *
 * Next: blocks.ts
 * @module
 */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { GROUPS_METHOD } from "../../engine/config/quantization.ts";
import {
  type Aside,
  type CheckpointFiles,
  type ModelConfig,
  openCheckpoint,
} from "../../engine/index.ts";
import { GROUP } from "../../engine/numbers/raw-tensor.ts";
import { unfused } from "../../engine/stream/unfused.ts";
import { type CheckpointEntry, INDEX_FILE } from "../../engine/weights/checkpoint.ts";
import { matchTensors } from "../../engine/weights/match-tensors.ts";
import { everySpec } from "../../engine/weights/table.ts";
import type { NamedForm } from "../../engine/weights/write-safetensors.ts";
import { type Block, blocksOf } from "./blocks.ts";
import { conversions, type WeightFormat } from "./quantize.ts";
import {
  indexText,
  type NewFile,
  SHARD_LIMIT,
  type Target,
  targetsOf,
  usualFiles,
} from "./shards.ts";
import { filesForStreaming } from "./stream-layout.ts";

/** What the files of a conversion can be laid out for, besides being read whole. */
export const LAYOUTS = ["stream"] as const;

/** What is wanted of a conversion. */
export interface ConversionWish {
  /** The new number format of the matrices. */
  readonly to: WeightFormat;
  /** Tensors whose name contains one of these words are not changed. */
  readonly keep?: readonly string[] | undefined;
  /** Lays the files out so that experts can be read while the model runs. */
  readonly for?: (typeof LAYOUTS)[number] | undefined;
  /** Most bytes of tensors in one file. Default: those of the released repositories, 5 GiB. */
  readonly shardBytes?: number | undefined;
  /** Most numbers that are rounded at once; changes no bit. */
  readonly blockNumbers?: number | undefined;
}

/** A conversion that can begin. */
export interface ConversionPlan {
  readonly to: WeightFormat;
  /** Names what is done, for those who meet its beginning. */
  readonly what: string;
  /** The files of weights. */
  readonly files: readonly NewFile[];
  /** Small files that come after them, by their names. */
  readonly texts: ReadonlyMap<string, string>;
  /** Where each new tensor goes. */
  readonly targets: ReadonlyMap<string, Target>;
  /** Where each tensor is read. */
  readonly sources: ReadonlyMap<string, CheckpointEntry>;
  /** The work, in the order of the new files. */
  readonly blocks: readonly Block[];
  readonly bytesBefore: number;
  readonly leftAside: readonly Aside[];
  /** Whoever has the same writes the same bytes. */
  readonly id: string;
}

/** What {@link ConversionPlan.id} begins with. The number must change when the same plan writes other bytes. */
const FORMAT = "glm52 conversion 1";

/**
 * Plans a conversion.
 *
 * @param files the files of the folder
 * @throws {UserError} when a word of `keep` is in no name; and the errors of reading the headers
 */
export async function planConversion(
  folder: string,
  files: CheckpointFiles,
  { config, asides }: { readonly config: ModelConfig; readonly asides: readonly Aside[] },
  wish: ConversionWish,
): Promise<ConversionPlan> {
  const { to, keep = [], for: use, shardBytes = SHARD_LIMIT } = wish;
  const opened = await openCheckpoint(files);
  const matched = matchTensors(config, opened);
  const forStream = use === "stream";
  const stored = { checkpoint: opened, specs: matched.specs };
  const { checkpoint, specs } = forStream ? unfused(config, stored) : stored;
  const planned = conversions(checkpoint, everySpec(specs), { to, keep, inPanels: forStream });
  const partsOf = new Map(planned.map(({ name, parts }) => [name, parts]));
  const parts = planned.flatMap((each) => each.parts);
  const newFiles = forStream
    ? filesForStreaming(specs, ({ name }) => partsOf.get(name) ?? [])
    : usualFiles(parts, shardBytes);
  const targets = targetsOf(newFiles);
  const order = new Map(newFiles.map(({ name }, i) => [name, i]));
  const fileOf = ({ parts }: { readonly parts: readonly NamedForm[] }): number =>
    order.get(targets.get(parts[0][0])?.file ?? "") ?? 0;
  const ordered = planned.toSorted((a, b) => fileOf(a) - fileOf(b));
  const texts = new Map([["config.json", await newConfig(folder, to, parts)]]);
  if (newFiles.length > 1) texts.set(INDEX_FILE, indexText(newFiles));
  const plan = {
    to,
    what: [
      `--to ${to}`,
      ...(use ? [`--for ${use}`] : []),
      ...keep.map((word) => `--keep ${word}`),
    ].join(" "),
    files: newFiles,
    texts,
    targets,
    sources: checkpoint.tensors,
    blocks: ordered.flatMap((conversion) => [...blocksOf(conversion, wish.blockNumbers)]),
    bytesBefore: matched.bytes,
    leftAside: [...asides, ...matched.asides],
  };
  return { ...plan, id: await idOf(folder, plan) };
}

/** A hash of the new files without their numbers, and of what these are made from. */
async function idOf(folder: string, plan: Omit<ConversionPlan, "id">): Promise<string> {
  const hash = createHash("sha256").update(`${FORMAT}\n${plan.what}\n`);
  for (const { name, header } of plan.files) hash.update(name).update(header.bytes);
  for (const [name, text] of plan.texts) hash.update(`\n${name}\n${text}`);
  const read = new Set<string>();
  for (const [name, { file, offset, length, dtype }] of plan.sources) {
    hash.update(`${JSON.stringify([name, file, offset, length, dtype])}\n`);
    read.add(file);
  }
  for (const file of [...read].sort()) {
    const { size, mtimeMs } = await stat(join(folder, file));
    hash.update(`${JSON.stringify([file, size, Math.floor(mtimeMs)])}\n`);
  }
  return hash.digest("hex");
}

/**
 * The new config.json. Its `quantization_config` describes the new format. If that is bf16, but some tensors kept an
 * fp8 format, it is the one of the old config.
 */
async function newConfig(
  folder: string,
  to: WeightFormat,
  parts: readonly NamedForm[],
): Promise<string> {
  const text = await readFile(join(folder, "config.json"), "utf8");
  const { quantization_config: before, ...rest } = JSON.parse(text) as Record<string, unknown>;
  const isScaled = parts.some(([, { dtype }]) => ["F8_E4M3", "I8", "U8"].includes(dtype));
  const bits = to === "q8" ? 8 : 4;
  // As in ggml's formats of these names; --activations f32 overrides it.
  const groups = { quant_method: GROUPS_METHOD, bits, group_size: GROUP, activations: "int8" };
  const after = to === "bf16" ? before : groups;
  const json = isScaled ? { ...rest, quantization_config: after } : rest;
  return `${JSON.stringify(json, null, 2)}\n`;
}
