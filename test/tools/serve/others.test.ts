/** Models, the tokenizer, health, metrics, the OpenAPI document, and how streams are merged. */
import { describe, expect, it } from "vitest";
import { promptIds, renderChat } from "../../../tokenizer/chat/index.ts";
import { merged } from "../../../tools/serve/merged.ts";
import { callIds, RequestIds } from "../../../tools/serve/request-ids.ts";
import { demoTokenizer } from "../../support/scripted-desk.ts";
import { post, served } from "../../support/serve.ts";

const tokenizer = demoTokenizer();
const messages = [{ role: "user", content: "Hi" }] as const;

describe("models", () => {
  it("are listed as both SDKs read them", async () => {
    const { app } = served({}, { anyModel: false, aliases: ["zai/glm 5.2"] });
    const list = await (await app.request("/v1/models")).json();
    expect(list).toEqual({
      object: "list",
      data: [
        {
          id: "glm-5.2-demo",
          object: "model",
          created: 0,
          owned_by: "glm52.ts",
          max_model_len: 8192,
          type: "model",
          display_name: "glm-5.2-demo",
          created_at: "1970-01-01T00:00:00.000Z",
        },
        expect.objectContaining({ id: "zai/glm 5.2" }),
      ],
      first_id: "glm-5.2-demo",
      last_id: "zai/glm 5.2",
      has_more: false,
    });
    for (const { id } of list.data) {
      const path = `/v1/models/${encodeURIComponent(id)}`;
      expect(await (await app.request(path)).json()).toMatchObject({ id });
    }
    expect(await (await app.request("/v1/models/zai/glm%205.2")).json()).toMatchObject({
      id: "zai/glm 5.2",
    });
    expect((await app.request("/v1/models/gpt")).status).toBe(404);
  });
});

describe("the tokenizer", () => {
  const tokenize = async (body: object) => (await post(served(), "/tokenize", body)).json();

  it("gives the ids of texts, with control tokens by their spelling", async () => {
    expect(await tokenize({ prompt: "a 🦙<|endoftext|>" })).toEqual({
      count: tokenizer.encode("a 🦙").length + 1,
      max_model_len: 8192,
      tokens: [...tokenizer.encode("a 🦙"), 2004],
      token_strs: null,
    });
    expect(
      (await tokenize({ content: "<|endoftext|>", add_special_tokens: false })).tokens,
    ).toEqual([2004]);
    const { token_strs } = await tokenize({ prompt: "Once upon", return_token_strs: true });
    expect(token_strs.join("")).toBe("Once upon");
    expect(await tokenize({ prompt: "" })).toMatchObject({ count: 0, tokens: [] });
  });

  it("gives the ids of the prompt of a conversation", async () => {
    const prompt = renderChat({ messages, add_generation_prompt: true });
    const ids = [...promptIds(tokenizer, prompt, { controlTokensIn: "protocol" })];
    expect((await tokenize({ messages })).tokens).toEqual(ids);
    const off = renderChat({ messages, enable_thinking: false });
    const body = {
      ...{ messages, add_generation_prompt: false },
      chat_template_kwargs: { enable_thinking: false },
    };
    expect((await tokenize(body)).tokens).toEqual([...promptIds(tokenizer, off)]);
  });

  it("wants one thing to tokenize", async () => {
    for (const body of [{}, { prompt: "a", messages }]) {
      expect((await tokenize(body)).error.param).toBe("prompt");
    }
  });

  it("gives texts back, and refuses ids that are none", async () => {
    const { tokens } = await tokenize({ prompt: "Once 🦙 <|user|>" });
    const text = await (await post(served(), "/detokenize", { tokens })).json();
    expect(text).toEqual({ prompt: "Once 🦙 <|user|>" });
    for (const wrong of [[99_999], [-1], [1.5], ["1"], 1]) {
      expect((await post(served(), "/detokenize", { tokens: wrong })).status).toBe(400);
    }
  });

  it("says what lm-eval asks: its texts and the template", async () => {
    expect(await (await served().app.request("/tokenizer_info")).json()).toEqual({
      tokenizer_class: "PreTrainedTokenizerFast",
      eos_token: "<|endoftext|>",
      bos_token: null,
      pad_token: "<|endoftext|>",
      chat_template: "{{ messages }}",
    });
  });
});

describe("settings of the server", () => {
  it("say how the model thinks where a request does not", async () => {
    const startOf = async (body: object, options: Parameters<typeof served>[1]) => {
      const server = served({}, options);
      await post(server, "/v1/chat/completions", { messages, ...body });
      return tokenizer.decode(server.desk.last.order.ids);
    };
    expect(await startOf({}, {})).toMatch(/Effort: Max.*<think>$/s);
    expect(await startOf({}, { think: "off" })).toMatch(/<think><\/think>$/);
    expect(await startOf({}, { think: "high" })).toMatch(/Effort: High.*<think>$/s);
    for (const body of [
      { enable_thinking: true },
      { reasoning_effort: "max" },
      { thinking: { type: "enabled" } },
      { chat_template_kwargs: { enable_thinking: true } },
    ]) {
      expect(await startOf(body, { think: "off" })).toMatch(/Effort: Max.*<think>$/s);
    }
  });

  it("say whether tools are called where a request does not", async () => {
    const tools = [{ type: "function", function: { name: "f" } }];
    const choiceOf = async (body: object) => {
      const server = served({}, { toolChoice: "required" });
      await post(server, "/v1/chat/completions", { messages, ...body });
      const { constraint } = server.desk.last.order;
      return constraint?.kind === "reply" ? constraint.toolChoice.kind : undefined;
    };
    expect(await choiceOf({ tools })).toBe("required");
    expect(await choiceOf({ tools, tool_choice: "auto" })).toBeUndefined();
    expect(await choiceOf({})).toBeUndefined();
  });

  it("give orders their time", async () => {
    const server = served({}, { timeout: 1234 });
    await post(server, "/v1/completions", { prompt: "a" });
    expect(server.desk.last.order.timeout).toBe(1234);
  });
});

describe("the state of the server", () => {
  it("is well while it takes orders", async () => {
    const server = served({}, { version: "1.2.3" });
    const health = await server.app.request("/health");
    expect([health.status, await health.json()]).toEqual([200, {}]);
    expect(await (await server.app.request("/version")).json()).toEqual({ version: "1.2.3" });
    server.desk.isOpen = false;
    expect((await server.app.request("/health")).status).toBe(503);
  });

  it("is counted in the form of Prometheus, under vLLM's names", async () => {
    const server = served({ texts: ["a b c"] });
    const chat = "/v1/chat/completions";
    await post(server, chat, { messages, max_tokens: 2 });
    await post(server, chat, { messages, enable_thinking: false, stop: ["b"] });
    await (await post(server, chat, { messages, stream: true })).body?.cancel();
    const response = await server.app.request("/metrics");
    expect(response.headers.get("content-type")).toContain("version=0.0.4");
    const text = await response.text();
    const values = new Map<string, number>();
    for (const line of text.split("\n").filter((l) => l !== "" && !l.startsWith("#"))) {
      const [, name, labels, value] = /^([a-z_:0-9]+)\{(.*)\} (\S+)$/.exec(line) ?? [];
      expect(labels).toMatch(/^model_name="glm-5.2-demo",engine="0"/);
      const rest = labels.replace('model_name="glm-5.2-demo",engine="0"', "");
      values.set(name + rest, Number(value));
      expect(Number.isFinite(Number(value))).toBe(true);
      const family = name.replace(/_(bucket|sum|count)$/, "");
      expect(text).toMatch(new RegExp(`# TYPE (${name}|${family}) `));
    }
    expect(values.get("vllm:kv_cache_usage_perc")).toBe(0.25);
    expect(values.get("vllm:num_preemptions_total")).toBe(1);
    expect(values.get("vllm:prefix_cache_hits_total")).toBe(64);
    expect(values.get('vllm:request_success_total,finished_reason="length"')).toBe(1);
    expect(values.get('vllm:request_success_total,finished_reason="stop"')).toBe(1);
    expect(values.get("glm52_cancelled_total")).toBe(1);
    const prompts = server.desk.played.reduce((sum, { order }) => sum + order.ids.length, 0);
    expect(values.get("vllm:prompt_tokens_total")).toBe(prompts);
    expect(values.get("vllm:request_prompt_tokens_sum")).toBe(prompts);
    expect(values.get("vllm:time_to_first_token_seconds_count")).toBeGreaterThan(1);
    const buckets = [...values].filter(([name]) =>
      name.startsWith("vllm:request_prompt_tokens_bucket"),
    );
    const counts = buckets.map(([, n]) => n);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(counts.at(-1)).toBe(values.get("vllm:request_prompt_tokens_count"));
  });
});

describe("the OpenAPI document", () => {
  it("describes every path, with the bodies that are checked", async () => {
    const { app } = served({}, { apiKey: "k" });
    const headers = { authorization: "Bearer k" };
    const document = await (await app.request("/openapi.json", { headers })).json();
    expect(document.openapi).toBe("3.1.0");
    expect(document.security).toEqual([{ key: [] }]);
    const described = Object.entries<Record<string, unknown>>(document.paths).flatMap(
      ([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const routes = app.routes
      .filter(({ method, path }) => method !== "ALL" && !path.startsWith("/api/paas"))
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)\{[^}]*\}/g, "{$1}")}`);
    expect(described.toSorted()).toEqual(routes.toSorted());
    const chat = document.paths["/v1/chat/completions"].post;
    const { properties, required } = chat.requestBody.content["application/json"].schema;
    expect(required).toEqual(["messages"]);
    expect(properties.temperature).toEqual({ type: "number", minimum: 0, maximum: 2 });
    const { "application/json": answer, "text/event-stream": events } =
      chat.responses["200"].content;
    expect(answer.schema.required).toContain("usage");
    expect(events["x-itemSchema"].properties.object).toEqual({ const: "chat.completion.chunk" });
  });

  it("holds everything that it refers to, and the shape of each API's errors", async () => {
    const document = await (await served({}).app.request("/openapi.json")).json();
    const { schemas } = document.components;
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)].map(([, ref]) => ref);
    expect(refs.some((ref) => ref.startsWith("#/components/schemas/v1.responses."))).toBe(true);
    const names = refs.map((ref) => ref.replace("#/components/schemas/", ""));
    expect(names.filter((name) => schemas[name] === undefined)).toEqual([]);
    const errorOf = (path: string) =>
      document.paths[path].post.responses.default.content["application/json"].schema.$ref;
    expect(errorOf("/v1/responses")).toBe("#/components/schemas/Error");
    expect(errorOf("/v1/messages")).toBe("#/components/schemas/TypedError");
  });
});

describe("ids", () => {
  it("depend on the model, the path, the body and how often it came, and on nothing else", () => {
    const body = new Map([["a", 1]]);
    const first = () => new RequestIds("model").next("x-", "/p", body);
    expect(first()).toBe(first());
    const ids = new RequestIds("model");
    const all = [
      ids.next("x-", "/p", body),
      ids.next("x-", "/p", body),
      ids.next("x-", "/p", body),
      ids.next("x-", "/q", body),
      ids.next("x-", "/p", new Map([["a", 2]])),
      new RequestIds("other").next("x-", "/p", body),
    ];
    expect(new Set(all).size).toBe(all.length);
    const calls = [callIds([1, 2]), callIds([12]), callIds([1, 2, 3])];
    const named = calls.flatMap((id) => [id(0, 0), id(0, 1), id(1, 0)]);
    expect(new Set(named).size).toBe(named.length);
  });
});

describe("merged streams", () => {
  const rules = { atOnce: 2, canWait: (error: unknown) => error === "full" };
  async function* count(name: string, n: number): AsyncGenerator<string> {
    for (let i = 0; i < n; i++) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      yield `${name}${i}`;
    }
  }
  const all = async (streams: (() => AsyncIterable<string>)[]) => {
    const items: string[] = [];
    for await (const item of merged(streams, rules)) items.push(item);
    return items;
  };

  it("give everything, each in its order, no more than so many at once", async () => {
    let open = 0;
    let most = 0;
    const streams = [3, 0, 2, 1].map(
      (n, i) =>
        async function* () {
          most = Math.max(most, ++open);
          yield* count("abcd"[i], n);
          open--;
        },
    );
    const items = await all(streams);
    expect(items.toSorted()).toEqual(["a0", "a1", "a2", "c0", "c1", "d0"]);
    expect(items.filter((item) => item.startsWith("a"))).toEqual(["a0", "a1", "a2"]);
    expect(most).toBe(2);
    expect(await all([])).toEqual([]);
  });

  it("try one again that found no place, if others run", async () => {
    let tries = 0;
    const busy = async function* () {
      tries++;
      if (tries < 2) throw "full";
      yield* count("b", 1);
    };
    expect(await all([() => count("a", 3), busy])).toEqual(["a0", "a1", "a2", "b0"]);
    tries = 0;
    await expect(all([busy])).rejects.toBe("full");
  });

  it("end all others when one fails, or nobody listens", async () => {
    let ended = 0;
    const endless = async function* () {
      try {
        for (;;) yield* count("a", 1);
      } finally {
        ended++;
      }
    };
    const broken = async function* () {
      yield* count("b", 1);
      throw new Error("broken");
    };
    await expect(all([endless, broken])).rejects.toThrow("broken");
    expect(ended).toBe(1);
    for await (const _ of merged([endless, endless], rules)) break;
    expect(ended).toBe(3);
  });
});
