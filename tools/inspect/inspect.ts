/**
 * Counts what a model consists of: its parameters, sizes, schedule of layers, and the memory that
 * one token of context needs.
 *
 * All numbers are computed, from the table of tensors that the config implies and from the headers
 * of weight files. Totals that a file states about itself are not used, because they are often
 * wrong.
 * @module
 */

import type { Aside } from "../../engine/base/aside.ts";
import { sizeOf } from "../../engine/base/tensor.ts";
import type { ModelConfig } from "../../engine/config/model-config.ts";
import type { Quantization } from "../../engine/config/quantization.ts";
import type { Checkpoint } from "../../engine/weights/checkpoint.ts";
import { type MatchedTensors, matchTensors } from "../../engine/weights/match-tensors.ts";
import {
  attentionSpecs,
  expertSpecs,
  GROUP_SCALE_SUFFIX,
  indexerSpecs,
  SCALE_SUFFIX,
  type TensorSpec,
} from "../../engine/weights/names.ts";
import { fixedSpecs, type LayerSpecs, modelSpecs } from "../../engine/weights/table.ts";
import { type PartialCheckpoint, partThatIsThere } from "./partial.ts";
import { type KvFormat, kvBytesPerToken, kvRowBytes } from "./sizes.ts";

/** Numbers of parameters. The scales of quantised weights are not counted as parameters. */
export interface ParameterCounts {
  /** Of main layers, embedding, head and MTP layer. */
  readonly stored: number;
  /** Of main layers, embedding and head. */
  readonly main: number;
  /** Of the main layers and the last norm. */
  readonly mainWithoutEmbedAndHead: number;
  /** Of the MTP layer. */
  readonly mtp: number;
  /** Parameters of the main layers that take part in one token. */
  readonly active: number;
  readonly activeWithHead: number;
  readonly activeWithEmbedAndHead: number;
  /** Of the attention of one layer, without its indexer. */
  readonly attention: number;
  /** Of the indexer of one layer. */
  readonly indexer: number;
  /** Of one expert. */
  readonly expert: number;
}

/** Bytes of cache that the main layers need for one token of context. */
export interface CacheBytes {
  readonly latent: number;
  readonly index: number;
  /** What `index` would be if every layer had an indexer. */
  readonly indexIfAllFull: number;
}

/** Tensors of one number format, counted from the headers. */
export interface DtypeCount {
  readonly tensors: number;
  readonly elements: number;
  readonly bytes: number;
}

/** The result of {@link inspectCheckpoint}: plain data, ready for JSON. */
export interface Inspection {
  readonly parameters: ParameterCounts;
  /** How many layers there are of each kind, e.g. `"sparse + shared": 57`. */
  readonly layers: Readonly<Record<string, number>>;
  /** One letter per main layer: `F` has an indexer, `s` shares the selection of one before it. */
  readonly schedule: string;
  /** One letter per main layer: `d` dense, `m` mixture of experts. */
  readonly mlpSchedule: string;
  /** Whether there is an MTP layer: the config says so, and so do the files if there are any. */
  readonly mtp: boolean;
  /** Number of tensors in the layout of the released bf16 files. */
  readonly tensors: number;
  readonly cacheBytesPerToken: Readonly<Record<"bf16" | "f32" | "fp8", CacheBytes>>;
  /** Which chat template the folder has, for people; absent for a config alone. */
  readonly chatTemplate?: string;
  /** How the config says that weights are quantised, if they are. */
  readonly quantization?: Quantization;
  /** What the files hold that cannot change a result, and is left aside. */
  readonly leftAside: readonly Aside[];
  /** What would stop a run. */
  readonly stops: readonly Aside[];
  /** Why there is no MTP layer although the config names one. */
  readonly noMtp?: string;
  /** What can be run of a model of which files are missing; absent when none of the main model is. */
  readonly partial?: PartialCheckpoint;
  /** What the headers of the files say; absent when there are no files. */
  readonly files?: {
    readonly tensors: number;
    /** How many of the tensors are scales of quantised weights. */
    readonly scales: number;
    readonly bytes: number;
    readonly dtypes: Readonly<Record<string, DtypeCount>>;
  };
}

/** What is known of a model from its config files. */
export interface FromConfig {
  /** The numbers that shape the model. */
  readonly config: ModelConfig;
  /** How the config says that weights are quantised, if they are. */
  readonly quantization?: Quantization | undefined;
  /** What was left aside. */
  readonly asides?: readonly Aside[];
  /** What would stop a run. */
  readonly stops?: readonly Aside[];
}

/**
 * Counts a model.
 *
 * @param checkpoint its headers are counted; without it, the tensors that the config implies are.
 *   Weights in a format that cannot run here are not compared with the config
 * @throws {WeightsError} when the tensors of the checkpoint are not those that the config implies
 */
export function inspectCheckpoint(opened: FromConfig, checkpoint?: Checkpoint): Inspection {
  const { config: c, quantization } = opened;
  const canRun = quantization?.canRun !== false;
  const partial = checkpoint && partThatIsThere(c, checkpoint);
  const matched = checkpoint && canRun ? matchPart(c, checkpoint, partial) : undefined;
  const specs = (partial === undefined && matched?.specs) || modelSpecs(c);
  const { globals } = specs;
  const mainLayers = specs.layers.map((layer) => countLayer(c, layer));
  const mtpLayers = specs.mtp
    ? [countLayer(c, specs.mtp.layer, Object.values(specs.mtp.ends))]
    : [];
  const counts = [...mainLayers, ...mtpLayers];

  const embed = sizeOf(globals.embedTokens.shape);
  const head = sizeOf(globals.lmHead.shape);
  const finalNorm = sizeOf(globals.norm.shape);
  const inner = finalNorm + sum(mainLayers, "all");
  const active = finalNorm + sum(mainLayers, "active");
  const mtp = sum(mtpLayers, "all");

  const layers: Record<string, number> = {};
  for (const { kind } of counts) layers[kind] = (layers[kind] ?? 0) + 1;
  return {
    parameters: {
      stored: inner + embed + head + mtp,
      main: inner + embed + head,
      mainWithoutEmbedAndHead: inner,
      mtp,
      active,
      activeWithHead: active + head,
      activeWithEmbedAndHead: active + head + embed,
      attention: total(Object.values(attentionSpecs(c))),
      indexer: total(Object.values(indexerSpecs(c))),
      expert: total(Object.values(expertSpecs(c, 0))),
    },
    layers,
    schedule: c.indexerTypes.map((type) => (type === "full" ? "F" : "s")).join(""),
    mlpSchedule: c.mlpLayerTypes.map((type) => (type === "dense" ? "d" : "m")).join(""),
    mtp: mtpLayers.length > 0,
    tensors: Object.keys(globals).length + sum(counts, "tensors"),
    cacheBytesPerToken: cacheBytesPerToken(c),
    ...(checkpoint && { files: countHeaders(checkpoint) }),
    ...(partial && { partial }),
    ...(quantization && { quantization }),
    leftAside: [...(opened.asides ?? []), ...(matched?.asides ?? [])],
    stops: [
      ...(opened.stops ?? []),
      ...(quantization && !canRun
        ? [{ what: `weights in ${quantization.name}`, why: "they cannot be loaded here" }]
        : []),
    ],
    ...(c.numNextnPredictLayers === 1 && !partial && matched?.noMtp && { noMtp: matched.noMtp }),
  };
}

/** Compares what is there with the config. Without the embedding, there is nothing to begin with. */
function matchPart(
  c: ModelConfig,
  checkpoint: Checkpoint,
  partial: PartialCheckpoint | undefined,
): MatchedTensors | undefined {
  if (partial?.layers === 0) return undefined;
  const part = partial ? { layers: partial.layers, logits: partial.logits } : {};
  return matchTensors(c, checkpoint, "ifUsable", part);
}

/** The counts of one layer. */
interface LayerCount {
  readonly kind: string;
  /** Number of parameters. */
  readonly all: number;
  /** Number of parameters, with only as many routed experts as a token visits. */
  readonly active: number;
  readonly tensors: number;
}

/**
 * Counts a layer. One expert is counted and multiplied, because a config, which anybody may have
 * written, can name millions of experts.
 */
function countLayer(c: ModelConfig, layer: LayerSpecs, ends?: readonly TensorSpec[]): LayerCount {
  const { indexer, ffn } = layer;
  const fixed = [...fixedSpecs(layer), ...(ends ?? [])];
  const expert = ffn.kind === "sparse" ? Object.values(expertSpecs(c, 0)) : [];
  const nExperts = ffn.kind === "sparse" ? ffn.experts.nExperts : 0;
  return {
    kind: ends ? "mtp" : `${ffn.kind} + ${indexer ? "full" : "shared"}`,
    all: total(fixed) + total(expert) * nExperts,
    active: total(fixed) + total(expert) * c.numExpertsPerTok,
    tensors: fixed.length + expert.length * nExperts,
  };
}

/** Bytes per token in three formats. `fp8` is a format of other engines. */
function cacheBytesPerToken(c: ModelConfig): Inspection["cacheBytesPerToken"] {
  const bytes = (format: KvFormat): CacheBytes => {
    const { latent, index } = kvBytesPerToken(c, format);
    return { latent, index, indexIfAllFull: kvRowBytes(c, format).index * c.numHiddenLayers };
  };
  return { bf16: bytes("bf16"), f32: bytes("f32"), fp8: bytes("fp8") };
}

function countHeaders({ tensors }: Checkpoint): NonNullable<Inspection["files"]> {
  const dtypes: Record<string, DtypeCount> = {};
  let scales = 0;
  for (const [name, { dtype, shape, length }] of tensors) {
    const { tensors: n, elements, bytes } = dtypes[dtype] ?? { tensors: 0, elements: 0, bytes: 0 };
    dtypes[dtype] = { tensors: n + 1, elements: elements + sizeOf(shape), bytes: bytes + length };
    if (name.endsWith(SCALE_SUFFIX) || name.endsWith(GROUP_SCALE_SUFFIX)) scales++;
  }
  const bytes = sum(Object.values(dtypes), "bytes");
  return { tensors: tensors.size, scales, bytes, dtypes };
}

function total(specs: readonly TensorSpec[]): number {
  return specs.reduce((n, { shape }) => n + sizeOf(shape), 0);
}

function sum<K extends string>(records: readonly Readonly<Record<K, number>>[], key: K): number {
  return records.reduce((n, record) => n + record[key], 0);
}
