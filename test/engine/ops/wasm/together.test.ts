/**
 * Tests that the ops that read the past give a query the same bits, whatever queries come with it: blocks
 * of rows and keys are read once for several queries.
 */
import { describe, expect, it } from "vitest";
import type { Indices } from "../../../../engine/base/tensor.ts";
import type { Ops } from "../../../../engine/index.ts";
import type { RowFormat } from "../../../../engine/kv/geometry.ts";
import { nanScore } from "../../../../engine/ops/doors.ts";
import { NO_ROW } from "../../../../engine/ops/no-row.ts";
import { wasmOps } from "../../../../engine/ops/wasm/index.ts";
import { nodeThreads } from "../../../../tools/node/threads.ts";
import { bitsOf } from "../../../support/compare.ts";
import { gaussians } from "../../../support/random.ts";
import { keyRows, latentRows } from "../../../support/stored.ts";
import { fastOps, kernelBytes, watchedOps } from "./wasm.ts";

const FORMATS: readonly RowFormat[] = ["f32", "bf16", "int8"];
const CHUNKS = [3, 8, 64];
const [nT, nS] = [64, 200];
const ops = await fastOps();

/** The rows of each query, ascending. */
type Choices = readonly (readonly number[])[];

const positions = Array.from({ length: nS }, (_, s) => s);

/** Every row that a query may see, as in a text that is shorter than `indexTopk`. */
const all: Choices = Array.from({ length: nT }, (_, t) => positions.slice(0, nS - nT + t + 1));

/** About half of the rows, of which each query leaves out others. */
const some: Choices = Array.from({ length: nT }, (_, t) =>
  positions.filter((s) => (s * 7) % 13 < 7 && (s + t) % 5 > 0),
);

const CHOICES: Readonly<Record<string, Choices>> = {
  "all rows": all,
  "fewer and fewer rows": [...all].reverse(),
  "neighbouring choices": some,
  "all rows, except that one query has another in its first block": all.with(
    5,
    positions.slice(1, nS - nT + 7),
  ),
};

/** Choices as top-k gives them when it may choose as many rows as there are. */
function indices(choices: Choices): Indices<["T", "K"]> {
  const data = new Int32Array(choices.length * nS).fill(NO_ROW);
  choices.forEach((rows, t) => {
    data.set(rows, t * nS);
  });
  return { dims: ["T", "K"], shape: [choices.length, nS], data };
}

/** Bits of the attention, with `chunk` queries in each call. */
function attend(run: Ops, choices: Choices, format: RowFormat, chunk: number): Uint32Array {
  const mark = run.mark();
  const [nH, nC, nR] = [5, 24, 8];
  const latent = run.tensor(["S", "kvLora"], [nS, nC], gaussians(nS * nC, 3));
  const kPe = run.tensor(["S", "rope"], [nS, nR], gaussians(nS * nR, 4));
  const past = latentRows(run, latent, kPe, { format });
  const q = run.tensor(["T", "H", "kvLora"], [nT, nH, nC], gaussians(nT * nH * nC, 1));
  const qPe = run.tensor(["T", "H", "rope"], [nT, nH, nR], gaussians(nT * nH * nR, 2));
  const parts: number[] = [];
  for (let t = 0; t < nT; t += chunk) {
    const end = Math.min(t + chunk, nT);
    const [some, somePe] = [run.slice(q, t, end), run.slice(qPe, t, end)];
    const topK = indices(choices.slice(t, end));
    parts.push(...bitsOf(run.latentAttention(some, somePe, past, topK, 0.3).data));
  }
  run.release(mark);
  return Uint32Array.from(parts);
}

/** Bits of the scores, with `chunk` queries in each call. */
function score(run: Ops, format: RowFormat, chunk: number): Uint32Array {
  const mark = run.mark();
  const [nH, nD] = [3, 40];
  const k = run.tensor(["S", "d"], [nS, nD], gaussians(nS * nD, 1));
  const keys = keyRows(run, k, { pageRows: 7, format });
  const q = run.tensor(["T", "idxH", "d"], [nT, nH, nD], gaussians(nT * nH * nD, 2));
  const w = run.tensor(["T", "idxH"], [nT, nH], gaussians(nT * nH, 3));
  const parts: number[] = [];
  for (let t = 0; t < nT; t += chunk) {
    const end = Math.min(t + chunk, nT);
    const [some, weights] = [run.slice(q, t, end), run.slice(w, t, end)];
    parts.push(...bitsOf(run.indexScores(some, keys, weights, nS - nT + t, 0.1).data));
  }
  run.release(mark);
  return Uint32Array.from(parts);
}

/** The rows with the best of some random scores, among which are equal ones. */
function choose(run: Ops, scores: ArrayLike<number>): Int32Array {
  const mark = run.mark();
  const rows = run.topK(run.tensor(["T", "S"], [nT, nS], scores), 30).data.slice();
  run.release(mark);
  return rows;
}

describe.each(FORMATS)("rows in %s", (format) => {
  it.each(Object.entries(CHOICES))("attention to %s is that of one query at a time", (_, rows) => {
    const want = attend(ops, rows, format, 1);
    for (const chunk of CHUNKS) expect(attend(ops, rows, format, chunk)).toEqual(want);
  });

  it("scores are those of one query at a time", () => {
    const want = score(ops, format, 1);
    for (const chunk of CHUNKS) expect(score(ops, format, chunk)).toEqual(want);
  });
});

it("two and three threads give the bits of one", async () => {
  for (const count of [2, 3]) {
    const threads = { ...nodeThreads(count), shareFrom: 0 };
    const shared = await wasmOps(kernelBytes(), { memoryBytes: 2 ** 26, threads });
    for (const rows of Object.values(CHOICES)) {
      expect(attend(shared, rows, "bf16", 8)).toEqual(attend(ops, rows, "bf16", 1));
    }
    expect(score(shared, "bf16", 8)).toEqual(score(ops, "bf16", 1));
    const scores = gaussians(nT * nS, 6).map((x) => Math.round(4 * x));
    expect(choose(shared, scores)).toEqual(choose(ops, scores));
    scores[40 * nS + 3] = Number.NaN;
    expect(() => choose(shared, scores)).toThrow(nanScore(40));
    await shared.close();
  }
});

it("many queries together stay within the bound of the reference", async () => {
  const { ops: watched, worst } = await watchedOps();
  for (const rows of Object.values(CHOICES)) attend(watched, rows, "f32", 64);
  score(watched, "f32", 64);
  for (const op of ["latentAttention", "indexScores"] as const) {
    expect(worst.get(op)).toBeGreaterThan(0);
  }
});

it("a query that was given a block of its neighbour would be noticed", () => {
  const right = attend(ops, some, "f32", 8);
  const t = 9;
  const wrong = some.with(t, [...some[t - 1].slice(0, 64), ...some[t].slice(64)]);
  const bits = attend(ops, wrong, "f32", 8);
  const perQuery = right.length / nT;
  const differ = Array.from({ length: nT }, (_, q) => q).filter((q) =>
    bits.subarray(q * perQuery, (q + 1) * perQuery).some((x, i) => x !== right[q * perQuery + i]),
  );
  expect(differ).toEqual([t]);
});
