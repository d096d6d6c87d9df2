/**
 * What clients of the Responses API send, as the model reads it.
 * @module
 */
import { describe, expect, it } from "vitest";
import type { ServeOptions } from "../../../../tools/serve/service.ts";
import type { Script } from "../../../support/scripted-desk.ts";
import { played } from "../named-events.ts";

const PATH = "/v1/responses";
const BASE = { model: "glm-5.2-demo", input: "Hi" };
const said = (role: string, content: unknown) => ({ type: "message", role, content });
const call = (call_id: string, name: string, args = "{}") => ({
  type: "function_call",
  ...{ call_id, name, arguments: args },
});
const output = (call_id: string, result: unknown) => ({
  type: "function_call_output",
  ...{ call_id, output: result },
});
const part = (text: string, type = "input_text") => ({ type, text });
const tool = (name: string, more: object = {}) => ({
  type: "function",
  ...{ name, parameters: { type: "object", properties: {} }, ...more },
});

/** The prompt of a request, from the first message on, and the answer. */
async function ask(body: object, options: ServeOptions = { think: "off" }, script: Script = {}) {
  const { post, prompt, desk } = played(script, options);
  const response = await post(PATH, { ...BASE, ...body });
  const answer = await response.json();
  const order = desk.played.at(-1)?.order;
  const shown = order ? prompt().replace(/^\[gMASK\]<sop>/, "") : undefined;
  return { response, answer, order, prompt: shown };
}

/** What is told to be ignored. */
const ignored = (response: Response) =>
  decodeURIComponent(response.headers.get("x-glm52-ignored") ?? "");

describe("items", () => {
  it("become the prompt of the chat format", async () => {
    const { prompt } = await ask({
      instructions: "Be kind.",
      input: [
        said("developer", "Be brief."),
        { role: "user", content: "Hello" }, // the type may be left out
        said("assistant", [part("H", "output_text"), part("i!", "output_text")]),
        said("user", [part("Go"), part(" on")]),
      ],
    });
    expect(prompt).toBe(
      "<|system|>Be kind.<|system|>Be brief.<|user|>Hello<|assistant|><think></think>Hi!" +
        "<|user|>Go on<|assistant|><think></think>",
    );
    expect((await ask({ input: "Hello" })).prompt).toMatch(/^<\|user\|>Hello<\|assistant\|>/);
  });

  it("of the model that follow each other are one message", async () => {
    const { prompt } = await ask({
      input: [
        said("user", "Both"),
        { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "Hm." }] },
        { ...said("assistant", "Yes."), id: "msg_1", status: "completed", phase: "commentary" },
        call("c1", "first", '{"z": 1.0, "10": "x"}'),
        call("c2", "second", ""),
        output("c2", [part("t"), part("wo")]),
        output("c1", "one"),
        said("assistant", "Done."),
      ],
    });
    expect(prompt).toBe(
      "<|user|>Both<|assistant|><think>Hm.</think>Yes.<tool_call>first" +
        "<arg_key>z</arg_key><arg_value>1.0</arg_value>" +
        "<arg_key>10</arg_key><arg_value>x</arg_value></tool_call>" +
        "<tool_call>second</tool_call><|observation|><tool_response>one</tool_response>" +
        "<tool_response>two</tool_response><|assistant|><think></think>Done." +
        "<|assistant|><think></think>",
    );
  });

  it("show reasoning of other servers where they show it, and name it where they do not", async () => {
    const reasoning = (fields: object) => ({ type: "reasoning", id: "rs", summary: [], ...fields });
    const { prompt, response } = await ask({
      input: [
        said("user", "One"),
        reasoning({ encrypted_content: "Zm9yZWlnbg==" }),
        reasoning({ content: [{ type: "reasoning_text", text: "Shown." }] }),
        said("assistant", "1"),
        said("user", "Two"),
      ],
    });
    expect(prompt).toContain("<|assistant|><think>Shown.</think>1<|user|>Two");
    expect(ignored(response)).toBe("input[1]");
  });

  it("say where the model cannot see something", async () => {
    const image = { type: "input_image", image_url: "data:image/png;base64," };
    const file = { type: "input_file", file_data: "" };
    const { prompt } = await ask({ input: [said("user", [part("See"), image, file])] });
    expect(prompt).toMatch(/See<reminder>[^<]*this image[^<]*<\/reminder><reminder>[^<]*this file/);
    const { response } = await ask({ input: [said("assistant", [part("So"), image])] });
    expect(ignored(response)).toBe("input[0].content[1]"); // the model itself showed nothing
  });

  it("of custom tools are calls and results like others", async () => {
    const custom = { type: "custom_tool_call", call_id: "c", name: "patch", input: "*** x" };
    const done = { type: "custom_tool_call_output", call_id: "c", output: "ok" };
    const { prompt } = await ask({ input: [said("user", "Go"), custom, done] });
    expect(prompt).toContain(
      "<tool_call>patch<arg_key>input</arg_key><arg_value>*** x</arg_value></tool_call>" +
        "<|observation|><tool_response>ok</tool_response>",
    );
  });
});

describe("tools of the Responses API", () => {
  /** What codex sends: functions, namespaces, and tools that the server would run. */
  const CODEX = [
    tool("shell", { strict: false, description: "Runs." }),
    {
      type: "namespace",
      ...{ name: "mcp__files", description: "Files.", tools: [tool("read"), tool("shell")] },
    },
    { type: "namespace", name: "functions", tools: [tool("wait")] },
    { type: "web_search", external_web_access: false },
    { type: "custom", name: "patch", format: { type: "grammar" } },
    { type: "tool_search" },
    { type: "local_shell" },
  ];

  it("are flattened where they are in a namespace, and left out where none can run them", async () => {
    const { prompt, response } = await ask({ tools: CODEX });
    const names = [...(prompt ?? "").matchAll(/^\{"name": "(\w+)"/gm)].map(([, name]) => name);
    expect(names).toEqual(["shell", "mcp__files__read", "mcp__files__shell", "wait"]);
    expect(prompt).toContain('{"name": "shell", "description": "Runs.", "parameters": {"type"');
    expect(prompt).not.toContain("strict");
    expect(ignored(response)).toBe("tools[3], tools[4], tools[5], tools[6]");
  });

  it("are called by the names that the client knows", async () => {
    const calls = ["mcp__files__shell", "shell", "wait"];
    const texts = [calls.map((name) => `<tool_call>${name}</tool_call>`).join("")];
    const { answer } = await ask({ tools: CODEX }, { think: "off" }, { texts });
    expect(answer.output).toMatchObject([
      { type: "function_call", name: "shell", namespace: "mcp__files" },
      { type: "function_call", name: "shell" },
      { type: "function_call", name: "wait", namespace: "functions" },
    ]);
    expect(answer.output[1]).not.toHaveProperty("namespace");
    const [first] = answer.output;
    const input = [said("user", "Go"), first, output(first.call_id, "ok")];
    const { prompt } = await ask({ tools: CODEX, input });
    expect(prompt).toContain("<tool_call>mcp__files__shell</tool_call>");
  });

  it.each([
    [undefined, { kind: "none" }],
    ["none", { kind: "none" }],
    ["required", { kind: "required" }],
    [
      { type: "function", name: "shell" },
      { kind: "named", name: "shell" },
    ],
    [
      { type: "function", name: "shell", namespace: "mcp__files" },
      { kind: "named", name: "mcp__files__shell" },
    ],
    [
      { type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "wait" }] },
      { kind: "required" },
    ],
  ])("are called as tool_choice %j says", async (tool_choice, expected) => {
    const options = { think: "off", toolChoice: "none" } as const;
    const { order, prompt } = await ask({ tools: CODEX, tool_choice }, options);
    expect(order?.constraint).toMatchObject({ kind: "reply", toolChoice: expected });
    const isAllowed = typeof tool_choice === "object" && tool_choice.type === "allowed_tools";
    expect(prompt?.includes('"shell"')).toBe(!isAllowed);
  });

  it("are called one at a time when that is asked for, and freely otherwise", async () => {
    const { order } = await ask({ tools: CODEX, parallel_tool_calls: false });
    expect(order?.constraint).toMatchObject({ kind: "reply", parallel: false });
    const free = await ask({ tools: CODEX, tool_choice: "auto" });
    expect(free.order?.constraint).toBeUndefined();
  });
});

describe("settings of the Responses API", () => {
  it.each([
    [{}, "off", "<think></think>"],
    [{}, "max", "<think>"],
    [{ reasoning: { effort: "low", summary: "auto" } }, "off", "<think>"],
    [{ reasoning: { effort: "none" } }, "max", "<think></think>"],
    [{ reasoning: null }, "off", "<think></think>"],
  ] as const)("%j over --think %s ends the prompt with %s", async (fields, think, end) => {
    const { prompt } = await ask(fields, { think });
    expect(prompt?.endsWith(`<|assistant|>${end}`)).toBe(true);
  });

  it("say how tokens are chosen, and how many", async () => {
    const fields = { temperature: 0.2, top_p: 0.5, presence_penalty: 1, seed: 5 };
    const { order } = await ask({ ...fields, max_output_tokens: 100_000 });
    const sampling = { temperature: 0.2, topP: 0.5, presencePenalty: 1 };
    expect(order).toMatchObject({ sampling, seed: 5, n: 1, topLogProbs: 0 });
    expect(order?.maxTokens).toBe(8192 - (order?.ids.length ?? 0)); // clipped, not refused
  });

  it("say the form of the text, with the keys of the schema in their order", async () => {
    const schema = { type: "object", properties: { b: { type: "integer" }, a: {} } };
    const format = { type: "json_schema", name: "n", schema, strict: true };
    const { order } = await ask({ text: { format, verbosity: "low" } });
    expect(order?.constraint).toMatchObject({
      kind: "reply",
      content: {
        kind: "schema",
        schema: '{"type": "object", "properties": {"b": {"type": "integer"}, "a": {}}}',
      },
    });
    const json = await ask({ text: { format: { type: "json_object" } } });
    expect(json.order?.constraint).toMatchObject({ content: { kind: "json" } });
  });

  it("of other servers are read over, or named", async () => {
    const silent = await ask({
      ...{ store: false, user: "u", service_tier: "auto", truncation: "auto" },
      ...{ client_metadata: {}, stream_options: { include_obfuscation: false } },
    });
    expect([silent.response.status, ignored(silent.response)]).toEqual([200, ""]);
    const named = await ask({ moderation: true, previous_response_id: null });
    expect([named.response.status, ignored(named.response)]).toEqual([200, "moderation"]);
  });
});

describe("a request that is wrong", () => {
  const WRONG: readonly (readonly [object, string])[] = [
    [{ model: undefined }, "model: expected"],
    [{ input: undefined }, "input: expected"],
    [{ input: 5 }, "input: expected Array, got 5"],
    [{ input: [{ type: "no" }] }, "input[0].type: expected"],
    [{ input: [{ type: "message", content: "" }] }, "input[0].role: expected"],
    [{ input: [said("tool", "x")] }, "input[0].role: expected"],
    [{ input: [said("user", [{ type: "input_text" }])] }, "input[0].content[0].text: expected"],
    [{ input: [{ type: "item_reference", id: "x" }] }, "input[0].type: expected the item itself"],
    [{ input: [output("c", "x")] }, "input[0].call_id: expected no result"],
    [
      { input: [call("c", "f"), output("d", "x")] },
      'input[1].call_id: expected the id of a call: "c", got "d"',
    ],
    [
      { input: [call("c", "f"), output("c", "x"), output("c", "x")] },
      "input[2].call_id: expected no result",
    ],
    [{ input: [call("c", "f"), call("c", "g")] }, "input[1].call_id: expected an id that no other"],
    [{ input: [call("c", "f", "[1]")] }, "input[0].arguments: expected JSON text of an object"],
    [{ input: [call("c", "f", "{")] }, "input[0].arguments: line 1, column 2"],
    [{ tools: [tool("f"), tool("f")] }, "tools[1].name: expected a name that no other tool has"],
    [{ tools: [{ type: "function" }] }, "tools[0].name: expected a name, got none"],
    [{ tools: [{ type: "namespace", tools: [] }] }, "tools[0].name: expected a name, got none"],
    [{ tool_choice: "required" }, "tool_choice: expected functions beside it"],
    [{ tool_choice: "any" }, "tool_choice: expected none, auto, required or an object"],
    [
      { tools: [tool("f")], tool_choice: { type: "function", name: "g" } },
      'tool_choice: expected one of the functions (f), got "g"',
    ],
    [{ tools: [tool("f")], tool_choice: { type: "web_search" } }, 'got "web_search"'],
    [{ previous_response_id: "resp_1" }, "previous_response_id: expected no such field"],
    [{ background: true }, "background: expected"],
    [{ reasoning: { effort: "huge" } }, "reasoning.effort: expected"],
    [{ max_output_tokens: 0 }, "max_output_tokens: expected >=1, got 0"],
  ];
  it.each(WRONG)("is refused with its place: %j", async (body, expected) => {
    const { response, answer, order } = await ask(body);
    expect(response.status).toBe(400);
    expect(answer.error).toMatchObject({ type: "invalid_request_error", code: null });
    expect(answer.error.message).toContain(expected);
    expect(answer.error.message.startsWith(answer.error.param)).toBe(true);
    expect(order).toBeUndefined();
  });
});
