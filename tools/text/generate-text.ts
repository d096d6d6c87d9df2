/**
 * One text: prefill, generation, the text as it comes, and how long all of it took.
 * @module
 */

import {
  type FinishReason,
  type GeneratedToken,
  type GenerateOptions,
  generate,
  type Model,
  Session,
  StopStrings,
  type TierCounts,
} from "../../engine/index.ts";
import type { Keeping } from "../cli/generation-options.ts";
import { UserError } from "../node/user-error.ts";
import { Saver } from "../sessions/save-as-it-goes.ts";
import type { SavedSession } from "../sessions/saved-session.ts";

/** What to run. */
export interface RunRequest {
  readonly prompt: readonly number[];
  readonly generation: Omit<GenerateOptions, "signal">;
  /** Texts that end the generation; they are not part of it. */
  readonly stopTexts: readonly string[];
  /** Tokens per prefill step. */
  readonly chunk: number;
  /** How rows are kept: in memory and not rounded, when not given. */
  readonly keeping?: Keeping;
  /** A session on disk to go on from. Its text is the beginning of the prompt. */
  readonly saved?: SavedSession;
}

/** Who is told about it. */
export interface RunHooks {
  /** Ids to text; undefined for a model without a tokenizer: its ids are the text. */
  readonly decoder: Decoder | undefined;
  onPrefill(done: number, total: number): void;
  /** Called once, when the prompt has been run. */
  onPrefilled(): void;
  onText(text: string): void;
  readonly signal: AbortSignal;
}

/** The part of a decode stream that is needed here. */
export interface Decoder {
  push(id: number): string;
  end(): string;
}

/** Tokens and seconds. The first generated token comes out of the prefill. */
export interface Timing {
  readonly prefillTokens: number;
  readonly prefillSeconds: number;
  readonly decodeTokens: number;
  readonly decodeSeconds: number;
  /** With a draft head: tokens gained per step of the main model, 1 if no guess was ever kept. */
  readonly acceptedLength: number | undefined;
}

/** What came out. */
export interface RunResult {
  readonly tokens: readonly GeneratedToken[];
  /** Up to a stop text; `tokens` goes on to where it was recognised. */
  readonly text: string;
  readonly finishReason: FinishReason;
  readonly timing: Timing;
  /** What the file of cold rows did, if there is one. */
  readonly tier: TierCounts | undefined;
}

/**
 * Runs a prompt and generates after it.
 *
 * @throws {UserError} when the prompt is empty, too long or has an unknown id; nothing was run then
 */
export async function run(model: Model, request: RunRequest, hooks: RunHooks): Promise<RunResult> {
  const { prompt, generation, chunk, keeping = {} } = request;
  const { signal } = hooks;
  checkPrompt(model, prompt);
  const hasDraft = (generation.draftSteps ?? 0) > 0;
  const session = new Session(model, {
    ...keeping,
    chunk,
    draft: hasDraft,
    onProgress: (done, total) => {
      hooks.onPrefill(done, total);
      saver?.ifDue();
    },
  });
  const saver = request.saved && new Saver(request.saved, session, generation.seed ?? 0);
  const nRestored = session.tokens.length;
  saver?.begin(prompt);
  const decoder = hooks.decoder ?? spelledIds();
  const stops = new StopStrings(request.stopTexts);
  const tokens: GeneratedToken[] = [];
  let text = "";
  const say = (piece: string): void => {
    if (piece === "") return;
    text += piece;
    hooks.onText(piece);
  };

  const start = performance.now();
  const steps = generate(session, prompt, {
    ...generation,
    ...(saver && { random: saver.random }),
    signal,
  });
  let step = await steps.next();
  const nPrefilled = Math.min(session.tokens.length, prompt.length) - nRestored;
  const first = performance.now();
  hooks.onPrefilled();
  while (!step.done && !stops.stopped) {
    tokens.push(step.value);
    saver?.took(step.value.id);
    say(stops.push(decoder.push(step.value.id)));
    if (!stops.stopped) step = await steps.next();
  }
  if (!stops.stopped) say(stops.push(decoder.end()));
  say(stops.flush());
  saver?.commit();
  const end = performance.now();

  return {
    tokens,
    text,
    finishReason: step.done && !stops.stopped ? step.value : "stop",
    timing: {
      prefillTokens: nPrefilled,
      prefillSeconds: (first - start) / 1000,
      decodeTokens: Math.max(0, tokens.length - 1),
      decodeSeconds: (end - first) / 1000,
      acceptedLength: hasDraft ? acceptedLength(tokens) : undefined,
    },
    tier: session.pool.hotRows?.counts,
  };
}

/** Before any work: the engine would say the same, but only when it gets there. */
function checkPrompt({ config }: Model, prompt: readonly number[]): void {
  if (prompt.length === 0) throw new UserError("prompt", "expected one token at least, got none");
  if (prompt.length > config.maxPositionEmbeddings) {
    const room = config.maxPositionEmbeddings;
    throw new UserError("prompt", `${prompt.length} tokens, but the model has ${room} positions`);
  }
  const wrong = prompt.findIndex((id) => id >= config.vocabSize);
  if (wrong >= 0) {
    const range = `0 … ${config.vocabSize - 1}`;
    throw new UserError(
      "prompt",
      `token ${wrong}: expected an id of ${range}, got ${prompt[wrong]}`,
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
