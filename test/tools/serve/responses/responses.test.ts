/**
 * What clients of the Responses API get. What they send is in request.test.ts.
 * @module
 */
import { describe, expect, it } from "vitest";
import { ServeError } from "../../../../tools/serve/serve-error.ts";
import { namedEvents, played } from "../named-events.ts";

const PATH = "/v1/responses";
const TOOL = {
  type: "function",
  name: "note",
  parameters: { type: "object", properties: { text: { type: "string" }, n: { type: "integer" } } },
};
const ASK = { model: "glm-5.2-demo", input: "Hello", tools: [TOOL] };

/** A call as the model writes it. */
const CALL =
  '<tool_call>note<arg_key>text</arg_key><arg_value>hé "🦙"</arg_value>' +
  "<arg_key>n</arg_key><arg_value>12345678901234567890</arg_value></tool_call>";

/** The fields that the schema of Open Responses requires. */
const REQUIRED = [
  ...["id", "object", "created_at", "completed_at", "status", "incomplete_details", "model"],
  ...["previous_response_id", "instructions", "output", "error", "tools", "tool_choice"],
  ...["truncation", "parallel_tool_calls", "text", "top_p", "presence_penalty"],
  ...["frequency_penalty", "top_logprobs", "temperature", "reasoning", "usage"],
  ...["max_output_tokens", "max_tool_calls", "store", "background", "service_tier", "metadata"],
  ...["safety_identifier", "prompt_cache_key"],
];

type Events = Awaited<ReturnType<typeof namedEvents>>;

/** The events of a stream without its last line, which is no event. */
async function eventsOf(response: Response): Promise<Events> {
  const events = await namedEvents(response);
  expect(events.pop()).toEqual({ name: undefined, data: "[DONE]" });
  return events;
}

/** What a client makes of a stream: items grow by deltas, and are then what their `done` says. */
function collect(events: Events) {
  const output: Events[number]["data"][] = [];
  const texts: string[] = [];
  for (const { data } of events) {
    const { type, output_index: at, delta } = data;
    if (type === "response.output_item.added") {
      expect(at).toBe(output.length);
      output.push(data.item);
      texts.push("");
    }
    if (delta !== undefined) texts[at] += delta;
    if (data.item_id !== undefined) expect(data.item_id).toBe(output[at].id);
    if (/text\.done$/.test(type)) expect(data.text).toBe(texts[at]);
    if (type === "response.function_call_arguments.done") {
      expect(data.arguments).toBe(texts[at]);
      expect(data.name).toBe(output[at].name);
    }
    if (type === "response.output_item.done") {
      expect(data.item.id).toBe(output[at].id);
      output[at] = data.item;
    }
  }
  return output;
}

/** A response without the ids that each request has of its own. */
function withoutIds(response: object): object {
  return JSON.parse(JSON.stringify(response).replace(/(resp|msg|rs|fc)_[0-9a-f]{24}/g, "$1"));
}

describe("a response", () => {
  it("has all fields, and items for reasoning, text and calls", async () => {
    const { post } = played({ texts: [`I think.</think>Sure.${CALL}`], cachedTokens: 64 });
    const response = await (await post(PATH, ASK)).json();
    expect(Object.keys(response).sort()).toEqual([...REQUIRED].sort());
    const { id, output, usage, tools, ...rest } = response;
    expect(id).toMatch(/^resp_[0-9a-f]{24}$/);
    expect(rest).toEqual({
      ...{ object: "response", created_at: 0, completed_at: 0, status: "completed" },
      ...{ incomplete_details: null, model: "glm-5.2-demo", previous_response_id: null },
      ...{ instructions: null, error: null, tool_choice: "auto", truncation: "disabled" },
      ...{ parallel_tool_calls: true, text: { format: { type: "text" } } },
      ...{ temperature: 0.7, top_p: 0.95, presence_penalty: 0, frequency_penalty: 0 },
      ...{ top_logprobs: 0, reasoning: { effort: null, summary: null } },
      ...{ max_output_tokens: null, max_tool_calls: null, store: false, background: false },
      ...{ service_tier: "default", metadata: {}, safety_identifier: null },
      prompt_cache_key: null,
    });
    expect(tools).toEqual([{ ...TOOL, description: null, strict: false }]);
    const text = { type: "output_text", text: "Sure.", annotations: [], logprobs: [] };
    expect(output).toEqual([
      {
        type: "reasoning",
        id: expect.stringMatching(/^rs_/),
        summary: [{ type: "summary_text", text: "I think." }],
      },
      {
        type: "message",
        id: expect.stringMatching(/^msg_/),
        ...{ status: "completed", role: "assistant", content: [text] },
      },
      {
        type: "function_call",
        id: expect.stringMatching(/^fc_/),
        call_id: expect.stringMatching(/^call_[0-9a-f]{24}$/),
        ...{ status: "completed", name: "note" },
        arguments: '{"text": "hé \\"🦙\\"", "n": 12345678901234567890}',
      },
    ]);
    expect(usage).toEqual({
      input_tokens: expect.any(Number),
      input_tokens_details: { cached_tokens: 64 },
      output_tokens: expect.any(Number),
      output_tokens_details: { reasoning_tokens: expect.any(Number) },
      total_tokens: usage.input_tokens + usage.output_tokens,
    });
  });

  it("repeats what was asked", async () => {
    const { post } = played({ texts: ["</think>{}"] });
    const schema = { type: "object", properties: { b: {}, a: {} } };
    const format = { type: "json_schema", name: "n", schema, strict: true };
    const said = {
      instructions: "Be kind.",
      max_output_tokens: 50,
      metadata: { a: "b" },
      parallel_tool_calls: false,
      prompt_cache_key: "k",
      reasoning: { effort: "high", summary: "auto" },
      temperature: 0.25,
      tool_choice: { type: "function", name: "note" },
      top_p: 0.5,
    };
    const response = await (await post(PATH, { ...ASK, ...said, text: { format } })).json();
    expect(response).toMatchObject(said);
    expect(response.text).toEqual({ format: { ...format, description: null } });
  });

  it("counts what it cost", async () => {
    const { post, desk } = played({ texts: ["I think.</think>Sure."], cachedTokens: 16 });
    const { usage } = await (await post(PATH, ASK)).json();
    const { order, nTokens } = desk.last;
    expect([usage.input_tokens, usage.output_tokens]).toEqual([order.ids.length, nTokens]);
    expect(usage.output_tokens_details.reasoning_tokens).toBeLessThan(nTokens - 1);
  });

  it("is incomplete where tokens or the context end, and so is what was cut", async () => {
    const cut = "Hm.</think>Sure.<tool_call>note<arg_key>text</arg_key><arg_value>half";
    const length = played().desk.model.tokenizer.encode(cut).length;
    const { post } = played({ texts: [`${cut} of it`] });
    const response = await (await post(PATH, { ...ASK, max_output_tokens: length })).json();
    expect(response).toMatchObject({
      status: "incomplete",
      completed_at: null,
      incomplete_details: { reason: "max_output_tokens" },
      output: [
        { type: "reasoning" },
        { type: "message", status: "completed" },
        { type: "function_call", status: "incomplete", arguments: '{"text": "half' },
      ],
    });
    const full = played({ ids: [[300, 301]], end: "context" });
    expect(await (await full.post(PATH, ASK)).json()).toMatchObject({ status: "incomplete" });
  });

  it("has an empty message when the model said nothing, and no blank one beside calls", async () => {
    const silent = await (await played({ texts: ["Hm.</think>"] }).post(PATH, ASK)).json();
    expect(silent.output[1]).toMatchObject({ type: "message", content: [{ text: "" }] });
    const { post } = played({ texts: [`Hm.</think>\n\n${CALL}\n${CALL}`] });
    const { output } = await (await post(PATH, ASK)).json();
    const types = output.map(({ type }: { type: string }) => type);
    expect(types).toEqual(["reasoning", "function_call", "function_call"]);
    expect(new Set(output.map((item: { call_id?: string }) => item.call_id)).size).toBe(3);
  });

  it("gives reasoning in a form that comes back, and is read again", async () => {
    const { post, prompt } = played({ texts: [`Thought 🦙 deeply. </think>Sure.${CALL}`] });
    const include = ["reasoning.encrypted_content"];
    const { output } = await (await post(PATH, { ...ASK, include })).json();
    const [reasoning, , call] = output;
    expect(reasoning.encrypted_content).toMatch(/^[\w+/]+=*$/);
    const answered = { type: "function_call_output", call_id: call.call_id, output: "done" };
    const unread = { ...reasoning, summary: [] };
    const input = [{ role: "user", content: "Hello" }, unread, ...output.slice(1), answered];
    await post(PATH, { ...ASK, input });
    expect(prompt()).toContain(
      `<|user|>Hello<|assistant|><think>Thought 🦙 deeply. </think>Sure.${CALL}` +
        "<|observation|><tool_response>done</tool_response><|assistant|>",
    );
  });

  it("tells log-probabilities of the text, and of nothing else", async () => {
    const { post, desk } = played({ texts: [`I think.</think>Né 🦙.${CALL}`] });
    const ask = { ...ASK, include: ["message.output_text.logprobs"], top_logprobs: 2 };
    const whole = await (await post(PATH, ask)).json();
    const [{ text, logprobs }] = whole.output[1].content;
    const bytes = logprobs.flatMap((entry: { bytes: number[] }) => entry.bytes);
    expect(new TextDecoder().decode(Uint8Array.from(bytes))).toBe(text);
    for (const entry of logprobs) expect(entry.top_logprobs).toHaveLength(2);
    const events = await eventsOf(await post(PATH, { ...ask, stream: true }));
    const told = events.flatMap(({ name, data }) =>
      name === "response.output_text.delta" ? data.logprobs : [],
    );
    expect(told).toEqual(logprobs);
    expect(desk.last.order.topLogProbs).toBe(2);
  });
});

describe("a stream of a response", () => {
  const SCRIPTS: Readonly<Record<string, string>> = {
    "reasoning, text and calls": `I 🦙 think.</think>Sure.\n${CALL}${CALL}`,
    "text after a call": `</think>${CALL}And so.`,
    "reasoning alone": "I think.</think>",
    "reasoning that does not end": "I think",
    "reasoning twice": "One.</think>Said.<think>Two.</think>Again.",
    "a call without arguments": "</think><tool_call>note</tool_call>",
    "nothing at all": "",
  };
  it.each(Object.entries(SCRIPTS))("makes the response that one answer is: %s", async (_, text) => {
    const { post } = played({ texts: [text], cachedTokens: 8 });
    const ask = { ...ASK, include: ["reasoning.encrypted_content"] };
    const whole = await (await post(PATH, ask)).json();
    const events = await eventsOf(await post(PATH, { ...ask, stream: true }));
    const { response } = events.at(-1)?.data ?? {};
    expect(response.id).not.toBe(whole.id); // it is another request
    expect(withoutIds(response)).toEqual(withoutIds(whole));
    expect(collect(events)).toEqual(response.output);
  });

  it("has names and numbers, and events in order", async () => {
    const { post } = played({ texts: [`I think.</think>Sure.${CALL}`] });
    const response = await post(PATH, { ...ASK, stream: true });
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const events = await eventsOf(response);
    for (const [i, { name, data }] of events.entries()) {
      expect([name, data.sequence_number]).toEqual([data.type, i]);
    }
    const names = events.map(({ name }) => name?.replace("response.", ""));
    expect(names.filter((name, i) => name !== names[i - 1])).toEqual([
      ...["created", "in_progress"],
      ...["output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta"],
      ...["reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done"],
      ...["output_item.added", "content_part.added", "output_text.delta"],
      ...["output_text.done", "content_part.done", "output_item.done"],
      ...["output_item.added", "function_call_arguments.delta"],
      ...["function_call_arguments.done", "output_item.done"],
      "completed",
    ]);
    const [{ data: created }] = events;
    expect(created.response).toMatchObject({ status: "in_progress", output: [], usage: null });
    expect(Object.keys(created.response).sort()).toEqual([...REQUIRED].sort());
    const added = events.filter(({ name }) => name === "response.output_item.added");
    expect(added.map(({ data }) => data.item)).toMatchObject([
      { type: "reasoning", summary: [] },
      { type: "message", status: "in_progress", content: [] },
      { type: "function_call", status: "in_progress", name: "note", arguments: "" },
    ]);
  });

  it("ends as incomplete when the tokens do", async () => {
    const { post } = played({ texts: ["</think>One two three."] });
    const ask = { ...ASK, max_output_tokens: 3, stream: true };
    const events = await eventsOf(await post(PATH, ask));
    expect(events.at(-1)?.name).toBe("response.incomplete");
    expect(events.at(-1)?.data.response.usage.output_tokens).toBe(3);
    expect(events.at(-2)?.data.item.status).toBe("incomplete");
  });

  it("begins before the prompt is read, and ends the order when its reader goes", async () => {
    const { post, desk } = played({ waits: true });
    const response = await post(PATH, { ...ASK, stream: true });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toMatch(/^event: response\.created\n/);
    await reader?.cancel();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(desk.last.isCancelled).toBe(true);
  });

  it("fails with a last event that says why", async () => {
    const error = new ServeError("timeout", "reply", "took too long");
    const { post } = played({ texts: ["</think>Some words"], failsAfter: { tokens: 3, error } });
    const events = await eventsOf(await post(PATH, { ...ASK, stream: true }));
    expect(events.map(({ data }) => data.sequence_number)).toEqual([...events.keys()]);
    const { name, data } = events[events.length - 1];
    expect(name).toBe("response.failed");
    expect(data.response).toMatchObject({
      status: "failed",
      error: { code: "timeout_error", message: "reply: took too long" },
      output: [{ type: "message", status: "incomplete" }],
    });
  });
});

describe("an error of the Responses API", () => {
  it("comes before the stream, with a code for a prompt that is too long", async () => {
    const { post } = played();
    const input = "a b c ".repeat(8000);
    const response = await post(PATH, { ...ASK, input, stream: true });
    expect(response.status).toBe(400);
    const { error } = await response.json();
    expect(error).toMatchObject({
      type: "invalid_request_error",
      code: "context_length_exceeded",
      message: expect.stringMatching(
        /^This model's maximum context length is 8192 tokens\. However/,
      ),
    });
  });

  it("has the status of its kind", async () => {
    const full = played({ refusal: new ServeError("queue-full", "desk", "is full") });
    const response = await full.post(PATH, { ...ASK, stream: true });
    expect([response.status, response.headers.get("retry-after")]).toEqual([429, "2"]);
    const other = await played().post(PATH, { ...ASK, model: "another" });
    expect([other.status, (await other.json()).error.code]).toEqual([404, "model_not_found"]);
  });
});
