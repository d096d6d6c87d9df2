/**
 * Chooses the page pool of a session: a new one, or one that it shares with other sessions of the
 * same model.
 *
 * Next: session.ts
 * @module
 */
import { ArgumentError } from "../base/errors.ts";
import type { Tier } from "../kv/hot-rows.ts";
import { newPagePool } from "../kv/model-cache.ts";
import type { PageFormat } from "../kv/page-layout.ts";
import type { PagePool } from "../kv/page-pool.ts";
import type { Model } from "../model/model.ts";

/** Where a session keeps its cached rows. */
export interface PoolChoice {
  /** The number formats of cached rows. By default, rows are not rounded. */
  readonly rows?: Partial<PageFormat>;
  /** A store for the rows of full pages, and how much memory the rows used last may take. */
  readonly tier?: Tier;
  /** A pool to share with other sessions of the same model, instead of a new one. */
  readonly pool?: PagePool;
}

/**
 * The model of each pool. A pool finds pages by their tokens alone, so all of its rows must come
 * from the same model.
 */
const OWNERS = new WeakMap<PagePool, Pick<Model, "config" | "weights">>();

/**
 * Makes a pool, or returns the given one.
 *
 * @throws {ArgumentError} when the given pool is that of another model, or `rows` or `tier` are
 *   given
 *   with it
 */
export function sessionPool({ ops, config, weights }: Model, choice: PoolChoice): PagePool {
  const { rows, tier } = choice;
  if (choice.pool && (rows || tier)) {
    throw new ArgumentError("pool", "brings its own rows and tier, got others beside it");
  }
  const pool = choice.pool ?? newPagePool(ops, config, rows, tier);
  const owner = OWNERS.get(pool) ?? { config, weights };
  if (owner.config !== config || owner.weights !== weights) {
    throw new ArgumentError(
      "pool",
      "expected one of this model, got one that another model writes to",
    );
  }
  OWNERS.set(pool, owner);
  return pool;
}
