/**
 * What is wrong with a dump or a tensor before its numbers are looked at.
 * @module
 */
import { coordinates } from "../../../engine/base/tensor.ts";
import { UserError } from "../../node/user-error.ts";
import type { GoldenTensor } from "../case/case.ts";
import type { Expectation } from "../case/expectation.ts";
import type { Dump, DumpTensor } from "../dump/dump.ts";

/**
 * Stops where there is nothing to compare.
 *
 * @param where the dump's name in the message
 * @throws {UserError} when a dump has none of the stages of a case
 */
export function mustShare(where: string, dump: Dump, { info, stages }: Expectation): void {
  if ([...dump.keys()].some((name) => stages.has(name))) return;
  const got = [...dump.keys()].slice(0, 3).join(", ") || "nothing";
  const want = [...stages.keys()].slice(0, 3).join(", ");
  throw new UserError(
    where,
    `expected stages of ${info.name}, such as ${want}; got ${got}. --names can map them`,
  );
}

/**
 * Says what is wrong with the format or shape of a tensor; undefined where both are right. A batch
 * axis of 1 in front is right too, and so are last axes that are joined to one.
 */
export function shapeFault(got: DumpTensor, want: GoldenTensor): string | undefined {
  const isInteger = got.data instanceof Int32Array;
  if (isInteger !== want.data instanceof Int32Array) {
    return `wrong dtype: expected ${isInteger ? "floats" : "I32 or I64"}, got ${got.dtype}`;
  }
  const bare = (shape: readonly number[]): readonly number[] =>
    shape.length > 1 && shape[0] === 1 && want.shape[0] !== 1 ? shape.slice(1) : shape;
  const shape = bare(got.shape);
  const joined = [want.shape[0], want.data.length / want.shape[0]];
  if (String(shape) === String(want.shape) || String(shape) === String(joined)) return undefined;
  return `wrong shape: expected [${want.shape}], got [${got.shape}]`;
}

/** The coordinates of a flat index as text, such as `[3, 0, 2]`. */
export function place(index: number, shape: readonly number[]): string {
  return `[${coordinates(index, shape).join(", ")}]`;
}
