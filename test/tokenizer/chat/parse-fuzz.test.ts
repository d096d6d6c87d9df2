/** Tests the reply parser with random streams of tokens. */
import { beforeAll, describe, expect, it } from "vitest";
import { CONTROL_TOKENS } from "../../../tokenizer/chat/control-tokens.ts";
import {
  collectReply,
  type ReplyEvent,
  ReplyParser,
  type ReplyParserOptions,
  type Tool,
  toPlain,
} from "../../../tokenizer/chat/index.ts";
import type { Tokenizer } from "../../../tokenizer/index.ts";
import { seeded } from "../random-text.ts";
import { officialTokenizer, SKIP_TOKENIZER, titled } from "./chat-data.ts";
import { OTHER_TOKENS, tinyTokenizer } from "./tiny-chat.ts";

const N_STREAMS = 20_000;

const schema = (type: string) => ({ type });
const TOOLS: readonly Tool[] = [
  { name: "f", parameters: { properties: { s: schema("string"), n: schema("integer") } } },
  { name: "fs", parameters: { properties: { o: schema("object"), a: schema("array") } } },
];
const OPTIONS: readonly ReplyParserOptions[] = [
  {},
  { tools: TOOLS },
  { tools: TOOLS, startsIn: "content" },
  { tools: TOOLS, startsIn: "content", expectsCall: true },
];
// None of them holds "<". So a text that holds a tag must have got it from a control token.
const WORDS = [
  ...["f", "fs", "s", "n", "o", "a", " ", "\n", "12", '{"k": [1]}', "[]", "True", "'x'", "null"],
  ...['"', "\\", "{", "}", "你", "🦙", "\u0000", '[{"name": "f", "arguments": {"s": 1}}]', "1.0"],
];
const CALL_TAGS = CONTROL_TOKENS.filter((token) => /think|tool_call|arg/.test(token));

/** Makes a stream of tokens: mostly tags, but also words, halves of characters, and any others. */
function randomStream(tokenizer: Tokenizer, random: (n: number) => number): number[] {
  const pick = <T>(from: readonly T[]) => from[random(from.length)] as T;
  const halves = [...tokenizer.encodeOrdinary("🦙🐂é")];
  const ids: number[] = [];
  for (let n = random(30); n > 0; n--) {
    const kind = random(20);
    if (kind < 9) ids.push(...tokenizer.encode(pick(CALL_TAGS)));
    else if (kind < 17) ids.push(...tokenizer.encodeOrdinary(pick(WORDS)));
    else if (kind < 18) ids.push(pick(halves));
    else if (kind < 19) ids.push(...tokenizer.encode(pick([...CONTROL_TOKENS, ...OTHER_TOKENS])));
    else ids.push(tokenizer.vocabSize + random(tokenizer.paddedVocabSize - tokenizer.vocabSize));
  }
  return ids;
}

const REPLY =
  "Hm</think>ok<tool_call>f<arg_key>s</arg_key><arg_value>x y</arg_value><arg_key>n</arg_key>" +
  "<arg_value>12</arg_value></tool_call><tool_call>fs<arg_key>o</arg_key><arg_value>{'k': 1}" +
  "</arg_value><arg_key>a</arg_key><arg_value>[1, 2]</arg_value></tool_call><|observation|>";

/** Makes a good reply in which one token in ten is lost, doubled or replaced. */
function spoiledReply(tokenizer: Tokenizer, random: (n: number) => number): number[] {
  return [...tokenizer.encode(REPLY)].flatMap((id) => {
    const kind = random(40);
    if (kind === 0) return [];
    if (kind === 1) return [id, id];
    return kind < 4 ? randomStream(tokenizer, random).slice(0, 1) : [id];
  });
}

/** Pushes the same stream in random portions. */
function parse(
  tokenizer: Tokenizer,
  options: ReplyParserOptions,
  ids: readonly number[],
  nextLength: () => number,
): ReplyEvent[] {
  const parser = new ReplyParser(tokenizer, options);
  const events: ReplyEvent[] = [];
  for (let at = 0; at < ids.length; ) {
    const end = at + nextLength();
    events.push(...parser.push(...ids.slice(at, end)));
    at = end;
  }
  return [...events, ...parser.end()];
}

const TAG = /<\|?\/?[a-z_]+\|?>|\[g?MASK\]/;

function checkEvents(events: readonly ReplyEvent[]): void {
  const { calls, reasoning, content } = collectReply(events);
  expect(reasoning).not.toMatch(TAG);
  expect(content).not.toMatch(TAG);
  for (const event of events) {
    if (event.type === "call" || event.type === "unknown-tool") expect(event.name).not.toMatch(TAG);
    if (event.type !== "argument") continue;
    expect(event.key).not.toMatch(TAG);
    expect(JSON.stringify(toPlain(event.value))).not.toMatch(/<\/arg_value>|<\/tool_call>/);
  }
  for (const call of calls) {
    if (!call.isComplete) continue;
    expect(JSON.parse(call.json)).toEqual(toPlain(call.arguments));
  }
  expect(events.filter(({ type }) => type === "finish")).toHaveLength(1);
  expect(events.at(-1)?.type).toBe("finish");
}

function fuzz(tokenizer: Tokenizer, nStreams: number, seed: number): ReadonlyMap<string, number> {
  const random = seeded(seed);
  const seen = new Map<string, number>();
  for (let i = 0; i < nStreams; i++) {
    const make = random(2) === 0 ? randomStream : spoiledReply;
    const ids = make(tokenizer, random);
    const options = OPTIONS[i % OPTIONS.length] as ReplyParserOptions;
    const events = parse(tokenizer, options, ids, () => 1);
    checkEvents(events);
    const grouped = parse(tokenizer, options, ids, () => random(8));
    if (JSON.stringify(grouped) !== JSON.stringify(events)) expect(grouped).toEqual(events);
    for (const { type } of events) seen.set(type, (seen.get(type) ?? 0) + 1);
  }
  return seen;
}

describe("random streams", () => {
  it(`${N_STREAMS} of them neither throw nor leak a tag, in pushes of any length`, () => {
    const seen = fuzz(tinyTokenizer, N_STREAMS, 54);
    for (const type of ["call", "argument", "call-end", "unknown-tool", "arguments"]) {
      expect(seen.get(type)).toBeGreaterThan(100);
    }
  });
});

describe.skipIf(SKIP_TOKENIZER !== undefined)(titled("GLM-5.2", SKIP_TOKENIZER), () => {
  let tokenizer: Tokenizer;
  beforeAll(() => {
    tokenizer = officialTokenizer();
  });

  it("2,000 of its streams do not either", () => {
    expect(fuzz(tokenizer, 2000, 55).get("call")).toBeGreaterThan(100);
  });
});
