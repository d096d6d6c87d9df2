/**
 * A prompt whose choices are clear: rounding of a class of engines cannot turn any of them.
 *
 * Position by position every token of the vocabulary is tried. Kept is the token whose narrowest
 * choice, in any layer, is the widest in units of what engines of the class move that choice by
 * (envelope.ts, measured on the prompt that the case has so far). The tokens go into
 * tools/golden/oracle/prompts.json.
 * @module
 */
import {
  type Model,
  mtpStep,
  newTap,
  referenceOps,
  Session,
  type Tensor,
} from "../../../engine/index.ts";
import { newDraftCache } from "../../../engine/kv/model-cache.ts";
import { Recorder } from "../../../engine/trace/recorder.ts";
import { type CaseInfo, openCase, readCase } from "../case/case.ts";
import type { EngineClass } from "../case/engine-class.ts";
import { traceCase } from "../case/expectation.ts";
import { borders, gaps } from "../judge/margins.ts";
import { scoreTables } from "../judge/score-tables.ts";
import { measureEnvelope, ROOM } from "./envelope.ts";

const WANTED = ["indexer_score", "ffn_moe_logits", "result_output", "result_norm"];

/** How wide the gap of each choice must be, as plain numbers. */
type Needs = ReadonlyMap<string, number>;

/** Prompts on which the movements are measured: the case's, and others made of it. */
const N_PROMPTS = 6;

/** What the class moves each choice by, on any of several prompts, times the room for engines. */
async function needs(dir: string, info: CaseInfo, model: Model, kind: EngineClass): Promise<Needs> {
  const most = new Map<string, number>();
  for (let n = 0; n < N_PROMPTS; n++) {
    const tokens = info.tokens.map((token, i) => (token + 31 * n * i) % model.config.vocabSize);
    const { choices } = await measureEnvelope(dir, tokens);
    for (const tensor of traceCase(model, { ...info, tokens })) {
      for (const { name, unit } of scoreTables(tensor.name, tensor, tensor, model)) {
        const need = ROOM * unit * (choices[name]?.moved[kind] ?? 0);
        most.set(name, Math.max(need, most.get(name) ?? 0));
      }
    }
  }
  return most;
}

/** One timeline in which the last token can be taken back; the MTP layer runs behind it. */
class Trial {
  readonly #model: Model;
  readonly #session: Session;
  readonly #mtpCache;
  #taps = new Recorder(() => false);
  #hidden: Tensor<["T", "hidden"]> | undefined;

  constructor(model: Model, nTokens: number) {
    this.#model = model;
    this.#mtpCache = newDraftCache(model.ops, model.config);
    this.#session = new Session(model, {
      maxContext: nTokens,
      taps: {
        model: newTap((stage, value) => this.#taps.model(stage, value)),
        layer: (l) => this.#taps.layer(l),
      },
    });
  }

  /** The narrowest gap that one more token makes, over its need. */
  width(token: number, need: Needs): number {
    const at = this.#session.tokens.length;
    const tensors = this.#step(token, at);
    this.#session.truncate(at);
    this.#mtpCache.truncate(Math.max(at - 1, 0));
    let least = Number.POSITIVE_INFINITY;
    for (const tensor of tensors) {
      for (const { name, scores, k } of scoreTables(tensor.name, tensor, tensor, this.#model)) {
        const found = borders(scores, k);
        const [gap] = gaps(scores, found);
        const width = found.ties.length > 0 ? 0 : gap / (need.get(name) ?? 1);
        if (!Number.isNaN(width)) least = Math.min(least, width);
      }
    }
    return least;
  }

  /** Goes on with a token. */
  take(token: number): void {
    const hidden = this.#step(token, this.#session.tokens.length).find(
      ({ name }) => name === "result_norm",
    );
    if (!hidden) throw new Error("no result_norm was recorded");
    const { hiddenSize } = this.#model.config;
    this.#hidden = this.#model.ops.tensor(["T", "hidden"], [1, hiddenSize], hidden.data);
  }

  #step(token: number, at: number) {
    this.#taps = new Recorder((stage) => WANTED.includes(stage));
    this.#session.append([token]);
    const { weights, config } = this.#model;
    if (weights.mtp && this.#hidden) {
      const tap = this.#taps.layer(config.numHiddenLayers);
      const slot = { start: at - 1, nextTokens: Int32Array.of(token), hidden: this.#hidden };
      mtpStep(this.#model, weights.mtp, slot, this.#mtpCache.layers[0], tap);
    }
    return this.#taps.tensors();
  }
}

/** A prompt that was found. */
export interface FoundPrompt {
  readonly tokens: readonly number[];
  /** Its narrowest choice, in units of what is needed. */
  readonly narrowest: number;
}

/**
 * Searches a prompt as long as that of the case in `dir`.
 *
 * @param onToken is told after each token how wide the choices up to there are
 */
export async function searchPrompt(
  dir: string,
  kind: EngineClass,
  onToken: (done: number, total: number, width: number) => void = () => {},
): Promise<FoundPrompt> {
  const info = await readCase(dir);
  const model = await openCase(dir, info, referenceOps("f32"));
  const need = await needs(dir, info, model, kind);
  const nTokens = info.tokens.length;
  const trial = new Trial(model, nTokens);
  const prompt: number[] = [];
  let least = Number.POSITIVE_INFINITY;
  while (prompt.length < nTokens) {
    let [best, widest] = [0, Number.NEGATIVE_INFINITY];
    for (let token = 0; token < model.config.vocabSize; token++) {
      const width = trial.width(token, need);
      if (width > widest) [best, widest] = [token, width];
    }
    trial.take(best);
    prompt.push(best);
    least = Math.min(least, widest);
    onToken(prompt.length, nTokens, widest);
  }
  return { tokens: prompt, narrowest: least };
}
