/** Tests how many tokens of a prompt are run at once. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { Pace } from "../../../engine/generate/pace.ts";
import { referenceOps, Session } from "../../../engine/index.ts";
import { tinyModel } from "../../support/tiny-model.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const model = tinyModel({}, referenceOps());
const { pool } = new Session(model);

/** The sizes of steps when each token takes so many milliseconds. */
function steps(msPerToken: number, length = 0): number[] {
  const pace = new Pace(undefined);
  return Array.from({ length: 5 }, () => {
    const n = pace.next(model.config, pool, length);
    pace.took(n, n * msPerToken);
    return n;
  });
}

describe("the steps of a prompt", () => {
  it("are long for a fast model, short for a slow one, and take about a second", () => {
    expect(steps(0.01)).toEqual([64, 512, 512, 512, 512]);
    expect(steps(5)).toEqual([64, 128, 128, 128, 128]);
    expect(steps(1000)).toEqual([64, 64, 64, 64, 64]);
  });

  it("become short again when the model becomes slow", () => {
    const pace = new Pace(undefined);
    pace.took(64, 1);
    expect(pace.next(model.config, pool, 0)).toBe(512);
    pace.took(512, 10_000);
    expect(pace.next(model.config, pool, 0)).toBe(64);
    pace.took(3, 100_000); // the rest of a prompt, or one generated token, says nothing
    expect(pace.next(model.config, pool, 0)).toBe(64);
  });

  it("are short where the scores of all positions would take too much memory", () => {
    expect(steps(0.01, 10_000_000)[1]).toBeLessThan(512);
    expect(steps(0.01, 10_000_000)[1]).toBeGreaterThanOrEqual(64);
  });

  it("are those that were asked for", () => {
    const pace = new Pace(7);
    pace.took(64, 1);
    expect(pace.next(model.config, pool, 0)).toBe(7);
  });

  it("change no bit, whatever the clock says", async () => {
    const tokens = Array.from({ length: 700 }, (_, i) => (i * 11) % 32);
    const run = async (msPerLook: number) => {
      let time = 0;
      vi.spyOn(performance, "now").mockImplementation(() => (time += msPerLook));
      const seen: number[] = [];
      const session = new Session(model, { onProgress: (done) => seen.push(done) });
      await session.prefill(tokens);
      return { logits: [...session.sync(tokens).logits], seen };
    };
    const [fast, slow] = [await run(0.001), await run(50_000)];
    expect(fast.seen.length).toBeLessThan(slow.seen.length);
    expect(fast.logits).toEqual(slow.logits);
  });
});
