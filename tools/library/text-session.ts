/// <reference lib="esnext.disposable" preserve="true" />
/**
 * One timeline in words: a text that is gone on with, and the caches that remember it.
 *
 * Next: chat.ts
 * @module
 */
import {
  ArgumentError,
  type Constraint,
  type GenerateOptions,
  type SamplingOptions,
  Session,
  type SessionOptions,
} from "../../engine/index.ts";
import { generateText, type Piece, type TextResult } from "./generate-text.ts";
import type { Keeper, StartKeeper } from "./keeper.ts";
import type { Prompt, Speaker } from "./speaker.ts";

/** Most tokens to generate when nobody says how many. */
export const MAX_TOKENS = 256;

/** How a timeline remembers. None of it but the row formats changes a result. */
export interface TimelineOptions
  extends Pick<SessionOptions, "rows" | "tier" | "maxContext" | "taps"> {
  /** Prompt tokens per step; by default as many as the model is fast enough for, 64 to 512. */
  readonly chunk?: number | undefined;
  /** How many tokens the MTP layer may guess ahead; 0 by default. The text stays the same. */
  readonly draft?: number | undefined;
  /** Told while a prompt is read: positions done, and wanted. */
  readonly onPrefill?: ((done: number, total: number) => void) | undefined;
}

/** How to choose tokens. What is not given is as the model's makers want it, else greedy. */
export interface ChoiceOptions extends SamplingOptions {
  /** Most tokens to generate, 256 by default. */
  readonly maxTokens?: number | undefined;
  /** The same seed gives the same text; 0 by default. */
  readonly seed?: number | undefined;
  /** Texts that end the generation; they are not part of it. */
  readonly stop?: readonly string[] | undefined;
  /** Also report the probabilities of this many likeliest tokens; 0 by default. */
  readonly topLogProbs?: number | undefined;
  /** Ends the generation, with the finish reason `aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/** How to choose the tokens of one text. */
export interface TextChoiceOptions extends ChoiceOptions {
  /** What the text is held to. It follows this text alone; whoever made it closes it. */
  readonly constraint?: Constraint | undefined;
}

/** How to generate one text. */
export type TextOptions = TimelineOptions & TextChoiceOptions;

/** One timeline of an open model. `Glm.session` begins one. */
export class TextSession {
  readonly #speaker: Speaker;
  readonly #session: Session;
  readonly #draft: number;
  readonly #keeper: Keeper | undefined;
  #text: readonly number[];

  constructor(
    speaker: Speaker,
    options: TimelineOptions = {},
    from?: Session | StartKeeper,
    seed = 0,
  ) {
    this.#speaker = speaker;
    this.#draft = options.draft ?? 0;
    if (from instanceof Session) {
      this.#session = from;
    } else {
      this.#session = new Session(
        speaker.model,
        sessionOptions(options, () => this.#keeper?.ifDue()),
      );
      this.#keeper = from?.(this.#session, seed);
    }
    this.#text = this.#keeper?.text ?? this.#session.tokens;
  }

  /** All tokens so far: prompts, and what was generated after them. */
  get tokens(): readonly number[] {
    return this.#text;
  }

  /** All of it as a text, without control tokens. */
  get text(): string {
    return this.#speaker.decode(this.#text, { skipSpecial: true });
  }

  /** The timeline below, for what only the engine can do. */
  get engine(): Session {
    return this.#session;
  }

  /**
   * Appends a prompt and generates after it: a piece for each token, and a last one with the finish
   * reason. What the timeline holds already is not read again.
   *
   * @returns, as the value of the generator, the whole result with its timing
   */
  async *generate(
    prompt: Prompt,
    options: TextChoiceOptions = {},
  ): AsyncGenerator<Piece, TextResult> {
    const ids = this.#speaker.promptIds(prompt, { isStart: this.#text.length === 0 });
    if (options.stop && !this.#speaker.tokenizer) {
      throw new ArgumentError("stop", "this model has no tokenizer.json, so there is no text");
    }
    const request = {
      prompt: [...this.#text, ...ids],
      generation: generation(this.#speaker, options, this.#draft),
      stopTexts: options.stop ?? [],
      decoder: this.#speaker.tokenizer?.decodeStream({ skipSpecial: true }),
      keeper: this.#keeper,
    };
    const pieces = generateText(this.#session, request);
    let step = await pieces.next(); // throws for a prompt that cannot be run
    this.#text = request.prompt;
    for (; !step.done; step = await pieces.next()) {
      const newIds = step.value.tokens.map(({ id }) => id);
      if (newIds.length > 0) this.#text = [...this.#text, ...newIds];
      yield step.value;
    }
    return step.value;
  }

  /** A second timeline with the same past. What one does after is not seen by the other. */
  fork(): TextSession {
    return new TextSession(this.#speaker, { draft: this.#draft }, this.#session.fork());
  }

  /** Gives the memory of its caches back. The timeline cannot be used again. */
  close(): void {
    this.#session.close();
    this.#keeper?.close();
  }

  /** The same as {@link close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** What the engine's session takes of these options. */
export function sessionOptions(
  { chunk, draft = 0, onPrefill, ...kept }: TimelineOptions,
  afterStep: () => void,
): SessionOptions {
  return {
    ...kept,
    ...(chunk !== undefined && { chunk }),
    draft: draft > 0,
    onProgress: (done, total) => {
      onPrefill?.(done, total);
      afterStep();
    },
  };
}

/** What the engine's generator takes of these options. */
export function generation(
  speaker: Speaker,
  options: TextChoiceOptions,
  draft: number,
): GenerateOptions {
  const { maxTokens = MAX_TOKENS, seed = 0, topLogProbs = 0, signal, constraint } = options;
  return {
    maxTokens,
    sampling: samplingOf(speaker.sampling, options),
    seed,
    stopIds: speaker.model.config.eosTokenIds,
    topLogProbs,
    draftSteps: draft,
    ...(signal && { signal }),
    ...(constraint && { constraint }),
  };
}

/** A model's own way to choose tokens, where nothing else is given. */
export function samplingOf(own: SamplingOptions, given: SamplingOptions): SamplingOptions {
  const { temperature, topK, topP, minP, repetitionPenalty, logitBias } = given;
  const choices = { temperature, topK, topP, minP, repetitionPenalty, logitBias };
  const chosen = Object.entries(choices).filter(([, value]) => value !== undefined);
  return { ...own, ...Object.fromEntries(chosen) };
}
