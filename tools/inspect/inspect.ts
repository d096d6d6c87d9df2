/**
 * What a model is, from its `config.json` and, if there are any, from the headers of its weights:
 * counts, sizes, the IndexShare schedule, and the memory that one token of context costs.
 *
 * Numbers come from the table of names and from headers, never from what a file claims about
 * itself: published totals are wrong as often as not.
 * @module
 */
import type { ModelConfig } from "../../engine/config/model-config.ts";
import { sizeOf } from "../../engine/tensor.ts";
import type { Checkpoint } from "../../engine/weights/checkpoint.ts";
import { matchTensors } from "../../engine/weights/match-tensors.ts";
import {
  attentionSpecs,
  expertSpecs,
  GROUP_SCALE_SUFFIX,
  indexerSpecs,
  SCALE_SUFFIX,
  type TensorSpec,
} from "../../engine/weights/names.ts";
import { fixedSpecs, type LayerSpecs, modelSpecs } from "../../engine/weights/table.ts";
import { type KvFormat, kvBytesPerToken, kvRowBytes } from "./sizes.ts";

/** Parameters; fp8 scales are not parameters. */
export interface ParameterCounts {
  /** Main layers, embedding, head and MTP layer. */
  readonly stored: number;
  readonly main: number;
  readonly mainWithoutEmbedAndHead: number;
  readonly mtp: number;
  /** What one token passes through in the main layers, embedding and head apart. */
  readonly active: number;
  readonly activeWithHead: number;
  readonly activeWithEmbedAndHead: number;
  /** Of one layer. */
  readonly attention: number;
  readonly indexer: number;
  readonly expert: number;
}

/** Bytes of cache that one token of context costs in the main layers. */
export interface CacheBytes {
  readonly latent: number;
  readonly index: number;
  /** What `index` would be if no layer shared. */
  readonly indexIfAllFull: number;
}

/** Headers counted by number format. */
export interface DtypeCount {
  readonly tensors: number;
  readonly elements: number;
  readonly bytes: number;
}

/** The result of {@link inspectCheckpoint}: plain data, ready for JSON. */
export interface Inspection {
  readonly parameters: ParameterCounts;
  /** How many layers of each kind, e.g. `"sparse + shared": 57`. */
  readonly layers: Readonly<Record<string, number>>;
  /** One letter per main layer: `F` has an indexer, `s` borrows. */
  readonly schedule: string;
  /** One letter per main layer: `d` dense, `m` mixture of experts. */
  readonly mlpSchedule: string;
  /** Whether the MTP layer is counted in: configured, and in the files if there are files. */
  readonly mtp: boolean;
  /** Tensors in the layout of the released bf16 files. */
  readonly tensors: number;
  readonly cacheBytesPerToken: Readonly<Record<"bf16" | "f32" | "fp8", CacheBytes>>;
  /** Only with files. */
  readonly files?: {
    readonly tensors: number;
    /** How many of the tensors are fp8 block scales. */
    readonly scales: number;
    readonly bytes: number;
    readonly dtypes: Readonly<Record<string, DtypeCount>>;
  };
}

/**
 * Counts a model.
 *
 * @param checkpoint  without it, tensors are those of the released layout that the config implies
 * @throws {WeightsError} when the checkpoint does not hold exactly what the config implies
 */
export function inspectCheckpoint(c: ModelConfig, checkpoint?: Checkpoint): Inspection {
  const specs = checkpoint ? matchTensors(c, checkpoint).specs : modelSpecs(c);
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
  };
}

interface LayerCount {
  readonly kind: string;
  readonly all: number;
  /** With as many routed experts as a token visits. */
  readonly active: number;
  readonly tensors: number;
}

/** Counts one expert and multiplies: a hostile config may name millions of them. */
function countLayer(c: ModelConfig, layer: LayerSpecs, ends?: readonly TensorSpec[]): LayerCount {
  const { indexer, ffn } = layer;
  const fixed = [...fixedSpecs(layer), ...(ends ?? [])];
  const expert = ffn.kind === "sparse" ? Object.values(expertSpecs(c, 0)) : [];
  return {
    kind: ends ? "mtp" : `${ffn.kind} + ${indexer ? "full" : "shared"}`,
    all: total(fixed) + total(expert) * c.nRoutedExperts,
    active: total(fixed) + total(expert) * c.numExpertsPerTok,
    tensors: fixed.length + expert.length * c.nRoutedExperts,
  };
}

/** This engine stores f32; the others are what it would cost elsewhere. */
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
