/**
 * What clients of Anthropic's API get. What they send is in request.test.ts.
 * @module
 */
import { describe, expect, it } from "vitest";
import { ServeError } from "../../../../tools/serve/serve-error.ts";
import type { Script } from "../../../support/scripted-desk.ts";
import { namedEvents, played } from "../named-events.ts";

const PATH = "/v1/messages";
const TOOLS = [
  {
    name: "note",
    description: "Writes something down.",
    input_schema: {
      type: "object",
      properties: { text: { type: "string" }, n: { type: "integer" } },
    },
  },
];
const ASK = {
  model: "glm-5.2-demo",
  max_tokens: 400,
  messages: [{ role: "user", content: "Hello" }],
  tools: TOOLS,
};

/** A call as the model writes it. */
const CALL =
  '<tool_call>note<arg_key>text</arg_key><arg_value>hé "🦙"</arg_value>' +
  "<arg_key>n</arg_key><arg_value>12345678901234567890</arg_value></tool_call>";

type Events = Awaited<ReturnType<typeof namedEvents>>;

/** What a client makes of a stream: blocks grow by deltas. */
function collect(events: Events) {
  const { message } = events[0].data;
  for (const { data } of events) {
    const { index, delta } = data;
    if (data.type === "content_block_start") {
      expect(index).toBe(message.content.length);
      message.content.push({ ...data.content_block, json: "" });
    }
    const block = message.content[index];
    if (delta?.type === "text_delta") block.text += delta.text;
    if (delta?.type === "thinking_delta") block.thinking += delta.thinking;
    if (delta?.type === "signature_delta") block.signature += delta.signature;
    if (delta?.type === "input_json_delta") block.json += delta.partial_json;
    if (data.type === "message_delta") {
      Object.assign(message, delta);
      Object.assign(message.usage, data.usage);
    }
  }
  for (const block of message.content) {
    if (block.type === "tool_use" && block.json !== "") block.input = JSON.parse(block.json);
    delete block.json;
  }
  return message;
}

describe("a message", () => {
  it("has all fields, and blocks for reasoning, text and calls", async () => {
    const { post } = played({ texts: [`I think.</think>Sure.${CALL}`], cachedTokens: 64 });
    const response = await post(PATH, ASK);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    expect(response.headers.get("request-id")).toMatch(/^req_[0-9a-f]{24}$/);
    const text = await response.text();
    expect(text).toContain("12345678901234567890"); // every digit
    const { id, content, usage, ...rest } = JSON.parse(text);
    expect(id).toMatch(/^msg_[0-9a-f]{24}$/);
    expect(rest).toEqual({
      type: "message",
      role: "assistant",
      model: "glm-5.2-demo",
      stop_reason: "tool_use",
      stop_sequence: null,
      stop_details: null,
      container: null,
    });
    expect(content).toEqual([
      { type: "thinking", thinking: "I think.", signature: expect.stringMatching(/^.+$/) },
      { type: "text", text: "Sure.", citations: [] },
      {
        type: "tool_use",
        id: expect.stringMatching(/^call_[0-9a-f]{24}$/),
        name: "note",
        input: { text: 'hé "🦙"', n: Number("12345678901234567890") },
        caller: { type: "direct" },
      },
    ]);
    expect(usage).toEqual({
      input_tokens: expect.any(Number),
      cache_read_input_tokens: 64,
      cache_creation_input_tokens: 0,
      output_tokens: expect.any(Number),
      output_tokens_details: { thinking_tokens: expect.any(Number) },
      cache_creation: null,
      inference_geo: null,
      server_tool_use: null,
      service_tier: null,
    });
  });

  it("counts tokens without those that had been read, as count_tokens counts all", async () => {
    const { post, desk } = played({ texts: ["I think.</think>Sure."], cachedTokens: 16 });
    const { usage } = await (await post(PATH, ASK)).json();
    const { max_tokens: _, ...prompt } = ASK;
    const counted = await (await post(`${PATH}/count_tokens`, prompt)).json();
    expect(counted).toEqual({ input_tokens: desk.last.order.ids.length });
    expect(usage.input_tokens).toBe(counted.input_tokens - 16);
    expect(usage.output_tokens).toBe(desk.last.nTokens);
    expect(usage.output_tokens_details.thinking_tokens).toBeGreaterThan(2);
    expect(usage.output_tokens_details.thinking_tokens).toBeLessThan(usage.output_tokens);
  });

  const ENDS: readonly (readonly [string, Script, object, object])[] = [
    ["the model stopped", { texts: ["</think>Hi."] }, {}, { stop_reason: "end_turn" }],
    [
      "a text of stop_sequences came",
      { texts: ["</think>Hi. END of it"] },
      { stop_sequences: [" END"] },
      { stop_reason: "stop_sequence", stop_sequence: " END" },
    ],
    [
      "max_tokens were reached",
      { texts: ["</think>Hi there, and more."] },
      { max_tokens: 3 },
      { stop_reason: "max_tokens" },
    ],
    [
      "the context is full",
      { texts: ["</think>Hi"], end: "context", ids: [[300, 301]] },
      {},
      { stop_reason: "model_context_window_exceeded" },
    ],
    ["a call is complete", { texts: [`</think>${CALL}`] }, {}, { stop_reason: "tool_use" }],
  ];
  it.each(ENDS)("says why it ended: %s", async (_, script, fields, expected) => {
    const { post } = played(script);
    const message = await (await post(PATH, { ...ASK, ...fields })).json();
    expect(message).toMatchObject({ stop_sequence: null, ...expected });
  });

  it("has an empty text when the model said nothing, and no blank text beside calls", async () => {
    const silent = await (await played({ texts: ["Hm.</think>"] }).post(PATH, ASK)).json();
    expect(silent.content.slice(1)).toEqual([{ type: "text", text: "", citations: [] }]);
    const { post } = played({ texts: [`Hm.</think>\n\n${CALL}\n${CALL}`] });
    const types = (await (await post(PATH, ASK)).json()).content.map(
      (block: { type: string }) => block.type,
    );
    expect(types).toEqual(["thinking", "tool_use", "tool_use"]);
  });

  it("gives each call an id of its own, the same in every run", async () => {
    const ids = async () => {
      const { post } = played({ texts: [`</think>${CALL}${CALL}`] });
      const { content } = await (await post(PATH, ASK)).json();
      return content.map(({ id }: { id: string }) => id);
    };
    const [first, second] = [await ids(), await ids()];
    expect(new Set(first).size).toBe(2);
    expect(second).toEqual(first);
  });

  it("keeps the arguments of a call that broke off, as far as they are whole", async () => {
    const cut =
      "</think><tool_call>note<arg_key>n</arg_key><arg_value>3</arg_value><arg_key>text</arg_key><arg_value>half";
    const { post } = played({ texts: [cut] });
    const max_tokens = 60;
    const { desk } = played();
    const nTokens = desk.model.tokenizer.encode(cut).length;
    expect(nTokens).toBeLessThan(max_tokens);
    const body = { ...ASK, max_tokens: nTokens };
    const message = await (await post(PATH, body)).json();
    expect(message.stop_reason).toBe("max_tokens");
    expect(message.content).toMatchObject([{ type: "tool_use", input: { n: 3 } }]);
  });

  it("can leave reasoning out, and reads it from its signature all the same", async () => {
    const { post, prompt } = played({ texts: ["A secret.</think>Hi."] });
    const thinking = { type: "enabled", budget_tokens: 1024, display: "omitted" };
    const first = await (await post(PATH, { ...ASK, thinking })).json();
    expect(first.content[0]).toMatchObject({ type: "thinking", thinking: "" });
    expect(JSON.stringify(first)).not.toContain("secret");
    const messages = [
      ...ASK.messages,
      { role: "assistant", content: first.content },
      { role: "user", content: "Go on" },
    ];
    await post(PATH, { ...ASK, messages });
    expect(prompt()).toContain("<think>A secret.</think>Hi.");
  });
});

describe("a stream of a message", () => {
  const SCRIPTS: Readonly<Record<string, string>> = {
    "reasoning, text and calls": `I 🦙 think.</think>Sure.\n${CALL}${CALL}`,
    "text after a call": `</think>${CALL}And so.`,
    "reasoning alone": "I think.</think>",
    "reasoning that does not end": "I think",
    "reasoning twice": "One.</think>Said.<think>Two.</think>Again.",
    "a call without arguments": "</think><tool_call>note</tool_call>",
    "nothing at all": "",
  };
  it.each(Object.entries(SCRIPTS))("makes the message that one answer is: %s", async (_, text) => {
    const { post } = played({ texts: [text], cachedTokens: 8 });
    const whole = await (await post(PATH, ASK)).json();
    const { id, ...rest } = collect(await namedEvents(await post(PATH, { ...ASK, stream: true })));
    expect(id).not.toBe(whole.id); // it is another request
    expect(rest).toEqual({ ...whole, id: undefined });
  });

  it("has names, and events in order", async () => {
    const { post } = played({ texts: [`I think.</think>Sure.${CALL}`] });
    const response = await post(PATH, { ...ASK, stream: true });
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(response.headers.get("request-id")).toMatch(/^req_/);
    const events = await namedEvents(response);
    for (const { name, data } of events) expect(name).toBe(data.type);
    const order = events
      .map(({ data }) => data.delta?.type ?? data.content_block?.type ?? data.type)
      .filter((type, i, all) => type !== all[i - 1]);
    expect(order).toEqual([
      ...["message_start", "ping"],
      ...["thinking", "thinking_delta", "signature_delta", "content_block_stop"],
      ...["text", "text_delta", "content_block_stop"],
      ...["tool_use", "input_json_delta", "content_block_stop"],
      ...["message_delta", "message_stop"],
    ]);
    const delta = events.at(-2)?.data;
    expect(delta.usage).toEqual({
      input_tokens: expect.any(Number),
      cache_read_input_tokens: 0,
      cache_creation_input_tokens: 0,
      output_tokens: expect.any(Number),
      output_tokens_details: { thinking_tokens: expect.any(Number) },
      server_tool_use: null,
    });
  });

  it("begins before the prompt is read, and pings while it waits", async () => {
    const { post, desk } = played({ waits: true }, { keepAlive: 5 });
    const response = await post(PATH, { ...ASK, stream: true });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (let i = 0; i < 4; i++) text += (await reader?.read())?.value ?? "";
    expect(text.split("event: ping").length).toBeGreaterThan(3);
    expect(text).toMatch(/^event: message_start\n/);
    expect(text).not.toContain("content_block");
    await reader?.cancel();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(desk.last.isCancelled).toBe(true);
  });

  it("ends with an error event when the turn fails on its way", async () => {
    const error = new ServeError("timeout", "reply", "took too long");
    const { post } = played({ texts: ["</think>Some words"], failsAfter: { tokens: 3, error } });
    const events = await namedEvents(await post(PATH, { ...ASK, stream: true }));
    expect(events.at(-1)).toEqual({
      name: "error",
      data: {
        type: "error",
        error: { type: "timeout_error", message: "reply: took too long" },
        request_id: expect.stringMatching(/^req_/),
      },
    });
  });
});

describe("an error of the Messages API", () => {
  const REFUSALS: readonly (readonly [ServeError["kind"], number, string])[] = [
    ["queue-full", 529, "overloaded_error"],
    ["unavailable", 503, "overloaded_error"],
    ["failed", 500, "api_error"],
    ["timeout", 408, "timeout_error"],
  ];
  it.each(REFUSALS)("has Anthropic's shape: %s is %i", async (kind, status, type) => {
    const { post } = played({ refusal: new ServeError(kind, "desk", "says no") });
    const response = await post(PATH, ASK);
    expect(response.status).toBe(status);
    const request_id = response.headers.get("request-id");
    expect(request_id).toMatch(/^req_/);
    expect(await response.json()).toEqual({
      type: "error",
      error: { type, message: "desk: says no" },
      request_id,
    });
  });

  it("says how much too long a prompt is, before a stream begins", async () => {
    const { post } = played();
    const messages = [{ role: "user", content: "a b c ".repeat(8000) }];
    const response = await post(PATH, { ...ASK, messages, stream: true });
    expect(response.status).toBe(400);
    expect((await response.json()).error).toEqual({
      type: "invalid_request_error",
      message: expect.stringMatching(/^prompt is too long: \d+ tokens > 8192 maximum$/),
    });
  });

  it("is the same for other models, methods and keys", async () => {
    const { post, app } = played({}, { apiKey: "secret" });
    const headers = { "x-api-key": "secret" };
    const other = await post(PATH, { ...ASK, model: "another" }, { headers });
    expect([other.status, (await other.json()).error.type]).toEqual([404, "not_found_error"]);
    const get = await app.request(PATH, { headers });
    expect([get.status, (await get.json()).type]).toEqual([405, "error"]);
    const closed = await post(PATH, ASK);
    expect([closed.status, (await closed.json()).error.type]).toEqual([
      401,
      "authentication_error",
    ]);
  });
});
