/**
 * One of the replies of a turn: its tokens become events, up to where it ends.
 *
 * Next: chat-reply.ts
 * @module
 */
import { StopStrings } from "../../engine/index.ts";
import { type Json, type ReplyEvent, ReplyParser } from "../../tokenizer/chat/index.ts";
import type { UnknownToolEvent } from "../../tokenizer/chat/reply-events.ts";
import type { Tokenizer } from "../../tokenizer/index.ts";
import type { ReplyEnd } from "./chat-ask.ts";

/** How a reply is read. */
export interface ReplyRules {
  /** What the reply begins with. */
  readonly startsIn: "reasoning" | "content";
  /** The tools of the prompt. */
  readonly tools: Json;
  /** Texts that end the content. */
  readonly stop: readonly string[];
  /** Whether such a text is part of the content. */
  readonly includeStop: boolean;
}

/** A reply that grows; see the top of this file. */
export class ReplyChoice {
  readonly #rules: ReplyRules;
  readonly #hasTools: boolean;
  readonly #parser: ReplyParser;
  readonly #stops: StopStrings;
  /** The parser's numbers of calls → ours, which count calls of undeclared tools, too. */
  readonly #numbers = new Map<number, number>();
  #nCalls = 0;
  #nComplete = 0;
  #hasStopped = false;

  constructor(tokenizer: Tokenizer, rules: ReplyRules) {
    const { startsIn, tools, stop } = rules;
    this.#rules = rules;
    this.#hasTools = Array.isArray(tools) && tools.length > 0;
    this.#parser = new ReplyParser(tokenizer, { startsIn, tools });
    this.#stops = new StopStrings(stop);
  }

  /** Whether the next token belongs to the reasoning. */
  get isThinking(): boolean {
    return this.#parser.isThinking;
  }

  /** Whether a text or a token has come that ends the reply. */
  get hasEnded(): boolean {
    return this.#hasStopped || this.#stops.stopped;
  }

  /** Takes the next token and returns what it brings. */
  push(id: number): ReplyEvent[] {
    return this.#pass(this.#parser.push(id));
  }

  /** Ends the reply, and returns what was held back until now and why it ended. */
  end(reason: "stop" | "length" | "context"): { events: ReplyEvent[]; end: ReplyEnd } {
    if (this.#stops.found !== undefined) {
      return { events: [], end: { reason: "stop-text", text: this.#stops.found } };
    }
    const events = this.#pass(this.#parser.end(reason === "stop" ? "stop" : "length"));
    events.push(...this.#heldText());
    if (this.#stops.found !== undefined) {
      return { events, end: { reason: "stop-text", text: this.#stops.found } };
    }
    const calls = reason === "stop" && this.#nComplete > 0;
    return { events, end: { reason: calls ? "tool_calls" : reason } };
  }

  #pass(events: readonly ReplyEvent[]): ReplyEvent[] {
    const passed: ReplyEvent[] = [];
    for (const event of events) {
      if (this.#stops.stopped) break;
      passed.push(...this.#passOne(event));
    }
    return passed;
  }

  #passOne(event: ReplyEvent): ReplyEvent[] {
    switch (event.type) {
      case "finish":
        this.#hasStopped = true;
        return [];
      case "content":
        return this.#content(event.text);
      case "reasoning":
        return [...this.#heldText(), event];
      case "call": {
        const call = this.#nCalls++;
        this.#numbers.set(event.call, call);
        return [...this.#heldText(), { ...event, call }];
      }
      case "call-end":
        if (event.isComplete) this.#nComplete++;
        return [{ ...event, call: this.#numberOf(event.call) }];
      case "arguments":
      case "argument":
        return [{ ...event, call: this.#numberOf(event.call) }];
      case "unknown-tool":
        return this.#unknownTool(event);
      case "repair":
        return [event];
    }
  }

  #numberOf(call: number): number {
    return this.#numbers.get(call) ?? call;
  }

  #content(text: string): ReplyEvent[] {
    let shown = this.#stops.push(text);
    if (this.#rules.includeStop) shown += this.#stops.found ?? "";
    return shown === "" ? [] : [{ type: "content", text: shown }];
  }

  /** What may have been the beginning of a stop text, and was not. */
  #heldText(): ReplyEvent[] {
    const text = this.#stops.stopped ? "" : this.#stops.flush();
    return text === "" ? [] : [{ type: "content", text }];
  }

  /**
   * Whoever declared tools is told of calls of others, too: it can answer that there is no such tool.
   * Where there are no tools at all, the call is the text that the model wrote.
   */
  #unknownTool(event: UnknownToolEvent): ReplyEvent[] {
    const { name, arguments: args, json, isComplete } = event;
    if (!this.#hasTools) return this.#content(spelledCall(event));
    if (!isComplete) return [event];
    const call = this.#nCalls++;
    this.#nComplete++;
    return [
      ...this.#heldText(),
      { type: "call", call, name },
      { type: "arguments", call, json },
      { type: "call-end", call, arguments: args, json, isComplete },
    ];
  }
}

function spelledCall({ name, arguments: args, isComplete }: UnknownToolEvent): string {
  const spelled = Object.entries(args).map(([key, value]) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return `<arg_key>${key}</arg_key><arg_value>${text}</arg_value>`;
  });
  return `<tool_call>${name}${spelled.join("")}${isComplete ? "</tool_call>" : ""}`;
}
