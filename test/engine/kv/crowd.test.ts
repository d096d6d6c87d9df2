/** Tests that texts which share their steps get the bits that each gets alone. */
import { describe, expect, it } from "vitest";
import { newTap, noTaps, type Taps } from "../../../engine/base/tap.ts";
import type { Floats } from "../../../engine/base/tensor.ts";
import { seededRandom } from "../../../engine/generate/random.ts";
import { runStep, Timeline } from "../../../engine/generate/timeline.ts";
import { crowdOf } from "../../../engine/kv/crowd.ts";
import { ModelCache, newPagePool } from "../../../engine/kv/model-cache.ts";
import type { PagePool } from "../../../engine/kv/page-pool.ts";
import { PageTable } from "../../../engine/kv/page-table.ts";
import { head, type Model } from "../../../engine/model/model.ts";
import type { Ops } from "../../../engine/ops/ops.ts";
import { wasmOps } from "../../../engine/ops/wasm/index.ts";
import { nodeThreads } from "../../../tools/node/threads.ts";
import { randomTokens } from "../../support/random.ts";
import { tinyModel } from "../../support/tiny-model.ts";
import { REFERENCES } from "../ops/backends.ts";
import { fastOps, kernelBytes } from "../ops/wasm/wasm.ts";
import { ShufflingStore } from "./faulty-store.ts";

const newTimeline = (pool: PagePool) => new Timeline(new ModelCache(new PageTable(pool)));

/** Logits of all rows of a step, in order. */
function logitsOf(model: Model, parts: Parameters<typeof runStep>[1], taps = noTaps): Floats[] {
  const { ops } = model;
  const mark = ops.mark();
  const logits = ops.read(head(model, runStep(model, parts, taps), noTaps));
  ops.release(mark);
  const n = model.config.vocabSize;
  return Array.from({ length: logits.length / n }, (_, t) => logits.slice(t * n, (t + 1) * n));
}

/** Runs `texts` together: random numbers of tokens of random texts in each step. */
function together(model: Model, pool: PagePool, texts: readonly number[][], seed: number) {
  const random = seededRandom(seed);
  const timelines = texts.map(() => newTimeline(pool));
  const rows: Floats[][] = texts.map(() => []);
  while (timelines.some(({ length }, i) => length < texts[i].length)) {
    const parts = timelines.flatMap((timeline, i) => {
      const most = texts[i].length - timeline.length;
      const n = random() < 0.6 ? Math.min(most, 1 + Math.floor(random() ** 3 * 12)) : 0;
      return n > 0
        ? [{ i, timeline, tokens: texts[i].slice(timeline.length, timeline.length + n) }]
        : [];
    });
    if (parts.length === 0) continue;
    parts.sort(() => random() - 0.5);
    const logits = logitsOf(model, parts);
    let from = 0;
    for (const { i, tokens } of parts) {
      rows[i].push(...logits.slice(from, from + tokens.length));
      from += tokens.length;
    }
  }
  for (const timeline of timelines) timeline.close();
  return rows;
}

/** Each text alone, all of it in one step. */
function alone(model: Model, texts: readonly number[][]): Floats[][] {
  return texts.map((tokens) => {
    const timeline = newTimeline(newPagePool(model.ops, model.config));
    const rows = logitsOf(model, [{ timeline, tokens }]);
    timeline.close();
    return rows;
  });
}

const TEXTS = [9, 30, 17, 3, 24].map((n, i) => randomTokens(n, 32, 50 + i));

const shared = { ...nodeThreads(2), shareFrom: 0, isAdaptive: false };
const backends: [name: string, ops: Ops][] = [
  ...REFERENCES.map(({ name, ops }): [string, Ops] => [name, ops]),
  ["wasm", await fastOps()],
  ["wasm, 2 threads", await wasmOps(kernelBytes(), { memoryBytes: 2 ** 26, threads: shared })],
];

describe.each(backends)("texts that share their steps (%s)", (_, ops) => {
  const model = tinyModel({}, ops);
  const want = alone(model, TEXTS);

  it.each([1, 4, 64])("get the bits of each alone, with pages of %i rows", (pageRows) => {
    for (const seed of [1, 2, 3]) {
      const pool = newPagePool(ops, model.config, { pageRows });
      expect(together(model, pool, TEXTS, seed)).toEqual(want);
      expect(pool.nLive).toBe(0);
    }
  });

  it("get them from rows in a store, too", () => {
    const tier = { store: new ShufflingStore(), hotBytes: 60 * 240 };
    const pool = newPagePool(ops, model.config, { pageRows: 4 }, tier);
    expect(together(model, pool, TEXTS, 4)).toEqual(want);
  });

  it("get other bits from an op that mixes two of them", () => {
    const mixing: Ops = {
      ...ops,
      add: (a, b) => {
        const sum = ops.add(a, b);
        if (sum.shape[0] > 1) sum.data[0] += sum.data[sum.data.length - 1] * 2 ** -20;
        return sum;
      },
    };
    const wrong = { ...model, ops: mixing };
    expect(together(wrong, newPagePool(ops, model.config), TEXTS, 1)).not.toEqual(want);
  });

  it("are all as they were after a step that fails", () => {
    const pool = newPagePool(ops, model.config, { pageRows: 4 });
    const timelines = TEXTS.map(() => newTimeline(pool));
    const parts = (n: number) =>
      timelines.map((timeline, i) => ({
        timeline,
        tokens: TEXTS[i].slice(timeline.length, timeline.length + n),
      }));
    const first = logitsOf(model, parts(2));
    const failing: Taps = {
      ...noTaps,
      layer: (l) =>
        newTap(
          () => {
            if (l === 3) throw new Error("no more");
          },
          () => l === 3,
        ),
    };
    const live = pool.nLive;
    expect(() => runStep(model, parts(1), failing)).toThrow("no more");
    expect(timelines.map(({ length }) => length)).toEqual([2, 2, 2, 2, 2]);
    expect(pool.nLive).toBe(live);
    const second = logitsOf(model, parts(1));
    expect(TEXTS.map((_, i) => [first[2 * i], first[2 * i + 1], second[i]])).toEqual(
      want.map((rows) => rows.slice(0, 3)),
    );
  });
});

describe("a crowd", () => {
  const { ops, config } = tinyModel({}, REFERENCES[1].ops);

  it("has each timeline once, of one pool", () => {
    const { cache } = newTimeline(newPagePool(ops, config));
    const other = newTimeline(newPagePool(ops, config));
    expect(() => crowdOf([cache, cache].map((c) => ({ cache: c, nRows: 1 })))).toThrow("each once");
    expect(() => crowdOf([cache, other.cache].map((c) => ({ cache: c, nRows: 1 })))).toThrow(
      "2 pools",
    );
  });

  it("does not show scores, which have no common shape", () => {
    const pool = newPagePool(ops, config);
    const parts = [0, 1].map(() => ({ timeline: newTimeline(pool), tokens: [3] }));
    const taps = { ...noTaps, layer: () => newTap(() => {}) };
    expect(() => runStep(tinyModel({}, ops), parts, taps)).toThrow("no single tensor");
  });
});
