/**
 * The pages that hold a text: which of them a fork shares, and what a tier of cold rows does.
 * @module
 */

import { commonPrefix } from "../../../engine/generate/common-prefix.ts";
import { CacheError, type Model, type RowStore, Session } from "../../../engine/index.ts";
import type { PageFacts, Pages } from "../messages.ts";

/** What to show. */
export interface PagesWish {
  /** Ids of the second text. */
  readonly fork: readonly number[] | undefined;
  readonly hotBytes: number | undefined;
  readonly signal: AbortSignal;
}

/** @param text holds the ids of the text; it stays as it is */
export async function pagesOf(
  model: Model,
  text: Session,
  { fork, hotBytes, signal }: PagesWish,
): Promise<Pages> {
  const { pool } = text;
  const { layout } = pool;
  const same = fork && commonPrefix(fork, text.tokens);
  const twin = fork && text.fork();
  try {
    if (fork && twin) {
      await twin.prefill(fork, signal);
      signal.throwIfAborted();
      twin.sync(fork);
    }
    return {
      pageRows: layout.format.pageRows,
      bytesPerPage: layout.rowsBytes + layout.keysBytes,
      liveBytes: pool.liveBytes,
      text: factsOf(text),
      fork: twin && factsOf(twin),
      differsAt: fork && same === fork.length && same === text.tokens.length ? undefined : same,
      forkRan: fork ? fork.length - Math.min(same ?? 0, fork.length - 1) : 0,
      tier: hotBytes === undefined ? undefined : tierOf(model, text, hotBytes),
      leastHotBytes: leastHotBytes(model, text),
    };
  } finally {
    twin?.close();
  }
}

function factsOf({ pages, pool, tokens }: Session): PageFacts[] {
  const { pageRows } = pool.layout.format;
  return pages.map((page, i) => ({
    page,
    from: i * pageRows,
    to: Math.min((i + 1) * pageRows, tokens.length),
    count: pool.count(page),
    isCold: pool.rowsAt(page) === undefined,
  }));
}

/** Bytes of the rows that one query may choose in every group of layers. */
function leastHotBytes({ config }: Model, { pool }: Session): number {
  return config.indexTopk * pool.layout.groups.reduce((sum, { stride }) => sum + stride, 0);
}

/** Puts the rows of a copy of the text into a store, runs its last token again, and counts. */
function tierOf(model: Model, text: Session, hotBytes: number): Pages["tier"] {
  const least = leastHotBytes(model, text);
  if (!(hotBytes >= least)) {
    throw new CacheError("memory for rows", `expected ${least} bytes or more, got ${hotBytes}`);
  }
  const session = new Session(model, { tier: { store: memoryStore(), hotBytes } });
  try {
    session.restore(text.tokens, (i) => text.pageBytes(i));
    const counts = session.pool.hotRows?.counts;
    session.truncate(text.tokens.length - 1);
    const before = { ...counts };
    session.append(text.tokens.slice(-1));
    const since = (key: "hits" | "misses" | "bytesRead"): number =>
      (counts?.[key] ?? 0) - (before[key] ?? 0);
    return { hits: since("hits"), misses: since("misses"), bytesRead: since("bytesRead") };
  } finally {
    session.close();
  }
}

/** A store of rows that is no disk: it shows what would be read. */
function memoryStore(): RowStore {
  let bytes = new Uint8Array(0);
  return {
    name: "memory",
    read: (offset, target) => {
      const part = bytes.subarray(offset, offset + target.length);
      target.set(part);
      return part.length;
    },
    write: (offset, part) => {
      const end = offset + part.length;
      if (end > bytes.length) {
        const larger = new Uint8Array(2 * end);
        larger.set(bytes);
        bytes = larger;
      }
      bytes.set(part, offset);
    },
  };
}
