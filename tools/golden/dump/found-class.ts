/**
 * Which class of engine made a dump? It is told by the formats of the file, and, where those are f32,
 * by the numbers: an engine that rounds leaves numbers that a coarser format holds exactly, stage
 * after stage, and no other engine does.
 *
 * Next: dump.ts
 * @module
 */
import { parseStage } from "../../../engine/trace/stage-names.ts";
import type { EngineClass } from "../case/engine-class.ts";
import { bf16, f16 } from "../case/rounding.ts";
import type { Dump, DumpTensor } from "./dump.ts";

/** A class, and what tells it. */
export interface FoundClass {
  readonly kind: EngineClass;
  /** Why it is this one, as the end of a sentence. */
  readonly because: string;
}

/** Stages that an engine in bf16 rounds, each layer of them. */
const ACTIVATIONS = ["attn_norm", "qr", "attn_out", "ffn_norm", "ffn_out"];
const QUERIES = ["indexer_q", "q_pe", "q_nope_absorbed"];
const CACHED = ["kv_cmpr", "k_pe", "indexer_k"];
/** Cached rows that int8 formats keep in int8. Some keep the rotary part in another one. */
const IN_INT8 = ["kv_cmpr", "indexer_k"];

/** Fewer numbers than this tell nothing. */
const FEWEST = 64;

/** Numbers that share a scale in formats with int8; whole rows have one scale, too. */
const BLOCKS = [32, 64, 128];

/** How far a number may be from a whole one, of 127: products with the scale are rounded to f32. */
const NEAR_WHOLE = 1e-3;

/** The class of engine that a dump speaks for. */
export function classOf(dump: Dump): FoundClass {
  const dtypes = new Set([...dump.values()].map(({ dtype }) => dtype.toUpperCase()));
  if (dtypes.has("BF16")) return { kind: "bf16", because: "the dump has BF16" };
  if (dtypes.has("F16")) return { kind: "f16-cache", because: "the dump has F16" };
  const isEach = (stages: readonly string[], is: (tensor: DumpTensor) => boolean): boolean => {
    const shown = [...dump].filter(([name]) => stages.includes(parseStage(name).stage));
    return shown.length > 0 && shown.every(([, tensor]) => is(tensor));
  };
  const found = (kind: EngineClass, stages: readonly string[], format: string): FoundClass => {
    const shown = stages.filter((stage) => [...dump.keys()].some((x) => x.startsWith(`${stage}-`)));
    return { kind, because: `all numbers of ${shown.join(", ")} are ${format}` };
  };
  if (isEach(ACTIVATIONS, heldBy(bf16))) return found("bf16", ACTIVATIONS, "numbers of bf16");
  if (isEach(QUERIES, heldBy(bf16))) return found("bf16", QUERIES, "numbers of bf16");
  // Some kernels round only the queries of the indexer, or only those of the attention.
  const queries = QUERIES.filter((stage) => isEach([stage], heldBy(f16)));
  if (queries.length > 0) return found("f16-attention", queries, "numbers of f16");
  if (isEach(CACHED, heldBy(bf16))) return found("int8-cache", CACHED, "numbers of bf16");
  if (isEach(CACHED, heldBy(f16))) return found("f16-cache", CACHED, "numbers of f16");
  if (isEach(IN_INT8, isInt8)) return found("int8-cache", IN_INT8, "of int8 with scales");
  return { kind: "f32", because: "nothing in the dump is rounded to another format" };
}

/** Whether a format holds every number of a tensor. Zeros and masks are no evidence. */
const heldBy =
  (round: (x: number) => number) =>
  ({ data }: DumpTensor): boolean => {
    const numbers = Array.from(data).filter((x) => x !== 0 && Number.isFinite(x));
    return numbers.length >= FEWEST && numbers.every((x) => round(x) === x);
  };

/** Whether rows are whole numbers times a scale, for some length of blocks that share one. */
function isInt8({ shape, data }: DumpTensor): boolean {
  const width = shape[shape.length - 1];
  if (data.length < FEWEST || width < 2) return false;
  return [...BLOCKS.filter((n) => n < width), width].some((n) => {
    for (let row = 0; row < data.length; row += width) {
      for (let at = row; at < row + width; at += n) {
        if (!isOnGrid(data.subarray(at, Math.min(at + n, row + width)))) return false;
      }
    }
    return true;
  });
}

/** Whether numbers are whole multiples of a 127th of the largest. */
function isOnGrid(numbers: ArrayLike<number>): boolean {
  const list = Array.from(numbers);
  const most = Math.max(...list.map(Math.abs));
  return list.every((x) => {
    const q = (x / most) * 127;
    return most === 0 || Math.abs(q - Math.round(q)) < NEAR_WHOLE;
  });
}
