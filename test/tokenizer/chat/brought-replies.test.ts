/**
 * Replies that people brought: what other projects' test suites and bug reports hold, and two more
 * of each kind. The right value stands here.
 */
import { describe, expect, it } from "vitest";
import {
  collectReply,
  type Reply,
  ReplyParser,
  type ReplyParserOptions,
  renderChat,
  replyMessage,
  type Tool,
} from "../../../tokenizer/chat/index.ts";
import { arg, C, E, O, TOOLS, U } from "./replies.ts";
import { events, tinyTokenizer } from "./tiny-chat.ts";

const object = (properties: object, more: object = {}) =>
  ({ type: "object", properties, ...more }) as Tool["function" & keyof Tool];
const toolOf = (parameters: unknown): Tool[] => [{ name: "f", parameters } as Tool];
const reply = (text: string, options: ReplyParserOptions = {}): Reply =>
  collectReply(events(text, { startsIn: "content", ...options }));
const kinds = ({ repairs }: Reply) => repairs.map(({ kind }) => kind);

/** The arguments of one call of `f`, whose tool has these parameters. */
function read(values: Record<string, string>, parameters: unknown): unknown {
  const inside = Object.entries(values).map(([key, value]) => arg(key, value));
  const { calls } = reply(`${C}f${inside.join("")}${E}${O}`, { tools: toolOf(parameters) });
  expect(JSON.parse(calls[0]?.json ?? "")).toEqual(calls[0]?.arguments);
  return calls[0]?.arguments;
}

describe("Python's numbers on the wire", () => {
  it.each([
    ["1e400", "1e400"],
    ["[1, -2e999]", [1, "-2e999"]],
    ["{'a': 1e309, 'b': [1e-400]}", { a: "1e309", b: [0] }],
    ["NaN", "NaN"],
    ["-Infinity", "-Infinity"],
  ])("%s is valid JSON", (text, value) => {
    expect(read({ v: text }, {})).toEqual({ v: value });
    expect(read({ v: text }, object({ v: { type: "number" } }))).toEqual({ v: value });
  });

  it("are valid JSON in a call that is JSON", () => {
    const text = `${C}{"name": "f", "arguments": {"v": 1e999}}${E}${O}`;
    expect(JSON.parse(reply(text).calls[0]?.json ?? "")).toEqual({ v: "1e999" });
  });
});

describe("prose about the tags", () => {
  it.each([
    `The tag ${C} opens a call.`,
    `Write ${C}, then the name, then ${E}.`,
    `It begins with "${C}" and has <arg_key> in it. ${E} ends it.`,
    `${C} `,
    `Nothing follows ${C}`,
    `A ${C} token and a ${E} token`,
  ])("stays content: %s", (text) => {
    for (const options of [{}, { tools: TOOLS }, { tools: [] }]) {
      const { content, calls, unknownCalls, repairs } = reply(text + U, options);
      expect([content, calls, unknownCalls, repairs]).toEqual([text, [], [], []]);
    }
  });

  it.each([
    `I could write ${C}weather${E} here`,
    `A pair ${C}x${E} is no call`,
    `${C} opens, ${E} closes`,
    `first ${C}name<arg_key>k</arg_key><arg_value>v</arg_value>${E}`,
  ])("stays reasoning: %s", (text) => {
    const { reasoning, content, calls } = reply(`${text}, of course</think>Done${U}`, {
      startsIn: "reasoning",
      tools: TOOLS,
    });
    expect([reasoning, content, calls]).toEqual([`${text}, of course`, "Done", []]);
  });

  it("is no prose where a declared tool is called", () => {
    for (const after of [O, `</think>${O}`, `${C}weather_now${E}${O}`]) {
      const { reasoning, calls, repairs } = reply(`Hm ${C}weather_now${E}${after}`, {
        startsIn: "reasoning",
        tools: TOOLS,
      });
      expect([reasoning, calls[0]?.name]).toEqual(["Hm ", "weather_now"]);
      expect(repairs[0]).toEqual({ kind: "call-in-reasoning", text: "</think>" });
    }
  });
});

describe("the type of an argument is found", () => {
  const STRING = { type: "string" };
  const TEXTS = { a: "7", b: "null", c: "true" };
  it.each([
    [
      "behind the root's $ref",
      { $ref: "#/$defs/args", $defs: { args: object({ a: STRING, b: STRING, c: STRING }) } },
    ],
    ["in allOf", { allOf: [object({ a: STRING }), object({ b: STRING, c: STRING })] }],
    ["in oneOf", { oneOf: [object({ a: STRING, b: STRING }), object({ a: STRING, c: STRING })] }],
    ["in additionalProperties", object({}, { additionalProperties: STRING })],
    [
      "in additionalProperties behind a $ref",
      object({}, { additionalProperties: { $ref: "#/$defs/s" }, $defs: { s: STRING } }),
    ],
    [
      "in anyOf inside of allOf",
      { allOf: [{ anyOf: [object({ a: STRING, b: STRING, c: STRING })] }] },
    ],
  ])("%s, also while it is streamed", (_where, parameters) => {
    expect(read(TEXTS, parameters)).toEqual(TEXTS);
    const text = `${C}f${arg("a", "xyz")}${E}`;
    const parts = events(text, { startsIn: "content", tools: toolOf(parameters) });
    expect(parts.filter(({ type }) => type === "arguments").length).toBeGreaterThan(4);
  });

  it("and is not that of a neighbour", () => {
    const parameters = object({ a: { type: "integer" } }, { additionalProperties: STRING });
    expect(read({ a: "7", b: "7" }, parameters)).toEqual({ a: 7, b: "7" });
  });
});

describe("of several types, the value decides", () => {
  it.each([
    [{ anyOf: [{ const: "auto" }, { type: "integer" }] }, "7", 7],
    [{ anyOf: [{ const: "auto" }, { type: "integer" }] }, "auto", "auto"],
    [{ enum: ["auto", 8] }, "8", 8],
    [{ enum: ["auto", "8"] }, "8", "8"],
    [{ type: ["string", "integer"] }, "7", 7],
    [{ type: ["string", "integer"] }, "7.5", "7.5"],
    [{ type: ["string", "number"], maximum: 5 }, "7", "7"],
    [{ anyOf: [{ type: "string" }, { type: "boolean" }] }, "true", true],
    [{ anyOf: [{ type: "string" }, { type: "boolean" }] }, "True", "True"],
    [{ oneOf: [{ type: "array", items: { type: "string" } }, { type: "string" }] }, "[1]", "[1]"],
    [{ type: "string", nullable: true }, "null", null],
    [{ allOf: [{ type: ["string", "null"] }, { not: { type: "null" } }] }, "null", "null"],
  ])("%j with %s is %j", (schema, text, value) => {
    expect(read({ v: text }, object({ v: schema }))).toEqual({ v: value });
  });
});

describe("a call of a tool that is not declared", () => {
  it.each([
    [`a${C}dance${arg("n", "7")}${E}b${O}`, { n: 7 }, "ab"],
    [`a${C}dance${E}${O}`, {}, "a"],
    [`${C}{"name": "dance", "arguments": {"n": {"m": 1}}}${E}${O}`, { n: { m: 1 } }, ""],
    [`${C}dance n</arg_key><arg_value>7</arg_value>${E}${O}`, { n: 7 }, ""],
  ])("is in the reply with its arguments: %s", (text, args, content) => {
    const got = reply(text, { tools: TOOLS });
    const unknown = { name: "dance", arguments: args, json: expect.anything(), isComplete: true };
    expect([got.unknownCalls, got.calls, got.content]).toEqual([[unknown], [], content]);
    expect(JSON.parse(got.unknownCalls[0]?.json ?? "")).toEqual(args);
    expect(got.finishReason).toBe("stop");
  });
});

describe("a reply is plain data", () => {
  const text = `Hm</think>${C}f${arg("n", "12345678901234567890")}${arg("o", '{"10": 2.0, "9": [1]}')}${E}${O}`;

  it("which JSON.stringify and structuredClone keep", () => {
    const got = collectReply(events(text));
    expect(JSON.parse(JSON.stringify(got))).toEqual(got);
    expect(structuredClone(got)).toEqual(got);
    expect(JSON.stringify(got.calls[0]?.arguments)).toContain('"o":{"9":[1],"10":2}');
    expect(got.calls[0]?.json).toBe('{"n": 12345678901234567890, "o": {"10": 2.0, "9": [1]}}');
  });

  it("and whose message renders the same after either, to the digit", () => {
    const message = replyMessage(collectReply(events(text)));
    const before = [{ role: "user", content: "" }] as const;
    for (const copy of [message, JSON.parse(JSON.stringify(message)), structuredClone(message)]) {
      const { text: prompt } = renderChat({ messages: [...before, copy] });
      expect(prompt).toContain(`<think>${text.slice(0, -O.length)}`);
    }
  });
});

describe("a call in another form", () => {
  const tools = toolOf(object({ v: { type: "integer" }, w: { type: "string" } }));
  it.each([
    ['{"name":"f","arguments":"{\\"v\\":1}"}', "json-call"],
    ['{"function":"f","parameters":{"v":1}}', "json-call"],
    ['[{"type":"function","function":{"name":"f","arguments":{"v":1}}}]', "json-call"],
    ['f {"v":1}', "plain-arguments"],
    ["f v=1", "plain-arguments"],
    ["f(v=1)", "plain-arguments"],
    ["f {'v': 1}", "plain-arguments"],
  ])("inside the tags is read: %s", (inside, kind) => {
    const got = reply(`${C}${inside}${E}${O}`, { tools });
    expect(got.calls).toEqual([
      { name: "f", arguments: { v: 1 }, json: '{"v": 1}', isComplete: true },
    ]);
    expect(kinds(got)).toEqual([kind]);
    const strict = reply(`${C}${inside}${E}${O}`, { tools, strict: true });
    expect([strict.content, strict.calls, strict.repairs]).toEqual([`${C}${inside}${E}`, [], []]);
  });

  it("has values of the declared types", () => {
    const { calls } = reply(`${C}f v="1", w=2${E}${O}`, { tools });
    expect(calls[0]?.arguments).toEqual({ v: 1, w: "2" });
  });

  it.each([
    ["```json\n{J}\n```", ""],
    ["Sure! {J}", "Sure! "],
    ["{J}\nThat is all.", "\nThat is all."],
    ["I take [it]: {J}", "I take [it]: "],
  ])("that was forced is found in %s", (around, content) => {
    const json = '{"name": "f", "arguments": {"v": 1}}';
    const got = reply(around.replace("{J}", json) + U, { tools, expectsCall: true });
    expect([got.calls[0]?.arguments, got.content]).toEqual([{ v: 1 }, content]);
    expect(kinds(got)).toEqual(["json-call"]);
    expect(got.finishReason).toBe("tool_calls");
  });

  it.each(['{"name": "g", "arguments": {}} ok', '{"v": 1} no call', "[{]"])(
    "is not seen in %s",
    (text) => {
      expect(reply(text + U, { tools, expectsCall: true }).content).toBe(text);
    },
  );
});

describe("a missing tag does not swallow the rest", () => {
  const tools = [...toolOf(object({ a: { type: "string" }, b: { type: "integer" } })), ...TOOLS];
  it.each([
    [
      `${C}f<arg_key>a</arg_key><arg_value>1<arg_key>b</arg_key><arg_value>2</arg_value>${E}`,
      { a: "1", b: 2 },
    ],
    [
      `${C}f<arg_key>b</arg_key><arg_value>2<arg_key>a</arg_key>1</arg_value>${E}`,
      { b: 2, a: "1" },
    ],
    [`${C}f<arg_key>a</arg_key><arg_value>1<arg_key>b</arg_key><arg_value>2`, { a: "1", b: 2 }],
  ])("%s", (text, args) => {
    expect(reply(text + O, { tools }).calls[0]?.arguments).toEqual(args);
  });

  it("nor the next call", () => {
    const text = `${C}f<arg_key>a</arg_key><arg_value>1${C}weather${arg("city", "x")}${E}${O}`;
    const { calls } = reply(text, { tools });
    expect(calls.map((call) => [call.name, call.arguments])).toEqual([
      ["f", { a: "1" }],
      ["weather", { city: "x" }],
    ]);
  });

  it.each([
    ["a key that is not declared", "1<arg_key>c</arg_key>2"],
    ["a key that was given", "1<arg_key>a</arg_key>2"],
    ["a tag alone", "see <arg_key> and <tool_call>."],
  ])("and text it is with %s", (_what, value) => {
    expect(reply(`${C}f${arg("a", value)}${E}${O}`, { tools }).calls[0]?.arguments).toEqual({
      a: value,
    });
  });
});

describe("marks", () => {
  it.each([
    ["Hm", true],
    ["Hm</think>", false],
    ["Hm</think>a<think>b", true],
  ])("%s: whether a reply ends in its reasoning", (text, isThinking) => {
    expect(reply(text + U, { startsIn: "reasoning" }).isThinking).toBe(isThinking);
    expect(reply(text, { startsIn: "reasoning" }).isThinking).toBe(isThinking);
  });

  it.each([
    [`${arg("n", "1")}${arg("n", "2")}`, '{"n": 2}', ["1"]],
    [`${arg("n", "1")}${arg("m", "x")}${arg("n", "2")}`, '{"n": 2, "m": "x"}', ["1"]],
    [`${arg("n", "a")}${arg("n", "b")}${arg("n", "c")}`, '{"n": "c"}', ['"a"', '"b"']],
  ])("%s: a parameter twice has its last value, once", (args, json, first) => {
    const got = reply(`${C}f${args}${E}${O}`);
    expect(got.calls[0]?.json).toBe(json);
    expect(got.calls[0]?.arguments).toEqual(JSON.parse(json));
    expect(got.repairs).toEqual(first.map((text) => ({ kind: "repeated-argument", text })));
  });
});

describe("a reply that comes as text", () => {
  const text = `Hm 🦙</think>Hi${C}weather${arg("city", "Kö<ln")}${E} a < b${U} never`;

  it("may be cut anywhere", () => {
    const whole = collectReply(events(text, { tools: TOOLS }));
    for (let cut = 0; cut <= text.length; cut++) {
      const parser = new ReplyParser(tinyTokenizer, { tools: TOOLS });
      const parts = [text.slice(0, cut), text.slice(cut)].flatMap((part) => parser.pushText(part));
      expect(collectReply([...parts, ...parser.end()])).toEqual(whole);
    }
  });

  it("keeps what may begin a tag until the end", () => {
    const parser = new ReplyParser(tinyTokenizer, { startsIn: "content" });
    expect(parser.pushText("a <|us")).toEqual([{ type: "content", text: "a " }]);
    expect(parser.end()[0]).toEqual({ type: "content", text: "<|us" });
  });

  it.each(["Hi", ["Hi"], null, undefined])("is refused as ids: %j", (what) => {
    const parser = new ReplyParser(tinyTokenizer);
    expect(() => parser.push(what as never)).toThrow(
      "reply: expected token ids, or text in pushText",
    );
  });

  it.each([5, [5], null])("and ids are refused as text: %j", (what) => {
    const parser = new ReplyParser(tinyTokenizer);
    expect(() => parser.pushText(what as never)).toThrow("reply: expected a string");
  });
});

describe("strict", () => {
  it.each([
    [`a</think>b${E}c`, `a</think>b${E}c`],
    [`${C}${C}weather_now${E}`, C], // the second one is a good call
    ["a<|image|>b", "a<|image|>b"],
  ])("repairs nothing, and leaves all as content: %s", (text, content) => {
    const got = reply(text + U, { tools: TOOLS, strict: true });
    expect([got.content, got.repairs]).toEqual([content, []]);
  });

  it("breaks a malformed call off", () => {
    const text = `${C}weather${arg("days", "1")}city</arg_key>x${E}`;
    const got = reply(text + O, { tools: TOOLS, strict: true });
    expect(got.calls).toEqual([
      { name: "weather", arguments: { days: 1 }, json: '{"days": 1', isComplete: false },
    ]);
    expect(got.content).toBe(`city</arg_key>x${E}`);
  });

  it("takes good replies as before", () => {
    const text = `Hm</think>Hi${C}weather${arg("city", "x")}${E}${C}weather_now${E}${O}`;
    const options = { startsIn: "reasoning", tools: TOOLS } as const;
    expect(reply(text, { ...options, strict: true })).toEqual(reply(text, options));
  });
});

describe("a text or a schema from a stranger ends soon", () => {
  const self = { $ref: "#" };
  const many = Array.from({ length: 20 }, () => self);

  it.each([
    [{ anyOf: many, oneOf: many, allOf: many }],
    [{ properties: { v: { anyOf: many } }, anyOf: many }],
    [{ properties: { v: { allOf: [{ anyOf: many }, { not: { oneOf: many } }] } } }],
  ])("where a schema refers to itself in many ways", (parameters) => {
    expect(read({ v: "7" }, parameters)).toEqual({ v: 7 });
  });

  it.each([
    `${C}weather${" ".repeat(100_000)}!${E}`,
    `${C}weather ${"a=".repeat(50_000)}${E}`,
    "[".repeat(100_000),
    "```json".repeat(10_000),
  ])("where it has much of one thing", (text) => {
    const got = reply(text + U, { tools: TOOLS, expectsCall: true });
    expect(got.content.length + (got.repairs[0]?.text.length ?? 0)).toBeGreaterThan(60_000);
  });
});
