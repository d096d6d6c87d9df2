/** Who may ask, what is refused, and in which words: errors of every kind. */
import { describe, expect, it } from "vitest";
import { SamplingError } from "../../../engine/index.ts";
import { MAX_BODY } from "../../../tools/serve/body.ts";
import { ServeError } from "../../../tools/serve/serve-error.ts";
import type { RequestRecord } from "../../../tools/serve/service.ts";
import { eventsOf, post, served } from "../../support/serve.ts";

const CHAT = "/v1/chat/completions";
const messages = [{ role: "user", content: "Hi" }];

/** Reads an error, and checks that it has all four keys of OpenAI's and no others. */
async function errorOf(response: Response) {
  const { error, ...rest } = await response.json();
  expect(rest).toEqual({});
  expect(Object.keys(error)).toEqual(["message", "type", "param", "code"]);
  return { status: response.status, ...error };
}

describe("who may ask", () => {
  const { app } = served({}, { apiKey: "secret key" });
  const status = async (headers: Record<string, string>, path = "/v1/models") =>
    (await app.request(path, { headers })).status;

  it("is told by the key, in either header", async () => {
    expect(await status({ authorization: "Bearer secret key" })).toBe(200);
    expect(await status({ authorization: "bearer secret key" })).toBe(200);
    expect(await status({ "x-api-key": "secret key" })).toBe(200);
    expect(await status({ authorization: "Bearer wrong", "x-api-key": "secret key" })).toBe(200);
    for (const wrong of [
      "",
      "Bearer",
      "Bearer ",
      "Bearer secret",
      "Bearer secret keyy",
      "secret key",
    ]) {
      expect(await status({ authorization: wrong })).toBe(401);
    }
    expect(await status({})).toBe(401);
    expect(await status({}, "/health")).toBe(200);
    expect(await errorOf(await app.request("/v1/models"))).toMatchObject({
      type: "authentication_error",
      message: expect.not.stringContaining("secret"),
    });
  });

  it("does not matter without a key", async () => {
    const open = served().app;
    for (const authorization of ["Bearer", "Bearer x", "nonsense"]) {
      expect((await open.request("/v1/models", { headers: { authorization } })).status).toBe(200);
    }
  });

  it("must name this computer, or a name that was allowed", async () => {
    const ask = async (host: string, allowedHosts?: readonly string[]) =>
      (await served({}, { allowedHosts }).app.request("/health", { headers: { host } })).status;
    for (const host of ["localhost", "LOCALHOST:80", "127.0.0.1:8080", "[::1]", "[::1]:8080"]) {
      expect([host, await ask(host)]).toEqual([host, 200]);
    }
    for (const host of [
      "evil.example",
      "localhost.evil.example",
      "127.0.0.1.evil.example:80",
      "::1",
      "",
    ]) {
      expect([host, await ask(host)]).toEqual([host, 403]);
    }
    expect(await ask("glm.lan:8080", ["GLM.lan"])).toBe(200);
    expect(await ask("other.lan", ["glm.lan"])).toBe(403);
  });

  it("gets no leave for pages of other sites, unless their origin was named to the letter", async () => {
    const ask = async (origin: string, cors?: readonly string[], method = "OPTIONS") => {
      const headers = { origin, "access-control-request-method": "POST" };
      const response = await served({}, { cors, apiKey: "k" }).app.request(CHAT, {
        method,
        headers,
      });
      return response.headers.get("access-control-allow-origin");
    };
    expect(await ask("https://page.example")).toBeNull();
    expect(await ask("https://page.example", ["https://page.example"])).toBe(
      "https://page.example",
    );
    expect(await ask("https://page.example.evil", ["https://page.example"])).toBeNull();
    expect(await ask("http://page.example", ["https://page.example"])).toBeNull();
    expect(await ask("https://page.example", ["https://page.example"], "POST")).not.toBeNull();
  });
});

describe("paths and methods", () => {
  it("that are not there are named", async () => {
    const server = served();
    expect(await errorOf(await server.app.request("/v1/nothing"))).toMatchObject({ status: 404 });
    expect(await errorOf(await server.app.request(CHAT))).toMatchObject({
      status: 405,
      message: expect.stringContaining("expected POST, got GET"),
    });
    const patch = await server.app.request("/v1/models/a/b", { method: "PATCH" });
    expect(await errorOf(patch)).toMatchObject({ status: 405 });
  });

  it("have the names of Z.ai's API, too", async () => {
    const server = served({ texts: ["Yes."] });
    const body = {
      model: "glm-5.2-demo",
      messages,
      thinking: { type: "disabled" },
      do_sample: false,
    };
    const response = await post(server, "/api/paas/v4/chat/completions", body);
    expect((await response.json()).choices[0].message.content).toBe("Yes.");
    expect(server.desk.last.order.sampling.temperature).toBe(0);
  });
});

describe("a body", () => {
  it.each([
    ["no JSON", "{", "body"],
    ["nothing", "", "body"],
    ["a list", "[]", "body"],
    ["a text after it", "{} {}", "body"],
    ["depth without end", `{"a":${"[".repeat(10_000)}`, "body"],
  ])("that is %s is refused", async (_, body, path) => {
    const server = served();
    const error = await errorOf(await post(server, CHAT, body));
    expect(error).toMatchObject({ status: 400, type: "invalid_request_error", code: null });
    expect(error.message).toContain(path);
    expect(server.bugs).toEqual([]);
  });

  it("is JSON whatever it says it is, and must be UTF-8", async () => {
    const headers = { "content-type": "text/plain" };
    expect((await post(served(), CHAT, { messages }, { headers })).status).toBe(200);
    const body = new Uint8Array([...new TextEncoder().encode('{"a":"'), 0xff, 0x22, 0x7d]);
    const response = await served().app.request(CHAT, { method: "POST", body });
    expect(await errorOf(response)).toMatchObject({ status: 400, message: /UTF-8/ });
  });

  it("that is too long is refused, whether it says so or not", async () => {
    const whole = await post(served(), CHAT, " ".repeat(MAX_BODY + 1));
    expect(await errorOf(whole)).toMatchObject({ status: 413, type: "request_too_large" });
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(to) {
        to.enqueue(new Uint8Array(2 ** 20));
        sent++;
      },
    });
    const init = { method: "POST", body: endless, duplex: "half" } as RequestInit;
    expect((await served().app.request(CHAT, init)).status).toBe(413);
    expect(sent).toBeLessThan(20);
  });

  const fields: [string, object, string][] = [
    ["no messages", { messages: undefined }, "messages"],
    ["empty messages", { messages: [] }, "messages"],
    ["an unknown role", { messages: [{ role: "robot", content: "x" }] }, "messages[0].role"],
    [
      "a part of an unknown type",
      { messages: [{ role: "user", content: [{ type: "hologram", x: 1 }] }] },
      "messages[0].content[0].type",
    ],
    [
      "a content that is a number",
      { messages: [{ role: "user", content: 1 }] },
      "messages[0].content",
    ],
    ["a temperature", { temperature: 2.5 }, "temperature"],
    ["a temperature that is a text", { temperature: "1" }, "temperature"],
    ["a share", { top_p: -0.1 }, "top_p"],
    ["a number of texts", { n: 17 }, "n"],
    ["a fraction of texts", { n: 1.5 }, "n"],
    ["too many stop texts", { stop: Array.from({ length: 17 }, String) }, "stop"],
    ["an empty stop text", { stop: "" }, "stop"],
    ["a stop id", { stop_token_ids: [2040] }, "stop_token_ids[0]"],
    ["a biased id", { logit_bias: { 2040: 1 } }, "logit_bias.2040"],
    ["a biased word", { logit_bias: { dog: 1 } }, "logit_bias.dog"],
    ["a bias", { logit_bias: { 5: 101 } }, "logit_bias.5"],
    ["a seed", { seed: 1.5 }, "seed"],
    ["no tokens", { max_tokens: 0 }, "max_tokens"],
    ["log-probabilities", { logprobs: true, top_logprobs: 21 }, "top_logprobs"],
    ["likeliest tokens without their log-probabilities", { top_logprobs: 2 }, "logprobs"],
    ["a tool choice", { tool_choice: "always" }, "tool_choice"],
    ["a forced call without tools", { tool_choice: "required" }, "tool_choice"],
    ["a format", { response_format: { type: "yaml" } }, "response_format.type"],
    ["an effort", { reasoning_effort: "huge" }, "reasoning_effort"],
    [
      "contradictions",
      { enable_thinking: false, thinking: { type: "enabled" } },
      "enable_thinking",
    ],
    [
      "two forms",
      { response_format: { type: "json_object" }, structured_outputs: { regex: "a" } },
      "structured_outputs",
    ],
    ["functions", { functions: [{ name: "f" }] }, "functions"],
    ["sound", { modalities: ["text", "audio"] }, "modalities"],
    ["the best of more", { best_of: 2 }, "best_of"],
    [
      "a result without its call",
      {
        messages: [
          {
            role: "assistant",
            tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: "" } }],
          },
          { role: "tool", content: "x", tool_call_id: "b" },
        ],
      },
      "messages[1].tool_call_id",
    ],
    [
      "arguments that are no JSON",
      {
        messages: [
          {
            role: "assistant",
            tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: "{" } }],
          },
        ],
      },
      "messages[0].tool_calls[0].function.arguments",
    ],
  ];
  it.each(fields)("with a field that is wrong says which: %s", async (_, more, param) => {
    const server = served();
    const error = await errorOf(await post(server, CHAT, { messages, ...more }));
    expect(error).toMatchObject({ status: 400, type: "invalid_request_error" });
    expect(error.param).toBe(param);
    expect(error.message).toMatch(/expected .+, got .+/);
    expect([server.desk.played, server.bugs]).toEqual([[], []]);
  });

  it("takes values that ask for nothing, and null for anything", async () => {
    const nothing = {
      ...{ functions: [], function_call: "auto", modalities: ["text"], best_of: 1, audio: null },
      ...{ temperature: null, stop: null, tools: null, tool_choice: null, n: null, seed: null },
      ...{ stream_options: null, response_format: { type: "text" }, logit_bias: {}, user: "me" },
      ...{ metadata: { a: "b" }, store: true, enable_thinking: null, max_tokens: null },
    };
    const server = served({}, { strict: true });
    const response = await post(server, CHAT, { messages, ...nothing });
    expect([response.status, response.headers.get("x-glm52-ignored")]).toEqual([200, null]);
    expect(await response.json()).toMatchObject({ object: "chat.completion" });
  });

  it("names what was ignored, or refuses it where the server is strict", async () => {
    const more = { "new field": 1, other: { a: 1 } };
    const asked = [{ role: "user", content: "Hi", reasoning_details: [1], refusal: null }];
    const body = { messages: asked, ...more };
    const response = await post(served(), CHAT, body);
    expect(response.status).toBe(200);
    expect(response.headers.get("x-glm52-ignored")).toBe(
      "new%20field, other, messages%5B%5D.reasoning_details",
    );
    const stream = await post(served(), CHAT, { ...body, stream: true });
    expect(stream.headers.get("x-glm52-ignored")).toContain("other");
    const strict = await errorOf(await post(served({}, { strict: true }), CHAT, body));
    expect(strict).toMatchObject({ status: 400, param: "new field" });
  });

  it("gives seeds of 64 bits, which are folded; small ones stay", async () => {
    const seedOf = async (seed: string, options = {}) => {
      const server = served({}, options);
      const text = `{"messages":[{"role":"user","content":"Hi"}]${seed && `,"seed":${seed}`}}`;
      expect((await post(server, CHAT, text)).status).toBe(200);
      return server.desk.last.order.seed;
    };
    expect(await seedOf("")).toBe(0);
    expect(await seedOf("", { seed: 9 })).toBe(9);
    expect(await seedOf("1234")).toBe(1234);
    expect(await seedOf("4294967295")).toBe(4294967295);
    expect(await seedOf("4294967296")).toBe(1);
    expect(await seedOf("9223372036854775807")).toBe(0x8000_0000);
    expect(await seedOf("9223372036854775806")).not.toBe(await seedOf("9223372036854775807"));
    expect(await seedOf("-1")).toBe(0);
  });

  it("says which model it wants", async () => {
    const status = async (model: string | undefined, options = {}) =>
      (await post(served({}, { anyModel: false, ...options }), CHAT, { messages, model })).status;
    expect(await status(undefined)).toBe(400);
    expect(await status(undefined, { anyModel: true })).toBe(200);
    expect(await status("glm-5.2-demo")).toBe(200);
    expect(await status("gpt")).toBe(404);
    expect(await status("gpt", { aliases: ["gpt"] })).toBe(200);
    expect(await status("gpt", { anyModel: true })).toBe(200);
    const server = served({}, { anyModel: false });
    const error = await errorOf(await post(server, CHAT, { messages, model: "gpt" }));
    expect(error).toMatchObject({ code: "model_not_found", param: "model" });
  });
});

describe("what goes wrong behind the desk", () => {
  const kinds = [
    ["queue-full", 429, "rate_limit_error", "queue_full"],
    ["unavailable", 503, "unavailable", null],
    ["failed", 500, "server_error", null],
    ["timeout", 408, "timeout_error", null],
    ["context-length", 400, "invalid_request_error", "context_length_exceeded"],
  ] as const;
  it.each(kinds)("before the answer has its status: %s", async (kind, status, type, code) => {
    const refusal = new ServeError(kind, "here", "this");
    for (const stream of [false, true]) {
      const response = await post(served({ refusal }), CHAT, { messages, stream });
      const waits = status === 429 || status === 503;
      expect(response.headers.get("retry-after")).toBe(waits ? "2" : null);
      expect(response.headers.get("x-should-retry")).toBe(status === 500 ? "false" : null);
      expect(await errorOf(response)).toMatchObject({ status, type, code });
    }
  });

  it("after the headers is an event that clients raise, then the end", async () => {
    const error = new ServeError("failed", "engine", "broke");
    for (const path of [CHAT, "/v1/completions"]) {
      const server = served({ texts: ["a b c"], failsAfter: { tokens: 2, error } });
      const response = await post(server, path, { messages, prompt: "a", stream: true });
      expect(response.status).toBe(200);
      const events = await eventsOf(response);
      expect(events.at(-1)?.data).toBe("[DONE]");
      expect(JSON.parse(events.at(-2)?.data ?? "")).toEqual({
        error: { message: "engine: broke", type: "server_error", param: null, code: null },
      });
      expect(events.some(({ data }) => data.includes('"finish_reason":"stop"'))).toBe(false);
    }
  });

  it("is told without its text when it is a mistake of the program", async () => {
    const error = new TypeError("x is not a function, and here is /a/secret/path");
    const server = served({ texts: ["a b"], failsAfter: { tokens: 1, error } });
    const told = await errorOf(await post(server, CHAT, { messages }));
    expect(told).toMatchObject({ status: 500, message: expect.not.stringContaining("secret") });
    expect(server.bugs).toEqual([error]);
    const stream = await (await post(server, CHAT, { messages, stream: true })).text();
    expect(stream).not.toContain("secret");
    expect(server.bugs).toEqual([error, error]);
  });

  it("is the request's when the engine says so", async () => {
    const error = new SamplingError("temperature", "expected less, got more");
    const server = served({ failsAfter: { tokens: 0, error } });
    const told = await errorOf(await post(server, CHAT, { messages }));
    expect(told).toMatchObject({ status: 400, param: "temperature" });
    expect(server.bugs).toEqual([]);
  });
});

describe("the log", () => {
  it("has a line for each request, with its cost and without its words", async () => {
    const lines: RequestRecord[] = [];
    const log = (line: RequestRecord) => lines.push(line);
    const server = served({ texts: ["Hm.</think>Secret."], cachedTokens: 64 }, { log });
    const asked = [{ role: "user", content: "my secret" }];
    const body = { messages: asked, model: "glm-5.2-demo" };
    const { id } = await (await post(server, CHAT, body)).json();
    await (await post(server, CHAT, { ...body, stream: true })).text();
    await post(server, CHAT, { ...body, temperature: 9 });
    const cut = await post(server, CHAT, { ...body, stream: true });
    await cut.body?.cancel();
    expect(lines.map(({ status, error, path }) => [status, error, path])).toEqual([
      [200, undefined, CHAT],
      [200, undefined, CHAT],
      [400, "request", CHAT],
      [499, undefined, CHAT],
    ]);
    expect(lines[0].id).toBe(id);
    const usage = lines.slice(0, 2).map((line) => line.usage?.());
    expect(usage[0]).toMatchObject({ cachedTokens: 64, reasoningTokens: 4 });
    expect(usage[1]).toEqual(usage[0]);
    expect(JSON.stringify(lines).toLowerCase()).not.toContain("secret");
  });
});
