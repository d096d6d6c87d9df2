/**
 * What a model asks of a machine: FLOPs per token, bytes of context and of weights, what fits, and
 * how long a prefill takes. Arithmetic on the config; nothing is read but the lengths.
 *
 * Next: plan-text.ts, plan-svg.ts
 * @module
 */
import type { ModelConfig } from "../../engine/config/model-config.ts";
import {
  expandedPrefillFlops,
  type Flops,
  indexerCount,
  prefillFlops,
  SCHEDULES,
  type Schedule,
  tokenFlops,
} from "./flops.ts";
import type { Rate } from "./rate.ts";
import {
  KV_FORMATS,
  type KvBytes,
  type KvFormat,
  kvBytesPerToken,
  WEIGHT_FORMATS,
  type WeightBytes,
  type WeightFormat,
  weightBytes,
} from "./sizes.ts";

/** Doublings of the context that a chart shows. */
const DOUBLINGS = 10;

/** The costs at one context; the number of tokens is what a token sees, itself included. */
export interface AtContext {
  readonly context: number;
  /** 10⁹ FLOP for one token. */
  readonly gflopPerToken: Readonly<Record<Schedule, number>>;
  /** The same by part. */
  readonly flops: Readonly<Record<Schedule, Flops>>;
  /** How many times IndexShare's FLOPs the other two need. */
  readonly timesIndexShare: Readonly<Record<Exclude<Schedule, "indexShare">, number>>;
  /** Bytes of caches that are full to this context. */
  readonly kvBytes: Readonly<Record<KvFormat, number>>;
  readonly prefill: {
    /** Of IndexShare. */
    readonly flops: Flops;
    /** What a dense attention over expanded heads would take in place of attention and indexer. */
    readonly expandedAttention: number;
    /** At the plan's rate; the time that weights and rows take to come from a disk is on top. */
    readonly seconds: number;
  };
}

/** What weights of one format leave of the memory. */
export interface Fit {
  readonly weights: WeightFormat;
  /** `withoutRoutedExperts`: those are read from the disk as tokens ask for them. */
  readonly inMemory: "all" | "withoutRoutedExperts" | "none";
  readonly bytesLeft: number;
  /** Tokens of context in the bytes left, at most what the model was made for. */
  readonly longestContext: Readonly<
    Record<KvFormat, { readonly allRows: number; readonly indexKeysOnly: number }>
  >;
}

/** The answer: plain data, ready for JSON. */
export interface Plan {
  readonly name: string;
  readonly layers: { readonly all: number; readonly full: number };
  readonly indexTopk: number;
  readonly maxPositionEmbeddings: number;
  readonly contexts: readonly AtContext[];
  readonly kvBytesPerToken: Readonly<Record<KvFormat, KvBytes>>;
  readonly weightBytes: Readonly<Record<WeightFormat, WeightBytes>>;
  /** Bytes of the tensors in the folder, if there are any. */
  readonly fileBytes?: number;
  readonly rate: Rate;
  readonly ram?: { readonly bytes: number; readonly fits: readonly Fit[] };
  /** GFLOP per token at doubling contexts, the last is the model's longest. */
  readonly curve: readonly Pick<AtContext, "context" | "gflopPerToken">[];
}

/** What is asked. */
export interface Question {
  readonly name: string;
  /** Ascending. */
  readonly contexts: readonly number[];
  readonly rate: Rate;
  readonly ramBytes?: number | undefined;
  readonly fileBytes?: number | undefined;
}

/** Works out everything for one config. */
export function planFor(c: ModelConfig, question: Question): Plan {
  const { name, contexts, rate, ramBytes, fileBytes } = question;
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
    ...(fileBytes !== undefined && { fileBytes }),
    rate,
    ...(ramBytes !== undefined && {
      ram: { bytes: ramBytes, fits: WEIGHT_FORMATS.map((format) => fitFor(c, format, ramBytes)) },
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
  };
}

/** Activations and scratch are not counted: they do not grow with the context. */
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

/** `max`, `max / 2`, … ascending, while they are whole tokens and {@link DOUBLINGS} lasts. */
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
