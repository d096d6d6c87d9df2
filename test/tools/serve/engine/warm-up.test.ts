/** Tests that prompts which were run before the server opens are not run again, and what a file of them may say. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serveApp } from "../../../../tools/serve/app.ts";
import { type ServedFolder, serveFolder } from "../../../../tools/serve/engine/serve-folder.ts";
import { readWarmRequests, warmUp } from "../../../../tools/serve/warm-up.ts";
import { post } from "../../../support/serve.ts";

const PAGES = 8;
const PAGE_BYTES = 196_608; // of the demo model: 64 positions in f32
const options = { clock: false, anyModel: true, think: "off" } as const;

let served: ServedFolder;
beforeAll(async () => {
  const rowBytes = PAGES * PAGE_BYTES;
  served = await serveFolder(undefined, { open: { threads: 1 }, rows: {}, rowBytes, name: "demo" });
});
afterAll(() => served.desk.close(0));

const LONG = "Once there was a fox, who had a friend, and the friend was a bird. ".repeat(9);
const model = "demo";
const messages = [{ role: "user", content: LONG }];
const entries = [
  {
    path: "/v1/messages",
    model,
    max_tokens: 900,
    system: LONG,
    messages: [{ role: "user", content: "Hi" }],
    stream: true,
  },
  { model, messages, n: 3, return_routed_experts: true },
];

const read = (list: readonly object[]) => readWarmRequests(JSON.stringify(list), "warm.json");

describe("prompts that are run first", () => {
  it("are there for the requests that follow, whose answers are the same", async () => {
    const cold = serveApp(served.desk, options);
    const answerOf = async (app: ReturnType<typeof serveApp>, path: string, body: object) => {
      const answer = await post({ app }, path, {
        ...body,
        max_tokens: 2,
        n: 1,
        stream: false,
        return_routed_experts: null,
      });
      return (await answer.json()) as {
        usage: {
          prompt_tokens?: number;
          cache_read_input_tokens?: number;
          input_tokens?: number;
          prompt_tokens_details?: { cached_tokens: number };
        };
      };
    };
    const { nTokens, notes } = await warmUp(served.desk, options, read(entries));
    expect(notes).toEqual([]);
    const app = serveApp(served.desk, options);
    const [{ path, ...first }, second] = entries;
    const one = await answerOf(app, path ?? "", { ...first, n: undefined });
    const two = await answerOf(app, "/v1/chat/completions", second);
    expect(one.usage.cache_read_input_tokens).toBeGreaterThan(64);
    expect(two.usage.prompt_tokens_details?.cached_tokens).toBeGreaterThan(64);
    const [a, b] = [one.usage, two.usage];
    expect(nTokens).toBe(
      Number(a.input_tokens) + Number(a.cache_read_input_tokens) + Number(b.prompt_tokens),
    );
    expect(await answerOf(cold, "/v1/chat/completions", second)).toEqual(two);
  });

  it("say when there is no room for all of them", async () => {
    const many = Array.from({ length: 4 }, (_, i) => ({ prompt: `${i} ${LONG}` }));
    const { notes } = await warmUp(served.desk, options, read(many));
    expect(notes).toEqual([
      expect.stringMatching(/^there is no room to keep all \d+ tokens; --kv-ram gives more$/),
    ]);
  });

  it("say what the server would refuse, or does not know", async () => {
    const wrong = read([{ messages: [{ role: "nobody", content: "Hi" }] }]);
    await expect(warmUp(served.desk, options, wrong)).rejects.toThrow(
      "warm.json[0]: messages[0].role",
    );
    const { notes } = await warmUp(served.desk, options, read([{ prompt: "Hi", colour: "red" }]));
    expect(notes).toEqual(["warm.json[0]: the server does not know colour"]);
  });
});

describe("a file of requests", () => {
  it("has bodies, whose replies are cut", () => {
    const lines = '{"prompt": "a", "max_tokens": 9, "temperature": 1.0}\n{"input": "b"}\n';
    expect(readWarmRequests(lines, "warm.jsonl")).toEqual([
      {
        where: "warm.jsonl: line 1",
        path: "/v1/completions",
        body: '{"prompt": "a", "temperature": 1.0, "max_tokens": 1}',
      },
      {
        where: "warm.jsonl: line 2",
        path: "/v1/responses",
        body: '{"input": "b", "max_output_tokens": 1}',
      },
    ]);
  });

  it.each([
    ["[]", "warm.json: expected one entry at least"],
    ['{"text": "a"}', "warm.json: line 1: expected messages, prompt or input"],
    ['{"path": "/v1/models"}', 'line 1.path: expected one of "/v1/chat/completions"'],
    ['["a"]', "warm.json[0]: expected an object, got a string"],
  ])("like %s says where it is wrong", (text, message) => {
    expect(() => readWarmRequests(text, "warm.json")).toThrow(message);
  });
});
