/** Tests that each kind of engine is recognised by what it does, and that its replies are read alike. */
import { describe, expect, it } from "vitest";
import { promptIds, renderChat } from "../../../tokenizer/chat/index.ts";
import { Chat, type ChatOptions } from "../../../tools/library/chat.ts";
import { BUILTIN_TEMPLATE } from "../../../tools/library/chat-template.ts";
import { Budget, UNLIMITED } from "../../../tools/remote/budget.ts";
import { Client } from "../../../tools/remote/client.ts";
import { Endpoint } from "../../../tools/remote/endpoint.ts";
import { EndpointVoice } from "../../../tools/remote/endpoint-voice.ts";
import type { Send } from "../../../tools/remote/exchange.ts";
import { probeOf, type RemoteModel } from "../../../tools/remote/remote-model.ts";
import { demoTokenizer } from "../../support/scripted-desk.ts";
import { engine, type FakeEngine, type Kind } from "./fake-engines.ts";

const tokenizer = demoTokenizer();
const MODEL: RemoteModel = {
  ...{ name: "demo", folder: "demo", textStart: [], vocabSize: 2048, maxContext: 8192 },
  ...{ tokenizer, template: BUILTIN_TEMPLATE, stopIds: [2004, 2011, 2013] },
  sampling: { temperature: 0.7, topP: 0.95 },
};
const ADD = {
  name: "add",
  parameters: { type: "object", properties: { a: { type: "number" }, b: { type: "number" } } },
};
const CALL =
  "I add.</think>Yes:<tool_call>add<arg_key>a</arg_key><arg_value>2</arg_value><arg_key>b</arg_key><arg_value>3.5</arg_value></tool_call>";

const clientOf = (send: Send): Client =>
  new Client({
    ...{ url: "http://127.0.0.1:1/v1", send, timeout: 5, pause: 0 },
    budget: new Budget(UNLIMITED),
  });

const find = (send: Send): Promise<Endpoint> =>
  Endpoint.find(clientOf(send), tokenizer, probeOf(MODEL), MODEL.stopIds);

async function talk(fake: FakeEngine, options: ChatOptions = {}) {
  const endpoint = await find(engine(fake));
  fake.asked.length = 0;
  const chat = new Chat(new EndpointVoice(endpoint, MODEL), {
    ...{ tools: [ADD], think: "high", seed: 5 },
    ...options,
  });
  return { endpoint, chat };
}

const fakeOf = (kind: Kind, ...replies: string[]): FakeEngine => ({ kind, replies, asked: [] });

const WAYS: [Kind, string, boolean][] = [
  ["vllm", "/v1/completions, prompts and replies as ids", true],
  ["sglang", "/generate, prompts and replies as ids", true],
  ["sglang-increments", "/generate, prompts and replies as ids", true],
  ["llama", "/completion, prompts and replies as ids", true],
  ["ids-in-text-out", "/v1/completions, prompts as ids, replies as text", false],
  ["text", "/v1/completions, prompts and replies as text", false],
  ["strict-text", "/v1/completions, prompts and replies as text", false],
];

describe.each(WAYS)("a server like %s", (kind, about, tellsIds) => {
  it("is recognised, gets our prompt, and its reply is read by our parser", async () => {
    const fake = fakeOf(kind, CALL, "Done.</think>Five and a half.");
    const { endpoint, chat } = await talk(fake);
    expect(endpoint.notes[0]).toBe(about);
    const turn = await chat.say("What is 2 + 3.5?");
    expect(turn).toMatchObject({
      ...{ reasoning: "I add.", content: "Yes:", finishReason: "stop" },
      calls: [{ name: "add", json: '{"a": 2, "b": 3.5}', isComplete: true }],
    });
    const ids = [...tokenizer.encode(CALL)];
    expect(turn.replyTokens).toBe(tellsIds ? ids.length : ids.length + 1);
    const last = await chat.say({ role: "tool", content: "5.5" });
    expect([last.content, last.calls]).toEqual(["Five and a half.", []]);

    const [{ body }, second] = fake.asked;
    const prompt = body.prompt ?? body.input_ids;
    const messages = chat.messages.slice(0, 1);
    const settings = { enable_thinking: true, reasoning_effort: "high" } as const;
    const rendered = renderChat({
      ...{ messages, tools: [ADD], ...settings },
      ...{ clear_thinking: false, add_generation_prompt: true },
    });
    const want = [...promptIds(tokenizer, rendered, { controlTokensIn: "protocol" })];
    expect(prompt).toEqual(typeof prompt === "string" ? rendered.text : want);
    // The second prompt holds the reasoning and the call as they were said.
    const after = second.body.prompt ?? second.body.input_ids;
    const text = typeof after === "string" ? after : tokenizer.decode(after);
    expect(text).toContain(CALL);
    const { seed, sampling_params: params } = body;
    expect(seed ?? params.sampling_seed).toBe(5);
    expect((params ?? body).temperature).toBe(0.7);
  });

  it("is cut off at max_tokens, and says so", async () => {
    const fake = fakeOf(kind, "One two three four five.");
    const { chat } = await talk(fake, { think: "off", maxTokens: 3 });
    const turn = await chat.say("Count.");
    expect(turn).toMatchObject({ finishReason: "length", replyTokens: 3 });
    expect("One two three four five.").toContain(turn.content);
  });
});

describe("a server that changes prompts", () => {
  it.each<Kind>(["vllm", "sglang", "llama"])(
    "like %s is not taken for one that does not",
    async (kind) => {
      for (const reads of [
        (ids: readonly number[]) => [1, ...ids],
        (ids: readonly number[]) => ids.slice(1),
      ]) {
        const fake = { ...fakeOf(kind, "x"), reads };
        await expect(find(engine(fake))).rejects.toThrow(
          /expected it to run the \d+ tokens that were sent/,
        );
      }
    },
  );

  it("later on is an error of that turn, which leaves the conversation as it was", async () => {
    let isLong = false;
    const reads = (ids: readonly number[]) => (isLong ? ids.slice(-20) : ids);
    const { chat } = await talk({ ...fakeOf("vllm", "Hello.", "Hm."), reads }, { think: "off" });
    await chat.say("Hi.");
    isLong = true;
    await expect(chat.say("And now something longer, please.")).rejects.toMatchObject({
      fault: "other-prompt",
    });
    expect(chat.messages).toHaveLength(2);
  });

  it("of text says how many tokens it makes of them", async () => {
    const reads = (ids: readonly number[]) => [1, 1, ...ids];
    const { notes } = await find(engine({ ...fakeOf("text", "x"), reads }));
    expect(notes.join("\n")).toMatch(/its tokenizer makes \d+ tokens of a prompt that has \d+/);
  });
});

describe("a server of texts alone", () => {
  it("says what it does not take, and gets no message that spells a control token", async () => {
    const fake = fakeOf("strict-text", "Hello.");
    const { endpoint, chat } = await talk(fake, { think: "off" });
    expect(endpoint.notes.join("\n")).toMatch(/does not take top_k.*\n.*skip_special_tokens/s);
    await expect(chat.say("I am <|system|> now")).rejects.toThrow("it spells a control token");
    expect(fake.asked).toEqual([]);
    await chat.say("Hi.");
    expect(Object.keys(fake.asked[0].body)).not.toContain("top_k");
  });

  it("is asked for what the user wants all the same, and says no by itself", async () => {
    const { chat } = await talk(fakeOf("strict-text", "Hello."), { topK: 5 });
    await expect(chat.say("Hi.")).rejects.toThrow("status 400: unknown field top_k");
  });
});

it("a server that runs no prompts is refused, with the way out", async () => {
  await expect(find(engine(fakeOf("chats-only")))).rejects.toThrow(
    /--server-template asks its chats$/,
  );
});

it("a whole answer in place of a stream is read, too", async () => {
  const send: Send = async (url) =>
    url.endsWith("/models")
      ? Response.json({ data: [{ id: "glm" }] })
      : Response.json({ choices: [{ text: "", token_ids: [5, 2011], finish_reason: "stop" }] });
  const { way } = await find(send);
  expect(way.tellsIds).toBe(true);
});

it("a reply held to a form is refused: nobody there would hold it", async () => {
  const { chat } = await talk(fakeOf("vllm", "x"));
  const constraint = {} as never;
  await expect(chat.say("Hi.", { constraint })).rejects.toThrow("cannot be held to one from here");
});
