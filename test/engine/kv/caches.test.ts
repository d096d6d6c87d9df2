/** Tests of the caches: rows are appended at the end, written once, and forgotten from the end. */

import { describe, expect, test } from "vitest";
import { noTaps } from "../../../engine/base/tap.ts";
import { ShapeError } from "../../../engine/base/tensor.ts";
import { Session } from "../../../engine/generate/session.ts";
import { CacheError, CacheFullError } from "../../../engine/kv/cache-error.ts";
import { positionBytes } from "../../../engine/kv/geometry.ts";
import { ModelCache, newDraftCache, newModelCache } from "../../../engine/kv/model-cache.ts";
import { pageLayout } from "../../../engine/kv/page-layout.ts";
import { PagePool } from "../../../engine/kv/page-pool.ts";
import { PageTable } from "../../../engine/kv/page-table.ts";
import { forward } from "../../../engine/model/model.ts";
import { positionsFrom } from "../../../engine/numbers/rope-table.ts";
import type { Ops } from "../../../engine/ops/ops.ts";
import { storedKeys, storedLatents } from "../../../engine/ops/stored-rows.ts";
import { random, randomTokens } from "../../support/random.ts";
import { tinyModel } from "../../support/tiny-model.ts";
import { BACKENDS } from "../ops/backends.ts";

for (const { name, ops } of BACKENDS) {
  describe(`caches (${name})`, () => {
    const { config } = tinyModel({}, ops);
    const keys = random(ops, ["T", "rope+idxNope"], [6, 8], 1);
    const latent = random(ops, ["T", "kvLora"], [6, 8], 2);
    const kPe = random(ops, ["T", "rope"], [6, 4], 3);
    const layer = () => {
      const [first] = newModelCache(ops, config, { pageRows: 4 }).layers;
      if (!first.index) throw new Error("the first layer is full");
      return { latents: first.latent, index: first.index };
    };

    test("index keys read back are those appended, in order", () => {
      const { index } = layer();
      index.append(positionsFrom(0, 3), ops.slice(keys, 0, 3));
      const [{ keys: held }] = index.append(positionsFrom(3, 3), ops.slice(keys, 3, 6));
      const all = storedKeys(held);
      expect([...all.data]).toEqual([...ops.read(keys)]);
      expect(all.shape).toEqual([6, 8]);
      expect(index.length).toBe(6);
    });

    test("latents and rotary keys read back are those appended, in order", () => {
      const { latents } = layer();
      latents.append(Int32Array.of(0), ops.slice(latent, 0, 1), ops.slice(kPe, 0, 1));
      const all = storedLatents(
        latents.append(positionsFrom(1, 5), ops.slice(latent, 1, 6), ops.slice(kPe, 1, 6)),
      );
      expect([...all.latent.data]).toEqual([...ops.read(latent)]);
      expect([...all.kPe.data]).toEqual([...ops.read(kPe)]);
    });

    test("appending elsewhere than at the end is refused, before and behind it", () => {
      const { index, latents } = layer();
      index.append(positionsFrom(0, 3), ops.slice(keys, 0, 3));
      for (const start of [0, 2, 4]) {
        expect(() => index.append(Int32Array.of(start), ops.slice(keys, 3, 4))).toThrow(
          new CacheError("index cache", `append at position ${start}, but 3 rows are held`),
        );
      }
      expect(() => latents.append(positionsFrom(1, 6), latent, kPe)).toThrow(
        new CacheError("latent cache", "append at position 1, but 0 rows are held"),
      );
    });

    test("rows of another width are refused, and both sides are shown", () => {
      const { index, latents } = layer();
      expect(() =>
        index.append(positionsFrom(0, 2), random(ops, ["T", "rope+idxNope"], [2, 7], 1)),
      ).toThrow(new ShapeError("index cache: [T=2, rope+idxNope=7] against keys of 8"));
      expect(() => latents.append(positionsFrom(0, 6), latent, ops.slice(kPe, 0, 5))).toThrow(
        new ShapeError("latent cache: [T=6, kvLora=8] | [T=5, rope=4] against rows of 8 | 4"),
      );
    });

    test("truncating to more rows than are held changes nothing", () => {
      const cache = newDraftCache(ops, config);
      const [{ latent: latents, index }] = cache.layers;
      latents.append(positionsFrom(0, 6), latent, kPe);
      index?.append(positionsFrom(0, 6), keys);
      cache.truncate(9);
      expect([cache.length, latents.length, index?.length]).toEqual([6, 6, 6]);
      cache.truncate(3);
      expect([cache.length, latents.length, index?.length]).toEqual([3, 3, 3]);
    });

    test("more pages than the pool may have are refused, and nothing has changed", () => {
      const format = { latent: ops.precision, index: ops.precision, pageRows: 2 };
      const layout = pageLayout(config, config.indexerTypes, format);
      const cache = new ModelCache(
        new PageTable(new PagePool(ops.rowMemory(), layout, { maxPages: 2 })),
      );
      const [{ index }] = cache.layers;
      index?.append(positionsFrom(0, 3), ops.slice(keys, 0, 3));
      expect(() => index?.append(positionsFrom(3, 2), ops.slice(keys, 3, 5))).toThrow(
        new CacheFullError("page pool", "expected 1 free pages, got 0"),
      );
      expect([cache.length, index?.length]).toEqual([3, 3]);
    });

    test("between steps, all caches of a model hold the same positions", () => {
      const model = tinyModel({}, ops);
      const cache = newModelCache(ops, model.config);
      let start = 0;
      for (const n of [1, 6, 2, 11]) {
        const text = Int32Array.from(randomTokens(n, 32, n));
        forward(model, text, positionsFrom(start, n), cache, noTaps);
        start += n;
        for (const { latent: rows, index } of cache.layers) {
          expect(rows.length).toBe(start);
          expect(index?.length ?? start).toBe(start);
        }
      }
    });

    test("a step that fails leaves the positions before it, and can be made again", () => {
      const model = tinyModel({}, ops);
      let broken = true;
      const experts: Ops["experts"] = (...args) => {
        if (broken) throw new Error("no power");
        return ops.experts(...args);
      };
      const session = new Session({ ...model, ops: { ...ops, experts } });
      const tokens = randomTokens(5, 32, 1);
      expect(() => session.append(tokens)).toThrow("no power");
      broken = false;
      expect(session.append(tokens)).toEqual(new Session(model).append(tokens));
    });
  });
}

describe("cache sizes (G26)", () => {
  const [{ ops }] = BACKENDS;
  const model = tinyModel({}, ops);

  test("5 layers of which 3 are full own 5 latent caches and 3 index caches", () => {
    const { layers } = newModelCache(ops, model.config);
    expect(layers.map(({ index }) => index !== undefined)).toEqual([
      true,
      true,
      false,
      true,
      false,
    ]);
  });

  test("a draft head has one latent cache and one index cache", () => {
    const { layers } = newDraftCache(ops, model.config);
    expect(layers.map(({ index }) => index !== undefined)).toEqual([true]);
  });

  test.each([
    ["f32", "f32", 4 * (5 * (8 + 4) + 3 * 8)],
    ["bf16", "bf16", 2 * (5 * (8 + 4) + 3 * 8)],
    ["int8", "int8", 5 * (8 + 2 + 2 * 4) + 3 * (8 + 4)],
  ] as const)("a position in %s costs what the sums say, and no byte more", (latent, index, n) => {
    const session = new Session(model, { rows: { latent, index, pageRows: 8 } });
    const cost = positionBytes(model.config, latent, index);
    expect(cost.latent + cost.index).toBe(n);
    for (const length of [8, 16, 24]) {
      session.append(randomTokens(8, 32, length));
      expect(session.pool.liveBytes).toBe(length * n);
    }
  });
});
