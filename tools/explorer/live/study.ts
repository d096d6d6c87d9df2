/**
 * Holds the open model, the text that was read last, and the token that is looked at; answers with them.
 *
 * Next: open-text.ts
 * @module
 */
import { ArgumentError, topIds } from "../../../engine/index.ts";
import type {
  AskName,
  Asks,
  ExampleFacts,
  Look,
  LookAsk,
  OpenAsk,
  Opened,
  TraceAsk,
  TraceFacts,
  TraceLookAsk,
} from "../messages.ts";
import type { Answers, Call } from "./desk.ts";
import { layersOf, releasedSizes, sizesOf, stagesOf } from "./facts.ts";
import { chances, glances, layerOf, lookAt, type Speaking, TOP } from "./look.ts";
import { OpenText } from "./open-text.ts";
import { denseOf, votesOf } from "./rows.ts";
import { switchesOf } from "./switches.ts";
import { tokenChance, tokensOfText } from "./token-facts.ts";
import { blobSource, TraceReader, urlSource } from "./trace-reader.ts";
import type { OpenedModel } from "./web-model.ts";
import { whatIf } from "./what-if-answer.ts";

/** Opens a model. */
export type Opener = (ask: OpenAsk, call: Call) => Promise<OpenedModel>;

/** See the top of this file. */
export class Study {
  readonly #open: Opener;
  #text: OpenText | undefined;
  #opened: OpenedModel | undefined;
  #trace: TraceReader | undefined;

  constructor(open: Opener) {
    this.#open = open;
  }

  /** One function for each request. */
  readonly answers: Answers = {
    open: (ask, call) => this.#openModel(ask, call),
    tokens: async ({ text }) => {
      const { tokenizer, textStart } = this.#needOpened();
      return tokensOfText(tokenizer, textStart, text);
    },
    read: (ask, call) => this.#needText().read(ask, call),
    look: (ask) => this.#look(ask),
    votes: async ({ t, layer }) => {
      const votes = votesOf(this.#needText().focusOn(t), layer);
      if (votes) return votes;
      throw new ArgumentError(`layer ${layer}`, "expected one with an indexer of its own");
    },
    dense: async ({ t, layer }) => {
      const text = this.#needText();
      text.checkLayer(layer);
      return denseOf(text.focusOn(t), layer);
    },
    experts: async () => this.#needText().experts(),
    overlaps: async ({ t }) => this.#needText().overlaps(t),
    pages: (ask, call) => this.#needText().pages(ask, call),
    draft: (ask, call) => this.#needText().draft(ask, call),
    write: (ask, call) => this.#needText().write(ask, call),
    whatIf: (ask, call) => {
      const { examples } = this.#needOpened();
      return whatIf(this.#needText(), ask, examples, call);
    },
    trace: (ask) => this.#openTrace(ask),
    traceLook: (ask) => this.#lookAtTrace(ask),
  } satisfies { [N in AskName]: (ask: Asks[N]["ask"], call: Call) => Promise<Asks[N]["answer"]> };

  /** Lets everything go. */
  async close(): Promise<void> {
    this.#text?.close();
    await this.#opened?.close();
    [this.#text, this.#opened] = [undefined, undefined];
  }

  async #openModel(ask: OpenAsk, call: Call): Promise<Opened> {
    await this.close();
    const opened = await this.#open(ask, call);
    const { model, name, arithmetic, examples } = opened;
    this.#opened = opened;
    this.#text = new OpenText(opened);
    const layers = layersOf(model);
    return {
      sizes: sizesOf(name, model.config),
      released: releasedSizes(),
      layers,
      stages: stagesOf(layers),
      switches: switchesOf(model.config),
      examples: examples.map((example) => withPlace(opened, example)),
      canDraft: model.weights.mtp !== undefined,
      arithmetic,
    };
  }

  async #look({ t, watch }: LookAsk): Promise<Look> {
    const begun = performance.now();
    const text = this.#needText();
    const look = lookAt(text.speaking, text.focusOn(t), watch);
    return { ...look, milliseconds: performance.now() - begun };
  }

  async #openTrace({ file, url, name }: TraceAsk): Promise<TraceFacts> {
    if (!file && url === undefined) throw new ArgumentError("trace", "expected a file, got none");
    const source = file ? blobSource(name, file) : await urlSource(name, url ?? "");
    this.#trace = await TraceReader.open(source);
    return this.#trace.facts;
  }

  async #lookAtTrace({ t }: TraceLookAsk): Promise<Look> {
    const begun = performance.now();
    const trace = this.#trace;
    if (!trace) throw new ArgumentError("trace", "expected an open file; choose one first");
    if (!(Number.isInteger(t) && t >= 0 && t < trace.facts.tokens)) {
      throw new ArgumentError("position", `expected 0 … ${trace.facts.tokens - 1}, got ${t}`);
    }
    const stages = await trace.at(t);
    const logits = stages.get("logits");
    const tokenizer = this.#opened?.tokenizer;
    // Only a trace of this vocabulary has names for its tokens.
    const speaks = tokenizer?.paddedVocabSize === logits?.data.length ? tokenizer : undefined;
    const numbers = logits && Float32Array.from(logits.data);
    const p = numbers && chances(numbers, speaks);
    return {
      t,
      layers: trace.facts.layers.map(({ layer }) => layerOf(stages, layer, undefined)),
      watched: undefined,
      logits: numbers,
      top: p ? topIds(p, TOP).map((id) => tokenChance(speaks, id, p[id])) : [],
      stages: glances(stages),
      ran: 0,
      milliseconds: performance.now() - begun,
    };
  }

  #needOpened(): OpenedModel {
    if (this.#opened) return this.#opened;
    throw new ArgumentError("model", "expected an open one; it is not loaded yet");
  }

  #needText(): OpenText {
    this.#needOpened();
    if (this.#text) return this.#text;
    throw new ArgumentError("model", "expected an open one; it is not loaded yet");
  }
}

/** Finds the token at the end of the fact of an example. */
function withPlace({ tokenizer, textStart }: Speaking, example: ExampleFacts): ExampleFacts {
  const { fact, text } = example;
  if (fact === undefined) return example;
  const upTo = text.slice(0, text.indexOf(fact) + fact.length);
  return { ...example, wordAt: textStart.length + tokenizer.encode(upTo).length - 1 };
}
