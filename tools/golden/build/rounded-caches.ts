/**
 * Engines that keep cached rows in another format, and those that round queries too. They are made of
 * the f32 reference: a row is rounded where it is made, so that a dump shows it as it is kept.
 *
 * Next: arithmetics.ts
 * @module
 */
import type { Tensor } from "../../../engine/base/tensor.ts";
import {
  decode,
  type Encoding,
  encode,
  encodedBytes,
} from "../../../engine/numbers/row-encoding.ts";
import type { Ops } from "../../../engine/ops/ops.ts";
import { f16 } from "../case/rounding.ts";

/** A tensor with its numbers rounded. */
type Rounding = <X extends Tensor>(x: X) => X;

/** How each kind of cached row is rounded. */
interface CacheRounding {
  readonly latent: Rounding;
  readonly kPe: Rounding;
  readonly indexKey: Rounding;
}

/** Rounds number by number. */
export const by =
  (round: (value: number) => number): Rounding =>
  (x) => ({ ...x, data: x.data.map(round) });

/** Rounds each row as a cache of the engine stores it (engine/numbers/row-encoding.ts). */
const stored =
  (encoding: Encoding): Rounding =>
  (x) => {
    const width = x.shape[x.shape.length - 1];
    const data = x.data.slice();
    const view = new DataView(new ArrayBuffer(encodedBytes(encoding, width)));
    for (let at = 0; at < data.length; at += width) {
      encode(encoding, data, at, width, view, 0);
      decode(encoding, view, 0, width, data, at);
    }
    return { ...x, data };
  };

/** Numbers that share a scale in llama.cpp's q8_0. */
const Q8_BLOCK = 32;

/** Rounds to whole numbers of −127 … 127 times an f16 scale for each block of a row. */
const inBlocks: Rounding = (x) => {
  const width = x.shape[x.shape.length - 1];
  const data = x.data.slice();
  for (let row = 0; row < data.length; row += width) {
    for (let at = row; at < row + width; at += Q8_BLOCK) {
      const block = data.subarray(at, Math.min(at + Q8_BLOCK, row + width));
      const scale = f16(Math.max(...block.map(Math.abs)) / 127);
      block.forEach((value, i) => {
        block[i] = scale === 0 ? 0 : Math.round(value / scale) * scale;
      });
    }
  }
  return { ...x, data };
};

const F16: CacheRounding = { latent: by(f16), kPe: by(f16), indexKey: by(f16) };

/** This engine's own formats, and one scale for each 32 numbers of all rows. */
const COARSE: readonly CacheRounding[] = [
  { latent: stored("bf16"), kPe: stored("bf16"), indexKey: stored("bf16") },
  { latent: stored("int8x64"), kPe: stored("bf16"), indexKey: stored("int8") },
  { latent: inBlocks, kPe: inBlocks, indexKey: inBlocks },
];

function withCaches(ops: Ops, { latent, kPe, indexKey }: CacheRounding): Ops {
  return {
    ...ops,
    rmsNorm: (x, gain, eps) => {
      const y = ops.rmsNorm(x, gain, eps);
      return String(gain.dims) === "kvLora" ? latent(y) : y;
    },
    ropeInterleaved: (x, table) => {
      const y = ops.ropeInterleaved(x, table);
      return isKeys(x) ? kPe(y) : y;
    },
    join: (a, b) => {
      const y = ops.join(a, b);
      return String(a.dims[1]) === "rope" ? indexKey(y) : y;
    },
  };
}

/** Keys have no axis of heads, queries have. */
const isKeys = ({ dims }: Tensor): boolean => dims.length === 2;

/** Rounds cached rows to f16, and the queries that meet them only inside the product, as llama.cpp does. */
export function withF16Caches(right: Ops): Ops {
  const ops = withCaches(right, F16);
  const round = by(f16);
  return {
    ...ops,
    indexScores: (q, k, w, start, scale) => ops.indexScores(round(q), k, w, start, scale),
    latentAttention: (qLatent, qPe, past, topK, scale) =>
      ops.latentAttention(round(qLatent), round(qPe), past, topK, scale),
  };
}

/**
 * Rounds cached rows, queries and what attention gives to f16 where they are made, so that a dump
 * shows them so.
 */
export function withF16Attention(right: Ops): Ops {
  const ops = withCaches(right, F16);
  const round = by(f16);
  return {
    ...ops,
    splitHeads: (x, head, n, channels) => round(ops.splitHeads(x, head, n, channels)),
    perHead: (x, w) => round(ops.perHead(x, w)),
    ropeInterleaved: (x, table) => round(ops.ropeInterleaved(x, table)),
    latentAttention: (...args) => round(ops.latentAttention(...args)),
  };
}

/** Engines with cached rows in int8 or bf16, one for each way to keep them. */
export const withCoarseCaches = (right: Ops): Ops[] => COARSE.map((how) => withCaches(right, how));
