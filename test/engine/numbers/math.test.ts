/** Compares math.ts with a witness in integers of 256 bits, on 4000 seeded numbers per range. */
import { describe, expect, test } from "vitest";
import { type Random, seededRandom } from "../../../engine/generate/random.ts";
import { exp, log, sigmoid, sinCos } from "../../../engine/numbers/math.ts";
import { expError, logError, sinCosErrors } from "../../support/exact-math.ts";

const INF = Number.POSITIVE_INFINITY;

/** Largest value of `error` over seeded numbers. */
function worst(seed: number, make: (random: Random) => number, error: (x: number) => number) {
  const random = seededRandom(seed);
  let max = 0;
  for (let i = 0; i < 4000; i++) max = Math.max(max, error(make(random)));
  return max;
}

const uniform = (low: number, high: number) => (random: Random) => low + (high - low) * random();

describe("the witness itself", () => {
  test("is within 0.51 ulp of e, ln 2, sin and cos as ECMAScript writes them", () => {
    expect(expError(1, Math.E)).toBeLessThanOrEqual(0.51);
    expect(logError(2, Math.LN2)).toBeLessThanOrEqual(0.51);
    expect(Math.max(...sinCosErrors(1, [0.8414709848078965, 0.5403023058681398]))).toBeLessThan(
      0.51,
    );
    expect(sinCosErrors(Math.PI, [1.2246467991473532e-16, -1])[0]).toBeLessThan(0.51);
  });

  test("sees a difference of one unit in the last place", () => {
    expect(expError(1, Math.E + 2 ** -51)).toBeGreaterThan(0.6);
    expect(logError(2, Math.LN2 + 2 ** -53)).toBeGreaterThan(0.6);
  });
});

describe("exp", () => {
  const error = (x: number) => expError(x, exp(x));
  test.each([
    [-1, 1],
    [-40, 40],
    [-700, 709],
    [-745, -708],
  ])("is within 1.1 ulp on %d … %d", (low, high) => {
    expect(worst(1, uniform(low, high), error)).toBeLessThanOrEqual(1.1);
  });

  test("is exactly 1 at 0, 0 below −745.2, infinite above 709.8, NaN at NaN", () => {
    expect([0, -0, -746, -INF, 710, INF, Number.NaN].map(exp)).toEqual([
      1,
      1,
      0,
      0,
      INF,
      INF,
      Number.NaN,
    ]);
  });

  test("reaches the smallest and the largest double", () => {
    expect(exp(-745.13)).toBe(2 ** -1074);
    expect(exp(709.78)).toBeLessThan(INF);
  });
});

describe("log", () => {
  const error = (x: number) => logError(x, log(x));
  test("is within 1 ulp on 2 … 1e9", () => {
    expect(worst(2, uniform(2, 1e9), error)).toBeLessThanOrEqual(1);
  });

  test("is within 1 ulp on 2^-1000 … 2^1000, at least a factor of 2 away from 1", () => {
    const make = (random: Random) => 2 ** ((random() < 0.5 ? -1 : 1) * (1 + 999 * random()));
    expect(worst(3, make, error)).toBeLessThanOrEqual(1);
  });

  test("near 1, where ln x is near 0, is within 3e-16 in absolute terms", () => {
    const off = (x: number) => Math.abs(log(x) - Math.log(x));
    expect(worst(4, uniform(0.5, 2), off)).toBeLessThanOrEqual(3e-16);
  });

  test("of the rope base 8000000 is within 1 ulp", () => {
    expect(error(8_000_000)).toBeLessThanOrEqual(1);
  });

  test("is 0 at 1, −Infinity at 0, NaN below, Infinity at Infinity", () => {
    expect([1, 0, -1, INF, Number.NaN].map(log)).toEqual([0, -INF, Number.NaN, INF, Number.NaN]);
  });
});

describe("sin and cos", () => {
  const error = (x: number) => Math.max(...sinCosErrors(x, sinCos(x)));
  test.each([
    ["0 … 4", uniform(0, 4)],
    ["−1000 … 1000", uniform(-1000, 1000)],
    ["0 … 2^20", uniform(0, 2 ** 20)],
    ["f32 numbers of 0 … 2^20", (random: Random) => Math.fround(random() * 2 ** 20)],
    ["whole numbers of 0 … 2^20", (random: Random) => Math.floor(random() * 2 ** 20)],
  ])("are within 2.5 ulp on %s", (_range, make) => {
    expect(worst(5, make, error)).toBeLessThanOrEqual(2.5);
  });

  test("are within 2.5 ulp at the doubles nearest to multiples of π/2, where one of them is near 0", () => {
    const make = (random: Random) => (Math.round(random() * 2 ** 19) * Math.PI) / 2;
    expect(worst(6, make, error)).toBeLessThanOrEqual(2.5);
  });

  test("are exact at 0", () => {
    expect(sinCos(0)).toEqual([0, 1]);
  });

  test("sin² + cos² = 1 within 1e-15", () => {
    const off = (x: number) => {
      const [sin, cos] = sinCos(x);
      return Math.abs(sin * sin + cos * cos - 1);
    };
    expect(worst(7, uniform(-(2 ** 20), 2 ** 20), off)).toBeLessThanOrEqual(1e-15);
  });
});

describe("sigmoid", () => {
  test("is 1/2 at 0, and 0 and 1 far out", () => {
    expect([0, -800, 800, -INF, INF].map(sigmoid)).toEqual([0.5, 0, 1, 0, 1]);
  });

  test("sigmoid(x) + sigmoid(−x) = 1 within 3e-16", () => {
    const off = (x: number) => Math.abs(sigmoid(x) + sigmoid(-x) - 1);
    expect(worst(8, uniform(-40, 40), off)).toBeLessThanOrEqual(3e-16);
  });
});
