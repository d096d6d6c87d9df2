/** Tests of replies as the model should write them, and as it sometimes does. */
import { describe, expect, it } from "vitest";
import {
  collectReply,
  parseJson,
  ReplyParser,
  renderChat,
  replyMessage,
  type Tool,
  toPlain,
} from "../../../tokenizer/chat/index.ts";
import { createTokenizer, TokenizerError } from "../../../tokenizer/index.ts";
import { tinyJson } from "../tiny.ts";
import { MALFORMED } from "./malformed-replies.ts";
import { arg, C, E, O, PARIS, TOOLS, U, WELL_FORMED } from "./replies.ts";
import { events, shortReply, tinyTokenizer } from "./tiny-chat.ts";

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
    expect(shortReply(text, { tools: [] })).toEqual({ unknown: ["dance"], finish: "stop" });
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
      ...["repair", "call", "repair", "arguments", "call-end", "finish"],
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

it("values of arguments are plain objects, also under the key __proto__", () => {
  const event = events(`${C}f${arg("a", '{"b": [1, {"__proto__": 2}]}')}${E}`).find(
    (e) => e.type === "argument",
  );
  expect(JSON.stringify(event)).toContain('"value":{"b":[1,{"__proto__":2}]}');
  expect(JSON.stringify(toPlain(parseJson('{"__proto__": [2.0]}')))).toBe('{"__proto__":[2]}');
});
