/**
 * Timelines over pages, each beside plain arrays that it must equal, and random programs over them.
 * @module
 */
import fc from "fast-check";
import { CacheFullError } from "../../engine/kv/cache-error.ts";
import { latentEncodings } from "../../engine/kv/geometry.ts";
import { HotRows } from "../../engine/kv/hot-rows.ts";
import { ModelCache } from "../../engine/kv/model-cache.ts";
import { type PageFormat, pageLayout } from "../../engine/kv/page-layout.ts";
import type { PagePool } from "../../engine/kv/page-pool.ts";
import { PageTable } from "../../engine/kv/page-table.ts";
import { StoreError } from "../../engine/kv/row-store.ts";
import type { LatentRows } from "../../engine/ops/ops.ts";
import { referenceOps } from "../../engine/ops/reference/index.ts";
import { keyAddress } from "../../engine/ops/stored-rows.ts";
import { encode, encodedBytes } from "../../engine/row-encoding.ts";
import { gaussians } from "../support/random.ts";
import { FaultyStore } from "./faulty-store.ts";

const N_PAGES = 24;

export const SIZES = { kvLoraRank: 5, qkRopeHeadDim: 2, indexHeadDim: 3 };
export const TYPES = ["full", "full", "shared"] as const;

export const ops = referenceOps("f32");

const command = fc.record({
  kind: fc.constantFrom(
    "append",
    "append",
    "append",
    "fork",
    "truncate",
    "close",
    "freeze",
    "locate",
    "restore",
  ),
  /** Calls of the store that go well before one fails; far more than there are, mostly. */
  fault: fc.oneof(fc.constant(1e9), fc.constant(1e9), fc.nat(3)),
  /** Which of the timelines alive. */
  pick: fc.nat(1000),
  /** How many rows: few, or up to more than two pages. */
  size: fc.oneof(fc.nat(5), fc.nat(2)),
  pages: fc.double({ min: 0, max: 2.2, noNaN: true }),
  cut: fc.double({ min: 0, max: 1, noNaN: true }),
});
export type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;
export const programs = fc.array(command, { minLength: 1, maxLength: 24 });

/** A timeline, and the plain arrays that it must equal: the numbers of each position. */
export interface Pair {
  readonly cache: ModelCache;
  readonly positions: Float32Array[];
}

const PER_LAYER = SIZES.kvLoraRank + SIZES.qkRopeHeadDim;
export const PER_POSITION = TYPES.length * (PER_LAYER + SIZES.indexHeadDim);

/** Columns `from … from + n − 1` of some positions. */
function columns<const D extends string>(rows: Float32Array[], dim: D, from: number, n: number) {
  const values = rows.flatMap((row) => [...row.subarray(from, from + n)]);
  return ops.tensor(["T", dim], [rows.length, n], values);
}

export function append({ cache, positions }: Pair, rows: Float32Array[]): void {
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

/** Runs one command. What is refused, or fails, must have changed nothing. */
function step(pairs: Pair[], clock: { value: number }, pageRows: number, c: Command): void {
  const pair = pairs[c.pick % pairs.length];
  const nHeld = pair.positions.length;
  switch (c.kind) {
    case "append": {
      const n = Math.max(1, c.size + Math.floor(c.pages * pageRows));
      append(
        pair,
        Array.from({ length: n }, () => gaussians(PER_POSITION, clock.value++)),
      );
      break;
    }
    case "fork":
      pairs.push({ cache: pair.cache.fork(), positions: [...pair.positions] });
      break;
    case "truncate":
      pair.positions.length = Math.round(nHeld * c.cut);
      pair.cache.truncate(pair.positions.length);
      break;
    case "freeze":
      pair.cache.freeze();
      break;
    case "restore":
      pairs[pairs.indexOf(pair)] = { cache: restored(pair.cache), positions: pair.positions };
      pair.cache.close();
      break;
    case "locate":
      locateAll(pair.cache.layers[c.pick % TYPES.length].latent.rows(), () => {});
      break;
    case "close":
      if (pairs.length === 1) break;
      pair.cache.close();
      pairs.splice(pairs.indexOf(pair), 1);
      break;
    default:
      c.kind satisfies never;
  }
}

/** A timeline made of the bytes that another one's pages have. */
function restored({ table, length }: ModelCache): ModelCache {
  const bytes = table.pages.map((page) => table.pool.bytesOf(page));
  const cache = new ModelCache(new PageTable(table.pool));
  cache.restore(length, (i) => bytes[i]);
  return cache;
}

/** Finds every row, a position for a query, and shows where it lies. */
function locateAll(rows: LatentRows, show: (s: number, at: number) => void): void {
  const data = Int32Array.from({ length: rows.nS }, (_, s) => s);
  const each = { dims: ["T", "K"] as ["T", "K"], shape: [rows.nS, 1] as const, data };
  const at = new Uint32Array(rows.nS);
  for (let from = 0; from < rows.nS; ) {
    const end = rows.locate(each, from, at);
    for (let s = from; s < end; s++) show(s, at[s - from]);
    from = end;
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
export function compare(
  { cache, positions }: Pair,
  { latent: format, index: keyFormat }: PageFormat,
) {
  const [latentEncoding, kPeEncoding] = latentEncodings(format);
  const { kvLoraRank, indexHeadDim } = SIZES;
  cache.layers.forEach(({ latent, index }, l) => {
    const rows = latent.rows();
    locateAll(rows, (s, at) => {
      const bytes = new Uint8Array(rows.view.buffer);
      const numbers = positions[s].subarray(l * PER_LAYER, (l + 1) * PER_LAYER);
      const where = `layer ${l}, position ${s}`;
      same(bytes.subarray(at), encoded(latentEncoding, numbers.slice(0, kvLoraRank)), where);
      const kPe = encoded(kPeEncoding, numbers.slice(kvLoraRank));
      same(bytes.subarray(at + rows.kPeAt), kPe, `${where}, rotary`);
    });
    const keys = index?.rows();
    const keysAt = TYPES.length * PER_LAYER + l * indexHeadDim;
    positions.forEach((row, s) => {
      if (!keys) return;
      const key = encoded(keyFormat, row.slice(keysAt, keysAt + indexHeadDim));
      const bytes = new Uint8Array(keys.view.buffer, keyAddress(keys, s));
      same(bytes, key, `layer ${l}, position ${s}, key`);
    });
  });
}

/** All timelines equal their arrays, and every page is accounted for. */
function audit(pool: PagePool, pairs: readonly Pair[], format: PageFormat): void {
  for (const pair of pairs) {
    if (pair.cache.length !== pair.positions.length) throw new Error("another length");
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

export type NewPool = new (...args: ConstructorParameters<typeof PagePool>) => PagePool;

/** Room for cold rows: how many of each group may be hot, or none at all. */
export type HotRoom = number | undefined;

/**
 * Runs a program over one pool and looks at everything after each command.
 *
 * @param store where cold rows go; its faults come while commands run, not while they are checked
 */
export function runProgram(
  Pool: NewPool,
  format: PageFormat,
  program: readonly Command[],
  hotRoom?: HotRoom,
  store: FaultyStore = new FaultyStore(),
): void {
  const memory = ops.rowMemory();
  const layout = pageLayout(SIZES, TYPES, format);
  const rowBytes = layout.rowsBytes / format.pageRows;
  const tier = { store, hotBytes: (hotRoom ?? 0) * rowBytes };
  const pool = new Pool(memory, layout, {
    maxPages: N_PAGES,
    ...(hotRoom !== undefined && { hotRows: new HotRows(memory, layout, tier, 1) }),
  });
  const pairs: Pair[] = [{ cache: new ModelCache(new PageTable(pool)), positions: [] }];
  const clock = { value: 1 };
  for (const c of program) {
    store.failsAfter = c.fault;
    try {
      step(pairs, clock, format.pageRows, c);
    } catch (error) {
      if (!(error instanceof CacheFullError || error instanceof StoreError)) throw error;
    }
    store.failsAfter = Number.POSITIVE_INFINITY;
    for (const { cache, positions } of pairs) cache.truncate(positions.length);
    audit(pool, pairs, format);
  }
}
