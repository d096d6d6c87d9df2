import { describe, expect, it } from "vitest";
import { type ChatRequest, parseJson, renderChat } from "../../../tokenizer/chat/index.ts";
import { TokenizerError } from "../../../tokenizer/index.ts";

/** A request with this message, tools or switches, right or wrong. */
const of = (part: object): ChatRequest => ({ messages: [], ...part }) as ChatRequest;
const call = (call: unknown) => of({ messages: [{ role: "assistant", tool_calls: [call] }] });
const user = (content: unknown) => of({ messages: [{ role: "user", content }] });
const tool = (content: unknown) => of({ messages: [{ role: "tool", content }] });

const WRONG: [request: unknown, message: string][] = [
  [5, "chat: expected an object, got a number"],
  [{}, "messages: expected an array, got nothing"],
  [of({ messages: {} }), "messages: expected an array, got an object"],
  [of({ messages: ["hi"] }), "messages[0]: expected an object, got a string"],
  [of({ messages: [{}] }), "messages[0].role: expected a string, got nothing"],
  [
    of({ messages: [{ role: "critic", content: "" }] }),
    'messages[0].role: expected one of "system", "user", "assistant", "tool", "developer", got "critic"',
  ],
  [
    of({ messages: [{ role: "user" }] }),
    "messages[0].content: expected a string, an array or null, got nothing",
  ],
  [user(5), "messages[0].content: expected a string, an array or null, got a number"],
  [user({ text: "" }), "messages[0].content: expected a string, an array or null, got an object"],
  [user([5]), "messages[0].content[0]: expected a string or an object, got a number"],
  [user(["a", { type: "text" }]), "messages[0].content[1].text: expected a string, got nothing"],
  [user([{ type: 5 }]), "messages[0].content[0].type: expected a string, got a number"],
  [
    of({ messages: [{ role: "assistant", reasoning_content: 1 }] }),
    "messages[0].reasoning_content: expected a string, got a number",
  ],
  [
    of({ messages: [{ role: "assistant", tool_calls: {} }] }),
    "messages[0].tool_calls: expected an array, got an object",
  ],
  [call({}), "messages[0].tool_calls[0].name: expected a string, got nothing"],
  [call({ name: "f" }), "messages[0].tool_calls[0].arguments: expected an object, got nothing"],
  [
    call({ function: { name: "f", arguments: "[]" } }),
    "messages[0].tool_calls[0].function.arguments: expected an object, got an array",
  ],
  [
    call({ name: "f", arguments: { a: [1, Number.NaN] } }),
    "messages[0].tool_calls[0].arguments.a[1]: expected a finite number, got NaN",
  ],
  [
    call({ name: "f", arguments: { a: () => 1 } }),
    "messages[0].tool_calls[0].arguments.a: expected a JSON value, got a function",
  ],
  [
    call({ name: "", arguments: {} }),
    "messages[0].tool_calls[0].name: expected a name, got an empty string",
  ],
  [call({ function: 5 }), "messages[0].tool_calls[0].function: expected an object, got a number"],
  [tool([{ output: "" }, {}]), "messages[0].content[1].output: expected a string, got nothing"],
  [
    tool([{ type: "tool_reference" }]),
    "messages[0].content[0].name: expected a string, got nothing",
  ],
  [of({ tools: {} }), "tools: expected an array, got an object"],
  [of({ tools: [{ function: null }] }), "tools[0].function: expected an object, got null"],
  [of({ tools: [{ type: "function" }] }), "tools[0].name: expected a string, got nothing"],
  [
    of({ tools: [{ name: "f", parameters: "{}" }] }),
    "tools[0].parameters: expected an object, got a string",
  ],
  [
    of({ tools: [{ name: "f", defer_loading: 1 }] }),
    "tools[0].defer_loading: expected a boolean, got a number",
  ],
  [of({ enable_thinking: "no" }), "enable_thinking: expected a boolean, got a string"],
  [of({ clear_thinking: 0 }), "clear_thinking: expected a boolean, got a number"],
  [of({ add_generation_prompt: 1 }), "add_generation_prompt: expected a boolean, got a number"],
  [
    of({ reasoning_effort: "Highest" }),
    'reasoning_effort: expected one of "none", "minimal", "low", "medium", "high", "xhigh", "max", got "Highest"',
  ],
  [of({ thinking: "on" }), "thinking: expected a boolean or an object, got a string"],
  [
    of({ thinking: { type: "on" } }),
    'thinking.type: expected one of "enabled", "disabled", got "on"',
  ],
  [
    of({ thinking: true, enable_thinking: false }),
    "enable_thinking: expected true, as thinking says, got false",
  ],
];

describe("a request of a wrong shape", () => {
  it.each(WRONG)("%j is an error with its place", (request, message) => {
    expect(() => renderChat(request as ChatRequest)).toThrow(TokenizerError);
    expect(() => renderChat(request as ChatRequest)).toThrow(message);
  });

  it("is found in JSON text too", () => {
    const request = parseJson('{"messages": [{"role": "user", "content": 1.0}]}');
    expect(() => renderChat(request as never)).toThrow("messages[0].content: expected a string");
  });

  it("is one that goes in circles", () => {
    const circle = {};
    Object.assign(circle, { a: circle });
    expect(() => renderChat(call({ name: "f", arguments: circle }))).toThrow("at most 500 levels");
  });
});

describe("roles that the template does not know", () => {
  it("are left out when allowed, and end a run of results as they do there", () => {
    const result = { role: "tool", content: "x" };
    const messages = [result, { role: "critic", content: "y" }, result] as never;
    const { text } = renderChat({ messages }, { unknownRoles: "drop" });
    expect(text.split("<|observation|><tool_response>x</tool_response>")).toHaveLength(3);
    expect(text).not.toContain("y<");
  });
});

describe("aliases", () => {
  const MAX = "<|system|>Reasoning Effort: Max<|assistant|><think>";
  const HIGH = "<|system|>Reasoning Effort: High<|assistant|><think>";
  const OFF = "<|assistant|><think></think>";

  it.each([
    [{}, MAX],
    [{ reasoning_effort: "max" }, MAX],
    [{ reasoning_effort: "xhigh" }, MAX],
    [{ reasoning_effort: null }, MAX],
    [{ reasoning_effort: "high" }, HIGH],
    [{ reasoning_effort: "medium" }, HIGH],
    [{ reasoning_effort: "low" }, HIGH],
    [{ reasoning_effort: "minimal" }, HIGH],
    [{ reasoning_effort: "none" }, OFF],
    [{ enable_thinking: false, reasoning_effort: "high" }, OFF],
    [{ enable_thinking: null }, OFF],
    [{ thinking: false }, OFF],
    [{ thinking: true }, MAX],
    [{ thinking: null }, MAX],
    [{ thinking: { type: "disabled" } }, OFF],
    [{ thinking: { type: "enabled" }, reasoning_effort: "low" }, HIGH],
    [{ thinking: { type: "enabled" }, enable_thinking: true }, MAX],
  ] as [Partial<ChatRequest>, string][])("%j ends the prompt in %s", (part, end) => {
    const prompt = renderChat(of({ ...part, add_generation_prompt: true }));
    expect(prompt.text).toBe(`[gMASK]<sop>${end}`);
    expect(prompt.replyStartsIn).toBe(end === OFF ? "content" : "reasoning");
  });

  it("thinking.clear_thinking is clear_thinking", () => {
    const messages = [
      { role: "assistant", reasoning_content: "Hm", content: "a" },
      { role: "user", content: "b" },
    ] as const;
    const text = (part: object) => renderChat(of({ messages, ...part })).text;
    const kept = text({ clear_thinking: false });
    expect(kept).toContain("<think>Hm</think>a");
    expect(text({ thinking: { type: "enabled", clear_thinking: false } })).toBe(kept);
    expect(text({ thinking: { type: "enabled" } })).toContain("<think></think>a");
  });

  it("null content is the empty text", () => {
    expect(renderChat(user(null)).text).toMatch(/<\|user\|>$/);
    expect(renderChat(tool(null)).text).toMatch(/<tool_response><\/tool_response>$/);
  });
});

describe("numbers and keys", () => {
  it("of JSON text are printed as Python prints them, in their order", () => {
    const tool = `{"name":"f","10":1e20,"9":12345678901234567890,"x":2.0}`;
    const call = `{"name":"f","arguments":{"10":2.0,"9":"2.0","z":{"2":1,"1":[1E5]}}}`;
    const messages = `[{"role":"assistant","tool_calls":[${call}]}]`;
    const { text } = renderChat(parseJson(`{"messages":${messages},"tools":[${tool}]}`) as never);
    expect(text).toContain(`{"name": "f", "10": 1e+20, "9": 12345678901234567890, "x": 2.0}\n`);
    expect(text).toContain(
      "<arg_key>10</arg_key><arg_value>2.0</arg_value><arg_key>9</arg_key><arg_value>2.0" +
        '</arg_value><arg_key>z</arg_key><arg_value>{"2": 1, "1": [100000.0]}</arg_value>',
    );
  });
});
