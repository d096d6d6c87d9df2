/** Given replies: which one is given, what it becomes on the wire, and what cannot be given. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ScriptSpec } from "../../../tools/constrain/grammar.ts";
import { serveApp } from "../../../tools/serve/app.ts";
import { type ServedFolder, serveFolder } from "../../../tools/serve/engine/serve-folder.ts";
import { readScript } from "../../../tools/serve/script/script-file.ts";
import { ScriptedReplies } from "../../../tools/serve/script/scripted-replies.ts";
import type { ServeOptions } from "../../../tools/serve/service.ts";
import { post, type Served, served } from "../../support/serve.ts";

const scriptOf = (...entries: object[]): ScriptedReplies =>
  new ScriptedReplies(readScript(JSON.stringify(entries), "replies.json"));

/** A server whose model would say something else. */
const playing = (entries: object[], options: ServeOptions = {}): Served =>
  served({ texts: ["Nobody asked."] }, { think: "off", script: scriptOf(...entries), ...options });

const ask = (content: string, more: object = {}) => ({
  messages: [{ role: "user", content }],
  ...more,
});

const weather = {
  type: "function",
  function: {
    name: "weather",
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, days: { type: "integer" } },
    },
  },
};
const CALL =
  "<tool_call>weather<arg_key>city</arg_key><arg_value>Bonn</arg_value>" +
  "<arg_key>days</arg_key><arg_value>3</arg_value></tool_call>";
const call = { name: "weather", arguments: { city: "Bonn", days: 3 } };

async function contentOf(server: Pick<Served, "app">, body: object): Promise<string> {
  const answer = await post(server, "/v1/chat/completions", body);
  const json = (await answer.json()) as {
    choices?: { message: { content: string } }[];
    error?: { message: string };
  };
  return json.error
    ? `${answer.status} ${json.error.message}`
    : String(json.choices?.[0].message.content);
}

describe("which reply is given", () => {
  it("is the first that the last message asks for, else the next one in turn", async () => {
    const server = playing([
      { content: "One." },
      { when: "cat", content: "A cat." },
      { content: "Two." },
      { when: "a cat", content: "Never." },
    ]);
    const got: string[] = [];
    for (const text of ["Hi", "I have a cat", "Hi", "cats?"]) {
      got.push(await contentOf(server, ask(text)));
    }
    expect(got).toEqual(["One.", "A cat.", "Two.", "A cat."]);
    expect(await contentOf(server, ask("Hi"))).toMatch(
      /^400 script at its end: expected an entry for "Hi"; none of the 2 with "when" fits, and all 2/,
    );
  });

  it("is told by the last message alone, a tool's too", async () => {
    const server = playing([{ when: "sunny", content: "Go out." }, { content: "Well." }]);
    const messages = [
      { role: "user", content: "Is it sunny?" },
      {
        role: "assistant",
        content: "",
        tool_calls: [{ id: "a", type: "function", function: { name: "weather", arguments: "{}" } }],
      },
      { role: "tool", tool_call_id: "a", content: [{ type: "text", text: "It is sunny" }] },
    ];
    expect(await contentOf(server, { messages, tools: [weather] })).toBe("Go out.");
    const asked = [
      ...messages.slice(0, 1),
      { role: "assistant", content: "Yes." },
      { role: "user", content: "And?" },
    ];
    expect(await contentOf(server, { messages: asked })).toBe("Well.");
  });

  it("is not used up by a request that is refused", async () => {
    const server = playing([{ calls: [call] }, { content: "Done." }]);
    expect(await contentOf(server, ask("Hi"))).toMatch(
      /^400 .*a tool that the request declares \(none\), got one of "weather"/,
    );
    expect(await contentOf(server, ask("Hi", { tools: [weather] }))).toBe("null");
    expect(await contentOf(server, ask("Hi"))).toBe("Done.");
  });
});

describe("what a reply becomes", () => {
  const cases: [string, object, string, object][] = [
    ["a text", { content: "Hello, Bonn! 🌦" }, "Hello, Bonn! 🌦", {}],
    [
      "reasoning",
      { reasoning: "Let me see.", content: "Yes." },
      "Let me see.</think>Yes.",
      { enable_thinking: true },
    ],
    [
      "no reasoning where there could be some",
      { content: "Yes." },
      "</think>Yes.",
      { enable_thinking: true },
    ],
    ["a call", { content: "I ask.", calls: [call] }, `I ask.${CALL}`, { tools: [weather] }],
    ["two calls", { calls: [call, call] }, CALL + CALL, { tools: [weather] }],
    ["a raw text", { text: `<b>${CALL}` }, `<b>${CALL}`, { tools: [weather] }],
    ["several choices", { content: "Twice." }, "Twice.", { n: 2, top_logprobs: 2, logprobs: true }],
  ];
  type Body = ReturnType<typeof ask> & { tools?: unknown; enable_thinking?: boolean };
  const apis: [string, (body: Body) => object][] = [
    ["/v1/chat/completions", (body) => body],
    [
      "/v1/responses",
      ({ messages, tools, enable_thinking }) => ({
        input: messages,
        ...(tools !== undefined && { tools: [{ type: "function", ...weather.function }] }),
        ...(enable_thinking && { reasoning: { effort: "high" } }),
      }),
    ],
    [
      "/v1/messages",
      ({ messages, tools, enable_thinking }) => ({
        messages,
        max_tokens: 100,
        ...(tools !== undefined && {
          tools: [{ name: "weather", input_schema: weather.function.parameters }],
        }),
        ...(enable_thinking && { thinking: { type: "enabled", budget_tokens: 50 } }),
      }),
    ],
  ];
  it.each(cases)("%s: the bytes that a model gives which says it", async (_, entry, text, more) => {
    for (const [path, bodyOf] of apis) {
      for (const stream of [false, true]) {
        const body = { model: "glm-5.2-demo", ...bodyOf(ask("Go.", more)) };
        const [got, want] = await Promise.all(
          [playing([entry]), served({ texts: [text] }, { think: "off" })].map(async (server) => {
            const answer = await post(server, path, { ...body, stream });
            expect(server.bugs).toEqual([]);
            return [answer.status, await answer.text()];
          }),
        );
        expect(got).toEqual(want);
        expect(got).toEqual([200, expect.anything()]);
      }
    }
  });

  it("is cut off where the request wants no more", async () => {
    const answer = await post(
      playing([{ content: "One two three four." }]),
      "/v1/chat/completions",
      ask("Hi", { max_tokens: 2 }),
    );
    expect(await answer.json()).toMatchObject({ choices: [{ finish_reason: "length" }] });
  });

  it("ends with the token of who speaks next", async () => {
    const server = playing([{ content: "Hi." }, { calls: [call] }]);
    const { tokenizer } = server.desk.model;
    await contentOf(server, ask("Hi", { tools: [weather] }));
    const first = server.desk.last.order.constraint as ScriptSpec;
    await contentOf(server, ask("Hi", { tools: [weather] }));
    const second = server.desk.last.order.constraint as ScriptSpec;
    expect([first, second].map(({ ids }) => tokenizer.decode(ids.slice(-1)))).toEqual([
      "<|user|>",
      "<|observation|>",
    ]);
  });

  it("spells tags as text where a message has them, and as tags where a text has", async () => {
    const server = playing([{ content: "<|user|>Hi" }, { text: "Hi<|user|>, there" }]);
    expect(await contentOf(server, ask("Hi"))).toBe("<|user|>Hi");
    expect(await contentOf(server, ask("Hi"))).toBe("Hi");
  });

  it("goes on with texts, one for each prompt", async () => {
    const server = playing([{ when: "cat", text: " sat" }, { text: " one" }, { text: " two" }]);
    const answer = await post(server, "/v1/completions", { prompt: ["A dog", "A cat", "A fox"] });
    const { choices } = (await answer.json()) as { choices: { text: string }[] };
    expect(choices.map(({ text }) => text)).toEqual([" one", " sat", " two"]);
    const scored = await post(server, "/v1/completions", {
      prompt: "A",
      max_tokens: 0,
      echo: true,
    });
    expect(scored.status).toBe(200); // nothing is said, so nothing is missing
    const refused = await post(playing([{ content: "x" }]), "/v1/completions", { prompt: "A" });
    expect([refused.status, await refused.text()]).toEqual([
      400,
      expect.stringContaining("replies.json[0]: expected text"),
    ]);
  });
});

describe("what cannot be given", () => {
  const tools = [weather];
  const refusals: [string, object, object, string][] = [
    [
      "a tool that is not declared",
      { text: "<tool_call>rain</tool_call>" },
      { tools },
      '("weather"), got one of "rain"',
    ],
    [
      "a call where none may be",
      { calls: [call] },
      { tools, tool_choice: "none" },
      "the request does not allow it",
    ],
    [
      "no call where one must be",
      { content: "No." },
      { tools, tool_choice: "required" },
      'after "", got "No"',
    ],
    [
      "two calls where one may be",
      { calls: [call, call] },
      { tools, parallel_tool_calls: false },
      "the request does not allow it",
    ],
    [
      "a content of another form",
      { content: "No." },
      { response_format: { type: "json_object" } },
      "the request does not allow it",
    ],
    [
      "reasoning where there is none",
      { reasoning: "Hm.", content: "No." },
      {},
      "only where the request lets the model think",
    ],
    [
      "blanks that the template takes away",
      { content: " No. " },
      {},
      'the model cannot say " No. ", it is read as "No."',
    ],
    [
      "an argument that is read as another",
      { calls: [{ name: "weather", arguments: { days: "3" } }] },
      { tools },
      "calls[0]",
    ],
  ];
  it.each(refusals)("%s is a typed error", async (_, entry, more, message) => {
    const said = await contentOf(playing([entry]), ask("Hi", more));
    expect(said).toContain("400 script replies.json[0]");
    expect(said).toContain(message);
  });

  it("is a content of the right form, to compare", async () => {
    const server = playing([{ content: '{"a": 1}' }, { calls: [call] }]);
    expect(await contentOf(server, ask("Hi", { response_format: { type: "json_object" } }))).toBe(
      '{"a": 1}',
    );
    expect(await contentOf(server, ask("Hi", { tools, tool_choice: "required" }))).toBe("null");
  });

  it.each([
    ["[]", "replies.json: expected one entry at least, got none"],
    ['{"content": 1}', "replies.json: line 1.content: expected a string, got a number"],
    [
      '{"content": "a"}\n{"contents": "b"}',
      "replies.json: line 2.contents: expected one of the keys",
    ],
    [
      '[{"when": "a"}]',
      "replies.json[0]: expected text, content, reasoning or calls, got none of them",
    ],
    [
      '[{"text": "a", "calls": []}]',
      "replies.json[0]: expected text, or content, reasoning and calls, got text and calls",
    ],
    ['[{"when": "", "text": "a"}]', "replies.json[0].when: expected a name"],
    ['[{"calls": [{"arguments": {}}]}]', "replies.json[0].calls[0].name: expected a string"],
    ["{", "replies.json: line 1"],
  ])("a file like %s says where it is wrong", (text, message) => {
    expect(() => readScript(text, "replies.json")).toThrow(message);
  });
});

describe("a script before a model", () => {
  let model: ServedFolder;
  beforeAll(async () => {
    model = await serveFolder(undefined, { open: { threads: 1 }, rows: {}, name: "demo" });
  });
  afterAll(() => model.desk.close(0));

  it("forces the reply, whose log-probabilities stay the model's own", async () => {
    const entries = [{ content: "Quite unlikely, Xaver." }, { content: "I ask.", calls: [call] }];
    const options = {
      think: "off",
      anyModel: true,
      clock: false,
      script: scriptOf(...entries),
    } as const;
    const app = serveApp(model.desk, options);
    const body = ask("Hi", { logprobs: true, top_logprobs: 1, seed: 3, return_token_ids: true });
    const answer = await post({ app }, "/v1/chat/completions", body);
    const { choices, prompt_token_ids: prompt } = (await answer.json()) as {
      prompt_token_ids: number[];
      choices: [
        {
          message: object;
          finish_reason: string;
          token_ids: number[];
          logprobs: { content: { logprob: number }[] };
        },
      ];
    };
    const [{ message, finish_reason, token_ids: ids, logprobs }] = choices;
    expect([message, finish_reason]).toMatchObject([{ content: entries[0].content }, "stop"]);
    // Scored as a text that was there from the beginning, it is exactly as likely.
    const scored = await post({ app }, "/v1/completions", {
      prompt: [...prompt, ...ids],
      max_tokens: 0,
      echo: true,
      logprobs: 0,
    });
    const {
      choices: [text],
    } = (await scored.json()) as { choices: [{ logprobs: { token_logprobs: number[] } }] };
    expect(logprobs.content.map(({ logprob }) => logprob)).toEqual(
      text.logprobs.token_logprobs.slice(prompt.length),
    );
    expect(logprobs.content.some(({ logprob }) => logprob < -5)).toBe(true);
    const called = await post({ app }, "/v1/chat/completions", ask("Hi", { tools: [weather] }));
    expect(await called.json()).toMatchObject({
      choices: [
        {
          finish_reason: "tool_calls",
          message: {
            content: "I ask.",
            tool_calls: [
              { function: { name: "weather", arguments: '{"city": "Bonn", "days": 3}' } },
            ],
          },
        },
      ],
    });
  });
});
