/**
 * The MTP layer at work: it watches what the main model runs and proposes tokens ahead of it.
 *
 * Slot `i` of its cache needs the main hidden state at `i` and token `i + 1`, so it always stands
 * one slot behind the timeline: the newest hidden states wait here until the token after them is
 * known. Draft slots are dropped after each proposal and made anew from true hidden states.
 * @module
 */
import { ArgumentError } from "../errors.ts";
import { type ModelCache, newDraftCache } from "../kv/model-cache.ts";
import type { PageFormat } from "../kv/page-layout.ts";
import { head, type Model } from "../model/model.ts";
import { type MtpInput, type MtpOutput, mtpStep } from "../model/mtp.ts";
import type { MtpWeights } from "../model/weights.ts";
import { noTap, noTaps, type Tap } from "../tap.ts";
import type { Floats, Indices, Tensor } from "../tensor.ts";

/** A proposed token and the logits it was chosen from. */
export interface Draft {
  /** The proposed id. */
  readonly token: number;
  /** One number for each id of the vocabulary. */
  readonly logits: Floats;
}

/** The tap of each run of the layer: 0 for verified slots, 1, 2, … for the guesses after them. */
export type DraftTaps = (guess: number) => Tap;

/** Hidden states of the newest run: positions `start …`, with the tokens that stand there. */
interface Waiting {
  readonly start: number;
  tokens: number[];
  hidden: Floats;
}

/** Proposes tokens; see the top of this file. */
export class DraftHead {
  readonly #model: Model;
  readonly #mtp: MtpWeights;
  readonly #taps: DraftTaps;
  #cache: ModelCache;
  #waiting: Waiting | undefined;
  /** Token that filled the newest slot; another choice makes that slot void. */
  #newest: number | undefined;

  /** @throws {ArgumentError} when the checkpoint has no MTP layer */
  constructor(model: Model, format: Partial<PageFormat> = {}, taps: DraftTaps = () => noTap) {
    if (!model.weights.mtp) throw new ArgumentError("draft", "this checkpoint has no MTP layer");
    this.#model = model;
    this.#mtp = model.weights.mtp;
    this.#taps = taps;
    this.#cache = newDraftCache(model.ops, model.config, format);
  }

  /** Whether the slot before position `length` can still be filled. */
  canContinueAt(length: number): boolean {
    const waiting = this.#waiting;
    const end = waiting ? waiting.start + waiting.tokens.length : 0;
    return length === end && (length === 0 || waiting !== undefined);
  }

  /** Takes the hidden states of a run at positions `start …`. */
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

  /** A second head with the same past. */
  fork(): DraftHead {
    const twin = new DraftHead(this.#model, {}, this.#taps);
    twin.#cache = this.#cache.fork();
    twin.#waiting = this.#waiting && { ...this.#waiting, tokens: [...this.#waiting.tokens] };
    twin.#newest = this.#newest;
    return twin;
  }

  /** Gives the memory of the cache back. The head cannot be used again. */
  close(): void {
    this.#cache.close();
  }

  /**
   * Proposes up to `steps` tokens to follow `next`, which the main model has chosen but not run.
   *
   * @param choose picks a token from draft logits
   */
  propose(next: number, steps: number, choose: (logits: Floats) => number): Draft[] {
    const { ops, config } = this.#model;
    const mark = ops.mark();
    const verified = this.#fill(next);
    if (!verified) return [];
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
    ops.release(mark);
    return drafts;
  }

  /** Runs the layer over every slot that `next` completes. Nothing when there is none. */
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

  #run(input: MtpInput, tap: Tap): MtpOutput {
    return mtpStep(this.#model, this.#mtp, input, this.#cache.layers[0], tap);
  }
}
