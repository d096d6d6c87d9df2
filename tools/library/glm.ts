/// <reference lib="esnext.disposable" preserve="true" />
/**
 * An open model: everything that one can do with it.
 *
 * Next: text-session.ts
 * @module
 */
import {
  ArgumentError,
  type Aside,
  type Model,
  type ModelConfig,
  type NamedTensor,
  type SamplingOptions,
  Session,
  type TraceOptions,
  traceSteps,
} from "../../engine/index.ts";
import type { DecodeOptions, Tokenizer } from "../../tokenizer/index.ts";
import { Chat, type ChatOptions } from "./chat.ts";
import { BUILTIN_TEMPLATE, type ChatTemplate } from "./chat-template.ts";
import type { Piece, TextResult } from "./generate-text.ts";
import type { StartKeeper } from "./keeper.ts";
import type { LoadedModel } from "./open-files.ts";
import { type Score, type ScoreOptions, score } from "./score.ts";
import { SessionVoice } from "./session-voice.ts";
import type { Prompt, PromptOptions, Speaker } from "./speaker.ts";
import { type TextOptions, TextSession, type TimelineOptions } from "./text-session.ts";
import type { OpenTokenizer } from "./tokenizer-files.ts";

/** What a {@link Glm} is made of. */
export interface GlmParts extends LoadedModel {
  /** The tokenizer, if the model has one. */
  readonly opened: OpenTokenizer | undefined;
  /** How conversations become prompts; GLM-5.2's format by default. */
  readonly template?: ChatTemplate | undefined;
  /** Where the model comes from. */
  readonly source: ModelSource;
}

/** Where a model comes from, and in what numbers it runs. */
export interface ModelSource {
  /** Name of the model, for people. */
  readonly name: string;
  /** The folder on disk, if it is in one. */
  readonly folder?: string | undefined;
  /** The name of the backend. */
  readonly backend: string;
  /** The epsilon that was chosen when it was opened; undefined for the model's own. */
  readonly latentEps?: number | undefined;
}

/** What to trace; see {@link Glm.trace}. */
export interface GlmTraceOptions extends Omit<TraceOptions, "tokens" | "onProgress"> {
  /** Told after each step: positions done, and wanted. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Ends the work: the promise is then rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** An open model. Close it when it is no longer needed: its threads wait until then. */
export class Glm implements Speaker {
  /** Where the model comes from, and in what numbers it runs. */
  readonly source: ModelSource;
  /** What computes, for people: backend, threads, wide vectors. */
  readonly arithmetic: string;
  /** Undefined for a model without a tokenizer.json: its texts are lists of ids. */
  readonly tokenizer: Tokenizer | undefined;
  /** Ids before a plain text. */
  readonly textStart: readonly number[];
  /** How tokens are chosen when nobody says it. */
  readonly sampling: SamplingOptions;
  /** How conversations become prompts. */
  readonly template: ChatTemplate;
  /** What was taken for granted and changes results, in a sentence for people. */
  readonly assumed: string | undefined;
  /** What the model's files hold that cannot change a result, and was left aside. */
  readonly asides: readonly Aside[];
  /** What a streamed model has read so far; undefined for one in memory. */
  readonly streamed: LoadedModel["streamed"];
  #loaded: LoadedModel | undefined;

  constructor({ opened, source, template, ...loaded }: GlmParts) {
    const { sampling } = loaded;
    this.source = source;
    this.template = template ?? BUILTIN_TEMPLATE;
    this.arithmetic = loaded.arithmetic;
    this.tokenizer = opened?.tokenizer;
    this.textStart = opened?.textStart ?? [];
    this.sampling = { ...sampling, ...(opened && { vocabLimit: opened.tokenizer.vocabSize }) };
    this.assumed = loaded.assumed;
    this.streamed = loaded.streamed;
    this.asides = [...loaded.asides, ...(opened?.tokenizer.asides ?? [])];
    this.#loaded = loaded;
  }

  /** The model below, for what only the engine can do. @throws {ArgumentError} when it is closed */
  get model(): Model {
    if (this.#loaded) return this.#loaded.model;
    throw new ArgumentError(this.source.name, "expected an open model, this one was closed");
  }

  /** The numbers that shape the model. */
  get config(): ModelConfig {
    return this.model.config;
  }

  /** Text → ids, without anything before or after. */
  encode(text: string): number[] {
    return [...this.#needTokenizer("encode").encode(text)];
  }

  /** Ids → text. For a model without a tokenizer, the ids with spaces between them. */
  decode(ids: readonly number[], options: DecodeOptions = {}): string {
    return this.tokenizer ? this.tokenizer.decode(ids, options) : ids.join(" ");
  }

  /** The ids of a prompt. */
  promptIds(prompt: Prompt, { isStart = true }: PromptOptions = {}): number[] {
    if (typeof prompt !== "string") return [...prompt];
    const ids = [...this.#needTokenizer("a text prompt").encode(prompt)];
    return isStart ? [...this.textStart, ...ids] : ids;
  }

  /**
   * Goes on with a text: a piece for each token, and a last one with the finish reason.
   *
   * @returns, as the value of the generator, the whole result with its timing
   */
  async *generate(prompt: Prompt, options: TextOptions = {}): AsyncGenerator<Piece, TextResult> {
    const session = this.session(options);
    try {
      return yield* session.generate(prompt, options);
    } finally {
      session.close();
    }
  }

  /** A timeline that remembers what was read and generated, to go on from and to fork. */
  session(options: TimelineOptions = {}, keeper?: StartKeeper, seed: number = 0): TextSession {
    return new TextSession(this, options, keeper, seed);
  }

  /**
   * A conversation.
   *
   * @throws {ArgumentError} when the model has no tokenizer, or a chat template that cannot be used
   */
  chat(options: ChatOptions = {}, keeper?: StartKeeper): Chat {
    return new Chat(new SessionVoice(this, this.#needTokenizer("chat"), options, keeper), options);
  }

  /** How likely the model finds a text. What stands before a text by habit is not scored. */
  async score(prompt: Prompt, options: ScoreOptions = {}): Promise<Score> {
    const ids = this.promptIds(prompt);
    const from = typeof prompt === "string" ? this.textStart.length : 0;
    const session = new Session(this.model, { maxContext: Math.max(1, ids.length) });
    try {
      return await score(session, ids, from, options);
    } finally {
      session.close();
    }
  }

  /** The stages of a forward pass over a prompt, under llama.cpp's names. */
  async trace(prompt: Prompt, options: GlmTraceOptions = {}): Promise<NamedTensor[]> {
    const { signal, onProgress, ...wanted } = options;
    const steps = traceSteps(this.model, { ...wanted, tokens: this.promptIds(prompt) });
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done) return step.value;
      onProgress?.(step.value.done, step.value.total);
      await new Promise((resolve) => setTimeout(resolve, 0)); // lets an abort arrive
      signal?.throwIfAborted();
    }
  }

  /** Ends the threads and lets the memory go. Sessions and chats of this model end with it. */
  async close(): Promise<void> {
    const loaded = this.#loaded;
    this.#loaded = undefined;
    await loaded?.close();
  }

  /** The same as {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #needTokenizer(what: string): Tokenizer {
    if (this.tokenizer) return this.tokenizer;
    throw new ArgumentError(what, "this model has no tokenizer.json, so there is no text");
  }
}
