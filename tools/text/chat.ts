/**
 * A conversation with a model: the messages so far, and one session whose caches they share.
 *
 * A turn renders the whole conversation anew and leaves it to the session to find out which tokens
 * it has run already. With reasoning kept in the prompt (`clear_thinking: false`) that is all of
 * them but the new message.
 * @module
 */

import {
  type FinishReason,
  type GenerateOptions,
  generate,
  type Model,
  Session,
} from "../../engine/index.ts";
import {
  collectReply,
  type Message,
  promptIds,
  type ReplyEvent,
  ReplyParser,
  renderChat,
  replyMessage,
} from "../../tokenizer/chat/index.ts";
import type { Tokenizer } from "../../tokenizer/index.ts";
import type { Keeping } from "../cli/generation-options.ts";
import { UserError } from "../node/user-error.ts";
import { Saver } from "../sessions/save-as-it-goes.ts";
import type { SavedSession } from "../sessions/saved-session.ts";

/** How much the model may think before it speaks. */
export const EFFORTS = ["off", "high", "max"] as const;

/** {@inheritDoc EFFORTS} */
export type Effort = (typeof EFFORTS)[number];

/** How a conversation is set up. */
export interface ChatOptions {
  readonly system: string | undefined;
  readonly effort: Effort;
  /** Tokens per prefill step. */
  readonly chunk: number;
  /** How rows are kept: in memory and not rounded, when not given. */
  readonly keeping?: Keeping;
  /** A session on disk to go on from, and to keep the conversation in. */
  readonly saved?: SavedSession;
  /** `stopIds` are those of the model; the parser tells which of them ended the reply. */
  readonly generation: Omit<GenerateOptions, "signal" | "seed">;
  /** The first turn's seed; each turn after it takes the next. */
  readonly seed: number;
}

/** Who is told about a turn. */
export interface TurnHooks {
  onEvent(event: ReplyEvent): void;
  readonly signal: AbortSignal;
}

/** How a turn went. */
export interface Turn {
  readonly finishReason: FinishReason;
  readonly promptTokens: number;
  readonly replyTokens: number;
  /** Prompt tokens whose rows the caches held already. */
  readonly reusedTokens: number;
}

/** What a saved session keeps of a conversation. */
interface Said {
  readonly messages: readonly Message[];
  readonly nTurns: number;
}

/** Messages, settings and caches; see the top of this file. */
export class Chat {
  effort: Effort;
  readonly #tokenizer: Tokenizer;
  readonly #options: ChatOptions;
  readonly #session: Session;
  readonly #messages: Message[] = [];
  #nTurns = 0;
  #saver: Saver | undefined;

  constructor(
    model: Model,
    tokenizer: Tokenizer,
    options: ChatOptions,
    onPrefill: (done: number, total: number) => void = () => {},
  ) {
    this.#tokenizer = tokenizer;
    this.#options = options;
    const draft = (options.generation.draftSteps ?? 0) > 0;
    const { chunk, keeping = {}, saved } = options;
    const onProgress = (done: number, total: number): void => {
      onPrefill(done, total);
      this.#saver?.ifDue();
    };
    this.#session = new Session(model, { ...keeping, chunk, draft, onProgress });
    this.effort = options.effort;
    this.reset();
    if (!saved) return;
    this.#saver = new Saver(saved, this.#session, options.seed);
    const said = saved.state.note as Said | undefined;
    if (!said) return;
    this.#messages.splice(0, this.#messages.length, ...said.messages);
    this.#nTurns = said.nTurns;
  }

  /** What was said, in the form that `glm52 render` takes. */
  get messages(): readonly Message[] {
    return this.#messages;
  }

  /** Forgets all but the system message. */
  reset(): void {
    const { system } = this.#options;
    this.#messages.length = 0;
    if (system !== undefined) this.#messages.push({ role: "system", content: system });
    this.#keep();
  }

  /**
   * Says `text` and streams the reply. A reply that is broken off stays in the conversation as far
   * as it came; a turn that fails leaves the conversation as it was.
   *
   * @throws {UserError} when the conversation no longer fits the context; nothing was run then
   */
  async say(text: string, hooks: TurnHooks): Promise<Turn> {
    const user: Message = { role: "user", content: text };
    const prompt = this.#render([...this.#messages, user]);
    const ids = [...promptIds(this.#tokenizer, prompt, { controlTokensIn: "protocol" })];
    const session = this.#session;
    if (ids.length > session.maxContext) {
      throw new UserError(
        "context",
        `the conversation takes ${ids.length} tokens, the model has ${session.maxContext} positions; /reset begins anew`,
      );
    }
    const reusedTokens = commonPrefix(session.tokens, ids);
    const parser = new ReplyParser(this.#tokenizer, { startsIn: prompt.replyStartsIn });
    const events: ReplyEvent[] = [];
    const take = (more: readonly ReplyEvent[]): void => {
      for (const event of more) {
        events.push(event);
        hooks.onEvent(event);
      }
    };
    const seed = (this.#options.seed + this.#nTurns) % 2 ** 32;
    const options = { ...this.#options.generation, seed, signal: hooks.signal };
    this.#saver?.begin(ids);
    const steps = generate(session, ids, options);
    let replyTokens = 0;
    let step = await steps.next();
    for (; !step.done; step = await steps.next()) {
      replyTokens++;
      this.#saver?.took(step.value.id);
      take(parser.push(step.value.id));
    }
    take(parser.end(step.value === "stop" ? "stop" : "length"));
    this.#messages.push(user, replyMessage(collectReply(events)));
    this.#nTurns++;
    this.#keep();
    return { finishReason: step.value, promptTokens: ids.length, replyTokens, reusedTokens };
  }

  /** Commits the conversation, if it is saved. */
  #keep(): void {
    const said: Said = { messages: this.#messages, nTurns: this.#nTurns };
    this.#saver?.commit(said);
  }

  #render(messages: readonly Message[]) {
    return renderChat({
      messages,
      ...(this.effort === "off"
        ? { enable_thinking: false }
        : { enable_thinking: true, reasoning_effort: this.effort }),
      clear_thinking: false,
      add_generation_prompt: true,
    });
  }
}

function commonPrefix(a: readonly number[], b: readonly number[]): number {
  let same = 0;
  while (same < a.length && same < b.length && a[same] === b[same]) same++;
  return same;
}
