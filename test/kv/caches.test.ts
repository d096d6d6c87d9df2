/** Caches: rows are appended at the end, written once, forgotten from the end. */
import { describe, expect, test } from "vitest";
import { Session } from "../../engine/generate/session.ts";
import { CacheError } from "../../engine/kv/cache-error.ts";
import { IndexCache } from "../../engine/kv/index-cache.ts";
import { LatentCache } from "../../engine/kv/latent-cache.ts";
import { newLayerCache, newModelCache, truncateLayer } from "../../engine/kv/model-cache.ts";
import { forward } from "../../engine/model/model.ts";
import { noTaps } from "../../engine/tap.ts";
import { ShapeError } from "../../engine/tensor.ts";
import { BACKENDS } from "../ops/backends.ts";
import { random, randomTokens } from "../support/random.ts";
import { withRows } from "../support/run.ts";
import { tinyModel } from "../support/tiny-model.ts";

for (const { name, ops } of BACKENDS) {
  describe(`caches (${name})`, () => {
    const { config } = tinyModel({}, ops);
    const keys = random(ops, ["T", "rope+idxNope"], [6, 8], 1);
    const latent = random(ops, ["T", "kvLora"], [6, 8], 2);
    const kPe = random(ops, ["T", "rope"], [6, 4], 3);

    test("index keys read back are those appended, in order", () => {
      const cache = new IndexCache(ops, config, 6);
      cache.append(ops, 0, ops.slice(keys, 0, 4));
      const all = cache.append(ops, 4, ops.slice(keys, 4, 6));
      expect(ops.read(all)).toEqual(ops.read(keys));
      expect(all.shape).toEqual([6, 8]);
      expect(cache.length).toBe(6);
    });

    test("latents and rotary keys read back are those appended, in order", () => {
      const cache = new LatentCache(ops, config, 6);
      cache.append(ops, 0, ops.slice(latent, 0, 1), ops.slice(kPe, 0, 1));
      const all = cache.append(ops, 1, ops.slice(latent, 1, 6), ops.slice(kPe, 1, 6));
      expect(ops.read(all.latent)).toEqual(ops.read(latent));
      expect(ops.read(all.kPe)).toEqual(ops.read(kPe));
    });

    test("appending elsewhere than at the end is refused, before and behind it", () => {
      const index = new IndexCache(ops, config, 6);
      index.append(ops, 0, ops.slice(keys, 0, 3));
      for (const start of [0, 2, 4]) {
        expect(() => index.append(ops, start, ops.slice(keys, 3, 4))).toThrow(
          new CacheError(`index cache: append at position ${start}, but 3 rows are held`),
        );
      }
      const rows = new LatentCache(ops, config, 6);
      expect(() => rows.append(ops, 1, latent, kPe)).toThrow(
        new CacheError("latent cache: append at position 1, but 0 rows are held"),
      );
    });

    test("after truncate, the rows before stay and the rows after are the new ones", () => {
      const cache = new IndexCache(ops, config, 6);
      cache.append(ops, 0, keys);
      cache.truncate(2);
      expect(cache.length).toBe(2);
      const all = ops.read(cache.append(ops, 2, ops.slice(keys, 0, 2)));
      expect([...all.slice(0, 16)]).toEqual([...ops.read(keys).slice(0, 16)]);
      expect([...all.slice(16)]).toEqual([...ops.read(keys).slice(0, 16)]);
    });

    test("truncating to more rows than are held changes nothing", () => {
      const cache = newLayerCache(ops, config, true, 6);
      cache.latent.append(ops, 0, latent, kPe);
      cache.index?.append(ops, 0, keys);
      truncateLayer(cache, 9);
      expect([cache.latent.length, cache.index?.length]).toEqual([6, 6]);
      truncateLayer(cache, 3);
      expect([cache.latent.length, cache.index?.length]).toEqual([3, 3]);
    });

    test("more rows than the capacity are refused", () => {
      const cache = new IndexCache(ops, config, 5);
      expect(() => cache.append(ops, 0, keys)).toThrow(ShapeError);
    });

    test("200 rows, more than are allotted at first, read back as written", () => {
      const many = random(ops, ["T", "rope+idxNope"], [200, 8], 4);
      const cache = new IndexCache(ops, config, 300);
      for (let t = 0; t < 199; t++) cache.append(ops, t, ops.slice(many, t, t + 1));
      expect(ops.read(cache.append(ops, 199, ops.slice(many, 199, 200)))).toEqual(ops.read(many));
    });

    test("between steps, all caches of a model hold the same positions", () => {
      const model = tinyModel({}, ops);
      const cache = newModelCache(ops, model.config, 20);
      let start = 0;
      for (const n of [1, 6, 2, 11]) {
        forward(model, Int32Array.from(randomTokens(n, 32, n)), start, cache, noTaps);
        start += n;
        for (const { latent: rows, index } of cache.layers) {
          expect(rows.length).toBe(start);
          expect(index?.length ?? start).toBe(start);
        }
      }
    });
  });
}

describe("cache sizes (G26)", () => {
  const widthsOf = (draft: boolean): Record<string, number> => {
    const watched = withRows(BACKENDS[0].ops);
    new Session(tinyModel({}, watched.ops), { draft });
    const count: Record<string, number> = {};
    for (const { width } of watched.rows) count[width] = (count[width] ?? 0) + 1;
    return count;
  };

  test("5 layers of which 3 are full own 5 latent caches and 3 index caches", () => {
    expect(widthsOf(false)).toEqual({ kvLora: 5, rope: 5, "rope+idxNope": 3 });
  });

  test("a draft head adds one latent cache and one index cache", () => {
    expect(widthsOf(true)).toEqual({ kvLora: 6, rope: 6, "rope+idxNope": 4 });
  });

  test("a token costs 5 · (8 + 4) + 3 · 8 = 84 numbers, all layers together", () => {
    const watched = withRows(BACKENDS[0].ops);
    new Session(tinyModel({}, watched.ops));
    expect(watched.rows.reduce((n, { nWidth }) => n + nWidth, 0)).toBe(84);
  });
});
