/**
 * The draft head runs the MTP layer beside the main model and proposes tokens that may come next,
 * for speculative decoding.
 *
 * Slot `i` of its cache is made of the main model's hidden state at position `i` and of token
 * `i + 1`. That token is known only after the main model has run position `i`. So the draft head is
 * always one slot behind: the newest hidden states wait in it until the next token is known.
 *
 * A proposal fills further slots, from hidden states that the MTP layer itself makes. These slots
 * are dropped after the proposal. Once the main model has run those positions, the slots are filled
 * from its hidden states.
 * @module
 */
import { ArgumentError } from "../base/errors.ts";
import { noTap, noTaps, type Tap } from "../base/tap.ts";
import type { Floats, Indices, Tensor } from "../base/tensor.ts";
import { type ModelCache, newDraftCache } from "../kv/model-cache.ts";
import type { PageFormat } from "../kv/page-layout.ts";
import type { PagePool } from "../kv/page-pool.ts";
import { head, type Model } from "../model/model.ts";
import { type MtpInput, type MtpOutput, mtpStep } from "../model/mtp.ts";
import type { ModelWeights, MtpWeights } from "../model/weights.ts";

/** A proposed token, and the logits from which it was chosen. */
export interface Draft {
  /** The proposed id. */
  readonly token: number;
  /** One number for each id of the vocabulary. */
  readonly logits: Floats;
}

/**
 * Returns the tap for a run of the MTP layer. Run 0 is over slots with hidden states of the main
 * model; runs 1, 2, … each make one more guess.
 */
export type DraftTaps = (guess: number) => Tap;

/** The main model's hidden states of its newest run, and the tokens at the same positions. */
interface Waiting {
  /** Position of the first of them. */
  readonly start: number;
  tokens: number[];
  hidden: Floats;
}

/**
 * The MTP layer of a model.
 *
 * @param where what asks for it, for the error
 * @throws {ArgumentError} when the checkpoint has none
 */
export function mtpOf({ mtp, noMtp }: ModelWeights, where: string): MtpWeights {
  if (mtp) return mtp;
  const why = noMtp === undefined ? "" : `: ${noMtp}`;
  throw new ArgumentError(where, `this checkpoint has no MTP layer${why}`);
}

/** Proposes tokens with the MTP layer; see the top of this file. */
export class DraftHead {
  readonly #model: Model;
  readonly #mtp: MtpWeights;
  readonly #taps: DraftTaps;
  #cache: ModelCache;
  #waiting: Waiting | undefined;
  /**
   * The token with which the newest slot was filled. For another token, it must be filled again.
   */
  #newest: number | undefined;

  /** @throws {ArgumentError} when the checkpoint has no MTP layer */
  constructor(model: Model, format: Partial<PageFormat> = {}, taps: DraftTaps = () => noTap) {
    this.#model = model;
    this.#mtp = mtpOf(model.weights, "draft");
    this.#taps = taps;
    this.#cache = newDraftCache(model.ops, model.config, format);
  }

  /** The pages of its cache. */
  get pool(): PagePool {
    return this.#cache.table.pool;
  }

  /** Whether the head has the hidden state that it needs to go on from position `length`. */
  canContinueAt(length: number): boolean {
    const waiting = this.#waiting;
    const end = waiting ? waiting.start + waiting.tokens.length : 0;
    return length === end && (length === 0 || waiting !== undefined);
  }

  /** Takes the hidden states of a run of the main model over `tokens`, at positions `start …`. */
  observe(start: number, tokens: Int32Array, hidden: Tensor<["T", "hidden"]>): void {
    this.#fill(tokens[0]);
    this.#waiting = { start, tokens: [...tokens], hidden: this.#model.ops.read(hidden) };
  }

  /** Forgets every position from `length` on. */
  truncate(length: number): void {
    this.#cache.truncate(Math.max(0, length - 1));
    const waiting = this.#waiting;
    if (!waiting) return;
    if (length <= waiting.start) this.#waiting = undefined;
    else waiting.tokens.length = Math.min(waiting.tokens.length, length - waiting.start);
  }

  /** Makes a second head with the same past. */
  fork(): DraftHead {
    const twin = new DraftHead(this.#model, {}, this.#taps);
    twin.#cache = this.#cache.fork();
    twin.#waiting = this.#waiting && { ...this.#waiting, tokens: [...this.#waiting.tokens] };
    twin.#newest = this.#newest;
    return twin;
  }

  /** Frees the memory of the cache. The head cannot be used again. */
  close(): void {
    this.#cache.close();
  }

  /**
   * Proposes up to `steps` tokens to follow `next`, which the main model has chosen but not run
   * yet. Proposes none when no slot can be filled with `next`.
   *
   * @param choose picks a token from draft logits
   */
  propose(next: number, steps: number, choose: (logits: Floats) => number): Draft[] {
    const { ops } = this.#model;
    const mark = ops.mark();
    try {
      const verified = this.#fill(next);
      return verified ? this.#proposeAfter(verified, steps, choose) : [];
    } finally {
      ops.release(mark);
    }
  }

  /** Proposes after the newest slot, which the MTP layer has just filled. */
  #proposeAfter(verified: MtpOutput, steps: number, choose: (logits: Floats) => number): Draft[] {
    const { ops, config } = this.#model;
    const nSlots = this.#cache.length;
    const lastRow = verified.hidden.shape[0] - 1;
    const [, nK] = verified.topK.shape;
    const sharedTopK: Indices<["T", "K"]> | undefined = config.indexShareForMtpIteration
      ? {
          dims: ["T", "K"],
          shape: [1, nK],
          data: verified.topK.data.slice(lastRow * nK, (lastRow + 1) * nK),
        }
      : undefined;

    const drafts: Draft[] = [];
    let hidden = ops.slice(verified.hidden, lastRow, lastRow + 1);
    for (let step = 0; step < steps; step++) {
      const logits = ops.read(head(this.#model, hidden, noTaps));
      const token = choose(logits);
      drafts.push({ token, logits });
      if (step + 1 === steps) break;
      const nextTokens = Int32Array.of(token);
      const input = { start: nSlots + step, nextTokens, hidden, sharedTopK };
      hidden = this.#run(input, this.#taps(step + 1)).hidden;
    }
    this.#cache.truncate(nSlots);
    return drafts;
  }

  /**
   * Fills all slots that can be filled when the next token is `next`; undefined if there are none.
   */
  #fill(next: number): MtpOutput | undefined {
    const waiting = this.#waiting;
    if (!waiting) return undefined;
    const end = waiting.start + waiting.tokens.length;
    if (this.#cache.length === end) {
      if (this.#newest === next) return undefined;
      this.#cache.truncate(end - 1);
    }
    const from = this.#cache.length;
    const { ops, config } = this.#model;
    const nHidden = config.hiddenSize;
    const hidden = ops.tensor(
      ["T", "hidden"],
      [end - from, nHidden],
      waiting.hidden.subarray((from - waiting.start) * nHidden, (end - waiting.start) * nHidden),
    );
    const nextTokens = Int32Array.from([...waiting.tokens.slice(from - waiting.start + 1), next]);
    this.#newest = next;
    return this.#run({ start: from, nextTokens, hidden }, this.#taps(0));
  }

  /** Runs the MTP layer once. */
  #run(input: MtpInput, tap: Tap): MtpOutput {
    return mtpStep(this.#model, this.#mtp, input, this.#cache.layers[0], tap);
  }
}
