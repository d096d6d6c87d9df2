import { expect } from "vitest";
import { relativeError } from "../../support/compare.ts";
import type { Backend } from "./backends.ts";

/** Every number within the backend's exactness, as a share of the largest one. */
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
