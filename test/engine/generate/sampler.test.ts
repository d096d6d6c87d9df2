/** Tests of the sampler: from logits to probabilities, and from probabilities to a token. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../../engine/generate/random.ts";
import {
  argmax,
  checkSampling,
  distribution,
  draw,
  logProbs,
  SamplingError,
  type SamplingOptions,
  topIds,
} from "../../../engine/generate/sampler.ts";
import { chiSquareScore, countOf } from "../../support/chi-square.ts";

const LOGITS = Float32Array.of(1, 3, 2, -1, 3, 0);
const of = (options: SamplingOptions, seen: number[] = [], logits = LOGITS) =>
  distribution(logits, options, seen);
const chosenOf = (p: Float64Array) => [...p.keys()].filter((id) => p[id] > 0);
const sumOf = (p: Float64Array) => p.reduce((a, b) => a + b, 0);

describe("greedy", () => {
  test("all weight is on the largest logit, ties to the smaller id", () => {
    expect([...of({})]).toEqual([0, 1, 0, 0, 0, 0]);
    expect(argmax(LOGITS)).toBe(1);
  });

  test("the seed plays no part", () => {
    const ids = [1, 2, 3, 4].map((seed) => draw(of({}), seededRandom(seed)));
    expect(ids).toEqual([1, 1, 1, 1]);
  });
});

describe("temperature", () => {
  test("1 is softmax, within 1e-15", () => {
    const e = [...LOGITS].map(Math.exp);
    const total = e.reduce((a, b) => a + b, 0);
    of({ temperature: 1 }).forEach((p, id) => {
      expect(Math.abs(p - e[id] / total)).toBeLessThanOrEqual(1e-15);
    });
  });

  test("2 divides the logits by 2", () => {
    const half = LOGITS.map((x) => x / 2);
    expect([...of({ temperature: 2 })]).toEqual([...of({ temperature: 1 }, [], half)]);
  });

  test("logits of ±1e30 give no NaN", () => {
    const p = of({ temperature: 1 }, [], Float32Array.of(1e30, -1e30));
    expect([...p]).toEqual([1, 0]);
  });
});

describe("filters", () => {
  test("topK 3 keeps the 3 most probable, ties to the smaller id", () => {
    expect(chosenOf(of({ temperature: 1, topK: 3 }))).toEqual([1, 2, 4]);
    expect(chosenOf(of({ temperature: 1, topK: 1 }))).toEqual([1]);
  });

  test("topK 1 is greedy", () => {
    expect([...of({ temperature: 5, topK: 1 })]).toEqual([...of({})]);
  });

  test("topP keeps the most probable until they reach it, the one that crosses included", () => {
    const logits = Float32Array.from([0.5, 0.3, 0.2].map(Math.log));
    const kept = (topP: number) => chosenOf(of({ temperature: 1, topP }, [], logits));
    expect(kept(0.4)).toEqual([0]);
    expect(kept(0.6)).toEqual([0, 1]);
    expect(kept(0.9)).toEqual([0, 1, 2]);
    expect(kept(1)).toEqual([0, 1, 2]);
    expect(kept(1e-9)).toEqual([0]);
  });

  test("topP 0.5 of four equal ids keeps two: reaching it is enough", () => {
    const p = of({ temperature: 1, topP: 0.5 }, [], new Float32Array(4));
    expect([...p]).toEqual([0.5, 0.5, 0, 0]);
  });

  test("minP drops what is less probable than this share of the most probable", () => {
    const logits = Float32Array.from([0.5, 0.3, 0.2].map(Math.log));
    const kept = (minP: number) => chosenOf(of({ temperature: 1, minP }, [], logits));
    expect(kept(0.3)).toEqual([0, 1, 2]);
    expect(kept(0.5)).toEqual([0, 1]);
    expect(kept(1)).toEqual([0]);
  });

  test("what is kept is renormalised and keeps its proportions", () => {
    const [all, some] = [of({ temperature: 1 }), of({ temperature: 1, topK: 3 })];
    expect(sumOf(some)).toBeCloseTo(1, 14);
    expect(some[2] / some[1]).toBeCloseTo(all[2] / all[1], 14);
  });

  test("whatever the options, the probabilities are 0 … 1, sum to 1, and keep the most probable id", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -80, max: 80 }), { minLength: 1, maxLength: 12 }),
        fc.record({
          temperature: fc.double({ min: 0.01, max: 5, noNaN: true }),
          topK: fc.nat(12),
          topP: fc.double({ min: 0.01, max: 1, noNaN: true }),
          minP: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
        (values, options) => {
          const logits = Float32Array.from(values, (x) => x / 4);
          const p = distribution(logits, options, []);
          expect(sumOf(p)).toBeCloseTo(1, 12);
          expect(Math.min(...p)).toBeGreaterThanOrEqual(0);
          expect(p[argmax(logits)]).toBeGreaterThan(0);
        },
      ),
      { numRuns: 200, seed: 1 },
    );
  });
});

describe("changed logits", () => {
  test("the repetition penalty divides positive and multiplies negative logits, once per id", () => {
    const penalised = of({ temperature: 1, repetitionPenalty: 2 }, [1, 1, 3, 1]);
    const byHand = of({ temperature: 1 }, [], Float32Array.of(1, 1.5, 2, -2, 3, 0));
    expect([...penalised]).toEqual([...byHand]);
  });

  test("a penalty of 1 changes nothing", () => {
    const p = of({ temperature: 1, repetitionPenalty: 1 }, [0, 1, 2]);
    expect([...p]).toEqual([...of({ temperature: 1 })]);
  });

  test("a bias is added to the logit, and −Infinity forbids the id", () => {
    const logitBias = new Map([
      [3, 10],
      [1, Number.NEGATIVE_INFINITY],
    ]);
    expect(argmax(of({ logitBias }))).toBe(3);
    expect(of({ temperature: 1, logitBias })[1]).toBe(0);
  });

  test("padding ids are never chosen, however large their logits", () => {
    expect(argmax(of({ vocabLimit: 1 }))).toBe(0);
    expect(chosenOf(of({ temperature: 9, vocabLimit: 3 }))).toEqual([0, 1, 2]);
  });

  test("a bias does not bring a padding id back", () => {
    const logitBias = new Map([[5, 100]]);
    expect(of({ temperature: 1, vocabLimit: 5, logitBias })[5]).toBe(0);
  });

  test("the caller's logits stay as they are", () => {
    const before = LOGITS.slice();
    of({ temperature: 1, repetitionPenalty: 3, vocabLimit: 2 }, [0, 1]);
    expect(LOGITS).toEqual(before);
  });
});

describe("logits that leave no choice are refused", () => {
  const all = new Map([...LOGITS.keys()].map((id) => [id, Number.NEGATIVE_INFINITY]));
  test.each([
    ["NaN first", LOGITS.with(0, Number.NaN), {}],
    ["NaN later", LOGITS.with(3, Number.NaN), {}],
    ["+Infinity", LOGITS.with(3, Number.POSITIVE_INFINITY), {}],
    ["every id forbidden", LOGITS, { logitBias: all }],
  ] as [string, Float32Array<ArrayBuffer>, SamplingOptions][])("%s", (_what, logits, options) => {
    for (const temperature of [0, 1]) {
      expect(() => of({ ...options, temperature }, [], logits)).toThrow(SamplingError);
    }
  });
});

describe("draw", () => {
  test("the same seed draws the same 100 ids, another seed others", () => {
    const p = of({ temperature: 2 });
    const ids = (seed: number) => {
      const random = seededRandom(seed);
      return Array.from({ length: 100 }, () => draw(p, random));
    };
    expect(ids(1)).toEqual(ids(1));
    expect(ids(1)).not.toEqual(ids(2));
  });

  test("20000 draws fit the distribution: chi-square score below 3.7 (p > 1e-4)", () => {
    const p = of({ temperature: 1.5 });
    const random = seededRandom(5);
    const counts = countOf(Array.from({ length: 20_000 }, () => String(draw(p, random))));
    const expected = new Map([...p].map((x, id) => [String(id), x]));
    expect(chiSquareScore(counts, expected, 20_000)).toBeLessThan(3.7);
    const other = new Map([...of({ temperature: 1.4 })].map((x, id) => [String(id), x]));
    expect(chiSquareScore(counts, other, 20_000)).toBeGreaterThan(3.7);
  });

  test("an id of probability 0 is never drawn, at 0 and just below 1 either", () => {
    const p = Float64Array.of(0, 0.5, 0, 0.5, 0);
    expect([0, 0.499, 0.5, 1 - 2 ** -53].map((u) => draw(p, () => u))).toEqual([1, 1, 3, 3]);
  });

  test("shares that sum to a little less than 1 end with the last possible id", () => {
    expect(draw(Float64Array.of(0.3, 0.3, 0), () => 0.9)).toBe(1);
  });
});

describe("random numbers", () => {
  test("are 0 … 1 with mean 0.5 and variance 1/12, within 0.005 over 50000", () => {
    const random = seededRandom(3);
    const u = Array.from({ length: 50_000 }, random);
    expect(Math.min(...u)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...u)).toBeLessThan(1);
    const mean = u.reduce((a, b) => a + b, 0) / u.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.005);
    const variance = u.reduce((a, b) => a + (b - mean) ** 2, 0) / u.length;
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.005);
  });

  test("100 seeds begin with 100 different numbers", () => {
    expect(new Set(Array.from({ length: 100 }, (_, seed) => seededRandom(seed)())).size).toBe(100);
  });
});

describe("log-probabilities", () => {
  test("of all ids are log softmax: their exponentials sum to 1 within 1e-14", () => {
    const logs = logProbs(LOGITS, [...LOGITS.keys()]);
    expect(Math.abs(logs.map(Math.exp).reduce((a, b) => a + b, 0) - 1)).toBeLessThanOrEqual(1e-14);
    expect(logs[1] - logs[2]).toBeCloseTo(1, 14);
  });

  test("topIds ranks by value, ties to the smaller id", () => {
    expect(topIds(LOGITS, 4)).toEqual([1, 4, 2, 0]);
  });
});

describe("options out of range are refused, with what was expected and got", () => {
  test.each([
    [{ temperature: -1 }, "temperature: expected a number of 0 or more, got -1"],
    [{ temperature: Number.NaN }, "temperature: expected a number of 0 or more, got NaN"],
    [{ topK: 1.5 }, "topK: expected an integer of 0 or more, got 1.5"],
    [{ topP: 0 }, "topP: expected a number above 0, at most 1, got 0"],
    [{ topP: 1.1 }, "topP: expected a number above 0, at most 1, got 1.1"],
    [{ minP: 2 }, "minP: expected a number of 0 … 1, got 2"],
    [{ repetitionPenalty: 0 }, "repetitionPenalty: expected a number above 0, got 0"],
    [{ vocabLimit: 0 }, "vocabLimit: expected a positive integer, got 0"],
    [{ logitBias: new Map([[-1, 1]]) }, "logitBias: expected ids of 0 or more, got -1"],
    [
      { logitBias: new Map([[3, Number.NaN]]) },
      "logitBias of 3: expected a number below Infinity, got NaN",
    ],
  ] as [SamplingOptions, string][])("%o", (options, message) => {
    expect(() => checkSampling(options)).toThrow(
      expect.objectContaining({ name: "SamplingError", message }),
    );
  });

  test("what is in range passes", () => {
    checkSampling({
      temperature: 0,
      topK: 0,
      topP: 1,
      minP: 0,
      repetitionPenalty: 1,
      vocabLimit: 1,
    });
  });
});
