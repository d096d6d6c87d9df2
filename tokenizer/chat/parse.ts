/**
 * Parses sampled tokens into reasoning, content and tool calls.
 *
 * ```
 * reasoning ──</think>──► content        <think> leads back
 *     └───<tool_call>───────┴──► call parser ──</tool_call>──► content
 * ```
 *
 * A tag is known by its token id; a tag that is spelled with ordinary tokens is text. Outside of a
 * tool's arguments, no control token ever becomes text. Inside a value, only `</arg_value>` and
 * `</tool_call>` are tags, so that a tool can write a file about think tags. `<tool_call>` ends the
 * reasoning, because the model sometimes leaves out `</think>`. Events depend on the tokens one by
 * one: it makes no difference how many are pushed at once.
 *
 * Next: reply.ts
 * @see vLLM `parser/glm47_moe.py`; its issues 42400, 46040
 * @module
 */
import type { DecodeStream } from "../decode-stream.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { CallParser } from "./call-parser.ts";
import { checkTools } from "./check-chat.ts";
import { mayBeJsonCalls, parseJsonCalls } from "./json-calls.ts";
import type { Json } from "./json-value.ts";
import type { Tool } from "./messages.ts";
import type { ReplyEvent } from "./reply-events.ts";
import { type ReplyTag, replyTags } from "./reply-tags.ts";

/** What a parser must know about the prompt. */
export interface ReplyParserOptions {
  /** What the reply begins with, as `Prompt.replyStartsIn` says; the default is `"reasoning"`. */
  readonly startsIn?: "reasoning" | "content" | undefined;
  /** The tools of the prompt. Without a list, every name may be called. */
  readonly tools?: readonly Tool[] | Json | undefined;
  /** Whether the model was forced to call a tool. Then a content that is JSON may be calls. */
  readonly expectsCall?: boolean;
}

/** Parses one reply as it is sampled. */
export class ReplyParser {
  readonly #decoder: DecodeStream;
  readonly #tags: ReadonlyMap<number, ReplyTag>;
  readonly #calls: CallParser;
  #events: ReplyEvent[] = [];
  #state: "reasoning" | "content" | "ended";
  /** Content that may turn out to be calls in JSON. */
  #held: string | undefined;

  /** @throws {TokenizerError} when the tokenizer lacks the tags, or a tool has a wrong shape */
  constructor(tokenizer: Tokenizer, options: ReplyParserOptions = {}) {
    const { startsIn = "reasoning", tools = null, expectsCall = false } = options;
    this.#decoder = tokenizer.decodeStream();
    this.#tags = replyTags(tokenizer);
    const declared = checkTools({ value: tools, path: "tools" });
    this.#calls = new CallParser(
      tools === null ? undefined : new Map(declared.map((tool) => [tool.name, tool])),
      (event) => void this.#events.push(event),
    );
    this.#state = startsIn;
    this.#held = expectsCall ? "" : undefined;
  }

  /**
   * Takes the next tokens and returns their events. After the end there are none.
   *
   * @throws {TokenizerError} when an id is neither a token nor padding
   */
  push(...ids: readonly number[]): ReplyEvent[] {
    for (const id of ids) {
      if (this.#state === "ended") break;
      const tag = this.#tags.get(id);
      if (tag === undefined || this.#calls.isLiteral(tag)) {
        this.#onText(this.#decoder.push(id));
        continue;
      }
      this.#onText(this.#decoder.end());
      if (tag === "stop") this.#end("stop");
      else this.#onTag(tag);
    }
    return this.#takeEvents();
  }

  /**
   * Returns the last events, when no more tokens come. An open call is then incomplete. Where the
   * model did stop, but its stop token was not pushed, use `end("stop")`.
   */
  end(reason: "length" | "stop" = "length"): ReplyEvent[] {
    if (this.#state !== "ended") {
      this.#onText(this.#decoder.end());
      this.#end(reason);
    }
    return this.#takeEvents();
  }

  #takeEvents(): ReplyEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  #onText(text: string): void {
    if (text === "") return;
    if (this.#calls.isInside) this.#calls.onText(text);
    else if (this.#state === "reasoning") this.#events.push({ type: "reasoning", text });
    else if (this.#held === undefined) this.#events.push({ type: "content", text });
    else {
      this.#held += text;
      if (!mayBeJsonCalls(this.#held)) this.#release();
    }
  }

  #onTag(tag: ReplyTag): void {
    if (this.#calls.isInside) {
      this.#calls.onTag(tag);
    } else if (tag === "<tool_call>") {
      this.#release();
      this.#state = "content"; // what comes after the call
      this.#calls.open();
    } else if (tag === "<think>") {
      this.#release();
      this.#state = "reasoning";
    } else if (tag === "</think>") {
      this.#state = "content";
    }
  }

  /** Decides whether the content that was held back is calls or text. */
  #release(): void {
    if (this.#state !== "content" || this.#held === undefined) return;
    const text = this.#held;
    this.#held = undefined;
    const calls = parseJsonCalls(text);
    if (calls !== undefined) this.#calls.add(calls);
    else if (text !== "") this.#events.push({ type: "content", text });
  }

  #end(reason: "length" | "stop"): void {
    this.#release();
    this.#calls.end(reason === "stop");
    this.#state = "ended";
    const isCalling = reason === "stop" && this.#calls.nCalls > 0;
    this.#events.push({ type: "finish", reason: isCalling ? "tool_calls" : reason });
  }
}
