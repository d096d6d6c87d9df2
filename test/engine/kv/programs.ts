/**
 * Random programs over timelines and a saved session, which are checked after every command.
 *
 * A command that is refused, or fails, must have changed nothing. A kill loses everything that is
 * in memory. After it, the disk must hold what was saved last, or what was being saved.
 * @module
 */
import fc from "fast-check";
import { CacheError, CacheFullError } from "../../../engine/kv/cache-error.ts";
import { HotRows } from "../../../engine/kv/hot-rows.ts";
import { ModelCache } from "../../../engine/kv/model-cache.ts";
import { type PageFormat, pageLayout } from "../../../engine/kv/page-layout.ts";
import type { PagePool } from "../../../engine/kv/page-pool.ts";
import { PageTable } from "../../../engine/kv/page-table.ts";
import { StoreError } from "../../../engine/kv/row-store.ts";
import { type Keepable, SavedSession } from "../../../tools/sessions/saved-session.ts";
import { gaussians } from "../../support/random.ts";
import { ABOUT, CrashingDisk } from "../../tools/sessions/crashing-disk.ts";
import { FaultyStore } from "./faulty-store.ts";
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

const N_PAGES = 24;

const command = fc.record({
  kind: fc.constantFrom(
    "append",
    "append",
    "append",
    "append",
    "fork",
    "truncate",
    "close",
    "freeze",
    "bringIn",
    "resize",
    "lookUp",
    "restore",
    "save",
    "save",
    "kill",
  ),
  /** Calls of the store, or of the disk, that succeed before one fails; mostly none fails. */
  fault: fc.oneof(fc.constant(1e9), fc.constant(1e9), fc.nat(3)),
  /** Chooses one of the timelines that are alive. */
  pick: fc.nat(1000),
  /** Number of rows: a few, or up to more than two pages. */
  size: fc.oneof(fc.nat(5), fc.nat(2)),
  pages: fc.double({ min: 0, max: 2.2, noNaN: true }),
  cut: fc.double({ min: 0, max: 1, noNaN: true }),
  /** Decides what a kill does to writes that were not synced. */
  unsynced: fc.constantFrom("kept", "lost", "either"),
});
export type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;
export const programs: fc.Arbitrary<Command[]> = fc.array(command, { minLength: 1, maxLength: 24 });

export type NewPool = new (...args: ConstructorParameters<typeof PagePool>) => PagePool;

/** Room for cold rows: how many of each group may be hot, or none at all. */
export type HotRoom = number | undefined;

/** The surroundings of a program. */
export interface Setting {
  readonly Pool: NewPool;
  readonly format: PageFormat;
  readonly hotRoom?: HotRoom;
  /** Where cold rows go. It fails while commands run, never while they are checked. */
  readonly store?: FaultyStore;
  /** Whether the disk only says that it has synced. */
  readonly isLying?: boolean;
}

/** An attempt to save: what was saved, and between which calls of the disk. */
interface Attempt {
  readonly positions: readonly Float32Array[];
  readonly from: number;
  end: number;
  isSaved: boolean;
}

/** Runs a program and checks everything after each command. */
export function runProgram(setting: Setting, program: readonly Command[]): void {
  const world = new World(setting);
  for (const c of program) world.run(c);
}

/** The caches of a process, and the disk that outlives it. */
class World {
  readonly #setting: Setting;
  readonly #store: FaultyStore;
  #disk = new CrashingDisk();
  #saved = SavedSession.open(this.#disk, ABOUT);
  #attempts: Attempt[] = [];
  #pool: PagePool;
  #pairs: Pair[];
  /** Seed of the next position's numbers, which is its token too. */
  #clock = 1;

  constructor(setting: Setting) {
    this.#setting = setting;
    this.#store = setting.store ?? new FaultyStore();
    this.#pool = this.#newPool();
    this.#pairs = [this.#newPair()];
  }

  run(c: Command): void {
    this.#store.failsAfter = c.fault;
    try {
      this.#step(c);
    } catch (error) {
      if (!(error instanceof CacheFullError || error instanceof StoreError)) throw error;
    }
    this.#store.failsAfter = Number.POSITIVE_INFINITY;
    for (const { cache, positions } of this.#pairs) cache.truncate(positions.length);
    this.#audit();
  }

  #step(c: Command): void {
    const pair = this.#pairs[c.pick % this.#pairs.length];
    const { cache, positions } = pair;
    const { pageRows } = this.#setting.format;
    switch (c.kind) {
      case "append": {
        const length = Math.max(1, c.size + Math.floor(c.pages * pageRows));
        append(
          pair,
          Array.from({ length }, () => this.#newPosition()),
        );
        break;
      }
      case "fork":
        this.#pairs.push({ cache: cache.fork(), positions: [...positions] });
        break;
      case "truncate":
        positions.length = Math.round(positions.length * c.cut);
        cache.truncate(positions.length);
        break;
      case "freeze":
        cache.freeze();
        break;
      case "resize":
        this.#resize(c.size + Math.floor(c.pages * pageRows));
        break;
      case "lookUp":
        this.#lookUp(pair, c.cut);
        break;
      case "restore":
        this.#pairs[this.#pairs.indexOf(pair)] = { cache: restored(cache), positions };
        cache.close();
        break;
      case "bringIn":
        bringInAll(cache.layers[c.pick % TYPES.length].latent.rows(), () => {});
        break;
      case "close":
        if (this.#pairs.length === 1) break;
        cache.close();
        this.#pairs.splice(this.#pairs.indexOf(pair), 1);
        break;
      case "save":
        this.#save(pair, c.fault);
        break;
      case "kill":
        this.#kill(c);
        break;
      default:
        c.kind satisfies never;
    }
  }

  #resize(nRows: number): void {
    const { hotRows, layout } = this.#pool;
    const bytes = (nRows * layout.rowsBytes) / layout.format.pageRows;
    if (nRows > 0) hotRows?.resize(bytes);
    else if (hotRows) mustThrow(CacheError, () => hotRows.resize(bytes));
  }

  /**
   * Begins a timeline with the full pages of another one, up to the place where their tokens
   * differ.
   */
  #lookUp({ cache, positions }: Pair, cut: number): void {
    const { pageRows } = this.#setting.format;
    cache.publish(tokensOf(positions));
    const nSame = Math.round(cut * positions.length);
    const other = this.#newPair();
    const held = other.cache.adopt([...tokensOf(positions.slice(0, nSame)), -1]);
    this.#pairs.push(other);
    if (held !== pageRows * Math.floor(nSame / pageRows)) {
      throw new Error(`looked up ${nSame} positions, got ${held}`);
    }
    other.positions.push(...positions.slice(0, held));
  }

  #save({ cache, positions }: Pair, fault: number): void {
    this.#disk.failsAfter = fault;
    const attempt = {
      positions: [...positions],
      from: this.#disk.calls.length,
      end: 0,
      isSaved: true,
    };
    try {
      const extras = { pending: [], note: this.#attempts.length };
      this.#saved.commit(keepable(cache, tokensOf(positions)), extras);
    } catch (error) {
      if (!/ENOSPC/.test(String(error))) throw error;
      attempt.isSaved = false;
    }
    this.#disk.failsAfter = Number.POSITIVE_INFINITY;
    attempt.end = this.#disk.calls.length;
    this.#attempts.push(attempt);
  }

  /**
   * Ends the process during or after the last attempt to save. Another one continues from the disk.
   */
  #kill({ cut, unsynced, pick }: Command): void {
    this.#store.failsAfter = Number.POSITIVE_INFINITY;
    const nCalls = this.#disk.calls.length;
    const from = this.#attempts.at(-1)?.from ?? nCalls;
    const at = from + Math.round(cut * (nCalls - from));
    const part = (pick % 8) / 7;
    const left = this.#disk.after(at, part, unsynced, pick, this.#setting.isLying);
    const [note, again] = [1, 2].map(
      () => SavedSession.open(left, ABOUT).state.note ?? -1,
    ) as number[];
    if (note !== again) throw new Error("recovered twice, in two ways");
    const oldest = this.#attempts.findLastIndex(({ isSaved, end }) => isSaved && end <= at);
    if (note < oldest) throw new Error(`recovered save ${note}, but ${oldest} was synced`);
    const { positions = [] } = this.#attempts[note] ?? {};
    this.#disk = new CrashingDisk(left.journal, left.pages);
    this.#saved = SavedSession.open(this.#disk, ABOUT);
    this.#attempts = this.#attempts.slice(0, note + 1);
    this.#attempts.forEach((attempt) => {
      Object.assign(attempt, { from: 0, end: 0, isSaved: true });
    });
    this.#pool = this.#newPool();
    const pair = this.#newPair();
    this.#saved.restore(keepable(pair.cache, []));
    pair.positions.push(...positions);
    this.#pairs = [pair];
  }

  /** Checks that all timelines equal their arrays, and that the counts of all pages are right. */
  #audit(): void {
    const references = new Map<number, number>();
    for (const pair of this.#pairs) {
      if (pair.cache.length !== pair.positions.length) throw new Error("another length");
      compare(pair, this.#setting.format);
      for (const page of pair.cache.table.pages) {
        references.set(page, (references.get(page) ?? 0) + 1);
      }
    }
    for (const [page, n] of references) {
      const got = this.#pool.count(page);
      if (got !== n) throw new Error(`page ${page} counts ${got}, not ${n}`);
    }
    if (this.#pool.nLive !== references.size) throw new Error("a live page is in no table");
  }

  #newPool(): PagePool {
    const { Pool, format, hotRoom } = this.#setting;
    const memory = ops.rowMemory();
    const layout = pageLayout(SIZES, TYPES, format);
    const hotBytes = ((hotRoom ?? 0) * layout.rowsBytes) / format.pageRows;
    const tier = { store: this.#store, hotBytes };
    return new Pool(memory, layout, {
      maxPages: N_PAGES,
      ...(hotRoom !== undefined && { hotRows: new HotRows(memory, layout, tier, 1) }),
    });
  }

  #newPair(): Pair {
    return { cache: new ModelCache(new PageTable(this.#pool)), positions: [] };
  }

  #newPosition(): Float32Array {
    const numbers = gaussians(PER_POSITION, this.#clock);
    TOKENS.set(numbers, this.#clock++);
    return numbers;
  }
}

/** The token of each position. */
const TOKENS = new WeakMap<Float32Array, number>();

function tokensOf(positions: readonly Float32Array[]): number[] {
  return positions.map((numbers) => TOKENS.get(numbers) as number);
}

/** A timeline as a saved session sees it. */
function keepable(cache: ModelCache, tokens: readonly number[]): Keepable {
  const { pool } = cache.table;
  return {
    tokens,
    pool,
    model: { config: { vocabSize: 1 }, ops },
    pageBytes: (i) => pool.bytesOf(cache.table.pages[i]),
    restore: ({ length }, bytesOf) => cache.restore(length, bytesOf),
  };
}

/** Makes a timeline of the bytes of another one's pages. */
function restored({ table, length }: ModelCache): ModelCache {
  const bytes = table.pages.map((page) => table.pool.bytesOf(page));
  const cache = new ModelCache(new PageTable(table.pool));
  cache.restore(length, (i) => bytes[i]);
  return cache;
}

function mustThrow(Kind: new (...args: never[]) => Error, action: () => void): void {
  try {
    action();
  } catch (error) {
    if (error instanceof Kind) return;
    throw error;
  }
  throw new Error(`expected a ${Kind.name}`);
}
