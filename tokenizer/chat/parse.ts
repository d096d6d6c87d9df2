/**
 * Sampled tokens → reasoning, content, tool calls.
 *
 * ```
 * reasoning ──</think>──► content        and back with <think>
 *     └───<tool_call>───────┴──► call parser ──</tool_call>──► content
 * ```
 *
 * Tags are told by token id: a tag that is spelled with ordinary tokens is text. No control token
 * outside of a tool's arguments becomes text, wherever it stands; inside a value only
 * `</arg_value>` and `</tool_call>` are tags, so that a file about think tags can be written.
 * `<tool_call>` ends reasoning: the model does leave out `</think>`. Events depend on the tokens
 * one by one, so how they are grouped into pushes changes nothing.
 *
 * @see vLLM `parser/glm47_moe.py`; its issues 42400, 46040
 * @module Next: `reply.ts`
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

export interface ReplyParserOptions {
  /** What the prompt ended in, as `Prompt.replyStartsIn` says; default `"reasoning"`. */
  readonly startsIn?: "reasoning" | "content" | undefined;
  /** The tools of the prompt. Without a list, every name is a tool's. */
  readonly tools?: readonly Tool[] | Json | undefined;
  /** The model was forced to call a tool: a content that is JSON may be calls. */
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
   * The events of the next tokens; none after the end.
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
   * The last events, when no more tokens come. An open call then is incomplete, unless the model
   * did stop and its stop token was not pushed: `end("stop")`.
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

  /** Decides what the content held back is. */
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
