/**
 * What it means to round a number to a coarser format: how far it moves at most, and where it ends.
 * @module
 */
import { F32_ROUNDING, fromBf16, fromF16, toBf16, toF16 } from "../../../engine/numbers/formats.ts";

/** The largest relative error of one rounding to f32, f16 or bf16. */
export const ROUNDING = { F32: F32_ROUNDING, F16: 2 ** -11, BF16: 2 ** -8 } as const;

/** A number rounded to f16. */
export const f16 = (x: number): number => fromF16(toF16(x));

/** A number rounded to bf16. */
export const bf16 = (x: number): number => fromBf16(toBf16(x));
