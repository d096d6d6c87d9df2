/**
 * Parses sampled tokens, or text, into reasoning, content and tool calls.
 *
 * ```
 * reasoning ──</think>──► content        <think> leads back
 *     └───<tool_call>───────┴──► call parser ──</tool_call>──► content
 * ```
 *
 * A tag is known by its token id; a tag that is spelled with ordinary tokens is text. Inside a
 * value, only `</arg_value>` and `</tool_call>` are tags, so that a tool can write a file about think
 * tags. `<tool_call>` ends the reasoning, because the model sometimes leaves out `</think>`; but
 * where no call follows, it is prose about the tag.
 *
 * Nothing of a reply is lost: what is not reasoning, a call or a repair is content. Events depend on
 * the tokens one by one: it makes no difference how many are pushed at once.
 *
 * Next: reply.ts
 * @see vLLM `parser/glm47_moe.py`; its issues 42400, 46040
 * @module
 */
import type { DecodeStream } from "../decode-stream.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { TokenizerError } from "../tokenizer-error.ts";
import { isName, type Tools } from "./call-opening.ts";
import { CallParser } from "./call-parser.ts";
import { checkTools } from "./check-tools.ts";
import { findJsonCalls, parseJsonCalls } from "./json-calls.ts";
import { type Json, kindOf } from "./json-value.ts";
import type { Tool } from "./messages.ts";
import type { ReplyEvent } from "./reply-events.ts";
import { replyTags, type SpelledTag } from "./reply-tags.ts";
import { TagScanner } from "./tag-scanner.ts";

/** What a parser must know about the prompt. */
export interface ReplyParserOptions {
  /** What the reply begins with, as `Prompt.replyStartsIn` says; the default is `"reasoning"`. */
  readonly startsIn?: "reasoning" | "content" | undefined;
  /** The tools of the prompt. Without a list, every name may be called. */
  readonly tools?: readonly Tool[] | Json | undefined;
  /** Whether the model was forced to call a tool. Then a content that holds JSON may be calls. */
  readonly expectsCall?: boolean;
  /** Whether malformed parts are left as they are, as content, instead of being repaired. */
  readonly strict?: boolean;
}

/** Parses one reply as it is sampled. */
export class ReplyParser {
  readonly #decoder: DecodeStream;
  readonly #tags: ReadonlyMap<number, SpelledTag>;
  readonly #scanner: TagScanner;
  readonly #tools: Tools;
  readonly #strict: boolean;
  readonly #calls: CallParser;
  #events: ReplyEvent[] = [];
  #state: "reasoning" | "content" | "ended";
  /** Whether a `<tool_call>` that was only written about is still open. */
  #isInProsePair = false;
  /** Content that may turn out to be calls in JSON. */
  #held: string | undefined;

  /** @throws {TokenizerError} when the tokenizer lacks the tags, or a tool has a wrong shape */
  constructor(tokenizer: Tokenizer, options: ReplyParserOptions = {}) {
    const { startsIn = "reasoning", tools = null, expectsCall = false, strict = false } = options;
    this.#decoder = tokenizer.decodeStream();
    this.#tags = replyTags(tokenizer);
    this.#scanner = new TagScanner(this.#tags.values());
    const declared = checkTools({ value: tools, path: "tools" });
    this.#tools = tools === null ? undefined : new Map(declared.map((tool) => [tool.name, tool]));
    this.#strict = strict;
    this.#calls = new CallParser(this.#tools, strict, {
      emit: (event) => void this.#events.push(event),
      onCall: () => this.#onCall(),
      onProse: (text, isOpen) => {
        this.#isInProsePair = isOpen;
        this.#say(text);
      },
    });
    this.#state = startsIn;
    this.#held = expectsCall && !strict ? "" : undefined;
  }

  /** Whether the reasoning goes on: the next text belongs to it. */
  get isThinking(): boolean {
    return this.#state === "reasoning";
  }

  /**
   * Takes the next tokens and returns their events. After the end there are none.
   *
   * @throws {TokenizerError} when an id is neither a token nor padding, or is no number: for text
   *   there is {@link pushText}
   */
  push(...ids: readonly number[]): ReplyEvent[] {
    for (const id of ids) {
      if (typeof id !== "number") {
        throw new TokenizerError("reply", "token ids, or text in pushText", kindOf(id));
      }
      if (this.#state === "ended") break;
      const tag = this.#tags.get(id);
      if (tag === undefined) this.#onText(this.#decoder.push(id));
      else {
        this.#onText(this.#decoder.end());
        this.#onTag(tag);
      }
    }
    return this.#takeEvents();
  }

  /**
   * Takes the next part of a reply that comes as text, where no ids are known. It may be cut off
   * anywhere, also inside a tag. A tag is known by its spelling here. The events are those of
   * {@link push}, but for where one text event ends and the next begins.
   *
   * @throws {TokenizerError} when it is no string
   */
  pushText(text: string): ReplyEvent[] {
    if (typeof text !== "string") {
      throw new TokenizerError("reply", "a string, or token ids in push", kindOf(text));
    }
    this.#onText(this.#decoder.end());
    this.#take(this.#scanner.push(text));
    return this.#takeEvents();
  }

  /**
   * Returns the last events, when no more tokens come. An open call is then incomplete. Where the
   * model did stop, but its stop token was not pushed, use `end("stop")`.
   */
  end(reason: "length" | "stop" = "length"): ReplyEvent[] {
    this.#onText(this.#decoder.end());
    this.#take(this.#scanner.end());
    if (this.#state !== "ended") this.#end(reason);
    return this.#takeEvents();
  }

  #take(parts: readonly (string | SpelledTag)[]): void {
    for (const part of parts) {
      if (this.#state === "ended") return;
      if (typeof part === "string") this.#onText(part);
      else this.#onTag(part);
    }
  }

  #takeEvents(): ReplyEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  #onText(text: string): void {
    if (text === "" || this.#state === "ended") return;
    if (this.#calls.isInside) this.#calls.onText(text);
    else this.#say(text);
  }

  /** Adds to the reasoning or the content. */
  #say(text: string): void {
    if (this.#state === "reasoning") this.#events.push({ type: "reasoning", text });
    else if (this.#held === undefined) this.#events.push({ type: "content", text });
    else this.#held += text;
  }

  #onTag(spelled: SpelledTag): void {
    const { tag, text } = spelled;
    if (tag === "stop") {
      this.#end("stop");
      return;
    }
    if (this.#calls.isInside && this.#calls.onTag(spelled)) return;
    if (tag === "<tool_call>") {
      this.#release();
      this.#isInProsePair = false;
      this.#calls.open(text, this.#state === "reasoning");
    } else if (tag === "<think>" && this.#state === "content") {
      this.#release();
      this.#isInProsePair = false;
      this.#state = "reasoning";
    } else if (tag === "</think>" && this.#state === "reasoning") {
      this.#isInProsePair = false;
      this.#state = "content";
    } else if (this.#strict || (this.#isInProsePair && /tool_call|arg_/.test(tag))) {
      if (tag === "</tool_call>") this.#isInProsePair = false;
      this.#say(text);
    } else this.#events.push({ type: "repair", kind: "stray-tag", text });
  }

  #onCall(): void {
    this.#isInProsePair = false;
    if (this.#state !== "reasoning") return;
    this.#events.push({ type: "repair", kind: "call-in-reasoning", text: "</think>" });
    this.#state = "content"; // what comes after the call
  }

  /** Decides whether the content that was held back holds calls or is text. */
  #release(): void {
    if (this.#state !== "content" || this.#held === undefined) return;
    const text = this.#held;
    this.#held = undefined;
    const isKnown = (name: string) => (this.#tools ? this.#tools.has(name) : isName(name));
    const whole = parseJsonCalls(text);
    const found = whole?.every(({ name }) => isKnown(name) || isName(name))
      ? { before: "", calls: whole, after: "" }
      : findJsonCalls(text, isKnown);
    if (found === undefined) {
      if (text !== "") this.#say(text);
      return;
    }
    const { before, calls, after } = found;
    if (before.trim() !== "") this.#say(before);
    const json = text.slice(before.length, text.length - after.length);
    this.#events.push({ type: "repair", kind: "json-call", text: json });
    this.#calls.add(calls);
    if (after.trim() !== "") this.#say(after);
  }

  #end(reason: "length" | "stop"): void {
    this.#calls.end(reason === "stop");
    this.#release();
    const isThinking = this.#state === "reasoning";
    this.#state = "ended";
    const isCalling = reason === "stop" && this.#calls.nCalls > 0;
    this.#events.push({ type: "finish", reason: isCalling ? "tool_calls" : reason, isThinking });
  }
}
