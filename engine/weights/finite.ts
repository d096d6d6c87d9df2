/**
 * Finds NaN and infinity in stored bytes, and says where they are.
 * @module
 */

import { coordinates } from "../base/tensor.ts";
import { areFinite } from "../numbers/all-finite.ts";
import { PanelTensor } from "../numbers/panels.ts";
import { type Dtype, E4M3_MAX, GROUP, type RawTensor } from "../numbers/raw-tensor.ts";
import { STORED_BYTES, type StoredDtype } from "./safetensors.ts";
import { WeightsError } from "./weights-error.ts";

/** The index of the first number that is not finite, or −1. */
export function firstNotFinite(dtype: StoredDtype, bytes: Uint8Array): number {
  const width = STORED_BYTES[dtype];
  let [first, end] = [0, Math.floor(bytes.length / width)];
  const isClean = (from: number, to: number): boolean =>
    areFinite(dtype, bytes.subarray(from * width, to * width));
  if (isClean(first, end)) return -1;
  while (end - first > 1) {
    const middle = (first + end) >> 1;
    if (isClean(first, middle)) first = middle;
    else end = middle;
  }
  return first;
}

/** Whether numbers in such bytes are all finite; backends may have a faster way to tell. */
export type AreFinite = (dtype: Dtype, bytes: Uint8Array) => boolean;

/** Where a block of a tensor stands in it, for messages. */
export interface BlockPlace {
  /** The shape of the whole tensor. */
  readonly shape: readonly number[];
  /** How many numbers, and how many fp8 scales, stand before the block. */
  readonly numbersBefore: number;
  readonly scalesBefore: number;
}

/**
 * Checks that all numbers of a tensor, and all its scales, are finite.
 *
 * @param scales the name of its scales, if it is in fp8
 * @param block where `raw` stands in the tensor, if it is only a part of it
 * @throws {WeightsError} that names the tensor and the place of the first one that is not
 */
export function checkFinite(
  name: string,
  raw: RawTensor,
  scales: string,
  areFinite: AreFinite,
  block: BlockPlace = { shape: raw.shape, numbersBefore: 0, scalesBefore: 0 },
): void {
  const at = firstBad(raw, areFinite);
  if (at >= 0) {
    const index = coordinates(block.numbersBefore + at, block.shape).join(", ");
    throw new WeightsError(name, `expected finite numbers, got NaN or infinity at [${index}]`);
  }
  const factors = raw.scales ?? new Float32Array();
  for (let i = 0; i < factors.length; i++) {
    // A block's largest value times its scale must still be an f32.
    if (Number.isFinite(Math.fround(factors[i] * E4M3_MAX))) continue;
    const where = block.scalesBefore + i;
    throw new WeightsError(scales, `expected a finite scale, got ${factors[i]} at ${where}`);
  }
}

/** The flat index of the first number that is NaN or infinite, or −1. */
function firstBad(raw: RawTensor, areFinite: AreFinite): number {
  if (raw instanceof PanelTensor) return raw.firstNotFinite();
  const { dtype, bytes, perFloat } = floatsIn(raw);
  return areFinite(dtype, bytes) ? -1 : perFloat * firstNotFinite(dtype, bytes);
}

/** What may be not finite in a tensor: its numbers, or the scales of its groups. */
function floatsIn({ dtype, bytes, groupScales }: RawTensor): {
  readonly dtype: Exclude<Dtype, "Q8" | "Q4">;
  readonly bytes: Uint8Array;
  /** Numbers that each of these belongs to. */
  readonly perFloat: number;
} {
  if (dtype !== "Q8" && dtype !== "Q4") return { dtype, bytes, perFloat: 1 };
  const { buffer, byteOffset, byteLength } = groupScales ?? new Uint16Array();
  const scales = new Uint8Array(buffer, byteOffset, byteLength);
  return { dtype: "F16", bytes: scales, perFloat: GROUP };
}
