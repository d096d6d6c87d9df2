/**
 * Seeded random conversations. Some of them no well-behaved client would send: they have results
 * without a call, tags in texts, and blanks everywhere.
 * @module
 */
import type {
  ChatRequest,
  Content,
  ContentPart,
  Json,
  Message,
  PlainObject,
  Tool,
  ToolCall,
} from "../../../tokenizer/chat/index.ts";
import { seeded } from "../random-text.ts";

const WORDS = [
  ...[
    "hello",
    "Weather in ",
    "你好，世界",
    " 王",
    "🦙",
    "e\u0301",
    "x\ty",
    '"quoted"',
    "a\\b",
    "'",
  ],
  ...["\n", "\n\n", " ", "  ", "\r\n", "\t", "\u00a0", "\u3000", "\u2028", "\x7f", "0", "1e5"],
  ...["<think>", "</think>", "<think>plan</think>", "<tool_call>", "</tool_call>", "<|user|>"],
  ...["<tool_response>", "</arg_value>", "/nothink", "[gMASK]", "<sop>", "<|system|>", "{{ x }}"],
  ...["{%- if %}", "None", "null", "<tools>", "<|assistant|>", "\u0001", "\b\f", "&lt;b&gt;"],
];
const NAMES = ["search", "get_weather", "f", "run-command", "名前", "add_2"];
const KEYS = ["q", "city", "Größe", "max results", "a", "z", "type", "name", "x_1", 'k"e"y'];
const MEDIA = ["image", "image_url", "video", "video_url", "audio", "audio_url", "input_audio"];

/** Makes random conversations. */
export class RandomChat {
  readonly below: (n: number) => number;

  constructor(seed: number) {
    this.below = seeded(seed);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  /** `true` once in `n` times. */
  once(n: number): boolean {
    return this.below(n) === 0;
  }

  many<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }

  text(): string {
    return this.many(6, () => this.pick(WORDS)).join("");
  }

  /** Numbers are those that JavaScript and Python print alike. */
  json(depth: number): Json {
    const kind = this.below(depth > 0 ? 9 : 6);
    if (kind === 0) return null;
    if (kind === 1) return this.once(2);
    if (kind === 2) return this.below(2_000_000) - 1_000_000;
    if (kind === 3) return this.below(1000) + 0.5 + this.below(1000) / 1024;
    if (kind < 6) return this.text();
    if (kind < 7) return this.many(3, () => this.json(depth - 1));
    return this.object(depth - 1);
  }

  object(depth: number): PlainObject {
    return Object.fromEntries(this.many(3, () => [this.pick(KEYS), this.json(depth)]));
  }

  tool(): Tool {
    const about = { name: this.pick(NAMES), description: this.text() };
    const flags = {
      ...(this.once(3) && { defer_loading: this.once(2) }),
      ...(this.once(3) && { strict: this.once(2) }),
    };
    const parameters = { type: "object", properties: this.object(2), required: [] };
    const extra = this.once(4) ? { extra: this.json(2) } : {};
    const inner = this.once(2)
      ? { ...about, parameters, ...flags, ...extra }
      : { ...flags, ...extra, ...about, parameters };
    const envelope = { type: "function" as const, function: inner };
    return this.once(3) ? inner : envelope;
  }

  part(): string | ContentPart {
    if (this.once(5)) return this.text();
    if (this.once(4)) return { type: this.pick(MEDIA), url: "x" } as ContentPart;
    if (this.once(8)) return { type: "file" } as unknown as ContentPart; // nothing is lost with it
    return { type: "text", text: this.text() };
  }

  content(): Content {
    return this.once(4) ? this.many(4, () => this.part()) : this.text();
  }

  call(): ToolCall {
    const call = { name: this.pick(NAMES), arguments: this.object(2) };
    return this.once(4) ? call : { function: call };
  }

  message(): Message {
    const role = this.pick(["system", "user", "user", "assistant", "assistant", "tool", "tool"]);
    if (role === "assistant") {
      return {
        role,
        ...(!this.once(8) && { content: this.once(8) ? null : this.content() }),
        ...(this.once(2) && { reasoning_content: this.once(8) ? null : this.text() }),
        ...(this.once(2) && { tool_calls: this.many(3, () => this.call()) }),
      };
    }
    if (role !== "tool") return { role: role as "user", content: this.content() };
    if (this.once(4)) return { role, content: this.references() };
    if (this.once(4)) return { role, content: this.many(3, () => ({ output: this.text() })) };
    return { role, content: this.content() };
  }

  references() {
    const reference = () => ({ type: "tool_reference" as const, name: this.pick(NAMES) });
    return [reference(), ...this.many(2, reference)];
  }

  request(): ChatRequest {
    return {
      messages: this.many(8, () => this.message()),
      ...(this.once(2) && { tools: this.many(4, () => this.tool()) }),
      ...(this.once(2) && { enable_thinking: this.once(2) }),
      ...(this.once(2) && { reasoning_effort: this.once(2) ? "high" : "max" }),
      ...(this.once(2) && { clear_thinking: this.once(2) }),
      ...(this.once(2) && { add_generation_prompt: this.once(2) }),
    };
  }
}
