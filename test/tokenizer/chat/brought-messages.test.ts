/**
 * Messages that people brought: OpenAI's shape, and what was left out of a prompt in silence. The
 * right value stands here.
 */
import { describe, expect, it } from "vitest";
import {
  collectReply,
  type OpenAIDelta,
  parseJson,
  renderChat,
  toOpenAI,
  toOpenAIDelta,
} from "../../../tokenizer/chat/index.ts";
import { arg, C, E, O, TOOLS } from "./replies.ts";
import { events } from "./tiny-chat.ts";

const HEAD = "[gMASK]<sop>";
const user = { role: "user", content: "" };
/** The prompt of these messages, without thinking. */
const render = (messages: unknown, more: object = {}): string =>
  renderChat({ messages, enable_thinking: false, ...more } as never).text.slice(HEAD.length);
const callWith = (args: unknown, more: object = {}) => ({
  role: "assistant",
  content: null,
  tool_calls: [{ id: "c1", type: "function", function: { name: "f", arguments: args }, ...more }],
});

describe("a part of a content", () => {
  it.each(["text", "input_text", "output_text"])("of type %s is text", (type) => {
    expect(render([{ role: "user", content: [{ type, text: "a" }, "b"] }])).toBe("<|user|>ab");
  });

  it.each([
    [{ type: "file", file: { file_id: "x" } }, "type: expected one of"],
    [{ type: "refusal", refusal: "no" }, "type: expected one of"],
    [{ text: "no type" }, "type: expected a string"],
    [{ type: "text", text: "a", txet: "b" }, "txet: expected one of the keys type, text"],
  ])("that the template leaves out is an error: %j", (part, message) => {
    const path = "messages[0].content[0].";
    expect(() => render([{ role: "user", content: [part] }])).toThrow(path + message);
  });
});

describe("a key", () => {
  it.each(["reasoning_content", "reasoning", "thinking"])("%s is the reasoning", (key) => {
    const reply = { role: "assistant", content: "a", [key]: "Hm" };
    expect(render([user, reply])).toBe("<|user|><|assistant|><think>Hm</think>a");
  });

  it("of the reasoning that says something else than another is an error", () => {
    const reply = { role: "assistant", reasoning_content: "a", reasoning: "b" };
    expect(() => render([reply])).toThrow(
      'messages[0].reasoning: expected "a", as messages[0].reasoning_content says, got "b"',
    );
  });

  it("of chat_template_kwargs is a setting, and must agree with one outside", () => {
    const more = { add_generation_prompt: true, enable_thinking: undefined };
    for (const kwargs of [
      { enable_thinking: false },
      { thinking: false },
      { reasoning_effort: "None" },
    ]) {
      expect(render([], { ...more, chat_template_kwargs: kwargs })).toBe(
        "<|assistant|><think></think>",
      );
    }
    const clash = { enable_thinking: true, chat_template_kwargs: { enable_thinking: false } };
    expect(() => render([], clash)).toThrow("expected true, as enable_thinking says, got false");
  });

  it.each([
    [{ messages: [], enable_thinkng: false }, "enable_thinkng: expected one of the keys messages"],
    [{ messages: [], chat_template_kwargs: { thinkin: 1 } }, "chat_template_kwargs.thinkin:"],
    [
      { messages: [{ ...user, contents: "x" }] },
      "messages[0].contents: expected one of the keys role",
    ],
    [{ messages: [{ ...user, reasoning: "x" }] }, "messages[0].reasoning:"],
    [{ messages: [{ ...user, tool_calls: [{}] }] }, "messages[0].tool_calls:"],
    [{ messages: [{ role: "assistant", refusal: "No." }] }, "messages[0].refusal: expected null"],
    [{ messages: [callWith("{}", { extra: 1 })] }, "messages[0].tool_calls[0].extra:"],
    [
      { messages: [], tools: [{ function: { name: "f" }, defer_loading: true }] },
      "tools[0].defer_loading:",
    ],
  ])("that would be left out is an error with its path: %j", (request, message) => {
    expect(() => renderChat(request as never)).toThrow(message);
    expect(() => renderChat(request as never, { unknown: "drop" })).not.toThrow();
  });

  it("that is null, or that no prompt depends on, is none", () => {
    const request = {
      messages: [{ ...user, refusal: null, tool_calls: [], name: "Ann" }],
      model: "m",
      stream: true,
    };
    expect(renderChat(request as never).text).toBe(renderChat({ messages: [user] } as never).text);
  });
});

describe("results of tools", () => {
  const called = {
    role: "assistant",
    tool_calls: ["a", "b", "c"].map((id) => ({ id, function: { name: id, arguments: "{}" } })),
  };
  const result = (id: string | undefined, content = id) => ({
    role: "tool",
    content,
    tool_call_id: id,
  });
  const shown = (messages: unknown) =>
    [...render(messages).matchAll(/<tool_response>(.*?)<\/tool_response>/g)].map(
      ([, text]) => text,
    );

  it("are put into the order of their calls", () => {
    for (const order of ["abc", "cab", "bca", "ba", "cb"]) {
      const results = [...order].map((id) => result(id));
      expect(shown([user, called, ...results])).toEqual([...order].sort());
    }
  });

  it("are ordered in each run alone", () => {
    const messages = [
      user,
      called,
      result("b"),
      result("a"),
      called,
      result("c"),
      result("a", "A"),
    ];
    expect(shown(messages)).toEqual(["a", "b", "A", "c"]);
  });

  it("stay in their order where there are no ids", () => {
    const plain = { role: "assistant", tool_calls: [{ name: "f", arguments: {} }] };
    expect(shown([plain, result("z"), result("y")])).toEqual(["z", "y"]);
    expect(shown([called, result(undefined, "2"), result(undefined, "1")])).toEqual(["2", "1"]);
  });

  it.each([
    [
      [result("a"), result("d")],
      'messages[2].tool_call_id: expected the id of one call: "a", "b", "c", got "d"',
    ],
    [[result("a"), result(undefined, "x")], "tool_call_id: expected the id of one call"],
    [
      [result("a"), result("a", "again")],
      "messages[2].tool_call_id: expected one result of each call",
    ],
  ])("with an id of no call, or one twice, are an error: %j", (results, message) => {
    expect(() => render([called, ...results])).toThrow(message);
  });

  it("with an id that two calls have are an error", () => {
    const twice = { role: "assistant", tool_calls: [called.tool_calls[0], called.tool_calls[0]] };
    expect(() => render([twice, result("a")])).toThrow("got one that several calls have");
  });
});

describe("OpenAI's shape", () => {
  const shown = (args: unknown) =>
    /<tool_call>(.*)<\/tool_call>/.exec(render([callWith(args)]))?.[1];

  it.each([
    [
      '{"b": 1.0, "a": "x"}',
      "f<arg_key>b</arg_key><arg_value>1.0</arg_value><arg_key>a</arg_key><arg_value>x</arg_value>",
    ],
    [
      '{"n": 12345678901234567890}',
      "f<arg_key>n</arg_key><arg_value>12345678901234567890</arg_value>",
    ],
    ["{}", "f"],
    ["", "f"],
    [" \n", "f"],
    ["null", "f"],
    [null, "f"],
  ])("has arguments as JSON text: %j", (args, text) => {
    expect(shown(args)).toBe(text);
  });

  it.each([
    ["{", "arguments: line 1, column 2: expected"],
    ["[1]", "arguments: expected an object, got an array"],
    ['"{}"', "arguments: expected JSON text of an object, got of a string"],
  ])("of wrong text is an error with its path: %j", (args, message) => {
    expect(() => render([callWith(args)])).toThrow(`messages[0].tool_calls[0].function.${message}`);
  });

  it("calls the system developer, and leaves contents empty", () => {
    const messages = [{ role: "developer", content: "Be brief." }, user, callWith("{}")];
    expect(render(messages)).toBe(
      `<|system|>Be brief.<|user|><|assistant|><think></think>${C}f${E}`,
    );
  });

  it.each(["HIGH", "High", "hIgH"])("has efforts in any case: %s", (reasoning_effort) => {
    const { text } = renderChat({ messages: [], reasoning_effort } as never);
    expect(text).toBe(`${HEAD}<|system|>Reasoning Effort: High`);
  });

  const text = `Hm</think>Hi${C}weather${arg("city", "Paris")}${arg("days", "3")}${E}${C}weather_now${E}${O}`;

  it("is what toOpenAI writes, and renderChat reads", () => {
    const message = toOpenAI(collectReply(events(text, { tools: TOOLS })));
    expect(message).toEqual({
      role: "assistant",
      content: "Hi",
      reasoning_content: "Hm",
      tool_calls: [
        {
          id: "call_0",
          type: "function",
          function: { name: "weather", arguments: '{"city": "Paris", "days": 3}' },
        },
        { id: "call_1", type: "function", function: { name: "weather_now", arguments: "{}" } },
      ],
    });
    expect(render([user, parseJson(JSON.stringify(message))])).toBe(
      `<|user|><|assistant|><think>${text.slice(0, -O.length)}`,
    );
    const silent = collectReply(events(`</think>${C}weather_now${E}${O}`, { tools: TOOLS }));
    expect(toOpenAI(silent, { callId: (n) => `x${n}` })).toMatchObject({
      content: null,
      tool_calls: [{ id: "x0" }],
    });
    const cut = collectReply(events(`</think>${C}weather${arg("city", "P")}`, { tools: TOOLS }));
    expect(toOpenAI(cut)).toEqual({ role: "assistant", content: "" });
  });

  it("comes in deltas with an index, id and name once", () => {
    const deltas = events(text, { tools: TOOLS }).flatMap((event) => toOpenAIDelta(event) ?? []);
    const calls = deltas.flatMap(({ tool_calls = [] }: OpenAIDelta) => tool_calls);
    const whole = (index: number) => calls.filter((call) => call.index === index);
    expect(
      whole(0).filter((call) => call.id !== undefined || call.function.name !== undefined),
    ).toEqual([
      { index: 0, id: "call_0", type: "function", function: { name: "weather", arguments: "" } },
    ]);
    expect(
      whole(0)
        .map((call) => call.function.arguments)
        .join(""),
    ).toBe('{"city": "Paris", "days": 3}');
    expect(
      whole(1)
        .map((call) => call.function.arguments)
        .join(""),
    ).toBe("{}");
    expect(deltas.map(({ reasoning_content = "" }) => reasoning_content).join("")).toBe("Hm");
    expect(deltas.map(({ content = "" }) => content).join("")).toBe("Hi");
  });
});

describe("a continuation", () => {
  const begun = { role: "assistant", content: "The answer is" };
  it.each([
    [[user, begun], {}, "content"],
    [[user, { ...begun, reasoning_content: "Hm" }], { enable_thinking: true }, "content"],
    [[user, callWith("{}")], {}, "content"],
    [[user], {}, undefined],
    [[user, begun], { add_generation_prompt: true }, "content"],
    [[user, begun], { add_generation_prompt: true, enable_thinking: true }, "reasoning"],
  ])("%j, %j starts in %s", (messages, more, startsIn) => {
    const request = { messages, enable_thinking: false, ...more };
    expect(renderChat(request as never).replyStartsIn).toBe(startsIn);
  });
});
