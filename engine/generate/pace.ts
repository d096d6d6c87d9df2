/**
 * How many tokens of a prompt are run in one step.
 *
 * Many at once are faster, since each weight is read once for all of them. But between two steps an abort can
 * arrive and progress can be shown, and the scores of a step take memory. So the steps of a fast model are
 * long, and those of a slow one are short. The length of the steps changes no bit of a result.
 *
 * Next: room.ts
 * @module
 */
import type { ModelConfig } from "../config/model-config.ts";
import type { PagePool } from "../kv/page-pool.ts";
import { stepBytes } from "./room.ts";

/** The first step has so many tokens, and none that is not the last has fewer. */
const LEAST = 64;
/** More at once are not faster. */
const MOST = 512;
/** The most where a step reads the weights from files, each of them once. */
const MOST_STREAMED = 4096;
/** A step should end after so many milliseconds. */
const STEP_MS = 1000;
/** The part of the memory that is left which a step may take. */
const SHARE_OF_MEMORY = 1 / 2;
/** Bytes of a step where the backend does not say how much memory is left. */
const USUAL_BYTES = 2 ** 28;

/** The steps of one timeline. */
export class Pace {
  /** What was asked for; undefined when the pace is found by itself. */
  readonly fixed: number | undefined;
  readonly #isStreamed: boolean;
  #wanted: number;

  /** @param isStreamed whether each step reads the weights from files: then only memory bounds a step */
  constructor(fixed: number | undefined, isStreamed = false) {
    this.fixed = fixed;
    this.#isStreamed = isStreamed;
    this.#wanted = isStreamed ? MOST_STREAMED : LEAST;
  }

  /** The fewest tokens of a step. */
  get least(): number {
    return this.fixed ?? LEAST;
  }

  /** Tokens of the next step, behind `length` positions. */
  next(config: ModelConfig, { memory, layout }: PagePool, length: number): number {
    if (this.fixed !== undefined) return this.fixed;
    const most = SHARE_OF_MEMORY * (memory.bytesLeft ?? USUAL_BYTES);
    const rowBytes = (layout.rowsBytes + layout.keysBytes) / layout.format.pageRows;
    const bytesOf = (chunk: number) => stepBytes(config, chunk, length + chunk) + chunk * rowBytes;
    let chunk = this.#wanted;
    while (chunk > LEAST && bytesOf(chunk) > most) chunk /= 2;
    return chunk;
  }

  /** Learns from a step of so many tokens, which took so long. */
  took(tokens: number, milliseconds: number): void {
    if (tokens < LEAST || this.#isStreamed) return;
    const wanted = (tokens * STEP_MS) / Math.max(milliseconds, 1);
    this.#wanted = MOST;
    while (this.#wanted > LEAST && this.#wanted > wanted) this.#wanted /= 2;
  }
}
