/**
 * The one door between the model and the arithmetic.
 *
 * `engine/ops/reference` is the specification: each method is one file there, whose doc comment is
 * its definition. Another backend must agree with it within the bound that its tests state.
 *
 * There are three kinds of memory. Weights are placed once and stay where they are. Caches stand in
 * {@link RowMemory}. Everything that an op returns is scratch: it lives until `keep` or `release` is
 * called with an older mark.
 * @module
 */

import type { Floats, Indices, Shape, Tensor, Weight } from "../base/tensor.ts";
import type { Dtype, RawTensor } from "../numbers/raw-tensor.ts";
import type { Precision, RopeTable } from "../numbers/rope-table.ts";
import type { Encoding } from "../numbers/row-encoding.ts";
import type { ExpertBank, RouteRule, Routing } from "./routed.ts";

export type { Expert, ExpertBank, RouteRule, Routing } from "./routed.ts";

/**
 * Memory for the pages of caches, where the backend's kernels can read it. It is taken and given back in
 * blocks. The address of a block is the offset of its first byte in `view`.
 */
export interface RowMemory {
  /** All of the memory. A call of `take` may replace it by a larger one. */
  readonly view: DataView;
  /** The same memory, byte by byte. */
  readonly bytes: Uint8Array;
  /**
   * Bytes that can still be taken, if that is known. Intermediate results of steps need some of them.
   */
  readonly bytesLeft?: number | undefined;
  /** Address of `bytes` bytes, which may hold anything. */
  take(bytes: number): number;
  /** Gives a block back. Its bytes become `0xff`, which is NaN in f32 and bf16, so that a late read shows. */
  give(address: number, bytes: number): void;
}

/** Index keys of one full layer: page by page, as they are stored. */
export interface KeyRows<C extends string = string> {
  /** Name of the axis of one key. */
  readonly width: C;
  /** Positions held. */
  readonly nS: number;
  /** Numbers of one key. */
  readonly nWidth: number;
  /** How a key is stored. */
  readonly encoding: Encoding;
  /** The memory that the blocks are in. */
  readonly view: DataView;
  /** Address of each page's block; position `s` is in block `⌊s / pageRows⌋`. */
  readonly blocks: readonly number[];
  /** Positions of one page. */
  readonly pageRows: number;
  /** Bytes from the start of a block to its first key. */
  readonly offset: number;
  /** Bytes from one key to the next. */
  readonly stride: number;
}

/** Latents and rotary keys of one layer, as they are stored: one row per position. */
export interface LatentRows {
  /** Positions held. */
  readonly nS: number;
  /** Numbers of one latent. */
  readonly nLatent: number;
  /** Numbers of one rotary key. */
  readonly nRope: number;
  /** How a latent is stored. */
  readonly latentEncoding: Encoding;
  /** How a rotary key is stored. */
  readonly kPeEncoding: Encoding;
  /** Bytes from the start of a row to its rotary key. */
  readonly kPeAt: number;
  /** The memory that the rows are in. */
  readonly view: DataView;
  /**
   * Brings the rows that queries `from …` chose into memory, which may read them from a store, and
   * writes their addresses: `at[(t − from) · K + k]` is that of the row that `topK[t,k]` names, and
   * any number where it names none. The addresses hold until the next call.
   *
   * @returns the query after the last that was served; at least `from + 1`
   * @throws {ShapeError} when a position is not held
   * @throws {StoreError} when the store fails
   */
  bringIn(topK: Indices<[string, "K"]>, from: number, at: Uint32Array): number;
}

/** The two halves of `kv_b_proj` as absorption multiplies with them. */
export interface KvUpWeights {
  /** The keys, turned. */
  readonly kUp: Weight<["H", "kvLora", "nope"]>;
  /** The values. */
  readonly vUp: Weight<["H", "v", "kvLora"]>;
}

/**
 * Memory for weights that are needed for a while. They go all at once, and the memory takes others.
 */
export interface Shelf {
  /** Bytes that it has taken so far. They are its own, also when it is cleared. */
  readonly bytes: number;
  /**
   * Bytes to read into. They begin at an address that is `phase` modulo 4096, and a read may write whole
   * blocks of 4096 bytes around them. {@link Shelf.place} may use them where they are.
   */
  room(bytes: number, phase: number): Uint8Array;
  /** Whether numbers in such bytes are all finite: no NaN, no infinity. */
  areFinite(dtype: Dtype, bytes: Uint8Array): boolean;
  /** Puts a parameter on the shelf; see {@link Ops.place}. */
  place<const D extends readonly string[]>(dims: D, shape: Shape<D>, raw: RawTensor): Weight<D>;
  /** Puts both halves of `kv_b_proj` on the shelf; see {@link Ops.placeKvB}. */
  placeKvB?(raw: RawTensor, nH: number, nope: number, v: number): KvUpWeights | undefined;
  /** Takes everything off. The weights cannot be used afterwards. */
  clear(): void;
}

/**
 * What a product with weights in groups (q8, q4) is made of. `int8` rounds each row of activations
 * to int8 in groups of 32 first: faster, and another result. All other products are `f32`.
 */
export type Activations = "f32" | "int8";

/** A place in the scratch memory; see {@link Ops.keep}. */
export type Mark = number;

/** The arithmetic of the model. */
export interface Ops {
  /** A name for people: `reference`, `wasm`, or that of a backend of one's own. */
  readonly backend: string;
  /** How activations and caches are stored. */
  readonly precision: Precision;
  /** What products with weights in groups see of activations. */
  readonly activations: Activations;

  // Memory ------------------------------------------------------------------------------------

  /** Puts a parameter where this backend wants it. The bytes of `raw` are not needed afterwards. */
  place<const D extends readonly string[]>(dims: D, shape: Shape<D>, raw: RawTensor): Weight<D>;
  /**
   * Puts both halves of `kv_b_proj` `[H*nope+v, kvLora]` where this backend wants them: for backends that can
   * multiply with them in the format in which they are stored. Where there is no such method, or it gives
   * undefined, `splitKvB` cuts them, and they are placed as any other parameter.
   *
   * @param nope rows of each head that are keys
   * @param v    rows of each head that are values
   */
  placeKvB?(raw: RawTensor, nH: number, nope: number, v: number): KvUpWeights | undefined;
  /** Memory for weights that are needed for a while. It grows as it must. */
  shelf(): Shelf;
  /** Memory for the pages of caches. */
  rowMemory(): RowMemory;
  /** Where scratch memory stands now. */
  mark(): Mark;
  /** Frees all scratch made since `mark`, except these two, which it returns (perhaps moved). */
  keep<A extends Tensor | Indices, B extends Tensor | Indices>(mark: Mark, a: A, b: B): [A, B];
  /** Frees all scratch made since `mark`. */
  release(mark: Mark): void;
  /** A scratch tensor with these numbers: the way values from outside come in. */
  tensor<const D extends readonly string[]>(
    dims: D,
    shape: Shape<D>,
    values: ArrayLike<number>,
  ): Tensor<D>;

  // Arithmetic --------------------------------------------------------------------------------

  /** `y[t] = E[tokens[t]]` */
  embed(tokens: Int32Array, table: Weight<["vocab", "hidden"]>): Tensor<["T", "hidden"]>;
  /** `y[t,o] = Σ_i x[t,i] · w[o,i]` */
  linear<T extends string, I extends string, O extends string>(
    x: Tensor<[T, I]>,
    w: Weight<[O, NoInfer<I>]>,
  ): Tensor<[T, O]>;
  /** `y[t,h,o] = Σ_i x[t,h,i] · w[h,o,i]` */
  perHead<T extends string, H extends string, I extends string, O extends string>(
    x: Tensor<[T, H, I]>,
    w: Weight<[NoInfer<H>, O, NoInfer<I>]>,
  ): Tensor<[T, H, O]>;
  /** `y[t,c] = g[c] · x[t,c] / √(mean_c x[t,c]² + eps)` */
  rmsNorm<T extends string, C extends string>(
    x: Tensor<[T, C]>,
    gain: Weight<[NoInfer<C>]>,
    eps: number,
  ): Tensor<[T, C]>;
  /** `y[t,c] = g[c] · (x[t,c] − mean) / √(var + eps) + b[c]` */
  layerNorm<T extends string, C extends string>(
    x: Tensor<[T, C]>,
    gain: Weight<[NoInfer<C>]>,
    bias: Weight<[NoInfer<C>]>,
    eps: number,
  ): Tensor<[T, C]>;
  /** Rotates neighbours `(x0,x1), (x2,x3), …` of row `t` by the angles in row `t` of the table. */
  ropeInterleaved<D extends readonly [string, "rope"] | readonly [string, string, "rope"]>(
    x: Tensor<D>,
    table: RopeTable,
  ): Tensor<D>;
  /** `I[t,s] = scale · Σ_j w[t,j] · max(0, q[t,j] · k[s])`, `-Infinity` where `s > start + t` */
  indexScores<T extends string, D extends string>(
    idxQ: Tensor<[T, "idxH", D]>,
    idxK: KeyRows<NoInfer<D>>,
    idxW: Tensor<[T, "idxH"]>,
    start: number,
    scale: number,
  ): Tensor<[T, "S"]>;
  /** The `min(k, S)` largest of each row, ascending positions, padded with −1. */
  topK<T extends string>(scores: Tensor<[T, "S"]>, k: number): Indices<[T, "K"]>;
  /** Attention in latent space over the chosen rows only. Padding (−1) stands behind all rows of a query. */
  latentAttention<T extends string>(
    qLatent: Tensor<[T, "H", "kvLora"]>,
    qPe: Tensor<[T, "H", "rope"]>,
    past: LatentRows,
    topK: Indices<[T, "K"]>,
    scale: number,
  ): Tensor<[T, "H", "kvLora"]>;
  /** Sigmoid router with a bias that only selects. */
  route(logits: Tensor<["T", "E"]>, bias: Weight<["E"]>, rule: RouteRule): Routing;
  /** `y[t] = Σ_a weights[t,a] · down_e(silu(gate_e x) ⊙ up_e x)`, `e = experts[t,a]` ascending */
  experts(x: Tensor<["T", "hidden"]>, routing: Routing, bank: ExpertBank): Tensor<["T", "hidden"]>;
  /** `y = silu(gate) ⊙ up`, `silu(x) = x / (1 + e^−x)` */
  siluMul<T extends string, C extends string>(
    gate: Tensor<[T, C]>,
    up: Tensor<[NoInfer<T>, NoInfer<C>]>,
  ): Tensor<[T, C]>;
  /** `y = a + b` */
  add<T extends string, C extends string>(
    a: Tensor<[T, C]>,
    b: Tensor<[NoInfer<T>, NoInfer<C>]>,
  ): Tensor<[T, C]>;

  // Wiring: no arithmetic, only where numbers stand -------------------------------------------

  /** `[T, A+B] → [T, A], [T, B]` */
  split<T extends string, A extends string, B extends string>(
    x: Tensor<[T, NoInfer<`${A}+${B}`>]>,
    a: A,
    nA: number,
    b: B,
  ): [Tensor<[T, A]>, Tensor<[T, B]>];
  /** `[T, H, A+B] → [T, H, A], [T, H, B]` */
  splitEach<T extends string, H extends string, A extends string, B extends string>(
    x: Tensor<[T, H, NoInfer<`${A}+${B}`>]>,
    a: A,
    nA: number,
    b: B,
  ): [Tensor<[T, H, A]>, Tensor<[T, H, B]>];
  /** `[T, A], [T, B] → [T, A+B]` */
  join<T extends string, A extends string, B extends string>(
    a: Tensor<[T, A]>,
    b: Tensor<[NoInfer<T>, B]>,
  ): Tensor<[T, `${A}+${B}`]>;
  /** `[T, H, A], [T, H, B] → [T, H, A+B]` */
  joinEach<T extends string, H extends string, A extends string, B extends string>(
    a: Tensor<[T, H, A]>,
    b: Tensor<[NoInfer<T>, NoInfer<H>, B]>,
  ): Tensor<[T, H, `${A}+${B}`]>;
  /** `[T, H*D] → [T, H, D]`, a new name for the same numbers */
  splitHeads<T extends string, H extends string, D extends string>(
    x: Tensor<[T, `${H}*${D}`]>,
    h: H,
    nH: number,
    d: D,
  ): Tensor<[T, H, D]>;
  /** `[T, H, D] → [T, H*D]`, a new name for the same numbers */
  joinHeads<T extends string, H extends string, D extends string>(
    x: Tensor<[T, H, D]>,
  ): Tensor<[T, `${H}*${D}`]>;
  /** Rows `from … to` of the first axis as a view. */
  slice<D extends readonly [string, ...string[]]>(
    x: Tensor<D>,
    from: number,
    to: number,
  ): Tensor<D>;
  /** The numbers of `x` as plain floats that no later op overwrites. */
  read(x: Tensor): Floats;
}
