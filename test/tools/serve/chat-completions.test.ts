/** The wire shapes of chat completions, field by field, and the faults that other servers had. */
import { parse } from "valibot";
import { describe, expect, it } from "vitest";
import { chatAnswer, chatChunk } from "../../../tools/serve/openai/answer-shapes.ts";
import { demoTokenizer, type Script } from "../../support/scripted-desk.ts";
import { chunksOf, post, served } from "../../support/serve.ts";

const PATH = "/v1/chat/completions";
const messages = [{ role: "user", content: "How is the weather?" }];
const weather = {
  type: "function",
  function: {
    name: "weather",
    description: "Tells the weather.",
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, days: { type: "integer" } },
    },
  },
};
const ping = { type: "function", function: { name: "ping", parameters: { type: "object" } } };
const CALL =
  "<tool_call>weather<arg_key>city</arg_key><arg_value>Bonn</arg_value>" +
  "<arg_key>days</arg_key><arg_value>3</arg_value></tool_call>";

interface Delta {
  readonly role?: string;
  readonly content?: string;
  readonly reasoning?: string;
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly (Call & { readonly index: number })[];
}

interface Usage {
  readonly completion_tokens: number;
}

interface Chunk {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
  readonly choices: readonly {
    readonly index: number;
    readonly delta: Delta;
    readonly logprobs: { content: unknown[] } | null;
    readonly finish_reason: string | null;
    readonly token_ids?: number[];
  }[];
  readonly usage?: Usage | null;
  readonly prompt_token_ids?: number[];
}

interface Call {
  readonly id?: string | undefined;
  readonly type?: string | undefined;
  readonly function: { readonly name?: string | undefined; arguments: string };
}

/** What a client has put together. */
interface Whole {
  readonly message: {
    role?: string;
    content: string;
    reasoning?: string;
    reasoning_content?: string;
  };
  readonly calls: Call[];
  readonly logprobs: unknown[];
  finish_reason?: string;
}

/** Puts deltas together as the clients of OpenAI do: by index, texts appended, the rest set once. */
function accumulate(chunks: readonly Chunk[]): Whole[] {
  const choices: Whole[] = [];
  for (const { index, delta, logprobs, finish_reason } of chunks.flatMap((c) => c.choices)) {
    choices[index] ??= { message: { content: "" }, calls: [], logprobs: [] };
    const choice = choices[index];
    const { role, tool_calls: calls = [], ...texts } = delta;
    if (role) {
      expect(choice.message.role).toBeUndefined();
      choice.message.role = role;
    }
    for (const key of ["content", "reasoning", "reasoning_content"] as const) {
      if (texts[key] !== undefined) choice.message[key] = (choice.message[key] ?? "") + texts[key];
    }
    for (const call of calls) addCall(choice.calls, call);
    choice.logprobs.push(...(logprobs?.content ?? []));
    if (finish_reason) {
      expect(choice.finish_reason).toBeUndefined();
      choice.finish_reason = finish_reason;
    }
  }
  return choices;
}

function addCall(calls: Call[], { index, ...part }: Call & { readonly index: number }): void {
  if (calls[index] === undefined) {
    expect(index).toBe(calls.length);
    expect(part.id).toMatch(/^call_[0-9a-f]{24}$/);
    expect(part.type).toBe("function");
    calls[index] = { ...part, function: { ...part.function } };
    return;
  }
  // A repeated id or name would be appended by the Python client.
  expect([part.id, part.type, part.function.name]).toEqual([undefined, undefined, undefined]);
  calls[index].function.arguments += part.function.arguments;
}

describe("an answer", () => {
  it("has every field that the schema of OpenAI and its checkers want", async () => {
    const server = served({ texts: ["I look.</think>Sunny."], cachedTokens: 64 });
    const response = await post(server, PATH, { model: "glm-5.2-demo", messages });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    const body = await response.json();
    const { id, usage, ...rest } = body;
    expect(id).toMatch(/^chatcmpl-[0-9a-f]{24}$/);
    expect(response.headers.get("x-request-id")).toBe(id);
    expect(rest).toEqual({
      object: "chat.completion",
      created: 0,
      model: "glm-5.2-demo",
      system_fingerprint: expect.stringMatching(/^fp_[0-9a-f]{24}$/),
      choices: [
        {
          index: 0,
          message: {
            role: "assistant",
            content: "Sunny.",
            refusal: null,
            annotations: [],
            reasoning_content: "I look.",
            reasoning: "I look.",
          },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
    });
    const n = server.desk.last.order.ids.length;
    const completion = demoTokenizer().encode("I look.</think>Sunny.").length + 1;
    const reasoning = demoTokenizer().encode("I look.</think>").length;
    expect(usage).toEqual({
      prompt_tokens: n,
      completion_tokens: completion,
      total_tokens: n + completion,
      prompt_tokens_details: { cached_tokens: 64 },
      completion_tokens_details: { reasoning_tokens: reasoning },
    });
  });

  it("says when it was made, unless it shall be the same at every run", async () => {
    const before = Math.floor(Date.now() / 1000);
    const { created } = await (await post(served({}, { clock: true }), PATH, { messages })).json();
    expect(created).toBeGreaterThanOrEqual(before);
  });

  it("has the same bytes from a new server, and another id when the request comes again", async () => {
    const texts = async () => {
      const server = served({ texts: [CALL] });
      const body = { messages, tools: [weather], enable_thinking: false };
      return [await post(server, PATH, body), await post(server, PATH, body)].map((r) => r.text());
    };
    const [a, b] = [await Promise.all(await texts()), await Promise.all(await texts())];
    expect(a).toEqual(b);
    const [first, second] = a.map((text) => JSON.parse(text));
    expect(first.id).not.toBe(second.id);
    expect({ ...first, id: "" }).toEqual({ ...second, id: "" });
  });

  it("has no field for reasoning when thinking is off", async () => {
    const body = { messages, enable_thinking: false };
    const { choices } = await (await post(served({ texts: ["Sunny."] }), PATH, body)).json();
    expect(choices[0].message).toEqual({
      role: "assistant",
      content: "Sunny.",
      refusal: null,
      annotations: [],
    });
  });

  it("has a null content only beside calls, whose arguments are a text of JSON", async () => {
    const body = { messages, tools: [weather, ping], enable_thinking: false };
    const two = await (
      await post(served({ texts: [`${CALL}<tool_call>ping</tool_call>`] }), PATH, body)
    ).json();
    const [choice] = two.choices;
    expect(choice.finish_reason).toBe("tool_calls");
    expect(choice.message.content).toBeNull();
    expect(choice.message.tool_calls).toEqual([
      {
        id: expect.stringMatching(/^call_[0-9a-f]{24}$/),
        type: "function",
        function: { name: "weather", arguments: '{"city": "Bonn", "days": 3}' },
      },
      {
        id: expect.stringMatching(/^call_/),
        type: "function",
        function: { name: "ping", arguments: "{}" },
      },
    ]);
    expect(choice.message.tool_calls[0].id).not.toBe(choice.message.tool_calls[1].id);
    const none = await (await post(served({ texts: [""] }), PATH, body)).json();
    expect(none.choices[0]).toMatchObject({ message: { content: "" }, finish_reason: "stop" });
    expect(none.choices[0].message).not.toHaveProperty("tool_calls");
  });

  it("passes a call on that stands in the reasoning", async () => {
    const server = served({ texts: [`I must know.${CALL}`] });
    const { choices } = await (await post(server, PATH, { messages, tools: [weather] })).json();
    expect(choices[0].message.reasoning).toBe("I must know.");
    expect(choices[0].message.tool_calls).toHaveLength(1);
  });

  it("leaves half a call out, and says that the length was reached", async () => {
    const ids = [...demoTokenizer().encode(CALL)].slice(0, -6);
    const body = { messages, tools: [weather], enable_thinking: false };
    const { choices } = await (await post(served({ ids: [ids] }), PATH, body)).json();
    expect(choices[0].finish_reason).toBe("length");
    expect(choices[0].message).not.toHaveProperty("tool_calls");
  });

  it("tells of log-probabilities of all tokens, with exact bytes", async () => {
    const text = "Hm.</think>A 🦙.";
    const body = { messages, logprobs: true, top_logprobs: 2 };
    const { choices } = await (await post(served({ texts: [text] }), PATH, body)).json();
    const { content, refusal } = choices[0].logprobs;
    expect(refusal).toBeNull();
    const ids = [...demoTokenizer().encode(text), 2011];
    expect(content.map(({ bytes }: { bytes: number[] }) => bytes)).toEqual(
      ids.map((id) => [...demoTokenizer().tokenBytes(id)]),
    );
    for (const entry of content) {
      expect(Object.keys(entry)).toEqual(["token", "logprob", "bytes", "top_logprobs"]);
      expect(entry.top_logprobs).toHaveLength(2);
      expect(Object.keys(entry.top_logprobs[0])).toEqual(["token", "logprob", "bytes"]);
      expect(entry.top_logprobs[0].logprob).toBe(entry.logprob);
    }
    const ended = { ...body, return_tokens_as_token_ids: true };
    const named = await (await post(served({ texts: [text] }), PATH, ended)).json();
    expect(named.choices[0].logprobs.content[0].token).toBe(`token_id:${ids[0]}`);
  });
});

describe("a stream", () => {
  const body = { messages, tools: [weather], stream: true };

  it("begins with the role, ends with the reason alone, and [DONE]", async () => {
    const response = await post(served({ texts: [`I look.</think>So:${CALL}`] }), PATH, body);
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(response.headers.get("cache-control")).toBe("no-cache");
    expect(response.headers.get("x-accel-buffering")).toBe("no");
    const chunks = await chunksOf<Chunk>(response);
    const [first] = chunks;
    expect(first).toEqual({
      id: expect.stringMatching(/^chatcmpl-/),
      object: "chat.completion.chunk",
      created: 0,
      model: "glm-5.2-demo",
      system_fingerprint: expect.stringMatching(/^fp_/),
      choices: [
        {
          index: 0,
          delta: { role: "assistant", content: "" },
          logprobs: null,
          finish_reason: null,
        },
      ],
    });
    expect(chunks.at(-1)?.choices).toEqual([
      { index: 0, delta: {}, logprobs: null, finish_reason: "tool_calls" },
    ]);
    for (const chunk of chunks) {
      expect({ ...chunk, choices: first.choices }).toEqual(first); // the head is the same
      expect(chunk.choices).toHaveLength(1);
      const [{ delta, finish_reason }] = chunk.choices;
      if (finish_reason) expect(delta).toEqual({});
      else expect(Object.keys(delta).length).toBeGreaterThan(0);
      if ("reasoning" in delta) {
        expect(delta.reasoning).not.toBe("");
        expect(delta).toEqual({ reasoning: delta.reasoning, reasoning_content: delta.reasoning });
      }
    }
  });

  it("tells a call's name whole and once, then its arguments", async () => {
    const chunks = await chunksOf<Chunk>(
      await post(served({ texts: [`</think>${CALL}`] }), PATH, body),
    );
    const calls = chunks.flatMap(({ choices }) => choices[0].delta.tool_calls ?? []);
    expect(calls[0]).toEqual({
      index: 0,
      id: expect.stringMatching(/^call_[0-9a-f]{24}$/),
      type: "function",
      function: { name: "weather", arguments: "" },
    });
    for (const call of calls.slice(1)) {
      expect(call).toEqual({ index: 0, function: { arguments: expect.any(String) } });
    }
  });

  it("holds a character back until all of its bytes are there", async () => {
    const off = { messages, enable_thinking: false, stream: true };
    const chunks = await chunksOf<Chunk>(await post(served({ texts: ["🦙🦙"] }), PATH, off));
    const texts = chunks.map(({ choices }) => choices[0].delta.content).filter(Boolean);
    expect(texts).toEqual(["🦙", "🦙"]);
  });

  it("tells the usage only where it is asked for: at the end, or in every chunk", async () => {
    const script = { texts: ["Hm.</think>Yes."], cachedTokens: 64 };
    const n = demoTokenizer().encode("Hm.</think>Yes.").length + 1;
    const without = await chunksOf<Chunk>(await post(served(script), PATH, body));
    expect(without.every((chunk) => chunk.choices.length === 1 && !("usage" in chunk))).toBe(true);
    const once = { ...body, stream_options: { include_usage: true } };
    const chunks = await chunksOf<Chunk>(await post(served(script), PATH, once));
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: n } });
    const { usage } = await (await post(served(script), PATH, { ...body, stream: false })).json();
    expect(chunks.at(-1)?.usage).toEqual(usage);
    const always = {
      ...body,
      stream_options: { include_usage: true, continuous_usage_stats: true },
    };
    const counted = await chunksOf<Chunk>(await post(served(script), PATH, always));
    const counts = counted.map((chunk) => chunk.usage?.completion_tokens as number);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect([counts[0], counts.at(-1)]).toEqual([0, n]);
  });

  it("says that it is alive while the prompt waits, before and after the first event", async () => {
    const server = served({ waits: true }, { keepAlive: 5 });
    const response = await post(server, PATH, { ...body });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const read = async () => new TextDecoder().decode((await reader.read()).value);
    expect(await read()).toContain('"role":"assistant"');
    expect(await read()).toBe(": ping\n\n");
    expect(await read()).toBe(": ping\n\n");
    await reader.cancel();
    expect(server.desk.last.isCancelled).toBe(true);
  });

  it("tells the ids of prompt and reply where they are asked for", async () => {
    const server = served({ texts: ["Hm.</think>A 🦙."] });
    const chunks = await chunksOf<Chunk>(
      await post(server, PATH, { ...body, return_token_ids: true }),
    );
    const ids = [...demoTokenizer().encode("Hm.</think>A 🦙."), 2011];
    expect(chunks[0].prompt_token_ids).toEqual(server.desk.last.order.ids);
    expect(chunks.flatMap(({ choices }) => choices[0].token_ids ?? [])).toEqual(ids);
    const whole = await post(server, PATH, { ...body, stream: false, return_token_ids: true });
    const answer = await whole.json();
    expect(answer.prompt_token_ids).toEqual(server.desk.last.order.ids);
    expect(answer.choices[0].token_ids).toEqual(ids);
  });
});

describe("a stream and an answer", () => {
  const scripts: [string, Script, object?][] = [
    ["a plain text", { texts: ["Yes</think>It is sunny. 🦙"] }],
    ["an empty reply", { texts: [""] }],
    ["only reasoning", { texts: ["I think and think"] }],
    ["calls", { texts: [`Hm</think>${CALL}\n${CALL}`] }, { tools: [weather] }],
    [
      "a call without arguments",
      { texts: ["</think><tool_call>ping</tool_call>"] },
      { tools: [ping] },
    ],
    [
      "a call of another tool",
      {
        texts: ["</think><tool_call>fly<arg_key>to</arg_key><arg_value>1</arg_value></tool_call>"],
      },
      { tools: [ping] },
    ],
    ["a call where there are no tools", { texts: [`</think>${CALL}`] }],
    [
      "half a call",
      { ids: [[...demoTokenizer().encode(`</think>${CALL}`)].slice(0, -5)] },
      { tools: [weather] },
    ],
    ["a stop text", { texts: ["</think>one two three"] }, { stop: ["two"] }],
    ["a stop text that never comes whole", { texts: ["</think>one tw"] }, { stop: ["two"] }],
    [
      "several choices",
      { texts: ["</think>one", "a</think>two", `</think>${CALL}`] },
      { n: 3, tools: [weather] },
    ],
    ["log-probabilities", { texts: ["a</think>b 🦙"] }, { logprobs: true, top_logprobs: 1 }],
    ["ids", { texts: ["a</think>b 🦙"] }, { return_token_ids: true, n: 2 }],
    ["usage", { texts: ["a</think>b"] }, { stream_options: { include_usage: true } }],
    ["a length", { texts: ["</think>one two three four"] }, { max_tokens: 3 }],
  ];
  it.each(scripts)("say the same: %s", async (_, script, extra = {}) => {
    const server = served(script);
    const body = { messages, ...extra };
    const whole = await (await post(server, PATH, body)).json();
    const chunks = await chunksOf<Chunk>(await post(server, PATH, { ...body, stream: true }));
    parse(chatAnswer, whole);
    for (const chunk of chunks) parse(chatChunk, chunk);
    const choices = accumulate(chunks);
    expect(choices).toHaveLength(whole.choices.length);
    for (const { index, message, logprobs, finish_reason } of whole.choices) {
      const streamed = choices[index];
      expect(streamed.finish_reason).toBe(finish_reason);
      expect(streamed.message.role).toBe("assistant");
      expect(streamed.message.content).toBe(message.content ?? "");
      expect(streamed.message.reasoning ?? null).toBe(message.reasoning ?? null);
      expect(streamed.message.reasoning_content ?? null).toBe(message.reasoning_content ?? null);
      const complete = streamed.calls.filter(
        (_, i, all) => finish_reason !== "length" || i < all.length - 1,
      );
      // The prompt is the same, so the ids of the calls are.
      expect(complete).toEqual(message.tool_calls ?? []);
      expect(streamed.logprobs).toEqual(logprobs?.content ?? []);
    }
    expect(server.bugs).toEqual([]);
  });
});
