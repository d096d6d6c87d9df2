/**
 * Compares the results of ops with expected numbers.
 * @module
 */
import { expect } from "vitest";
import { relativeError } from "../../support/compare.ts";
import type { Backend } from "./backends.ts";

/** Expects each number to be as close as the backend's exactness says. */
export function expectClose(
  { ops, exactness }: Backend,
  got: Parameters<Backend["ops"]["read"]>[0],
  want: ArrayLike<number>,
): void {
  const values = ops.read(got);
  expect(values.length).toBe(want.length);
  expect(
    relativeError(values, want),
    `${values.join(", ")} against ${Array.from(want).join(", ")}`,
  ).toBeLessThanOrEqual(exactness);
}
