/**
 * A parameter as the checkpoint stores it: bytes with a number format. No backend has placed it
 * yet.
 * @module
 */

/**
 * The number formats of stored weights that the engine reads, by their safetensors names. Q8 and Q4
 * are groups of 32 numbers, which take two tensors of a file (groups.ts).
 */
export type Dtype = "F32" | "F64" | "BF16" | "F16" | "F8_E4M3" | "Q8" | "Q4";

/** Bytes of one stored element. */
export const BYTES_PER_ELEMENT: Readonly<Record<Dtype, number>> = {
  F64: 8,
  F32: 4,
  BF16: 2,
  F16: 2,
  F8_E4M3: 1,
  Q8: 1,
  Q4: 1 / 2,
};

/** The largest finite number of `F8_E4M3`. */
export const E4M3_MAX: number = 448;

/** Rows and columns that share one fp8 scale (DeepSeek-V3 block quantisation). */
export const FP8_BLOCK = 128;

/** Numbers that share one scale in q8 and q4. They are neighbours along the input axis. */
export const GROUP = 32;

/** A stored tensor with its scales, if it has any. */
export interface RawTensor {
  /** The format of its numbers. */
  readonly dtype: Dtype;
  /** Length of each axis. An fp8 tensor is `[rows, cols]` or a stack of such matrices. */
  readonly shape: readonly number[];
  /** The numbers, row-major and little-endian. */
  readonly bytes: Uint8Array;
  /**
   * Only `F8_E4M3` has it: one f32 factor per block of 128 x 128, `[⌈rows/128⌉, ⌈cols/128⌉]` for
   * each matrix. The stored value is multiplied by it, although the checkpoint calls it an inverse.
   */
  readonly scales?: Float32Array;
  /**
   * Only `Q8` and `Q4` have it: the f16 bits of one factor per group, in the order of the groups.
   */
  readonly groupScales?: Uint16Array;
  /** Whether somebody has made sure already that no number is NaN or infinite. */
  readonly isFinite?: boolean;
  /**
   * Only a `Q8` or `Q4` matrix has it that is stored as kernels multiply it: the same numbers and scales
   * (panels.ts). The two fields above are made of it when they are asked for.
   */
  readonly panels?: Uint8Array;
}

/** Matrix `m` of `n` that lie one after the other, as views of the same bytes. */
export function matrixOf(raw: RawTensor, m: number, n: number): RawTensor {
  const { dtype, shape, bytes, scales, groupScales } = raw;
  const part = <A extends Uint8Array | Uint16Array | Float32Array>(all: A): A =>
    all.subarray((m * all.length) / n, ((m + 1) * all.length) / n) as A;
  return {
    dtype,
    shape: shape.slice(-2),
    bytes: part(bytes),
    ...(scales && { scales: part(scales) }),
    ...(groupScales && { groupScales: part(groupScales) }),
    ...(raw.isFinite && { isFinite: true }),
  };
}
