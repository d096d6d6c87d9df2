/**
 * Generation in words: prefill, one piece of text after the other, and how long all of it took.
 *
 * Next: text-session.ts
 * @module
 */
import {
  ArgumentError,
  type FinishReason,
  type GeneratedToken,
  type GenerateOptions,
  generate,
  type ModelConfig,
  type Session,
  StopStrings,
  type TierCounts,
} from "../../engine/index.ts";
import type { Keeper } from "./keeper.ts";

/** The next part of a text. */
export interface Piece {
  /** Empty while a character or a possible stop text is not complete. */
  readonly text: string;
  /** The tokens that brought it: one, or none for the last piece. */
  readonly tokens: readonly GeneratedToken[];
  /** Why the text ended; on the last piece only. */
  readonly finishReason?: FinishReason;
}

/** What to generate. */
export interface TextRequest {
  /** The whole text so far, as ids. */
  readonly prompt: readonly number[];
  readonly generation: GenerateOptions;
  /** Texts that end the generation; they are not part of it. */
  readonly stopTexts: readonly string[];
  /** Turns ids into text; undefined for a model without a tokenizer: its ids are the text. */
  readonly decoder: Decoder | undefined;
  /** Is told what happens, so that the session can be gone on with. */
  readonly keeper?: Keeper | undefined;
}

/** The part of a decode stream that is needed here. */
export interface Decoder {
  push(id: number): string;
  end(): string;
}

/** Tokens and seconds. The first generated token comes out of the prefill. */
export interface Timing {
  /** Prompt tokens that were run. */
  readonly prefillTokens: number;
  /** Until the first generated token was there. */
  readonly prefillSeconds: number;
  /** Tokens after the first generated one. */
  readonly decodeTokens: number;
  /** The time they took. */
  readonly decodeSeconds: number;
  /** With a draft head: tokens gained per step of the main model, 1 if no guess was ever kept. */
  readonly acceptedLength: number | undefined;
}

/** What came out. */
export interface TextResult {
  /** The whole text that the model saw first: what the session held, and the prompt. */
  readonly promptIds: readonly number[];
  /** What was generated. */
  readonly tokens: readonly GeneratedToken[];
  /** Up to a stop text; `tokens` goes on to where it was recognised. */
  readonly text: string;
  /** Why the text ended. */
  readonly finishReason: FinishReason;
  /** How long it took. */
  readonly timing: Timing;
  /** What the file of cold rows did, if there is one. */
  readonly tier: TierCounts | undefined;
}

/**
 * Generates after a prompt: a piece for each token, and one at the end.
 *
 * @throws {ArgumentError} when the prompt is empty, too long or has an unknown id; nothing was run then
 */
export async function* generateText(
  session: Session,
  { prompt, generation, stopTexts, decoder = spelledIds(), keeper }: TextRequest,
): AsyncGenerator<Piece, TextResult> {
  checkPrompt(session.model.config, prompt);
  const stops = new StopStrings(stopTexts);
  const nBefore = session.tokens.length;
  keeper?.begin(prompt);
  const tokens: GeneratedToken[] = [];
  let text = "";
  const piece = (more: string): string => {
    text += more;
    return more;
  };

  const start = performance.now();
  let first = start;
  let nPrefilled = 0;
  let finishReason: FinishReason = "stop";
  let kept = keeper;
  try {
    const steps = generate(session, prompt, {
      ...generation,
      ...(keeper && { random: keeper.random }),
    });
    let step = await steps.next();
    nPrefilled = Math.min(session.tokens.length, prompt.length) - nBefore;
    first = performance.now();
    while (!step.done && !stops.stopped) {
      const token = step.value;
      tokens.push(token);
      keeper?.took(token.id);
      yield { text: piece(stops.push(decoder.push(token.id))), tokens: [token] };
      if (!stops.stopped) step = await steps.next();
    }
    const rest = stops.stopped ? "" : piece(stops.push(decoder.end()) + stops.flush());
    if (step.done && !stops.stopped) finishReason = step.value;
    yield { text: rest, tokens: [], finishReason };
  } catch (error) {
    kept = undefined; // what was committed before is true; this may not be
    throw error;
  } finally {
    kept?.commit(); // also when the caller has heard enough
  }
  const end = performance.now();

  return {
    promptIds: prompt,
    tokens,
    text,
    finishReason,
    timing: {
      prefillTokens: nPrefilled,
      prefillSeconds: (first - start) / 1000,
      decodeTokens: Math.max(0, tokens.length - 1),
      decodeSeconds: (end - first) / 1000,
      acceptedLength: (generation.draftSteps ?? 0) > 0 ? acceptedLength(tokens) : undefined,
    },
    tier: session.pool.hotRows?.counts,
  };
}

/** Before any work: the engine would say the same, but only when it gets there. */
function checkPrompt(config: ModelConfig, prompt: readonly number[]): void {
  if (prompt.length === 0) {
    throw new ArgumentError("prompt", "expected one token at least, got none");
  }
  if (prompt.length > config.maxPositionEmbeddings) {
    const room = config.maxPositionEmbeddings;
    throw new ArgumentError(
      "prompt",
      `${prompt.length} tokens, but the model has ${room} positions`,
    );
  }
  const wrong = prompt.findIndex((id) => !(id >= 0 && id < config.vocabSize));
  if (wrong >= 0) {
    const range = `0 … ${config.vocabSize - 1}`;
    throw new ArgumentError(
      `prompt: token ${wrong}`,
      `expected an id of ${range}, got ${prompt[wrong]}`,
    );
  }
}

/** A step gives the guesses that were kept and one token more, so it starts after an unguessed one. */
function acceptedLength(tokens: readonly GeneratedToken[]): number {
  const nSteps = tokens.slice(0, -1).filter(({ drafted }) => !drafted).length;
  return nSteps === 0 ? 1 : (tokens.length - 1) / nSteps;
}

function spelledIds(): Decoder {
  let separator = "";
  return {
    push: (id) => {
      const text = `${separator}${id}`;
      separator = " ";
      return text;
    },
    end: () => "",
  };
}
