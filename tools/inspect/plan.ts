/**
 * Computes what a model needs from a machine: FLOPs per token, bytes for context and weights, what
 * fits in memory, and how long a prefill takes. Everything is computed from the config.
 *
 * Next: plan-text.ts, plan-svg.ts
 * @module
 */
import type { ModelConfig } from "../../engine/config/model-config.ts";
import type { Quantization } from "../../engine/config/quantization.ts";
import {
  expandedPrefillFlops,
  type Flops,
  indexerCount,
  prefillFlops,
  SCHEDULES,
  type Schedule,
  tokenFlops,
} from "./flops.ts";
import type { Rate, ReadRate } from "./rate.ts";
import {
  KV_FORMATS,
  type KvBytes,
  type KvFormat,
  kvBytesPerToken,
  readBytes,
  WEIGHT_FORMATS,
  type WeightBytes,
  type WeightFormat,
  weightBytes,
} from "./sizes.ts";
import { type DiskRate, type StreamPlan, streamPlan } from "./streaming.ts";

/** How many times the chart doubles the context. */
const DOUBLINGS = 10;

/** The costs at one length of context. */
export interface AtContext {
  /** How many tokens a token sees, including itself. */
  readonly context: number;
  /** The work for one token, in 10⁹ FLOP. */
  readonly gflopPerToken: Readonly<Record<Schedule, number>>;
  /** The same in FLOP, by part of the model. */
  readonly flops: Readonly<Record<Schedule, Flops>>;
  /** How many times as many FLOPs as IndexShare the other schedules need. */
  readonly timesIndexShare: Readonly<Record<Exclude<Schedule, "indexShare">, number>>;
  /** Bytes of the caches at this context. */
  readonly kvBytes: Readonly<Record<KvFormat, number>>;
  readonly prefill: {
    /** The FLOPs with the schedule IndexShare. */
    readonly flops: Flops;
    /** What a dense attention with expanded heads would cost, instead of attention and indexer. */
    readonly expandedAttention: number;
    /** Time at the plan's rate. The time to read weights and rows from a disk is not included. */
    readonly seconds: number;
  };
  /** Bytes that a step of one token reads: weights, by their format, and rows and index keys in f32. */
  readonly decode: Readonly<Record<WeightFormat, number>>;
}

/** What fits in memory with weights of one format. */
export interface Fit {
  readonly weights: WeightFormat;
  /** With `withoutRoutedExperts`, experts are read from the disk when a token needs them. */
  readonly inMemory: "all" | "withoutRoutedExperts" | "none";
  /** The memory that the weights leave free. */
  readonly bytesLeft: number;
  /** Tokens of context that fit in the free memory, up to the model's longest context. */
  readonly longestContext: Readonly<
    Record<KvFormat, { readonly allRows: number; readonly indexKeysOnly: number }>
  >;
}

/** The result of {@link planFor}: plain data, ready for JSON. */
export interface Plan {
  readonly name: string;
  readonly layers: { readonly all: number; readonly full: number };
  readonly indexTopk: number;
  readonly maxPositionEmbeddings: number;
  readonly contexts: readonly AtContext[];
  readonly kvBytesPerToken: Readonly<Record<KvFormat, KvBytes>>;
  readonly weightBytes: Readonly<Record<WeightFormat, WeightBytes>>;
  /** The same in the format that the config names, if it is one of another project. */
  readonly quantized?: { readonly name: string } & WeightBytes;
  /** Bytes of the tensors in the folder, if there are any. */
  readonly fileBytes?: number;
  readonly rate: Rate;
  /** How fast weights are read; absent when it was neither measured nor given. */
  readonly reading?: ReadRate;
  readonly ram?: { readonly bytes: number; readonly fits: readonly Fit[] };
  /** What reading the weights from a disk costs, when its speed was given or measured. */
  readonly streaming?: StreamPlan;
  /** GFLOP per token at contexts that double up to the model's longest one. */
  readonly curve: readonly Pick<AtContext, "context" | "gflopPerToken">[];
}

/** What to plan for. */
export interface Question {
  readonly name: string;
  /** Lengths of context in tokens, in ascending order. */
  readonly contexts: readonly number[];
  readonly rate: Rate;
  readonly reading?: ReadRate | undefined;
  readonly ramBytes?: number | undefined;
  readonly fileBytes?: number | undefined;
  readonly quantization?: Quantization | undefined;
  readonly disk?: DiskRate | undefined;
  /** Share of the visits of experts that a cache answers, if it is not to be estimated. */
  readonly hits?: number | undefined;
}

/** Computes the plan for one config. */
export function planFor(c: ModelConfig, question: Question): Plan {
  const { name, contexts, rate, reading, ramBytes, fileBytes, quantization } = question;
  const bits = quantization?.canRun ? undefined : quantization?.bitsPerWeight;
  const curve = doublings(c.maxPositionEmbeddings).map((context) => ({
    context,
    gflopPerToken: bySchedule((schedule) => tokenFlops(c, schedule, context).total / 1e9),
  }));
  return {
    name,
    layers: { all: c.numHiddenLayers, full: indexerCount(c, "indexShare") },
    indexTopk: c.indexTopk,
    maxPositionEmbeddings: c.maxPositionEmbeddings,
    contexts: contexts.map((n) => atContext(c, n, rate)),
    kvBytesPerToken: record(KV_FORMATS, (format) => kvBytesPerToken(c, format)),
    weightBytes: record(WEIGHT_FORMATS, (format) => weightBytes(c, format)),
    ...(quantization &&
      bits && { quantized: { name: quantization.name, ...weightBytes(c, bits) } }),
    ...(fileBytes !== undefined && { fileBytes }),
    rate,
    ...(reading && { reading }),
    ...(ramBytes !== undefined && {
      ram: { bytes: ramBytes, fits: WEIGHT_FORMATS.map((format) => fitFor(c, format, ramBytes)) },
    }),
    ...(question.disk && {
      streaming: streamPlan(c, { ...question, disk: question.disk }),
    }),
    curve,
  };
}

function atContext(c: ModelConfig, n: number, rate: Rate): AtContext {
  const flops = bySchedule((schedule) => tokenFlops(c, schedule, n));
  const prefill = prefillFlops(c, "indexShare", n);
  return {
    context: n,
    gflopPerToken: bySchedule((schedule) => flops[schedule].total / 1e9),
    flops,
    timesIndexShare: {
      dense: flops.dense.total / flops.indexShare.total,
      dsaEveryLayer: flops.dsaEveryLayer.total / flops.indexShare.total,
    },
    kvBytes: record(KV_FORMATS, (format) => n * kvBytesPerToken(c, format).total),
    prefill: {
      flops: prefill,
      expandedAttention: expandedPrefillFlops(c, n),
      seconds: prefill.total / (rate.gflops * 1e9),
    },
    decode: record(WEIGHT_FORMATS, (format) => readBytes(c, format) + rowsRead(c, n)),
  };
}

/** Bytes of the chosen latent rows and of all index keys that one token reads. */
function rowsRead(c: ModelConfig, n: number): number {
  const { latent, index } = kvBytesPerToken(c, "f32");
  return latent * Math.min(n, c.indexTopk) + index * n;
}

/**
 * Computes what fits in `ram` bytes with weights of one format. Activations and scratch memory are
 * not counted, because they do not grow with the context.
 */
function fitFor(c: ModelConfig, weights: WeightFormat, ram: number): Fit {
  const { total, withoutRoutedExperts } = weightBytes(c, weights);
  const inMemory =
    total <= ram ? "all" : withoutRoutedExperts <= ram ? "withoutRoutedExperts" : "none";
  const taken = inMemory === "all" ? total : inMemory === "none" ? ram : withoutRoutedExperts;
  const tokens = (bytes: number): number =>
    Math.min(c.maxPositionEmbeddings, Math.floor((ram - taken) / bytes));
  return {
    weights,
    inMemory,
    bytesLeft: ram - taken,
    longestContext: record(KV_FORMATS, (format) => {
      const bytes = kvBytesPerToken(c, format);
      return { allRows: tokens(bytes.total), indexKeysOnly: tokens(bytes.index) };
    }),
  };
}

/** Contexts that double up to `max`, in ascending order, at most {@link DOUBLINGS} times. */
function doublings(max: number): number[] {
  const all = Array.from({ length: DOUBLINGS + 1 }, (_, i) => Math.floor(max / 2 ** i));
  return all.filter((n) => n > 0).reverse();
}

function bySchedule<T>(value: (schedule: Schedule) => T): Record<Schedule, T> {
  return record(SCHEDULES, value);
}

function record<K extends string, T>(keys: readonly K[], value: (key: K) => T): Record<K, T> {
  return Object.fromEntries(keys.map((key) => [key, value(key)])) as Record<K, T>;
}
