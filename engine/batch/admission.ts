/**
 * Whether a text that waits may begin: whether there are pages for it, and whether another text is just
 * reading the same beginning, whose pages it can have in a moment.
 *
 * Next: harvest.ts
 * @module
 */
import { commonPrefix } from "../generate/common-prefix.ts";
import { Timeline } from "../generate/timeline.ts";
import { ModelCache } from "../kv/model-cache.ts";
import type { PageKeeper } from "../kv/page-keeper.ts";
import type { PagePool } from "../kv/page-pool.ts";
import { PageTable } from "../kv/page-table.ts";
import type { Model } from "../model/model.ts";
import type { Line } from "./line.ts";

/** Gives lines their timelines, in one pool of pages. */
export class Admission {
  readonly #model: Model;
  readonly #pool: PagePool;
  readonly #keeper: PageKeeper;

  constructor(model: Model, pool: PagePool, keeper: PageKeeper) {
    this.#model = model;
    this.#pool = pool;
    this.#keeper = keeper;
  }

  /** Whether one of the lines that run is just reading the same beginning, so that waiting saves work. */
  isBeingRead(line: Line, running: readonly Line[]): boolean {
    if (!mayAdopt(line)) return false;
    const { pageRows } = this.#pool.layout.format;
    const { text } = line.chooser;
    return running.some((other) => {
      if (other.isDecoding || other.task.isPaused || !mayAdopt(other)) return false;
      const same = Math.min(commonPrefix(text, other.chooser.text), text.length - 1);
      const there = other.timeline?.length ?? 0;
      return Math.floor(same / pageRows) > Math.floor(there / pageRows);
    });
  }

  /**
   * Gives a line its timeline, with the pages of other texts that begin alike.
   *
   * @returns how many positions those pages hold; undefined when there are too few pages for the rest, and
   *   then nothing has changed
   */
  begin(line: Line, running: readonly Line[]): number | undefined {
    const { text } = line.chooser;
    const timeline = new Timeline(new ModelCache(new PageTable(this.#pool)));
    if (mayAdopt(line)) timeline.adopt(text.slice(0, -1));
    line.begin(timeline, this.#model);
    // Those that run must have their texts' pages, and one more, or this line would soon be put back.
    const { pageRows } = this.#pool.layout.format;
    const promised = running.reduce(
      (sum, other) => sum + other.pagesFor(other.chooser.text.length + pageRows),
      0,
    );
    const free = this.#pool.maxPages - this.#pool.nLive + this.#keeper.nPages;
    if (line.pagesFor(text.length) > free - promised) {
      line.putBack();
      return undefined;
    }
    this.#keeper.touch(timeline.cache.table.pages);
    return timeline.length;
  }
}

/** Rows of others have no logits for the prompt's scores, no hidden states for a draft head, no choices. */
function mayAdopt({ task: { job } }: Line): boolean {
  return !job.promptLogProbs && !job.draftSteps && !job.trace;
}
