/**
 * Tests of the cases for the indexer alone. Their numbers are integers, so that scores are exact
 * and every backend must choose the same rows.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Ops, referenceOps } from "../../../../engine/index.ts";
import { wasmOps } from "../../../../engine/ops/wasm/index.ts";
import {
  HEADS,
  integerKey,
  integerQuery,
  integerScores,
  integerWeights,
  WIDTH,
} from "../../../../tools/golden/build/integer-indexer.ts";
import {
  CHOSEN,
  firstSeed,
  isClear,
  SELECTION_CASES,
  type SelectionCase,
  select,
} from "../../../../tools/golden/build/selection-cases.ts";
import { readDump } from "../../../../tools/golden/case/case.ts";
import { bf16 } from "../../../../tools/golden/case/rounding.ts";
import { kernels } from "../../../../tools/node/node-host.ts";
import { ROOT } from "../../../support/paths.ts";
import { keyRows } from "../../../support/stored.ts";

const { GLM52_FULL } = process.env as { readonly GLM52_FULL?: string };
const stored = await readDump(join(ROOT, "golden/selections.safetensors"));
const rowsOf = ({ keys }: SelectionCase) => stored.get(`top_k-${keys}`);

/** Runs the indexer's ops on the numbers of a case. */
function chosenBy(ops: Ops, { keys, queries, seed }: SelectionCase): Int32Array {
  const key = new Int32Array(WIDTH);
  const data = new Float32Array(keys * WIDTH);
  for (let s = 0; s < keys; s++) data.set(integerKey(seed, s, key), s * WIDTH);
  const numbers = (of: (seed: number, t: number) => Int32Array) =>
    Array.from({ length: queries }, (_, t) => [...of(seed, t)]).flat();
  const k = { dims: ["S", "D"] as ["S", "D"], shape: [keys, WIDTH] as [number, number], data };
  const q = ops.tensor(["T", "idxH", "D"], [queries, HEADS, WIDTH], numbers(integerQuery));
  const w = ops.tensor(["T", "idxH"], [queries, HEADS], numbers(integerWeights));
  // bf16 holds these keys exactly.
  const past = keyRows(ops, k, { pageRows: 64, format: "bf16" });
  const scores = ops.indexScores(q, past, w, keys - queries, (HEADS * WIDTH) ** -0.5);
  return ops.topK(scores, CHOSEN).data.slice();
}

describe("the stored selections", () => {
  it("are those of selections.json", () => {
    const json = JSON.parse(readFileSync(join(ROOT, "golden/selections.json"), "utf8"));
    expect(json.cases).toEqual(SELECTION_CASES);
    expect([...stored.keys()].filter((name) => name.startsWith("top_k"))).toHaveLength(
      SELECTION_CASES.length,
    );
  });

  const upTo131k = SELECTION_CASES.filter(({ keys }) => keys < 1e6 || GLM52_FULL === "1");
  it.each(upTo131k)("$keys keys: wide at the border, and its own position is chosen", (one) => {
    for (let t = 0; t < one.queries; t++) {
      const found = select(one, t);
      expect(isClear(found, one.keys - one.queries + 1 + t)).toBe(true);
      expect(found.chosen).toEqual(rowsOf(one)?.data.slice(t * CHOSEN, (t + 1) * CHOSEN));
    }
  });

  it("have the first seed that fits: 4093 keys, 4100 keys", () => {
    expect([firstSeed(4093, 3), firstSeed(4100, 1)]).toEqual([7, 1]);
  });

  it("are chosen by the reference, three queries at a time", () => {
    for (const one of SELECTION_CASES.slice(0, 4)) {
      expect(chosenBy(referenceOps("f32"), one)).toEqual(rowsOf(one)?.data);
    }
  });

  it.each(upTo131k)("$keys keys: are chosen by the wasm backend", async (one) => {
    const ops = await wasmOps(await kernels(), { memoryBytes: 2 ** 31 });
    expect(chosenBy(ops, one)).toEqual(rowsOf(one)?.data);
  });
});

describe("wrong engines are caught by at least one length", () => {
  const near: [string, (x: number, s: number, n: number) => number][] = [
    ["scores are rounded to bf16", (x) => bf16(x)],
    ["scores are cut off at the largest f16", (x) => Math.min(x, 65_504)],
    [
      "the last keys, when their number is no multiple of 4, are not seen",
      (x, s, n) => (s >= n - (n % 4) ? Number.NEGATIVE_INFINITY : x),
    ],
    ["positions from 4096 on score nothing", (x, s) => (s >= 4096 ? 0 : x)],
    ["positions from 131072 on score nothing", (x, s) => (s >= 131_072 ? 0 : x)],
    ["head weights lose their sign", (x) => Math.abs(x)],
  ];
  const ops = referenceOps("f64");
  const some = SELECTION_CASES.filter(({ keys }) => keys < 1e6).map((one) => ({
    one,
    scores: integerScores(one.seed, 0, one.keys - one.queries + 1),
  }));
  it.each(near)("%s", (_what, wrong) => {
    const caught = some.filter(({ one, scores }) => {
      const n = scores.length;
      const data = Float64Array.from(scores, (x, s) => wrong(x, s, n));
      const { data: chosen } = ops.topK({ dims: ["T", "S"], shape: [1, n], data }, CHOSEN);
      return String(chosen) !== String(rowsOf(one)?.data.subarray(0, CHOSEN));
    });
    expect(caught.map(({ one }) => one.keys)).not.toEqual([]);
  });
});
