/**
 * Everything a timeline remembers: latent rows in every layer, index keys in the full ones.
 *
 * The tests in test/engine/kv check three invariants: between steps, all caches hold the same
 * positions; a row is written once; a layer that borrows a selection has no index keys.
 * @module
 */
import type { ModelConfig } from "../config/model-config.ts";
import type { Ops } from "../ops/ops.ts";
import { CacheError } from "./cache-error.ts";
import { HotRows, type Tier } from "./hot-rows.ts";
import { IndexCache } from "./index-cache.ts";
import { LatentCache } from "./latent-cache.ts";
import { PAGE_ROWS, type PageFormat, pageLayout } from "./page-layout.ts";
import { PagePool } from "./page-pool.ts";
import { PageTable } from "./page-table.ts";
import type { StepCache } from "./step-cache.ts";

/** The caches of one layer of one timeline. */
export interface OwnCache {
  /** Its latent rows. */
  readonly latent: LatentCache;
  /** Its index keys, if it is a full layer. */
  readonly index: IndexCache | undefined;
}

/** The caches of one timeline, over pages that other timelines may share. */
export class ModelCache implements StepCache {
  /** The caches of each layer, in order. */
  readonly layers: readonly OwnCache[];
  readonly #table: PageTable;

  /** @param table an empty timeline, or a fork that holds its positions in every layer */
  constructor(table: PageTable) {
    const { layout } = table.pool;
    this.#table = table;
    this.layers = layout.layers.map((layer) => ({
      latent: new LatentCache(table, layer, table.length),
      index: layer.keys && new IndexCache(table, layer.keys, table.length),
    }));
  }

  /** Number of positions that every layer holds, between steps. */
  get length(): number {
    return this.#table.length;
  }

  /** The pages of the timeline, and their pool. */
  get table(): PageTable {
    return this.#table;
  }

  /** Forgets every position from `length` on, in all layers. */
  truncate(length: number): void {
    for (const { latent, index } of this.layers) {
      latent.truncate(length);
      index?.truncate(length);
    }
    this.#table.truncate(length);
  }

  /**
   * Lets the rows of full pages go to the store. Call it between steps.
   *
   * @throws {StoreError} when the store fails; nothing is lost, and asking again is safe
   */
  freeze(): void {
    this.#table.freeze();
  }

  /** Lets timelines of the same pool find what is held. `tokens` are those of all positions. */
  publish(tokens: readonly number[]): void {
    this.#table.publish(tokens);
  }

  /**
   * Reuses pages of timelines of the same pool for as much of `tokens` as they have run. Their
   * bytes are those that this timeline would make too. What it holds already must be the beginning
   * of `tokens`.
   *
   * @returns the number of positions that it holds now
   */
  adopt(tokens: readonly number[]): number {
    const length = this.#table.adopt(tokens);
    for (const { latent, index } of this.layers) {
      latent.adopt(length);
      index?.adopt(length);
    }
    return length;
  }

  /**
   * Fills an empty cache with `length` positions that a cache of the same layout held before.
   *
   * @param bytesOf the bytes of each page in turn, as PagePool.bytesOf gave them
   * @throws {CacheError} when the cache is not empty; also what `bytesOf` throws, and then the
   *   cache is empty again
   */
  restore(length: number, bytesOf: (page: number) => Uint8Array): void {
    if (this.length > 0)
      throw new CacheError("restore", `expected an empty cache, got ${this.length}`);
    const { pool } = this.#table;
    const { pageRows } = pool.layout.format;
    try {
      for (let i = 0; i * pageRows < length; i++) {
        this.#table.reserve(Math.min(length, (i + 1) * pageRows));
        pool.fill(this.#table.pages[i], bytesOf(i));
        this.#table.freeze();
      }
    } catch (error) {
      this.#table.truncate(0);
      throw error;
    }
    for (const { latent, index } of this.layers) {
      latent.adopt(length);
      index?.adopt(length);
    }
  }

  /** Returns a second timeline with the same past. */
  fork(): ModelCache {
    return new ModelCache(this.#table.fork());
  }

  /** Gives the memory back. The caches cannot be used again. */
  close(): void {
    this.#table.drop();
  }
}

/**
 * Makes a pool of pages for all main layers. Without a format, rows are stored as activations are,
 * so that nothing is rounded.
 *
 * @param tier where the rows of full pages go; without it they all stay in memory
 * @throws {CacheError} when the tier has no room for the rows that one query may choose
 */
export function newPagePool(
  ops: Ops,
  cfg: ModelConfig,
  format: Partial<PageFormat> = {},
  tier?: Tier,
): PagePool {
  const memory = ops.rowMemory();
  const layout = pageLayout(cfg, cfg.indexerTypes, complete(ops, format));
  if (!tier) return new PagePool(memory, layout);
  return new PagePool(memory, layout, {
    hotRows: new HotRows(memory, layout, tier, cfg.indexTopk),
  });
}

/** Fills in what a format leaves out. */
function complete(ops: Ops, format: Partial<PageFormat>): PageFormat {
  const { latent = ops.precision, index = ops.precision, pageRows = PAGE_ROWS } = format;
  return { latent, index, pageRows };
}

/** Makes caches for all main layers, in a pool of their own. */
export function newModelCache(
  ops: Ops,
  cfg: ModelConfig,
  format: Partial<PageFormat> = {},
): ModelCache {
  return new ModelCache(new PageTable(newPagePool(ops, cfg, format)));
}

/** Makes caches for the MTP layer, which is a full one, in a pool of their own. */
export function newDraftCache(
  ops: Ops,
  cfg: ModelConfig,
  format: Partial<PageFormat> = {},
): ModelCache {
  const layout = pageLayout(cfg, ["full"], complete(ops, format));
  return new ModelCache(new PageTable(new PagePool(ops.rowMemory(), layout)));
}
