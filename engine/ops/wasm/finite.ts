/**
 * Whether stored numbers are finite; by a kernel where they are in a memory of the kernels.
 * @module
 */
import { areFinite, exponentMask } from "../../numbers/all-finite.ts";
import type { Machine } from "./machine.ts";

/** Bytes that the kernel looks at together. */
const VECTOR = 16;

/** The same answer as {@link areFinite}. */
export function areFiniteIn({ banks }: Machine, dtype: string, bytes: Uint8Array): boolean {
  const { mask, one, step } = exponentMask(dtype);
  const bank = banks.find(({ arena }) => arena.holds(bytes));
  if (!bank || step !== 4) return areFinite(dtype, bytes);
  const whole = bytes.length - (bytes.length % VECTOR);
  const areAll = bank.kernels.allFinite(bytes.byteOffset, whole, mask, one) !== 0;
  return areAll && areFinite(dtype, bytes.subarray(whole));
}
