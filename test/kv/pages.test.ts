/** Pages against plain arrays: random programs, no differing byte. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CacheError, CacheFullError } from "../../engine/kv/cache-error.ts";
import { PagePool } from "../../engine/kv/page-pool.ts";
import { PageTable } from "../../engine/kv/page-table.ts";

const PAGE_ROWS = [1, 2, 3, 7, 16, 64, 256];
const ROW_BYTES = 3;
const N_PROGRAMS = 600;

const command = fc.record({
  kind: fc.constantFrom("append", "append", "append", "fork", "truncate", "drop", "read"),
  /** Which of the timelines alive. */
  pick: fc.nat(1000),
  /** How many rows: few, or up to more than two pages. */
  size: fc.oneof(fc.nat(5), fc.nat(2)),
  pages: fc.double({ min: 0, max: 2.2, noNaN: true }),
  cut: fc.double({ min: 0, max: 1, noNaN: true }),
});
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

/** The plain array that a table must equal. */
interface Pair {
  table: PageTable;
  model: number[];
}

/** Never 0xff, the poison, and never the same twice in a row. */
function newRows(nRows: number, clock: { value: number }): number[] {
  return Array.from({ length: nRows * ROW_BYTES }, () => clock.value++ % 251);
}

function step(pool: PagePool, pairs: Pair[], clock: { value: number }, c: Command): void {
  const pair = pairs[c.pick % pairs.length];
  const nHeld = pair.model.length / ROW_BYTES;
  if (c.kind === "append") {
    const rows = newRows(c.size + Math.floor(c.pages * pool.pageRows), clock);
    try {
      pair.table.append(Uint8Array.from(rows));
      pair.model.push(...rows);
    } catch (error) {
      if (!(error instanceof CacheFullError)) throw error;
    }
  } else if (c.kind === "fork") {
    pairs.push({ table: pair.table.fork(), model: [...pair.model] });
  } else if (c.kind === "truncate") {
    const length = Math.round(nHeld * c.cut);
    pair.table.truncate(length);
    pair.model.length = length * ROW_BYTES;
  } else if (c.kind === "drop" && pairs.length > 1) {
    pair.table.drop();
    pairs.splice(pairs.indexOf(pair), 1);
  } else if (c.kind === "read") {
    const start = Math.floor(nHeld * c.cut);
    const got = pair.table.read(start, nHeld);
    same(got, pair.model.slice(start * ROW_BYTES));
  }
}

function same(got: Uint8Array, want: readonly number[]): void {
  if (got.length !== want.length) throw new Error(`${got.length} bytes, expected ${want.length}`);
  const at = want.findIndex((byte, i) => byte !== got[i]);
  if (at >= 0) throw new Error(`byte ${at} is ${got[at]}, expected ${want[at]}`);
}

/** All timelines equal their arrays, and every page is accounted for. */
function audit(pool: PagePool, pairs: readonly Pair[], nPages: number): void {
  for (const { table, model } of pairs) same(table.read(0, table.length), model);
  const references = new Map<number, number>();
  for (const page of pairs.flatMap(({ table }) => table.pages)) {
    references.set(page, (references.get(page) ?? 0) + 1);
  }
  for (const [page, n] of references) {
    if (pool.count(page) !== n)
      throw new Error(`page ${page} counts ${pool.count(page)}, not ${n}`);
  }
  if (pool.nLive !== references.size) throw new Error("a live page is in no table");
  if (pool.nFree + pool.nLive !== nPages) throw new Error("a page is lost");
}

function runProgram(pool: PagePool, nPages: number, program: readonly Command[]): void {
  const pairs: Pair[] = [{ table: new PageTable(pool), model: [] }];
  const clock = { value: 0 };
  for (const c of program) {
    step(pool, pairs, clock, c);
    audit(pool, pairs, nPages);
  }
}

const programs = fc.array(command, { minLength: 1, maxLength: 24 });

/** Pages of pools that forget who shares what: the tests must see the difference. */
class ForgetfulPool extends PagePool {
  override count(page: number): number {
    return Math.min(1, super.count(page));
  }
}

/** A pool that frees a page while another table still points at it. */
class HastyPool extends PagePool {
  override share(): void {}
}

describe("a page table", () => {
  it.each(PAGE_ROWS)(`with pages of %i rows equals an array in ${N_PROGRAMS} programs`, (n) => {
    const nPages = 24;
    const check = (program: Command[]) =>
      runProgram(new PagePool(n, ROW_BYTES, nPages), nPages, program);
    fc.assert(fc.property(programs, check), { seed: 52 + n, numRuns: N_PROGRAMS });
  });

  it.each([2, 7, 64])("with pages of %i rows: bytes alone catch a fork that writes", (n) => {
    const pool = new ForgetfulPool(n, ROW_BYTES, 8);
    const table = new PageTable(pool);
    table.append(Uint8Array.of(1, 2, 3));
    const fork = table.fork();
    table.append(Uint8Array.of(4, 5, 6));
    fork.append(Uint8Array.of(7, 8, 9));
    expect(() => same(table.read(0, 2), [1, 2, 3, 4, 5, 6])).toThrow("byte 3 is 7, expected 4");
  });

  it.each([ForgetfulPool, HastyPool])("random programs catch a broken fork: %o", (Broken) => {
    const check = (program: Command[]) => runProgram(new Broken(7, ROW_BYTES, 24), 24, program);
    const { failed } = fc.check(fc.property(programs, check), { seed: 52, numRuns: N_PROGRAMS });
    expect(failed).toBe(true);
  });

  it("adds nothing when the pool is too small", () => {
    const pool = new PagePool(2, 1, 2);
    const table = new PageTable(pool);
    table.append(Uint8Array.of(1, 2, 3));
    expect(() => table.append(Uint8Array.of(4, 5))).toThrow(
      new CacheFullError("page pool: expected 1 free pages, got 0"),
    );
    expect([...table.read(0, 3)]).toEqual([1, 2, 3]);
    table.append(Uint8Array.of(4));
    expect([...table.read(0, 4)]).toEqual([1, 2, 3, 4]);
  });

  it("refuses what it cannot answer", () => {
    const pool = new PagePool(2, 2, 2);
    const table = new PageTable(pool);
    expect(() => table.append(new Uint8Array(3))).toThrow(CacheError);
    expect(() => table.read(0, 1)).toThrow(CacheError);
    expect(() => table.truncate(0.5)).toThrow(CacheError);
    expect(() => pool.release(0)).toThrow(CacheError);
    table.drop();
    expect(() => table.fork()).toThrow(CacheError);
    expect(() => new PagePool(0, 2, 2)).toThrow(
      "expected pageRows to be a positive integer, got 0",
    );
  });

  it("poisons the pages it gives back", () => {
    const pool = new PagePool(1, 4, 1);
    const table = new PageTable(pool);
    table.append(Uint8Array.of(1, 2, 3, 4));
    table.truncate(0);
    expect([...pool.bytes(0, 0, 1)]).toEqual([255, 255, 255, 255]);
  });
});
