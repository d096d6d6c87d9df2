/** Tests of the check of bench:peers: it refuses engines that run another model, not rounding. */
import { describe, expect, test } from "vitest";
import { AgreementError, agreement, demand, rowsOf } from "../../bench/peers/agreement.ts";
import { RACES } from "../../bench/peers/races.ts";
import { type Model, Session } from "../../engine/index.ts";
import { referenceOps } from "../../engine/ops/reference/index.ts";
import { floatsOf } from "../../engine/ops/reference/memory.ts";
import { weight } from "../support/random.ts";
import { tinyModel } from "../support/tiny-model.ts";

const row = (...values: number[]) => Float32Array.from(values);
const log = Math.log;

describe("agreement", () => {
  test("is the KL from the right one, over positions, by hand", () => {
    const even = row(0, 0);
    const uneven = row(log(3), 0);
    const kl = 0.5 * log(0.5 / 0.75) + 0.5 * log(0.5 / 0.25);
    const found = agreement([even, even, even], [uneven, even, even]);
    expect(found.meanKl).toBeCloseTo(kl / 3, 7);
    expect(found).toMatchObject({ positions: 3, medianKl: 0, top1: 1 });
  });

  test("does not see what is added to a whole row: logits are as good as log-probabilities", () => {
    const found = agreement([row(1, 2, 4)], [row(-7, -6, -4)]);
    expect(found.meanKl).toBeCloseTo(0, 6);
  });

  test("counts positions with the same likeliest token", () => {
    const [a, b] = [row(1, 0), row(0, 1)];
    expect(agreement([a, a, a, a], [a, b, a, a]).top1).toBe(0.75);
  });

  test("leaves out what an engine cannot say", () => {
    const want = [row(5, 1, 2)];
    const got = [row(Number.NaN, 1, 2)];
    expect(agreement(want, got).meanKl).toBeNaN();
    expect(agreement(want, got, [0]).meanKl).toBeCloseTo(0, 6);
  });

  test("asks for as many rows, as long", () => {
    expect(() => agreement([row(1, 2)], [row(1, 2, 3)])).toThrow(
      new AgreementError("expected 1 rows of 2 logits, got 1 rows of 3 logits"),
    );
    expect(() => agreement([row(1)], [])).toThrow(AgreementError);
  });

  test("rows come back as they were written, whole ones only", () => {
    const bytes = new Uint8Array(row(1, 2, 3, 4, 5, 6).buffer);
    expect(rowsOf(bytes, 3)).toEqual([row(1, 2), row(3, 4), row(5, 6)]);
  });
});

describe("demand", () => {
  const limit = { meanKl: 0.1, medianKl: 0.01 };
  const found = { positions: 33, top1: 0.5, meanKl: 0.1, medianKl: 0.01 };

  test("takes what is at the limit", () => {
    expect(() => demand("q8: theirs", found, limit)).not.toThrow();
  });

  test("says which engine, how far and how far is allowed", () => {
    expect(() => demand("q8: theirs", { ...found, medianKl: 0.02 }, limit)).toThrow(
      "q8: theirs does not run the same model as our f32 run: over 33 positions expected a KL of " +
        "0.1 or less on the average and of 0.01 in the middle, got 0.10 and 0.020; the likeliest " +
        "token is the same at 50 %",
    );
  });

  test.each(["meanKl", "medianKl"])("refuses a %s that is no number", (key) => {
    expect(() => demand("x", { ...found, [key]: Number.NaN }, limit)).toThrow(AgreementError);
  });
});

describe("a model with one tensor scaled", () => {
  const ops = referenceOps("f32");
  const model = tinyModel({}, ops, 3);
  const tokens = Array.from({ length: 33 }, (_, i) => (i * i * 31 + i * 7) % 30);
  const run = (one: Model) => new Session(one).appendAll(tokens);
  const want = run(model);

  /** The model with another `o_proj` in its second layer. */
  function scaled(factor: number): Model {
    const [first, { attn, ...second }, ...others] = model.weights.layers;
    const { dims, shape } = attn.oProj;
    const values = Array.from(floatsOf(attn.oProj), (x) => factor * x);
    const oProj = weight(ops, dims, shape, values);
    const layer = { ...second, attn: { ...attn, oProj } };
    return { ...model, weights: { ...model.weights, layers: [first, layer, ...others] } };
  }

  test.each(Object.entries(RACES))("is refused in the race %s", (_name, { limit }) => {
    expect(() => demand("same", agreement(want, run(scaled(1))), limit)).not.toThrow();
    const found = agreement(want, run(scaled(4)));
    expect(() => demand("scaled", found, limit)).toThrow(AgreementError);
  });
});
