/**
 * Compares pages with plain arrays in random programs: no byte may differ, wherever the rows are.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CacheError } from "../../../engine/kv/cache-error.ts";
import { latentRowBytes, type RowFormat } from "../../../engine/kv/geometry.ts";
import { HotRows } from "../../../engine/kv/hot-rows.ts";
import { ModelCache } from "../../../engine/kv/model-cache.ts";
import { pageLayout } from "../../../engine/kv/page-layout.ts";
import { PagePool } from "../../../engine/kv/page-pool.ts";
import { PageTable } from "../../../engine/kv/page-table.ts";
import { StoreError } from "../../../engine/kv/row-store.ts";
import { gaussians } from "../../support/random.ts";
import { FaultyStore, ShufflingStore } from "./faulty-store.ts";
import {
  append,
  bringInAll,
  compare,
  ops,
  type Pair,
  PER_POSITION,
  SIZES,
  TYPES,
} from "./plain-arrays.ts";
import { type Command, programs, runProgram } from "./programs.ts";

const PAGE_ROWS = [1, 2, 3, 7, 16, 64, 256];
const FORMATS: readonly RowFormat[] = ["f32", "bf16", "int8"];
/** Rows of a group that may be hot: no tier at all, one row, some, or more rows than there are. */
const HOT_ROOMS = [undefined, 1, 20, 10_000];
const { GLM52_FULL } = process.env;
/** With GLM52_FULL=1, 84 times 125 are 10,500 in all. */
const N_PROGRAMS = GLM52_FULL ? 125 : 4;

/** A pool that forgets that a page is shared. */
class ForgetfulPool extends PagePool {
  override count(page: number): number {
    return Math.min(1, super.count(page));
  }
}

/** A pool that frees a page while another table still points at it. */
class HastyPool extends PagePool {
  override share(): void {}
}

/** A store that forgets every third write. */
class LosingStore extends FaultyStore {
  #writes = 0;
  override write(offset: number, bytes: Uint8Array): void {
    if (++this.#writes % 3 > 0) super.write(offset, bytes);
    else super.write(offset, new Uint8Array(bytes.length));
  }
}

/** A store that keeps the first bytes that it gets for a place, and ignores later ones. */
class StaleStore extends FaultyStore {
  readonly #known = new Set<number>();
  override write(offset: number, bytes: Uint8Array): void {
    if (!this.#known.has(offset)) super.write(offset, bytes);
    this.#known.add(offset);
  }
}

describe("pages", () => {
  const cases = PAGE_ROWS.flatMap((n) =>
    FORMATS.flatMap((format) => HOT_ROOMS.map((room) => [n, format, room] as const)),
  );
  it.each(cases)(
    `of %i positions in %s, room for %s hot rows: plain arrays in ${N_PROGRAMS} programs`,
    (pageRows, f, hotRoom) => {
      const format = { latent: f, index: f, pageRows };
      const check = (program: Command[]) => {
        runProgram({ Pool: PagePool, format, hotRoom, store: new ShufflingStore() }, program);
      };
      const seed = 52 + pageRows + (hotRoom ?? 0);
      fc.assert(fc.property(programs, check), { seed, numRuns: N_PROGRAMS });
    },
  );

  it.each([ForgetfulPool, HastyPool])("random programs catch a broken fork: %o", (Broken) => {
    const format = { latent: "f32", index: "f32", pageRows: 7 } as const;
    const check = (program: Command[]) => runProgram({ Pool: Broken, format }, program);
    const { failed } = fc.check(fc.property(programs, check), { seed: 52, numRuns: 200 });
    expect(failed).toBe(true);
  });

  it.each([LosingStore, StaleStore])("random programs catch a broken store: %o", (Broken) => {
    const format = { latent: "f32", index: "f32", pageRows: 3 } as const;
    const check = (program: Command[]) => {
      runProgram({ Pool: PagePool, format, hotRoom: 2, store: new Broken() }, program);
    };
    const { failed, errorInstance } = fc.check(fc.property(programs, check), {
      seed: 52,
      numRuns: 10_000,
    });
    expect(failed).toBe(true);
    // The checksum of the row prevents that other bytes are used.
    expect(errorInstance).toBeInstanceOf(StoreError);
    expect(String(errorInstance)).toContain("expected checksum");
  });

  it("random programs catch a disk that only says it has synced", () => {
    const format = { latent: "f32", index: "f32", pageRows: 3 } as const;
    const check = (program: Command[]) => {
      runProgram({ Pool: PagePool, format, isLying: true }, program);
    };
    const { failed } = fc.check(fc.property(programs, check), { seed: 52, numRuns: 2000 });
    expect(failed).toBe(true);
  });

  it("another budget for hot rows: less memory, and one that is too small changes nothing", () => {
    const format = { latent: "f32", index: "f32", pageRows: 2 } as const;
    const memory = ops.rowMemory();
    const layout = pageLayout(SIZES, TYPES, format);
    const rowBytes = layout.rowsBytes / 2;
    const tier = { store: new FaultyStore(), hotBytes: 8 * rowBytes };
    const hotRows = new HotRows(memory, layout, tier, 2);
    const pool = new PagePool(memory, layout, { hotRows });
    const pair: Pair = { cache: new ModelCache(new PageTable(pool)), positions: [] };
    append(
      pair,
      Array.from({ length: 12 }, (_, i) => gaussians(PER_POSITION, i)),
    );
    pair.cache.freeze();
    const missesAfter = (action: () => void): number => {
      action();
      const before = hotRows.counts.misses;
      for (let round = 0; round < 2; round++) {
        bringInAll(pair.cache.layers[0].latent.rows(), () => {});
      }
      return hotRows.counts.misses - before;
    };
    expect(missesAfter(() => hotRows.resize(12 * rowBytes))).toBe(12);
    expect(missesAfter(() => hotRows.resize(3 * rowBytes))).toBe(24);
    expect(() => hotRows.resize(rowBytes)).toThrow("expected at least");
    compare(pair, format);
  });

  it.each([2, 7, 64])("of %i positions: bytes alone catch a fork that writes", (pageRows) => {
    const format = { latent: "f32", index: "f32", pageRows } as const;
    const pool = new ForgetfulPool(ops.rowMemory(), pageLayout(SIZES, TYPES, format));
    const pair: Pair = { cache: new ModelCache(new PageTable(pool)), positions: [] };
    const rows = [1, 2, 3].map((seed) => gaussians(PER_POSITION, seed));
    append(pair, [rows[0]]);
    const fork: Pair = { cache: pair.cache.fork(), positions: [...pair.positions] };
    append(pair, [rows[1]]);
    append(fork, [rows[2]]);
    expect(() => compare(pair, format)).toThrow("position 1");
  });

  it("refuse what cannot be answered", () => {
    const format = { latent: "f32", index: "f32", pageRows: 2 } as const;
    const pool = new PagePool(ops.rowMemory(), pageLayout(SIZES, TYPES, format));
    const table = new PageTable(pool);
    expect(() => table.truncate(0.5)).toThrow(CacheError);
    expect(() => pool.release(0)).toThrow("expected page 0 to be in use, got a free one");
    table.drop();
    expect(() => table.fork()).toThrow("expected a live table, got a dropped one");
    expect(() => pageLayout(SIZES, TYPES, { ...format, pageRows: 0 })).toThrow(
      "expected a positive number of rows, got 0",
    );
  });

  it("are poisoned when they are given back, and used again", () => {
    const format = { latent: "f32", index: "f32", pageRows: 2 } as const;
    const layout = pageLayout(SIZES, TYPES, format);
    const pool = new PagePool(ops.rowMemory(), layout);
    const pair: Pair = { cache: new ModelCache(new PageTable(pool)), positions: [] };
    append(pair, [gaussians(PER_POSITION, 1)]);
    const [page] = pair.cache.table.pages;
    const at = pool.rowsAt(page) as number;
    pair.cache.truncate(0);
    const freed = pool.memory.bytes.subarray(
      at,
      at + latentRowBytes({ ...SIZES, indexerTypes: TYPES }, "f32"),
    );
    expect(new Set(freed)).toEqual(new Set([0xff]));
    pair.cache.layers[0].latent.append(
      Int32Array.of(0),
      ops.tensor(["T", "kvLora"], [1, 5], [1, 2, 3, 4, 5]),
      ops.tensor(["T", "rope"], [1, 2], [6, 7]),
    );
    expect(pool.rowsAt(pair.cache.table.pages[0])).toBe(at);
    expect(pool.nLive).toBe(1);
  });
});
