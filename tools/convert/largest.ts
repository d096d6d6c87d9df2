/**
 * Finds numbers that a format cannot hold. Written all the same, they would become infinity, or groups
 * with an infinite scale, and nobody would see it before the model is read.
 *
 * @module
 */
import { coordinates } from "../../engine/base/tensor.ts";
import type { BlockPlace } from "../../engine/weights/finite.ts";
import { UserError } from "../node/user-error.ts";

/** Numbers from here on round to infinity in f16, whose largest is 65504. */
const F16_LIMIT = 65520;

/** The smallest magnitude that a format does not hold. Groups store it as a multiple of an f16. */
export const LIMITS = {
  f32: 2 ** 128 - 2 ** 103,
  bf16: 2 ** 128 - 2 ** 119,
  f16: F16_LIMIT,
  q8: 127 * F16_LIMIT,
  q4: 8 * F16_LIMIT,
} as const;

/**
 * Checks that a format holds all numbers of a tensor, or of a block of it.
 *
 * @param place the shape of the tensor, and how many numbers of it stand before these
 * @param limits the limits of the formats that could be chosen instead, by the names that users know
 * @throws {UserError} that names the tensor, the number and its place, and the formats that hold it
 */
export function checkFits(
  name: string,
  place: Pick<BlockPlace, "shape" | "numbersBefore">,
  values: ArrayLike<number>,
  type: string,
  limits: Readonly<Record<string, number>>,
): void {
  const limit = limits[type];
  let [largest, at] = [0, -1];
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i]);
    if (size >= limit && size > largest) [largest, at] = [size, i];
  }
  if (at < 0) return;
  const where = coordinates(place.numbersBefore + at, place.shape).join(", ");
  const others = Object.keys(limits).filter((other) => limits[other] > largest);
  const wayOut = others.length > 0 ? `; it fits in ${others.join(" or ")}` : "";
  const got = `${values[at]} at [${where}]${wayOut}`;
  throw new UserError(name, `expected numbers that ${type} can hold, got ${got}`);
}
