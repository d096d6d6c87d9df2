/**
 * The pages of a session: its own, or those of other sessions of the same model.
 *
 * Next: session.ts
 * @module
 */
import { ArgumentError } from "../errors.ts";
import type { Tier } from "../kv/hot-rows.ts";
import { newPagePool } from "../kv/model-cache.ts";
import type { PageFormat } from "../kv/page-layout.ts";
import type { PagePool } from "../kv/page-pool.ts";
import type { Model } from "../model/model.ts";

/** Where a session keeps what it remembers. */
export interface PoolChoice {
  /** How rows are kept; not rounded when not given. */
  readonly rows?: Partial<PageFormat>;
  /** Where rows of full pages go, and the memory that those used last may take. */
  readonly tier?: Tier;
  /** Pages to share with other sessions of the same model, instead of pages of its own. */
  readonly pool?: PagePool;
}

/** Whose rows a pool holds. Its pages are found by their tokens, which say nothing of the model. */
const OWNERS = new WeakMap<PagePool, Pick<Model, "config" | "weights">>();

/**
 * A new pool, or the one that was chosen.
 *
 * @throws {ArgumentError} when that one is another model's, or other formats are asked for beside it
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
