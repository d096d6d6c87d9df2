/** Replies as the model should write them, and as it does. */
import { describe, expect, it } from "vitest";
import {
  collectReply,
  ReplyParser,
  renderChat,
  replyMessage,
  type Tool,
  toPlain,
} from "../../tokenizer/chat/index.ts";
import { createTokenizer, TokenizerError } from "../../tokenizer/index.ts";
import { tinyJson } from "../tokenizer/tiny.ts";
import { events, type ShortReply, shortReply, tinyTokenizer } from "./tiny-chat.ts";

const parameters = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" }, tags: { type: "array" } },
};
const TOOLS: readonly Tool[] = [
  { name: "weather", parameters },
  { name: "weather_now" },
  { name: "run_command", parameters: { properties: { command: { type: "string" } } } },
];

const C = "<tool_call>";
const E = "</tool_call>";
const arg = (key: string, value: string) =>
  `<arg_key>${key}</arg_key><arg_value>${value}</arg_value>`;
const U = "<|user|>";
const O = "<|observation|>";
const PARIS = { city: "Paris" };

const WELL_FORMED: [title: string, text: string, reply: ShortReply][] = [
  ["an answer", `Hm.\n</think>Hello${U}`, { reasoning: "Hm.\n", content: "Hello", finish: "stop" }],
  ["no thought", `</think>Hi<|endoftext|>`, { content: "Hi", finish: "stop" }],
  ["nothing", U, { finish: "stop" }],
  ["a thought cut off", "Hm", { reasoning: "Hm", finish: "length" }],
  ["an answer cut off", "Hm</think>a", { reasoning: "Hm", content: "a", finish: "length" }],
  [
    "a call",
    `Hm</think>Let me look.${C}weather${arg("city", "Paris")}${arg("days", "3")}${E}${O}`,
    {
      reasoning: "Hm",
      content: "Let me look.",
      calls: [["weather", { city: "Paris", days: 3 }]],
      finish: "tool_calls",
    },
  ],
  [
    "two calls, one without arguments",
    `</think>${C}weather_now${E}${C}weather${arg("city", " Köln\n")}${E}${O}`,
    {
      calls: [
        ["weather_now", {}],
        ["weather", { city: " Köln\n" }],
      ],
      finish: "tool_calls",
    },
  ],
  [
    "arguments of other types",
    `</think>${C}weather${arg("tags", '["a", 1.5, null]')}${arg("city", "5")}${arg("x", "true")}${E}${O}`,
    { calls: [["weather", { tags: ["a", 1.5, null], city: "5", x: true }]], finish: "tool_calls" },
  ],
  [
    "tags inside a value are text",
    `</think>${C}run_command${arg("command", "echo '<think></think><arg_key><|image|>'")}${E}${O}`,
    {
      calls: [["run_command", { command: "echo '<think></think><arg_key><|image|>'" }]],
      finish: "tool_calls",
    },
  ],
  [
    "a word that is a token",
    "</think>src/nothink.ts",
    { content: "src/nothink.ts", finish: "length" },
  ],
  [
    "blanks between the parts",
    `</think>${C}\nweather\n<arg_key> city </arg_key>\n<arg_value>Paris</arg_value>\n${E}${O}`,
    { calls: [["weather", PARIS]], finish: "tool_calls" },
  ],
  [
    "a call cut off inside a string",
    `</think>${C}weather${arg("days", "2")}<arg_key>city</arg_key><arg_value>Pa`,
    { calls: [["weather", '{"days": 2, "city": "Pa', "cut"]], finish: "length" },
  ],
  ["a call cut off inside its name", `</think>${C}weath`, { finish: "length" }],
  [
    "a call cut off inside a key",
    `</think>${C}weather<arg_key>ci`,
    {
      calls: [["weather", "", "cut"]],
      finish: "length",
    },
  ],
];

/** Each is repaired into `reply`; most have been seen on GLM-4.7 … 5.2. */
const MALFORMED: [title: string, text: string, reply: ShortReply][] = [
  [
    "<tool_call> before </think>",
    `Hm${C}weather${arg("city", "Paris")}${E}${O}`,
    { reasoning: "Hm", calls: [["weather", PARIS]], finish: "tool_calls" },
  ],
  [
    "</think> again after such a call",
    `Hm${C}weather_now${E}</think>Done${U}`,
    { reasoning: "Hm", content: "Done", calls: [["weather_now", {}]], finish: "tool_calls" },
  ],
  [
    "<think> inside reasoning",
    `a<think>b</think>c${U}`,
    {
      reasoning: "ab",
      content: "c",
      finish: "stop",
    },
  ],
  [
    "thinking twice",
    `a</think>b<think>c</think>d${U}`,
    {
      reasoning: "ac",
      content: "bd",
      finish: "stop",
    },
  ],
  ["a stray </think>", `</think>a</think>b${U}`, { content: "ab", finish: "stop" }],
  [
    "stray tags",
    `</think>a${E}<arg_key>b</arg_value>c</arg_key><arg_value>d<tool_response>${U}`,
    {
      content: "abcd",
      finish: "stop",
    },
  ],
  [
    "other control tokens",
    `[gMASK]a<|system|></think><sop>b<|begin_of_box|>c<|image|>${U}`,
    {
      reasoning: "a",
      content: "bc",
      finish: "stop",
    },
  ],
  [
    "no <arg_value>",
    `</think>${C}weather<arg_key>city</arg_key>Paris</arg_value>${E}${O}`,
    { calls: [["weather", PARIS]], finish: "tool_calls" },
  ],
  [
    "no <arg_value> after a newline",
    `</think>${C}weather<arg_key>city</arg_key>\n Paris</arg_value>${E}${O}`,
    { calls: [["weather", PARIS]], finish: "tool_calls" },
  ],
  [
    "no <arg_value>, and a value that begins with a tag",
    `</think>${C}weather<arg_key>city</arg_key><think>x</arg_value>${E}${O}`,
    { calls: [["weather", { city: "<think>x" }]], finish: "tool_calls" },
  ],
  [
    "no <arg_value> and no value",
    `</think>${C}weather<arg_key>city</arg_key></arg_value>${arg("days", "1")}${E}${O}`,
    { calls: [["weather", { city: "", days: 1 }]], finish: "tool_calls" },
  ],
  [
    "no first <arg_key>",
    `</think>${C}weathercity</arg_key><arg_value>Paris</arg_value>${E}${O}`,
    { calls: [["weather", PARIS]], finish: "tool_calls" },
  ],
  [
    "no first <arg_key>, after the longest of two names",
    `</think>${C}weather_nowcity</arg_key><arg_value>Paris</arg_value>${E}${O}`,
    { calls: [["weather_now", PARIS]], finish: "tool_calls" },
  ],
  [
    "no first <arg_key> and no </arg_key>",
    `</think>${C}weather city<arg_value>Paris</arg_value>${E}${O}`,
    { calls: [["weather", PARIS]], finish: "tool_calls" },
  ],
  [
    "no second <arg_key>",
    `</think>${C}weather${arg("days", "1")}city</arg_key><arg_value>Paris</arg_value>${E}${O}`,
    { calls: [["weather", { days: 1, city: "Paris" }]], finish: "tool_calls" },
  ],
  [
    "no </arg_key>",
    `</think>${C}weather<arg_key>city<arg_value>Paris</arg_value>${E}${O}`,
    { calls: [["weather", PARIS]], finish: "tool_calls" },
  ],
  [
    "no </arg_value>",
    `</think>${C}weather<arg_key>city</arg_key><arg_value>Paris${E}${O}`,
    { calls: [["weather", PARIS]], finish: "tool_calls" },
  ],
  [
    "a stray </arg_value> after a name",
    `</think>${C}weather_now</arg_value>${E}${O}`,
    { calls: [["weather_now", {}]], finish: "tool_calls" },
  ],
  [
    "<tool_call> in the place of <arg_key>",
    `</think>${C}run_command${C}command</arg_key><arg_value>ls</arg_value>${E}${O}`,
    { calls: [["run_command", { command: "ls" }]], finish: "tool_calls" },
  ],
  [
    "<tool_call> in the place of a later <arg_key>",
    `</think>${C}weather${arg("days", "1")}${C}city</arg_key><arg_value>Paris</arg_value>${E}${O}`,
    { calls: [["weather", { days: 1, city: "Paris" }]], finish: "tool_calls" },
  ],
  [
    "no </tool_call> before the next call",
    `</think>${C}weather_now${C}weather${arg("city", "Paris")}${C}weather_now${E}${O}`,
    {
      calls: [
        ["weather_now", {}],
        ["weather", PARIS],
        ["weather_now", {}],
      ],
      finish: "tool_calls",
    },
  ],
  [
    "no last </tool_call>",
    `</think>${C}weather${arg("city", "Paris")}${O}`,
    {
      calls: [["weather", PARIS]],
      finish: "tool_calls",
    },
  ],
  [
    "no closing tag at all",
    `</think>${C}weather<arg_key>city</arg_key><arg_value>Paris${O}`,
    {
      calls: [["weather", PARIS]],
      finish: "tool_calls",
    },
  ],
  [
    "double opening tags",
    `</think>${C}${C}weather<arg_key><arg_key>city</arg_key>x</arg_value>${E}${O}`,
    {
      calls: [["weather", { city: "x" }]],
      finish: "tool_calls",
    },
  ],
  [
    "a key without a value",
    `</think>${C}weather<arg_key>city</arg_key>${E}${O}`,
    {
      calls: [["weather", {}]],
      finish: "tool_calls",
    },
  ],
  [
    "a value without a key",
    `</think>${C}weather<arg_value>x</arg_value>${E}${O}`,
    {
      calls: [["weather", {}]],
      finish: "tool_calls",
    },
  ],
  [
    "an unknown tool",
    `</think>a${C}dance${arg("city", "Paris")}${E}b${O}`,
    {
      content: "ab",
      unknown: ["dance"],
      finish: "stop",
    },
  ],
  ["no name", `</think>${C}${E}${U}`, { unknown: [""], finish: "stop" }],
  [
    "think tags inside a call",
    `</think>${C}<think>weather</think><arg_key>city</arg_key>x</arg_value>${E}${O}`,
    {
      calls: [["weather", { city: "x" }]],
      finish: "tool_calls",
    },
  ],
  [
    "JSON inside the tags",
    `</think>${C}{"name": "weather", "arguments": {"city": "Paris"}}${E}${O}`,
    {
      calls: [["weather", PARIS]],
      finish: "tool_calls",
    },
  ],
];

describe("a reply", () => {
  it.each(WELL_FORMED)("%s", (_title, text, reply) => {
    expect(shortReply(text, { tools: TOOLS })).toEqual(reply);
  });

  it.each(MALFORMED)("that is malformed: %s", (_title, text, reply) => {
    expect(shortReply(text, { tools: TOOLS })).toEqual(reply);
  });

  it("gives the same events however its tokens are grouped", () => {
    for (const [, text] of [...WELL_FORMED, ...MALFORMED]) {
      const ids = tinyTokenizer.encode(text);
      const whole = events(text, { tools: TOOLS });
      for (let cut = 0; cut <= ids.length; cut++) {
        const parser = new ReplyParser(tinyTokenizer, { tools: TOOLS });
        const first = parser.push(...ids.subarray(0, cut));
        const rest = [...parser.push(), ...parser.push(...ids.subarray(cut)), ...parser.end()];
        expect([...first, ...rest]).toEqual(whole);
      }
    }
  });

  it("starts in the content when thinking is off", () => {
    const reply = { content: "Hi", finish: "stop" };
    expect(shortReply(`Hi${U}`, { startsIn: "content" })).toEqual(reply);
  });

  it("may call anything when no tools are declared", () => {
    const text = `</think>${C}dance\nhow</arg_key><arg_value>1</arg_value>${E}${O}`;
    expect(shortReply(text)).toEqual({ calls: [["dance", { how: 1 }]], finish: "tool_calls" });
    expect(shortReply(text, { tools: [] })).toEqual({ unknown: ["dance\nhow"], finish: "stop" });
  });

  it("is text where its tags are spelled with ordinary tokens", () => {
    const parser = new ReplyParser(tinyTokenizer, { startsIn: "content" });
    const ids = tinyTokenizer.encodeOrdinary("<think></think><tool_call>f</tool_call>");
    const reply = collectReply([...parser.push(...ids), ...parser.end()]);
    expect(reply.content).toBe("<think></think><tool_call>f</tool_call>");
  });

  it("ends at the stop token; end('stop') stands for one that was not pushed", () => {
    const parser = new ReplyParser(tinyTokenizer);
    expect(parser.push(...tinyTokenizer.encode(`a${U}b`))).toHaveLength(2);
    expect([...parser.push(65), ...parser.end()]).toEqual([]);
    const cut = new ReplyParser(tinyTokenizer, { tools: TOOLS });
    cut.push(...tinyTokenizer.encode(`${C}weather_now`));
    expect(cut.end("stop").map(({ type }) => type)).toEqual([
      ...["call", "arguments", "call-end", "finish"],
    ]);
  });

  it("streams strings as they come and other values whole", () => {
    const text = `</think>${C}weather${arg("city", 'a"\n')}${arg("days", "12")}${E}`;
    const json = events(text, { tools: TOOLS }).flatMap((e) =>
      e.type === "arguments" ? [e.json] : [],
    );
    expect(json).toEqual(['{"city": "', "a", '\\"', "\\n", '"', ', "days": 12', "}"]);
  });

  it("holds back half a character, and never loses it", () => {
    const llama = [...tinyTokenizer.encode("🦙")];
    const parser = new ReplyParser(tinyTokenizer);
    expect(llama.map((id) => parser.push(id).length)).toEqual([0, 0, 0, 1]);
    parser.push(...llama.slice(0, 2));
    expect(parser.push(...tinyTokenizer.encode("</think>"))).toEqual([
      { type: "reasoning", text: "\ufffd" },
    ]);
  });

  it("goes back into the conversation as it was", () => {
    const text = `Hm \n</think>Look:${C}weather${arg("city", "Paris")}${arg("days", "12345678901234567890")}${E}`;
    const message = replyMessage(collectReply(events(`${text}${O}`, { tools: TOOLS })));
    const prompt = renderChat({ messages: [{ role: "user", content: "" }, message] });
    expect(prompt.text).toContain(`<|assistant|><think>${text}`);
  });

  it("gives calls that broke off to nobody", () => {
    const reply = collectReply(events(`a</think>${C}weather${arg("city", "x")}`));
    expect(replyMessage(reply)).toEqual({ role: "assistant", content: "", reasoning_content: "a" });
  });
});

describe("a forced call", () => {
  const forced = { startsIn: "content", expectsCall: true, tools: TOOLS } as const;
  const json = '[{"name": "weather", "arguments": {"city": "Paris"}}]';

  it("may come as JSON", () => {
    const reply = { calls: [["weather", PARIS]], finish: "tool_calls" };
    expect(shortReply(json + O, forced)).toEqual(reply);
    expect(shortReply(`\n${json.slice(1, -1)}${U}`, forced)).toEqual(reply);
    expect(shortReply(`Hm</think>${json}${U}`, { ...forced, startsIn: "reasoning" })).toEqual({
      reasoning: "Hm",
      ...reply,
    });
  });

  it("is text when it is something else, or was not forced", () => {
    expect(shortReply(`[1]${U}`, forced)).toEqual({ content: "[1]", finish: "stop" });
    expect(shortReply(`[x${U}`, forced)).toEqual({ content: "[x", finish: "stop" });
    expect(shortReply(`Hi${U}`, forced)).toEqual({ content: "Hi", finish: "stop" });
    expect(shortReply(json, { startsIn: "content" })).toEqual({ content: json, finish: "length" });
  });

  it("may come with tags all the same", () => {
    expect(shortReply(` ${C}weather_now${E}${O}`, forced)).toEqual({
      content: " ",
      calls: [["weather_now", {}]],
      finish: "tool_calls",
    });
  });
});

describe("the parser refuses", () => {
  it("a tokenizer without the tags", () => {
    expect(() => new ReplyParser(createTokenizer(tinyJson()))).toThrow(
      new TokenizerError("tokenizer", "the added token [gMASK]", "none"),
    );
  });

  it("an id that is no token, and goes on", () => {
    const parser = new ReplyParser(tinyTokenizer);
    expect(() => parser.push(100_000)).toThrow(TokenizerError);
    expect(parser.push(97)).toEqual([{ type: "reasoning", text: "a" }]);
  });

  it("tools of a wrong shape", () => {
    const tools = [{ name: 5 }] as unknown as Tool[];
    expect(() => new ReplyParser(tinyTokenizer, { tools })).toThrow(
      "tools[0].name: expected a string, got a number",
    );
  });
});

it("toPlain gives plain objects", () => {
  const event = events(`${C}f${arg("a", '{"b": [1, {"__proto__": 2}]}')}${E}`).find(
    (e) => e.type === "argument",
  );
  const plain = toPlain(event?.type === "argument" ? event.value : null);
  expect(JSON.stringify(plain)).toBe('{"b":[1,{"__proto__":2}]}');
});
