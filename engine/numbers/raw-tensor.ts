/**
 * A parameter as the checkpoint stores it: bytes with a dtype, not yet placed by any backend.
 * @module
 */

/**
 * Stored number formats that the engine reads, by their safetensors names; Q8 and Q4 are groups of
 * {@link GROUP} numbers, which take two tensors of a file (weights/groups.ts).
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

/** Rows and columns that share one fp8 scale (DeepSeek-V3 block quantisation). */
export const FP8_BLOCK = 128;

/** Numbers, neighbours along the input axis, that share one scale in q8 and q4. */
export const GROUP = 32;

/** A stored tensor, row-major, little-endian, with its scales if it has any. */
export interface RawTensor {
  readonly dtype: Dtype;
  /** Lengths; fp8 tensors are `[rows, cols]` or a stack of such matrices. */
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
  /**
   * Only with `F8_E4M3`: one f32 factor per block of 128 x 128, `[⌈rows/128⌉, ⌈cols/128⌉]` for each
   * matrix. The stored value is multiplied by it, though the checkpoint names it an inverse.
   */
  readonly scales?: Float32Array;
  /** Only with `Q8` and `Q4`: the f16 bits of one factor per group, in the order of the groups. */
  readonly groupScales?: Uint16Array;
}
