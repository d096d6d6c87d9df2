/**
 * Computes what a model costs that is larger than memory, so that its weights are read from a disk while
 * it runs: bytes and seconds for each token, and for a pass over many tokens that reads every layer once.
 *
 * No engine can be faster than its disk. So bytes divided by the speed of the disk are the bound, and the
 * time of the arithmetic stands beside it. Where reads and arithmetic overlap, the longer of the two
 * counts.
 *
 * Next: streaming-text.ts
 * @module
 */
import type { ModelConfig } from "../../engine/config/model-config.ts";
import { expectedHits } from "./expected-hits.ts";
import { prefillFlops, tokenFlops } from "./flops.ts";
import type { Rate, ReadRate } from "./rate.ts";
import { kvBytesPerToken, type WeightFormat, type WeightParts, weightParts } from "./sizes.ts";

/** The formats of weights for which it is computed; f32 is none that one would stream. */
export const STREAMED_FORMATS = ["bf16", "fp8", "q8", "q4"] as const satisfies WeightFormat[];

/** {@inheritDoc STREAMED_FORMATS} */
export type StreamedFormat = (typeof STREAMED_FORMATS)[number];

/** Working places for experts, besides those that one token visits: for reads that are on their way. */
const EXPERTS_UNDER_WAY = 4;

/** Tokens of a chunk of a pass. */
const CHUNK = 512;

/** Memory that the directory of the files takes: 186 MB for 118,629 tensors. */
const HEADER_BYTES = 1600;

/**
 * How much slower the attention is than products with matrices: 20.9 GFLOP/s and 45. bench/README.md has
 * both: four layers attend to 2048 rows, 1.14 GFLOP, in 54.5 ms.
 */
const ATTENTION_SPEED = 0.46;

/** How fast a disk is read. */
export interface DiskRate {
  /** 10⁹ bytes per second. */
  readonly gbps: number;
  /** How it was measured; absent when the number was given. */
  readonly measured?: string;
}

/** What to plan for. */
export interface StreamQuestion {
  readonly disk: DiskRate;
  readonly contexts: readonly number[];
  readonly rate: Rate;
  readonly reading?: ReadRate | undefined;
  readonly ramBytes?: number | undefined;
  /** Share of the visits of experts that a cache answers; estimated from the slots when it is not given. */
  readonly hits?: number | undefined;
}

/** Bytes that a token needs from the disk, and the seconds that the disk takes for them. */
export interface FromDisk {
  readonly bytes: number;
  readonly seconds: number;
}

/** What fits in memory. */
export interface StreamedFit {
  /** Whether all weights but the routed experts stay in memory, or only buffers do. */
  readonly inMemory: "trunk" | "buffers" | "none";
  /** Bytes of buffers: layers and experts that are read, one chunk's activations, caches. */
  readonly buffers: number;
  /** Experts of each layer that stay in memory beside the trunk. */
  readonly slots: number;
  /** Share of the visits that they answer; undefined where nobody knows it. */
  readonly hits?: number | undefined;
  /** One token with it. */
  readonly token: FromDisk;
}

/** The costs with weights of one format. */
export interface StreamedCosts {
  readonly format: StreamedFormat;
  /** One token when everything is read. */
  readonly streamed: FromDisk;
  /** One token when the trunk stays in memory, and no expert does. */
  readonly trunkKept: FromDisk;
  /** A pass over as many tokens as each context has. */
  readonly passes: readonly FromDisk[];
  /** The fewest tokens with which the arithmetic of a pass takes longer than the disk. */
  readonly crossover: number;
  /** What fits, when the memory was given; `context` is the length for which there are caches. */
  readonly fit?: StreamedFit;
}

/** A plan for a model that is larger than memory. */
export interface StreamPlan {
  readonly disk: DiskRate;
  /** The context whose caches are counted with the buffers. */
  readonly context: number;
  readonly formats: readonly StreamedCosts[];
  /** Seconds of arithmetic: of one token, where the speed for it is known, and of each pass. */
  readonly arithmetic: { readonly token?: number; readonly passes: readonly number[] };
}

/** Computes the plan. */
export function streamPlan(c: ModelConfig, question: StreamQuestion): StreamPlan {
  const { disk, contexts, rate, reading, ramBytes } = question;
  const [context] = contexts;
  return {
    disk,
    context,
    formats: STREAMED_FORMATS.map((format): StreamedCosts => {
      const parts = weightParts(c, format);
      const rest = parts.embeddingRow + perToken(c, parts);
      const passes = contexts.map((n) => from(disk, passBytes(c, parts, n)));
      return {
        format,
        streamed: from(disk, parts.trunk + parts.head + rest),
        trunkKept: from(disk, rest),
        passes,
        crossover: crossoverOf(c, parts, disk, rate),
        ...(ramBytes !== undefined && { fit: fitOf(c, format, ramBytes, question) }),
      };
    }),
    arithmetic: {
      // One row takes a FLOP for each byte of bf16, with which the reading was measured.
      ...(reading && { token: tokenFlops(c, "indexShare", context).total / (reading.gbps * 1e9) }),
      passes: contexts.map((n) => passSeconds(c, n, rate)),
    },
  };
}

const from = ({ gbps }: DiskRate, bytes: number): FromDisk => ({
  bytes,
  seconds: bytes / (gbps * 1e9),
});

/** Bytes of the experts that one token visits. */
const perToken = (c: ModelConfig, { expert, sparseLayers }: WeightParts): number =>
  sparseLayers * c.numExpertsPerTok * expert;

/**
 * How many of `nE` experts some of `n` tokens visit, when each chooses `nActive` at random. Real tokens
 * prefer some experts, so they visit fewer.
 */
export function distinctExperts(nE: number, nActive: number, n: number): number {
  return nE * (1 - (1 - nActive / nE) ** n);
}

/** Bytes that a pass over `n` tokens reads: every layer once, without experts that nobody visits. */
export function passBytes(c: ModelConfig, parts: WeightParts, n: number): number {
  const { trunk, head, embeddingRow, expert, sparseLayers } = parts;
  const experts = distinctExperts(c.nRoutedExperts, c.numExpertsPerTok, n);
  return trunk + head + Math.min(n, c.vocabSize) * embeddingRow + sparseLayers * experts * expert;
}

/** Seconds of arithmetic in a pass over `n` tokens. */
export function passSeconds(c: ModelConfig, n: number, { gflops }: Rate): number {
  const { weights, attention, indexer } = prefillFlops(c, "indexShare", n);
  return (weights + attention / ATTENTION_SPEED + indexer) / (gflops * 1e9);
}

/** The fewest tokens with which a pass computes longer than it reads, by halving. */
function crossoverOf(c: ModelConfig, parts: WeightParts, disk: DiskRate, rate: Rate): number {
  let [reads, computes] = [0, c.maxPositionEmbeddings];
  while (computes - reads > 1) {
    const n = Math.floor((reads + computes) / 2);
    if (passSeconds(c, n, rate) < from(disk, passBytes(c, parts, n)).seconds) reads = n;
    else computes = n;
  }
  return computes;
}

function fitOf(
  c: ModelConfig,
  format: StreamedFormat,
  ram: number,
  { disk, hits, contexts }: StreamQuestion,
): StreamedFit {
  const parts = weightParts(c, format);
  const { trunk, layerTrunk, head, embeddingRow, expert, sparseLayers, widened } = parts;
  const buffers = bufferBytes(c, format, contexts[0]);
  const left = ram - buffers - trunk - head - widened;
  if (left < 0) {
    const streaming = buffers + 2 * layerTrunk;
    return {
      inMemory: streaming <= ram ? "buffers" : "none",
      buffers: streaming,
      slots: 0,
      token: from(disk, trunk + head + embeddingRow + perToken(c, parts)),
    };
  }
  const slots = Math.min(c.nRoutedExperts, left / (sparseLayers * expert));
  const share = hits ?? (slots === c.nRoutedExperts ? 1 : expectedHits(c, slots));
  const token = from(disk, embeddingRow + (1 - (share ?? 0)) * perToken(c, parts));
  return { inMemory: "trunk", buffers, slots, hits: share, token };
}

/**
 * Bytes of the directory of the files, of a chunk's queries and results, of the caches in f32, and of
 * places for experts that are used or on their way.
 */
function bufferBytes(c: ModelConfig, format: StreamedFormat, context: number): number {
  const { expert, sparseLayers } = weightParts(c, format);
  const perExpert = format === "bf16" ? 3 : 6; // its matrices, and their scales
  const directory = sparseLayers * c.nRoutedExperts * perExpert * HEADER_BYTES;
  const chunk = CHUNK * 4 * 3 * c.numAttentionHeads * (c.qkHeadDim + c.kvLoraRank);
  const places = (c.numExpertsPerTok + EXPERTS_UNDER_WAY) * expert;
  return directory + chunk + context * kvBytesPerToken(c, "f32").total + places;
}
