// layout: how numbers lie where the kernels read them
//
// The module exports what the engine has to know of this, and engine/ops/wasm/layout.ts reads it when
// the machine starts. So every number stands here and nowhere else.

/** Rows in f32, bf16, f16 and fp8 are filled up with zeros to a multiple of so many numbers. */
export const COLUMNS: i32 = 16;

/** Rows of a matrix that are multiplied together. In q8 and q4 they lie together too: a panel. */
export const PANEL_ROWS: i32 = 8;

/** Rows, and columns, that share one scale in fp8. */
export const FP8_BLOCK: i32 = 128;

/** What the absolute value of a scale in fp8 must stay below: the kernel multiplies it by 2^120. */
export const FP8_SCALE_LIMIT: i32 = 128;

/** Columns that share one scale in q8 and q4. */
export const GROUP: i32 = 32;

/** One group of a panel: bytes of its f16 scales, and of these and its numbers. panels.ts draws it. */
export const SCALE_BYTES: usize = PANEL_ROWS * 2;
export const Q8_GROUP_BYTES: usize = SCALE_BYTES + PANEL_ROWS * GROUP;
export const Q4_GROUP_BYTES: usize = SCALE_BYTES + (PANEL_ROWS * GROUP) / 2;

/** One group of a row of x in int8: bytes of its half words, where its factor and first sum stand, bytes of all. */
export const X_QUANT_BYTES: usize = GROUP * 2;
export const X_FACTOR: usize = X_QUANT_BYTES;
export const X_FIRST_SUM: usize = X_FACTOR + 4;
export const X_GROUP_BYTES: usize = X_FIRST_SUM + 4;

/** Encodings of cached rows by number; engine/numbers/row-encoding.ts defines them. */
export const ENCODING_F32: i32 = 0;
export const ENCODING_BF16: i32 = 1;
export const ENCODING_INT8_X64: i32 = 2;
export const ENCODING_INT8: i32 = 3;
