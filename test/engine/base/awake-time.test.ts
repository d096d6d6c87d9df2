/** Tests of the time that a waiting loop was awake. */
import { describe, expect, it } from "vitest";
import { awakeTime } from "../../../engine/base/awake-time.ts";

/** A clock that shows these times, one after the other. */
function clock(...times: readonly number[]): () => number {
  const left = [...times];
  return () => left.shift() ?? Number.NaN;
}

describe("the time that a loop was awake", () => {
  it("is that of the clock while the loop looks often", () => {
    const waited = awakeTime(clock(1000, 1001, 1002.5, 1010));
    expect([waited(), waited(), waited()]).toEqual([1, 2.5, 10]);
  });

  it("leaves out a suspension of an hour, and goes on counting after it", () => {
    const hour = 3_600_000;
    const waited = awakeTime(clock(0, 1, hour, hour + 1));
    expect([waited(), waited(), waited()]).toEqual([1, 21, 22]);
  });

  it("does not run backwards with the clock", () => {
    const waited = awakeTime(clock(5000, 5001, 10, 12));
    expect([waited(), waited(), waited()]).toEqual([1, 1, 3]);
  });
});
