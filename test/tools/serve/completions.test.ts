/** Completions of texts: prompts of all kinds, echo, log-probabilities, batches, streams. */
import { parse } from "valibot";
import { describe, expect, it } from "vitest";
import { textAnswer, textChunk } from "../../../tools/serve/openai/answer-shapes.ts";
import { ServeError } from "../../../tools/serve/serve-error.ts";
import { demoTokenizer, type Script, type Scripts } from "../../support/scripted-desk.ts";
import { chunksOf, post, served } from "../../support/serve.ts";

const PATH = "/v1/completions";
const encode = (text: string) => [...demoTokenizer().encode(text)];

interface LogProbs {
  readonly tokens: string[];
  readonly token_logprobs: (number | null)[];
  readonly top_logprobs: (Record<string, number> | null)[];
  readonly text_offset: number[];
}

interface Choice {
  readonly index: number;
  readonly text: string;
  readonly logprobs: LogProbs | null;
  readonly finish_reason: string | null;
  readonly token_ids?: number[];
  readonly prompt_token_ids?: number[];
}

async function complete(script: Scripts, body: object) {
  const server = served(script);
  const response = await post(server, PATH, body);
  return { server, response, answer: await response.json() };
}

describe("a completion", () => {
  it("has every field of OpenAI's", async () => {
    const { answer, server } = await complete({ texts: ["a time."] }, { prompt: "Once upon" });
    const n = encode("a time.").length + 1;
    const nPrompt = encode("Once upon").length;
    expect(answer).toEqual({
      id: expect.stringMatching(/^cmpl-[0-9a-f]{24}$/),
      object: "text_completion",
      created: 0,
      model: "glm-5.2-demo",
      system_fingerprint: expect.stringMatching(/^fp_/),
      choices: [{ index: 0, text: "a time.", logprobs: null, finish_reason: "stop" }],
      usage: {
        prompt_tokens: nPrompt,
        completion_tokens: n,
        total_tokens: n + nPrompt,
        prompt_tokens_details: { cached_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 0 },
      },
    });
    expect(server.desk.last.order).toMatchObject({
      ids: encode("Once upon"),
      maxTokens: 16,
      stopIds: [2004, 2011, 2013],
      sampling: { temperature: 0.7, topP: 0.95, vocabLimit: 2040 },
      promptLogProbs: false,
      n: 1,
    });
  });

  it.each([
    ["a text", "a <|user|> b", [encode("a <|user|> b")]],
    ["texts", ["a", "b c"], [encode("a"), encode("b c")]],
    ["ids", [1, 2, 3], [[1, 2, 3]]],
    ["lists of ids", [[1], [2, 3]], [[1], [2, 3]]],
  ])("takes %s, and nothing is added", async (_, prompt, orders) => {
    const { server, answer } = await complete({}, { prompt });
    expect(server.desk.played.map(({ order }) => order.ids)).toEqual(orders);
    expect(answer.choices.map(({ index }: Choice) => index)).toEqual(orders.map((_, i) => i));
  });

  it.each([
    ["an empty text", ""],
    ["an empty list", []],
    ["an empty list of ids", [[]]],
    ["one empty text of two", ["a", ""]],
    ["a mixture", ["a", 1]],
    ["a mixture of lists", [[1], 1]],
    ["a fraction", [1.5]],
    ["a negative id", [-1]],
    ["an id beyond the vocabulary", [[1, 2040]]],
    ["an object", {}],
    ["nothing", undefined],
    ["too many", Array.from({ length: 2000 }, () => "a")],
  ])("refuses %s", async (_, prompt) => {
    const { server, response, answer } = await complete({}, { prompt });
    expect([response.status, answer.error.type]).toEqual([400, "invalid_request_error"]);
    expect(answer.error.param).toMatch(/^prompt/);
    expect(server.desk.played).toEqual([]);
  });

  it("numbers the choices of all prompts", async () => {
    const script = (_: unknown, i: number): Script => ({ texts: [`${i}a`, `${i}b`] });
    const { answer } = await complete(script, { prompt: ["x", "y"], n: 2, seed: 5 });
    expect(answer.choices.map(({ index, text }: Choice) => [index, text])).toEqual([
      [0, "0a"],
      [1, "0b"],
      [2, "1a"],
      [3, "1b"],
    ]);
  });

  it("does the prompts of a large batch one after another when not all are taken at once", async () => {
    let open = 0;
    let most = 0;
    const script = (): Script => {
      if (open >= 3) return { refusal: new ServeError("queue-full", "server", "too many wait") };
      return { texts: ["a"] };
    };
    const server = served(script);
    const submit = server.desk.submit.bind(server.desk);
    server.desk.submit = (order) => {
      const ticket = submit(order);
      most = Math.max(most, ++open);
      return {
        ...ticket,
        happenings: (async function* () {
          yield* ticket.happenings;
          open--;
        })(),
      };
    };
    const prompt = Array.from({ length: 20 }, (_, i) => [i]);
    const answer = await (await post(server, PATH, { prompt })).json();
    expect(answer.choices).toHaveLength(20);
    expect(most).toBe(3);
    open = 3;
    const refused = await post(server, PATH, { prompt });
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "2"]);
    expect(server.bugs).toEqual([]);
  });

  it("ends at texts and ids of the request, and clips what is too long", async () => {
    const { answer } = await complete({ texts: ["one two"] }, { prompt: "a", stop: " two" });
    expect(answer.choices[0]).toMatchObject({ text: "one", finish_reason: "stop" });
    const [dot] = encode(".");
    const byId = await complete({ texts: ["a. b"] }, { prompt: "a", stop_token_ids: [dot] });
    expect(byId.answer.choices[0]).toMatchObject({ text: "a", finish_reason: "stop" });
    const long = await complete({}, { prompt: "a", max_tokens: 1e9 });
    expect(long.server.desk.last.order.maxTokens).toBe(8191);
    const full = await complete({}, { prompt: Array.from({ length: 8192 }, () => 1) });
    expect(full.answer.error).toMatchObject({ code: "context_length_exceeded" });
  });

  it("goes on inside a character that the prompt has begun", async () => {
    const llama = encode("🦙");
    expect(llama.length).toBeGreaterThan(2);
    const script = { ids: [llama.slice(2)] };
    const { answer } = await complete(script, { prompt: [llama.slice(0, 2)], max_tokens: 9 });
    expect(answer.choices[0].text).toBe("🦙");
  });

  it("is held to a form where the request says one", async () => {
    const constraint = async (more: object) =>
      (await complete({}, { prompt: "a", ...more })).server.desk.last.order.constraint;
    expect(await constraint({})).toBeUndefined();
    expect(await constraint({ structured_outputs: { regex: "a+" } })).toEqual({
      kind: "text",
      grammar: { kind: "regex", pattern: "a+" },
    });
    expect(await constraint({ response_format: { type: "json_object" } })).toEqual({
      kind: "text",
      grammar: { kind: "json" },
    });
  });
});

describe("echo and log-probabilities", () => {
  it("answer the request of lm-eval so that it reads the right numbers", async () => {
    const prompt = [encode("One 🦙 two"), encode("x y")];
    const body = { prompt, max_tokens: 1, temperature: 0, logprobs: 1, echo: true, seed: 1234 };
    const { answer, server } = await complete({ texts: ["!"] }, body);
    for (const [i, ids] of prompt.entries()) {
      expect(server.desk.played[i].order).toMatchObject({ promptLogProbs: true, topLogProbs: 1 });
      const { logprobs, text } = answer.choices[i] as { logprobs: LogProbs; text: string };
      // As it does: the first entry has nothing before it, and the last was generated.
      const scores = logprobs.token_logprobs.slice(1, -1);
      expect(scores).toEqual(ids.slice(1).map((_, at) => -(at + 1) / 3));
      for (const [at, top] of logprobs.top_logprobs.slice(1, -1).entries()) {
        expect(scores[at]).toBe(Math.max(...Object.values(top ?? {})));
      }
      expect([logprobs.token_logprobs[0], logprobs.top_logprobs[0]]).toEqual([null, null]);
      expect(logprobs.tokens).toHaveLength(ids.length + 1);
      expect(text).toBe(`${demoTokenizer().decode(ids)}!`);
    }
  });

  it("count offsets in characters, and name parts of characters by their bytes", async () => {
    const body = { prompt: "a🦙b", echo: true, max_tokens: 0, logprobs: 0 };
    const { answer } = await complete({}, body);
    const { tokens, text_offset, top_logprobs } = answer.choices[0].logprobs as LogProbs;
    expect(tokens).toEqual(["a", "bytes:\\xf0", "bytes:\\x9f", "bytes:\\xa6", "bytes:\\x99", "b"]);
    expect(text_offset).toEqual([0, 1, 1, 1, 1, 2]);
    expect(top_logprobs[1]).toEqual({ "bytes:\\xf0": -1 / 3 }); // the token itself is always there
    expect(answer.choices[0]).toMatchObject({ text: "a🦙b", finish_reason: "length" });
    const named = await complete({}, { ...body, return_tokens_as_token_ids: true });
    expect(named.answer.choices[0].logprobs.tokens[0]).toBe(`token_id:${encode("a")[0]}`);
  });

  it("hold the token itself with the same number, also where others are likelier", async () => {
    const server = served({ ids: [[5]] });
    const submit = server.desk.submit.bind(server.desk);
    const logProb = -2.345678901234567;
    server.desk.submit = (order) => ({
      ...submit(order),
      happenings: (async function* () {
        const top = [{ id: 6, logProb: -0.1 }];
        yield { type: "token", choice: 0, token: { id: 5, logProb, top }, isStop: false } as const;
        yield { type: "end", choice: 0, reason: "length" } as const;
      })(),
    });
    const answer = await (await post(server, PATH, { prompt: "a", logprobs: 1 })).json();
    const { token_logprobs, top_logprobs } = answer.choices[0].logprobs;
    expect(token_logprobs).toEqual([logProb]);
    expect(top_logprobs).toEqual([{ "'": -0.1, "&": logProb }]);
  });

  it("write a probability of nothing as a number", async () => {
    const server = served({});
    const submit = server.desk.submit.bind(server.desk);
    server.desk.submit = (order) => ({
      ...submit(order),
      happenings: (async function* () {
        const token = { id: 5, logProb: Number.NEGATIVE_INFINITY, top: [] };
        yield { type: "token", choice: 0, token, isStop: false } as const;
        yield { type: "end", choice: 0, reason: "length" } as const;
      })(),
    });
    const answer = await (await post(server, PATH, { prompt: "a", logprobs: 0 })).json();
    expect(answer.choices[0].logprobs.token_logprobs).toEqual([-9999]);
  });

  it("with echo alone ask for no numbers; no tokens without echo are refused", async () => {
    const { answer, server } = await complete(
      { texts: ["!"] },
      { prompt: "a b", echo: true, n: 2 },
    );
    expect(server.desk.last.order.promptLogProbs).toBe(false);
    expect(answer.choices.map(({ text }: Choice) => text)).toEqual(["a b!", "a b!"]);
    const none = await complete({}, { prompt: "a", max_tokens: 0 });
    expect(none.answer.error.param).toBe("max_tokens");
  });

  it("of a prompt that fills the context are told, when nothing is generated", async () => {
    const prompt = Array.from({ length: 8192 }, (_, i) => i % 100);
    const { answer } = await complete({}, { prompt, echo: true, max_tokens: 0, logprobs: 1 });
    expect(answer.choices[0].logprobs.tokens).toHaveLength(8192);
  });
});

describe("a stream of completions", () => {
  const scripts: [string, object][] = [
    ["a text", {}],
    ["echo", { echo: true }],
    ["echo and log-probabilities", { echo: true, logprobs: 2 }],
    ["log-probabilities", { logprobs: 0 }],
    ["choices and prompts", { prompt: ["a", "b"], n: 2, logprobs: 1, return_token_ids: true }],
    ["a stop text", { stop: ["🦙"] }],
  ];
  it.each(scripts)("says what an answer says: %s", async (_, more) => {
    const server = served({ texts: ["one 🦙 two", "three"] });
    const body = { prompt: "The 🦙", ...more };
    const whole = await (await post(server, PATH, body)).json();
    const options = { include_usage: true };
    const response = await post(server, PATH, { ...body, stream: true, stream_options: options });
    const chunks = await chunksOf<{ choices: Choice[]; usage: unknown }>(response);
    parse(textAnswer, whole);
    for (const chunk of chunks) parse(textChunk, chunk);
    const choices: Choice[] = [];
    for (const part of chunks.flatMap((chunk) => chunk.choices)) {
      const before = choices[part.index];
      const lists = (key: keyof LogProbs) => [
        ...(before?.logprobs?.[key] ?? []),
        ...(part.logprobs?.[key] ?? []),
      ];
      choices[part.index] = {
        ...part,
        ...before,
        text: (before?.text ?? "") + part.text,
        logprobs: part.logprobs && {
          tokens: lists("tokens") as string[],
          token_logprobs: lists("token_logprobs") as number[],
          top_logprobs: lists("top_logprobs") as Record<string, number>[],
          text_offset: lists("text_offset") as number[],
        },
        finish_reason: part.finish_reason,
        ...(part.token_ids && { token_ids: [...(before?.token_ids ?? []), ...part.token_ids] }),
      };
    }
    expect(choices).toEqual(whole.choices);
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage });
    expect(server.bugs).toEqual([]);
  });

  it("begins with the echo, and before that with a sign that it was taken", async () => {
    const server = served({ waits: true });
    const response = await post(server, PATH, { prompt: "a", stream: true, echo: true });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe(": ping\n\n");
    await reader.cancel();
    expect(server.desk.last.isCancelled).toBe(true);
    const whole = await post(served({}), PATH, { prompt: "a b", stream: true, echo: true });
    const [first] = await chunksOf<{ choices: Choice[] }>(whole);
    expect(first.choices[0].text).toBe("a b");
  });

  it("that ends early gives up all its orders", async () => {
    const server = served({ texts: ["a b c d e f g h i j"], hangsAfter: 3 });
    const body = { prompt: ["a", "b", "c"], n: 2, stream: true };
    const reader = ((await post(server, PATH, body)).body as ReadableStream).getReader();
    for (let i = 0; i < 5; i++) await reader.read();
    await reader.cancel();
    expect(server.desk.played.map(({ isCancelled }) => isCancelled)).toEqual([true, true, true]);
  });
});
