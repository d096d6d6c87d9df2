/**
 * A pass: all tokens go through layer 0, then all through layer 1, and so on. Each layer is needed once, so
 * a model whose layers come from files is read once, and between two layers the pass can be put aside.
 *
 * The results are those of {@link forward} with all tokens in one step.
 * @module
 */
import { ArgumentError } from "../base/errors.ts";
import { noTaps, type Taps } from "../base/tap.ts";
import type { Floats, Tensor } from "../base/tensor.ts";
import { newDraftCache } from "../kv/model-cache.ts";
import { decoderLayer, type LayerInput } from "../model/layer.ts";
import { head, type Model } from "../model/model.ts";
import { stepRope } from "../model/step.ts";
import type { LayerWeights } from "../model/weights.ts";
import { positionsFrom } from "../numbers/rope-table.ts";
import { checkTokens } from "./check-tokens.ts";

/** What a pass needs to go on: the residual stream and the choice of rows that layers pass on. */
export interface PassState {
  /** The next layer. */
  readonly layer: number;
  /** `[T, hidden]` */
  readonly hidden: Floats;
  /** `[T, K]`; undefined before the first full layer. */
  readonly topK: Int32Array | undefined;
}

/** The end of a pass. */
export interface PassResult {
  /** Hidden states after the last norm, `[T, hidden]`. */
  readonly hidden: Floats;
  /** Logits of the last token, `[vocab]`. */
  readonly logits: Floats;
}

/** One pass over a text. */
export class LayerPass {
  readonly #model: Model;
  readonly #tokens: Int32Array;
  readonly #taps: Taps;
  readonly #layers: Iterator<LayerWeights>;
  #state: PassState;

  /**
   * @param from where an earlier pass over the same tokens was put aside
   * @throws {TokenError} when a token id is out of range, or there are no tokens
   */
  constructor(model: Model, tokens: readonly number[], taps: Taps = noTaps, from?: PassState) {
    const { ops, config, weights } = model;
    const most = config.maxPositionEmbeddings;
    checkTokens(tokens, 0, { maxContext: most, room: most }, config);
    this.#model = model;
    this.#tokens = Int32Array.from(tokens);
    this.#taps = taps;
    this.#layers = layersFrom(weights.layers, from?.layer ?? 0);
    if (from) {
      const n = tokens.length * config.hiddenSize;
      if (from.hidden.length !== n) {
        throw new ArgumentError("pass", `expected ${n} hidden numbers, got ${from.hidden.length}`);
      }
      this.#state = from;
      return;
    }
    const mark = ops.mark();
    const h = taps.model("inp_embd", ops.embed(this.#tokens, weights.embedTokens));
    this.#state = { layer: 0, hidden: ops.read(h), topK: undefined };
    ops.release(mark);
  }

  /** Where the pass stands. */
  get state(): PassState {
    return this.#state;
  }

  /** Runs the next layer. @returns whether there was one */
  step(): boolean {
    const next = this.#layers.next();
    if (next.done) return false;
    const { ops, config } = this.#model;
    const { layer, topK } = this.#state;
    const nT = this.#tokens.length;
    const mark = ops.mark();
    // Rows of one layer only: nobody goes on after a pass. A layer that borrows leaves the keys unused.
    const cache = newDraftCache(ops, config);
    try {
      const positions = positionsFrom(0, nT);
      const rope = stepRope(ops, config, positions);
      const step = { ops, cfg: config, positions, rope, tap: this.#taps.layer(layer) };
      const input: LayerInput = {
        h: this.#hidden(),
        ...(topK && {
          topK: { dims: ["T", "K"], shape: [nT, topK.length / nT], data: Int32Array.from(topK) },
        }),
      };
      const out = decoderLayer(step, next.value, input, cache.layers[0]);
      this.#state = {
        layer: layer + 1,
        hidden: ops.read(out.h),
        topK: Int32Array.from(out.topK.data),
      };
    } finally {
      cache.close();
      ops.release(mark);
    }
    return true;
  }

  /** The last norm, and the logits of the last token. Call it after the last layer. */
  end(): PassResult {
    const { ops, config, weights } = this.#model;
    const { layer } = this.#state;
    if (layer !== weights.layers.length) {
      const what = `expected a pass through ${weights.layers.length} layers, got one of ${layer}`;
      throw new ArgumentError("pass", what);
    }
    const mark = ops.mark();
    const norm = ops.rmsNorm(this.#hidden(), weights.norm, config.rmsNormEps);
    const h = this.#taps.model("result_norm", norm);
    const nT = this.#tokens.length;
    const logits = head(this.#model, ops.slice(h, nT - 1, nT), this.#taps);
    const result = { hidden: ops.read(h), logits: ops.read(logits) };
    ops.release(mark);
    return result;
  }

  /** Gives up what is being read for the next layer. */
  close(): void {
    this.#layers.return?.();
  }

  #hidden(): Tensor<["T", "hidden"]> {
    const { ops, config } = this.#model;
    const shape = [this.#tokens.length, config.hiddenSize] as const;
    return ops.tensor(["T", "hidden"], shape, this.#state.hidden);
  }
}

/** The layers from this one on. */
function layersFrom(layers: Model["weights"]["layers"], first: number): Iterator<LayerWeights> {
  if (layers.from) return layers.from(first);
  return [...layers].slice(first).values();
}
