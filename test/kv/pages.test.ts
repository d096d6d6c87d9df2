/** Pages against plain arrays: random programs, no differing byte. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CacheError, CacheFullError } from "../../engine/kv/cache-error.ts";
import { latentEncodings, latentRowBytes, type RowFormat } from "../../engine/kv/geometry.ts";
import { ModelCache } from "../../engine/kv/model-cache.ts";
import { type PageFormat, pageLayout } from "../../engine/kv/page-layout.ts";
import { PagePool } from "../../engine/kv/page-pool.ts";
import { PageTable } from "../../engine/kv/page-table.ts";
import { referenceOps } from "../../engine/ops/reference/index.ts";
import { keyAddress } from "../../engine/ops/stored-rows.ts";
import { encode, encodedBytes } from "../../engine/row-encoding.ts";
import { gaussians } from "../support/random.ts";

const PAGE_ROWS = [1, 2, 3, 7, 16, 64, 256];
const FORMATS: readonly RowFormat[] = ["f32", "bf16", "int8"];
const { GLM52_FULL } = process.env;
const N_PROGRAMS = GLM52_FULL ? 600 : 15;
const N_PAGES = 24;

const SIZES = { kvLoraRank: 5, qkRopeHeadDim: 2, indexHeadDim: 3 };
const TYPES = ["full", "full", "shared"] as const;

const ops = referenceOps("f32");

const command = fc.record({
  kind: fc.constantFrom("append", "append", "append", "fork", "truncate", "close"),
  /** Which of the timelines alive. */
  pick: fc.nat(1000),
  /** How many rows: few, or up to more than two pages. */
  size: fc.oneof(fc.nat(5), fc.nat(2)),
  pages: fc.double({ min: 0, max: 2.2, noNaN: true }),
  cut: fc.double({ min: 0, max: 1, noNaN: true }),
});
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;
const programs = fc.array(command, { minLength: 1, maxLength: 24 });

/** A timeline, and the plain arrays that it must equal: the numbers of each position. */
interface Pair {
  readonly cache: ModelCache;
  readonly positions: Float32Array[];
}

const PER_LAYER = SIZES.kvLoraRank + SIZES.qkRopeHeadDim;
const PER_POSITION = TYPES.length * (PER_LAYER + SIZES.indexHeadDim);

/** Columns `from … from + n − 1` of some positions. */
function columns<const D extends string>(rows: Float32Array[], dim: D, from: number, n: number) {
  const values = rows.flatMap((row) => [...row.subarray(from, from + n)]);
  return ops.tensor(["T", dim], [rows.length, n], values);
}

function append({ cache, positions }: Pair, rows: Float32Array[]): void {
  const { kvLoraRank, qkRopeHeadDim, indexHeadDim } = SIZES;
  const start = positions.length;
  cache.layers.forEach(({ latent, index }, l) => {
    const at = l * PER_LAYER;
    const keysAt = TYPES.length * PER_LAYER + l * indexHeadDim;
    index?.append(start, columns(rows, "rope+idxNope", keysAt, indexHeadDim));
    latent.append(
      start,
      columns(rows, "kvLora", at, kvLoraRank),
      columns(rows, "rope", at + kvLoraRank, qkRopeHeadDim),
    );
  });
  positions.push(...rows);
}

function step(pairs: Pair[], clock: { value: number }, pageRows: number, c: Command): void {
  const pair = pairs[c.pick % pairs.length];
  const nHeld = pair.positions.length;
  if (c.kind === "append") {
    const n = Math.max(1, c.size + Math.floor(c.pages * pageRows));
    const rows = Array.from({ length: n }, () => gaussians(PER_POSITION, clock.value++));
    try {
      append(pair, rows);
    } catch (error) {
      if (!(error instanceof CacheFullError)) throw error;
    }
  } else if (c.kind === "fork") {
    pairs.push({ cache: pair.cache.fork(), positions: [...pair.positions] });
  } else if (c.kind === "truncate") {
    const length = Math.round(nHeld * c.cut);
    pair.cache.truncate(length);
    pair.positions.length = length;
  } else if (pairs.length > 1) {
    pair.cache.close();
    pairs.splice(pairs.indexOf(pair), 1);
  }
}

/** What `encode` makes of some numbers, in a memory of its own. */
function encoded(encoding: Parameters<typeof encode>[0], values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(encodedBytes(encoding, values.length));
  encode(encoding, values, 0, values.length, new DataView(bytes.buffer), 0);
  return bytes;
}

function same(got: Uint8Array, want: Uint8Array, where: string): void {
  const at = want.findIndex((byte, i) => byte !== got[i]);
  if (at >= 0) throw new Error(`${where}: byte ${at} is ${got[at]}, expected ${want[at]}`);
}

/** Every byte of every row of a timeline. */
function compare({ cache, positions }: Pair, { latent: format, index: keyFormat }: PageFormat) {
  const [latentEncoding, kPeEncoding] = latentEncodings(format);
  const { kvLoraRank, indexHeadDim } = SIZES;
  const data = Int32Array.from(positions.keys());
  const topK = { dims: ["T", "K"] as ["T", "K"], shape: [1, data.length] as const, data };
  const at = new Uint32Array(data.length);
  cache.layers.forEach(({ latent, index }, l) => {
    const rows = latent.rows();
    const keys = index?.rows();
    rows.locate(topK, 0, at);
    const bytes = new Uint8Array(rows.view.buffer);
    positions.forEach((row, s) => {
      const numbers = row.subarray(l * PER_LAYER, (l + 1) * PER_LAYER);
      const where = `layer ${l}, position ${s}`;
      same(bytes.subarray(at[s]), encoded(latentEncoding, numbers.slice(0, kvLoraRank)), where);
      const kPe = encoded(kPeEncoding, numbers.slice(kvLoraRank));
      same(bytes.subarray(at[s] + rows.kPeAt), kPe, `${where}, rotary`);
      if (!keys) return;
      const keysAt = TYPES.length * PER_LAYER + l * indexHeadDim;
      const key = encoded(keyFormat, row.slice(keysAt, keysAt + indexHeadDim));
      same(bytes.subarray(keyAddress(keys, s)), key, `${where}, key`);
    });
  });
}

/** All timelines equal their arrays, and every page is accounted for. */
function audit(pool: PagePool, pairs: readonly Pair[], format: PageFormat): void {
  for (const pair of pairs) {
    expect(pair.cache.length).toBe(pair.positions.length);
    compare(pair, format);
  }
  const references = new Map<number, number>();
  for (const page of pairs.flatMap(({ cache }) => cache.table.pages)) {
    references.set(page, (references.get(page) ?? 0) + 1);
  }
  for (const [page, n] of references) {
    if (pool.count(page) !== n)
      throw new Error(`page ${page} counts ${pool.count(page)}, not ${n}`);
  }
  if (pool.nLive !== references.size) throw new Error("a live page is in no table");
}

type NewPool = new (...args: ConstructorParameters<typeof PagePool>) => PagePool;

function runProgram(Pool: NewPool, format: PageFormat, program: readonly Command[]): void {
  const pool = new Pool(ops.rowMemory(), pageLayout(SIZES, TYPES, format), N_PAGES);
  const pairs: Pair[] = [{ cache: new ModelCache(new PageTable(pool)), positions: [] }];
  const clock = { value: 1 };
  for (const c of program) {
    step(pairs, clock, format.pageRows, c);
    for (const pair of pairs) pair.cache.truncate(pair.positions.length); // after a refusal
    audit(pool, pairs, format);
  }
}

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

describe("pages", () => {
  const cases = PAGE_ROWS.flatMap((n) => FORMATS.map((format) => [n, format] as const));
  it.each(cases)(`of %i positions in %s equal plain arrays in ${N_PROGRAMS} programs`, (n, f) => {
    const format = { latent: f, index: f, pageRows: n };
    const check = (program: Command[]) => runProgram(PagePool, format, program);
    fc.assert(fc.property(programs, check), { seed: 52 + n, numRuns: N_PROGRAMS });
  });

  it.each([ForgetfulPool, HastyPool])("random programs catch a broken fork: %o", (Broken) => {
    const format = { latent: "f32", index: "f32", pageRows: 7 } as const;
    const check = (program: Command[]) => runProgram(Broken, format, program);
    const { failed } = fc.check(fc.property(programs, check), { seed: 52, numRuns: 200 });
    expect(failed).toBe(true);
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
    const at = pool.rowsAt(page);
    pair.cache.truncate(0);
    const freed = pool.memory.bytes.subarray(
      at,
      at + latentRowBytes({ ...SIZES, indexerTypes: TYPES }, "f32"),
    );
    expect(new Set(freed)).toEqual(new Set([0xff]));
    pair.cache.layers[0].latent.append(
      0,
      ops.tensor(["T", "kvLora"], [1, 5], [1, 2, 3, 4, 5]),
      ops.tensor(["T", "rope"], [1, 2], [6, 7]),
    );
    expect(pool.rowsAt(pair.cache.table.pages[0])).toBe(at);
    expect(pool.nLive).toBe(1);
  });
});
