/// <reference lib="esnext.disposable" preserve="true" />
/**
 * A conversation with a model: the messages so far, and the voice that replies to them.
 * @module
 */
import type { Constraint } from "../../engine/index.ts";
import { ArgumentError } from "../../engine/index.ts";
import {
  type Message,
  type ReplyEvent,
  replyMessage,
  type Tool,
} from "../../tokenizer/chat/index.ts";
import type { ChoiceOptions, TimelineOptions } from "./text-session.ts";
import type { Effort } from "./think.ts";
import type { Turn, Voice } from "./voice.ts";

/** How a conversation is set up. */
export interface ChatOptions extends TimelineOptions, Omit<ChoiceOptions, "stop" | "topLogProbs"> {
  /** A message to the model before all others. */
  readonly system?: string | undefined;
  /** Off by default; as much as can be for a model that cannot be without. */
  readonly think?: Effort | undefined;
  /** Tools that the model may call. */
  readonly tools?: readonly Tool[] | undefined;
  /** A conversation to go on with, instead of a system message. */
  readonly messages?: readonly Message[] | undefined;
  /** The first turn's seed, 0 by default; each turn after it takes the next. */
  readonly seed?: number | undefined;
}

/** How one turn is asked for. */
export interface TurnOptions {
  /** Told of every event of the reply as it comes. */
  readonly onEvent?: ((event: ReplyEvent) => void) | undefined;
  /** Breaks the reply off; what came of it stays in the conversation. */
  readonly signal?: AbortSignal | undefined;
  /** What this reply is held to, from its first token on; whoever made it closes it. */
  readonly constraint?: Constraint | undefined;
}

/** What somebody says: the text of a user, or whole messages, such as the results of tools. */
export type Saying = string | Message | readonly Message[];

/** What a kept conversation consists of. */
interface Note {
  readonly messages: readonly Message[];
  readonly nTurns: number;
}

/** Messages, settings and a voice; see the top of this file. */
export class Chat {
  /** How much the model may think from the next turn on. */
  think: Effort;
  readonly #voice: Voice;
  #options: ChatOptions;
  readonly #messages: Message[] = [];
  /** What {@link reset} goes back to. */
  #beginning: readonly Message[];
  #nTurns = 0;

  /** @param voice replies. If somebody keeps it, there may be an older conversation to go on with. */
  constructor(voice: Voice, options: ChatOptions = {}) {
    this.#voice = voice;
    this.#options = options;
    this.think = options.think ?? (voice.canSkipThinking ? "off" : "max");
    const { system, messages = [] } = options;
    const first = system === undefined ? [] : [{ role: "system", content: system } as const];
    this.#beginning = [...first, ...messages];
    this.#messages.push(...this.#beginning);
    const note = voice.keeper?.note as Note | undefined;
    if (note) this.#goOn(note);
  }

  /** What was said, in the form that `glm52 render` takes. */
  get messages(): readonly Message[] {
    return this.#messages;
  }

  /** Forgets all but what the conversation began with. */
  reset(): void {
    this.#messages.splice(0, this.#messages.length, ...this.#beginning);
    this.#keep();
  }

  /**
   * Takes the last turn back: what was said, and the reply to it. Saying it again gives another reply,
   * unless the likeliest tokens are chosen.
   *
   * @returns what was said; nothing when no turn is left
   */
  takeBack(): readonly Message[] {
    const { system, messages = [] } = this.#options;
    const first = messages.length + (system === undefined ? 0 : 1);
    const isReply = ({ role }: Message) => role === "assistant";
    const reply = this.#messages.findLastIndex(isReply);
    if (reply < first) return [];
    let begin = Math.max(first, this.#messages.slice(0, reply).findLastIndex(isReply) + 1);
    while (this.#messages[begin].role === "system") begin++; // that of a conversation that was kept
    const said = this.#messages.splice(begin);
    this.#keep();
    return said.slice(0, -1);
  }

  /** Changes how tokens are chosen, from the next turn on. */
  choose(choice: Omit<ChoiceOptions, "stop" | "topLogProbs" | "signal">): void {
    this.#options = { ...this.#options, ...choice };
  }

  /** Tokens that the voice remembers: the conversation, up to the last reply. */
  get contextLength(): number {
    return this.#voice.contextLength;
  }

  /**
   * Says something and waits for the reply. A reply that is broken off stays in the conversation as
   * far as it came; a turn that fails leaves the conversation as it was.
   *
   * @throws {ArgumentError} when the conversation no longer fits the context; nothing was run then
   */
  async say(saying: Saying, { onEvent, signal, constraint }: TurnOptions = {}): Promise<Turn> {
    const events = this.stream(saying, signal, constraint);
    for (let step = await events.next(); ; step = await events.next()) {
      if (step.done) return step.value;
      onEvent?.(step.value);
    }
  }

  /**
   * Says something and gives the events of the reply as they come.
   *
   * @returns, as the value of the generator, the whole turn
   * @throws as {@link say}
   */
  async *stream(
    saying: Saying,
    signal?: AbortSignal,
    constraint?: Constraint,
  ): AsyncGenerator<ReplyEvent, Turn> {
    const said = messagesOf(saying);
    const { seed = 0, tools } = this.#options;
    const { reply, last, ...counts } = yield* this.#voice.reply({
      ...this.#options,
      messages: [...this.#messages, ...said],
      ...{ tools, constraint, think: this.think },
      seed: (seed + this.#nTurns) % 2 ** 32,
      signal: signal ?? this.#options.signal,
    });
    this.#messages.push(...said, replyMessage(reply));
    this.#nTurns++;
    this.#keep();
    yield* last;
    return { ...reply, ...counts };
  }

  /** Gives the memory of its caches back. The conversation cannot be gone on with. */
  close(): void {
    this.#voice.close();
  }

  /** The same as {@link close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Goes on with a kept conversation. What its options begin another one with must agree.
   *
   * @throws {ArgumentError} when they do not; the kept conversation stays as it is
   */
  #goOn({ messages, nTurns }: Note): void {
    const asked = this.#beginning;
    const begun = messages.slice(0, asked.length);
    if (JSON.stringify(asked) !== JSON.stringify(begun)) {
      this.close();
      const what = asked[0]?.role === "system" ? "system" : "messages";
      const got = JSON.stringify(messages[0] ?? null).slice(0, 200);
      throw new ArgumentError(
        what,
        `expected what the saved conversation began with, or nothing: it begins with ${got}; a new ` +
          "session can begin with something else",
      );
    }
    if (asked.length === 0) {
      const end = messages.findIndex(({ role }) => role !== "system");
      this.#beginning = end < 0 ? messages : messages.slice(0, end);
    }
    this.#messages.splice(0, this.#messages.length, ...messages);
    this.#nTurns = nTurns;
  }

  /** Commits the conversation, if somebody keeps it. */
  #keep(): void {
    const note: Note = { messages: this.#messages, nTurns: this.#nTurns };
    this.#voice.keeper?.commit(note);
  }
}

function messagesOf(saying: Saying): readonly Message[] {
  if (typeof saying === "string") return [{ role: "user", content: saying }];
  return "role" in saying ? [saying] : saying;
}
