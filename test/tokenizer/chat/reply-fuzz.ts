/**
 * Random replies, good and spoiled, and what must hold for each of them. `parse-fuzz.test.ts` tries
 * some of them, `replies.soak.ts` as many as one likes.
 * @module
 */
import { expect } from "vitest";
import { CONTROL_TOKENS } from "../../../tokenizer/chat/control-tokens.ts";
import {
  collectReply,
  type ReplyEvent,
  ReplyParser,
  type ReplyParserOptions,
  renderChat,
  replyMessage,
  type Tool,
} from "../../../tokenizer/chat/index.ts";
import type { Tokenizer } from "../../../tokenizer/index.ts";
import { seeded } from "../random-text.ts";
import { OTHER_TOKENS } from "./tiny-chat.ts";

const schema = (type: string) => ({ type });
const TOOLS: readonly Tool[] = [
  { name: "f", parameters: { properties: { s: schema("string"), n: schema("integer") } } },
  { name: "fs", parameters: { properties: { o: schema("object"), a: schema("array") } } },
  { name: "g", parameters: { $ref: "#/$defs/g", $defs: { g: { additionalProperties: {} } } } },
];
const OPTIONS: readonly ReplyParserOptions[] = [
  {},
  { tools: TOOLS },
  { tools: TOOLS, startsIn: "content" },
  { tools: TOOLS, startsIn: "content", expectsCall: true },
  { tools: TOOLS, strict: true },
  { startsIn: "content", strict: true },
];

const CALL_TAGS = CONTROL_TOKENS.filter((token) => /think|tool_call|arg/.test(token));
// No word holds a tag, so that text and ids say the same.
const WORDS = [
  ...["f", "fs", "g", "s", "n", "o", "a", " ", "\n", "12", '{"k": [1]}', "[]", "True", "'x'"],
  ...['"', "\\", "{", "}", "你", "🦙", "\u0000", "1.0", "1e400", "[1, -2e999]", "null", "NaN"],
  ...['[{"name": "f", "arguments": {"s": 1}}]', ' {"v": 1}', " v=1", "```json\n", "\n```", "<"],
  ...['{"name": "f", "arguments": "{\\"s\\": \\"x\\"}"}', '{"function": "g", "parameters": {}}'],
];

/** A reply in parts: words that must not be lost, and the ids of all. */
interface Stream {
  readonly ids: readonly number[];
  /** Words that occur once each, before the end of the reply. */
  readonly marks: readonly string[];
  /** Whether the ids are those of a text, so that the text says the same. */
  readonly isText: boolean;
}

/** Makes streams from a seed. */
export class ReplyFuzz {
  readonly #tokenizer: Tokenizer;
  readonly #random: (n: number) => number;
  readonly #spoil: (events: readonly ReplyEvent[]) => readonly ReplyEvent[];
  #nMarks = 0;

  /** @param spoil changes the events that are checked, to see that the check notices */
  constructor(
    tokenizer: Tokenizer,
    seed: number,
    spoil: (events: readonly ReplyEvent[]) => readonly ReplyEvent[] = (events) => events,
  ) {
    this.#spoil = spoil;
    this.#tokenizer = tokenizer;
    this.#random = seeded(seed);
  }

  /** Tries streams, and returns how often each kind of event came. */
  try(nStreams: number): ReadonlyMap<string, number> {
    const seen = new Map<string, number>();
    for (let i = 0; i < nStreams; i++) {
      const stream = this.#stream();
      const options = OPTIONS[i % OPTIONS.length] as ReplyParserOptions;
      try {
        for (const { type } of this.#check(stream, options)) {
          seen.set(type, (seen.get(type) ?? 0) + 1);
        }
      } catch (error) {
        const text = JSON.stringify(this.#tokenizer.decode(stream.ids));
        throw new Error(`stream ${i}, ${JSON.stringify(options)}:\n${text}`, { cause: error });
      }
    }
    return seen;
  }

  #check({ ids, marks, isText }: Stream, options: ReplyParserOptions): readonly ReplyEvent[] {
    const events = this.#parse(options, ids, () => 1);
    const grouped = this.#parse(options, ids, () => this.#random(8));
    if (JSON.stringify(grouped) !== JSON.stringify(events)) expect(grouped).toEqual(events);
    if (isText) {
      const byText = this.#parseText(options, this.#tokenizer.decode(ids));
      const [a, b] = [joined(byText), joined(events)];
      if (JSON.stringify(a) !== JSON.stringify(b)) expect(a).toEqual(b);
    }
    const checked = this.#spoil(events);
    checkEvents(checked);
    checkReply(checked);
    const told = joined(checked).map(toldIn).join(" ");
    for (const mark of marks) if (!told.includes(mark)) expect(told).toContain(mark);
    if (options.strict) {
      const kinds = events.flatMap((event) => (event.type === "repair" ? [event.kind] : []));
      expect(kinds.filter((kind) => kind !== "repeated-argument")).toEqual([]);
    }
    return events;
  }

  #parse(options: ReplyParserOptions, ids: readonly number[], length: () => number): ReplyEvent[] {
    const parser = new ReplyParser(this.#tokenizer, options);
    const events: ReplyEvent[] = [];
    for (let at = 0; at < ids.length; ) {
      const end = at + length();
      events.push(...parser.push(...ids.slice(at, end)));
      at = end;
    }
    return [...events, ...parser.end()];
  }

  #parseText(options: ReplyParserOptions, text: string): ReplyEvent[] {
    const parser = new ReplyParser(this.#tokenizer, options);
    const events: ReplyEvent[] = [];
    for (let at = 0; at < text.length; ) {
      const end = at + this.#random(7);
      events.push(...parser.pushText(text.slice(at, end)));
      at = end;
    }
    return [...events, ...parser.end()];
  }

  #stream(): Stream {
    const parts = this.#random(2) === 0 ? this.#randomParts() : this.#spoiledReply();
    const end = parts.findIndex(({ ends }) => ends === true);
    const marks = (end < 0 ? parts : parts.slice(0, end)).flatMap(({ mark }) => mark ?? []);
    const ids = parts.flatMap((part) => part.ids);
    return { ids, marks, isText: parts.every((part) => !part.isBroken) };
  }

  /** Mostly tags, but also words, halves of characters, and any other tokens. */
  #randomParts(): Part[] {
    const parts: Part[] = [];
    for (let n = this.#random(30); n > 0; n--) parts.push(this.#randomPart());
    return parts;
  }

  #randomPart(): Part {
    const { vocabSize, paddedVocabSize } = this.#tokenizer;
    const kind = this.#random(24);
    if (kind < 9) return this.#tag(this.#pick(CALL_TAGS));
    if (kind < 15) return this.#word(this.#pick(WORDS));
    if (kind < 21) return this.#mark();
    if (kind < 22) {
      const half = this.#pick([...this.#tokenizer.encodeOrdinary("🦙🐂é")]);
      return { ids: [half], isBroken: true };
    }
    if (kind < 23) return this.#tag(this.#pick([...CONTROL_TOKENS, ...OTHER_TOKENS]));
    const padding = vocabSize + this.#random(paddedVocabSize - vocabSize);
    return { ids: [padding], isBroken: true };
  }

  /** A good reply in which one part in ten is lost, doubled or replaced. */
  #spoiledReply(): Part[] {
    const value = () => [this.#tag("<arg_value>"), this.#mark(), this.#tag("</arg_value>")];
    const key = (name: string) => [
      ...[this.#tag("<arg_key>"), this.#word(name), this.#tag("</arg_key>")],
    ];
    const call = (name: string, keys: readonly string[]) => [
      ...[this.#tag("<tool_call>"), this.#word(name)],
      ...keys.flatMap((k) => [...key(k), ...value()]),
      this.#tag("</tool_call>"),
    ];
    const names = ["f", "fs", "g", "dance"];
    const keys = ["s", "n", "o", "a", "s"];
    const good = [
      ...[this.#mark(), this.#tag("</think>"), this.#mark()],
      ...call(this.#pick(names), [this.#pick(keys), this.#pick(keys)]),
      ...call(this.#pick(names), [this.#pick(keys)]),
      ...call(this.#pick(names), []),
      ...(this.#random(2) === 0 ? [this.#tag("<|observation|>")] : []),
    ];
    return good.flatMap((part) => {
      const kind = this.#random(40);
      if (kind === 0) return [];
      if (kind === 1 && part.mark === undefined) return [part, part];
      return kind < 4 ? [this.#randomPart()] : [part];
    });
  }

  #mark(): Part {
    const mark = `q${this.#nMarks++}x`;
    const text = this.#pick([mark, ` ${mark} `, `"${mark}"`, `${mark}.`]);
    return { ids: [...this.#tokenizer.encodeOrdinary(text)], mark };
  }

  #word(word: string): Part {
    return { ids: [...this.#tokenizer.encodeOrdinary(word)] };
  }

  #tag(tag: string): Part {
    const ends = ["<|endoftext|>", "<|user|>", "<|observation|>"].includes(tag);
    return { ids: [...this.#tokenizer.encode(tag)], ends };
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random(from.length)] as T;
  }
}

interface Part {
  readonly ids: readonly number[];
  readonly mark?: string;
  readonly ends?: boolean;
  /** Whether the ids are no text: half of a character, or padding. */
  readonly isBroken?: boolean;
}

/** Joins events that differ only in where a text was cut. */
function joined(events: readonly ReplyEvent[]): ReplyEvent[] {
  const all: ReplyEvent[] = [];
  for (const event of events) {
    const last = all.at(-1);
    if (event.type === "arguments" && last?.type === "arguments" && last.call === event.call) {
      all[all.length - 1] = { ...last, json: last.json + event.json };
    } else if (
      (event.type === "content" || event.type === "reasoning") &&
      last?.type === event.type
    ) {
      all[all.length - 1] = { ...last, text: last.text + event.text };
    } else all.push(event);
  }
  return all;
}

/** All that an event tells of the reply's text. */
function toldIn(event: ReplyEvent): string {
  switch (event.type) {
    case "call":
      return event.name;
    case "arguments":
    case "argument":
      return event.json;
    case "unknown-tool":
      return `${event.name} ${event.json}`;
    case "finish":
    case "call-end":
      return "";
    default:
      return event.text;
  }
}

function checkEvents(events: readonly ReplyEvent[]): void {
  const parts = new Map<number, string>();
  for (const event of events) {
    if (event.type === "arguments") {
      parts.set(event.call, (parts.get(event.call) ?? "") + event.json);
    } else if (event.type === "argument") {
      expect(JSON.parse(event.json)).toEqual(event.value);
    } else if (event.type === "unknown-tool" || event.type === "call-end") {
      expect(JSON.parse(event.json)).toEqual(event.arguments);
    }
    if (event.type !== "call-end" || !event.isComplete) continue;
    expect(JSON.parse(parts.get(event.call) ?? "")).toEqual(event.arguments);
  }
  expect(events.filter(({ type }) => type === "finish")).toHaveLength(1);
  expect(events.at(-1)?.type).toBe("finish");
}

function checkReply(events: readonly ReplyEvent[]): void {
  const reply = collectReply(events);
  expect(JSON.parse(JSON.stringify(reply))).toEqual(reply);
  expect(structuredClone(reply)).toEqual(reply);
  const message = replyMessage(reply);
  const prompt = renderChat({ messages: [{ role: "user", content: "" }, message] });
  const copy = JSON.parse(JSON.stringify(message));
  expect(renderChat({ messages: [{ role: "user", content: "" }, copy] }).text).toBe(prompt.text);
}
