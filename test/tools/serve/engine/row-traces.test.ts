/** Tests what is told of the layers' choices, over HTTP, against traces of the library. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Glm } from "../../../../tools/library/glm.ts";
import { open } from "../../../../tools/node/open.ts";
import { serveApp } from "../../../../tools/serve/app.ts";
import { type ServedFolder, serveFolder } from "../../../../tools/serve/engine/serve-folder.ts";
import { chunksOf, post } from "../../../support/serve.ts";

let served: ServedFolder;
let glm: Glm;
let app: ReturnType<typeof serveApp>;
beforeAll(async () => {
  served = await serveFolder(undefined, { open: { threads: 1 }, rows: {}, name: "demo" });
  glm = await open(undefined, { threads: 1 });
  app = serveApp(served.desk, { clock: false, anyModel: true, think: "off" });
});
afterAll(async () => {
  await served.desk.close(0);
  await glm.close();
});

interface Meta {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly routed_experts?: string;
  readonly indexer_topk?: string;
}
interface Choice {
  readonly index: number;
  readonly token_ids: number[];
  readonly finish_reason: string | null;
  readonly meta_info?: Meta;
}
interface Answer {
  readonly prompt_token_ids: number[];
  readonly choices: Choice[];
}

const [LAYERS, ACTIVE, TOP_K] = [8, 6, 64];

/** As a client reads it: numpy.frombuffer(base64.b64decode(text), numpy.int32). */
function numbersOf(text: string | undefined): number[] {
  const bytes = Buffer.from(text ?? "", "base64");
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readInt32LE(4 * i));
}

/** What a trace of the text says, in the same order. */
async function want(ids: readonly number[]): Promise<{ experts: number[]; rows: number[] }> {
  const experts = new Array<number>(ids.length * LAYERS * ACTIVE).fill(0);
  const rows = new Array<number>(ids.length * LAYERS * TOP_K).fill(-1);
  const stages = ["ffn_moe_topk", "top_k"] as const;
  for (const { name, data, shape } of await glm.trace([...ids], { stages: [...stages] })) {
    const [, stage, layer] = /^(\w+)-(\d+)$/.exec(name) ?? [];
    if (!(Number(layer) < LAYERS)) continue; // what was not asked for, and the MTP layer's
    const [into, width] = stage === "top_k" ? [rows, TOP_K] : [experts, ACTIVE];
    for (let t = 0; t < ids.length; t++) {
      for (let k = 0; k < shape[1]; k++) {
        into[(t * LAYERS + Number(layer)) * width + k] = Number(data[t * shape[1] + k]);
      }
    }
  }
  return { experts, rows };
}

async function check(text: readonly number[], { meta_info: meta }: Choice): Promise<void> {
  const { experts, rows } = await want(text.slice(0, -1));
  expect(numbersOf(meta?.routed_experts)).toEqual(experts);
  expect(numbersOf(meta?.indexer_topk)).toEqual(rows);
}

const CHAT = "/v1/chat/completions";
const LONG = "Tell me of a fox and a wolf, who were friends, and of a bird. ".repeat(3);
const ask = {
  messages: [{ role: "user", content: LONG }],
  max_tokens: 12,
  return_token_ids: true,
  return_routed_experts: true,
  return_indexer_topk: true,
};

describe("the choices of the layers", () => {
  it("are those of a trace, of each choice, beside others, and though pages are kept", async () => {
    const { return_indexer_topk: _, return_routed_experts: __, ...plain } = ask;
    await post({ app }, CHAT, plain);
    const [answer] = await Promise.all([
      post({ app }, CHAT, { ...ask, n: 2, temperature: 1 }),
      post({ app }, CHAT, { ...plain, seed: 4 }),
    ]);
    const { choices, prompt_token_ids: prompt } = (await answer.json()) as Answer;
    expect(prompt.length).toBeGreaterThan(TOP_K);
    expect(choices[0].token_ids).not.toEqual(choices[1].token_ids);
    for (const choice of choices) await check([...prompt, ...choice.token_ids], choice);
    expect(choices[0].meta_info).toMatchObject({
      prompt_tokens: prompt.length,
      completion_tokens: choices[0].token_ids.length,
    });
  });

  it("come with the last chunk of a stream, and end where a text of `stop` does", async () => {
    const whole = (await (await post({ app }, CHAT, ask)).json()) as Answer;
    const text = served.desk.model.tokenizer.decode(whole.choices[0].token_ids);
    const stop = text.trim().split(" ")[4];
    const answer = await post({ app }, CHAT, { ...ask, stream: true, stop });
    const chunks = await chunksOf<Answer>(answer);
    const choices = chunks.flatMap((chunk) => chunk.choices);
    const ids = choices.flatMap(({ token_ids }) => token_ids);
    expect(ids.length).toBeLessThan(12);
    expect(choices.filter(({ meta_info }) => meta_info)).toHaveLength(1);
    const last = choices.at(-1) as Choice;
    expect(last.finish_reason).toBe("stop");
    await check([...whole.prompt_token_ids, ...ids], last);
  });

  it("are told of completions, from a token on where that is asked", async () => {
    const ids = [...served.desk.model.tokenizer.encode("Once upon a time")];
    const body = {
      prompt: [ids, [57]],
      max_tokens: 3,
      return_routed_experts: true,
      routed_experts_start_len: 2,
    };
    const answer = await post({ app }, "/v1/completions", { ...body, return_token_ids: true });
    const { choices } = (await answer.json()) as Answer;
    const { experts } = await want([...ids, ...choices[0].token_ids].slice(0, -1));
    const [first, second] = choices.map(({ meta_info }) => meta_info);
    expect(numbersOf(first?.routed_experts)).toEqual(experts.slice(2 * LAYERS * ACTIVE));
    expect(first?.indexer_topk).toBeUndefined();
    expect(numbersOf(second?.routed_experts)).toHaveLength((1 + 3 - 1 - 2) * LAYERS * ACTIVE);
    const scored = await post({ app }, "/v1/completions", {
      ...body,
      prompt: ids,
      max_tokens: 0,
      echo: true,
    });
    const [{ meta_info: meta }] = ((await scored.json()) as Answer).choices;
    expect(numbersOf(meta?.routed_experts)).toEqual(
      experts.slice(2 * LAYERS * ACTIVE, (ids.length - 1) * LAYERS * ACTIVE),
    );
  });

  it("are not told where nobody asks, and not so many that no text could hold them", async () => {
    const plain = await post({ app }, CHAT, {
      ...ask,
      return_routed_experts: false,
      return_indexer_topk: null,
    });
    expect(await plain.text()).not.toContain("meta_info");
    const { max_tokens: _, ...endless } = ask;
    const refused = await post({ app }, CHAT, { ...endless, n: 16 });
    expect([refused.status, await refused.text()]).toEqual([
      400,
      expect.stringContaining("return_indexer_topk: expected at most"),
    ]);
    const odd = await post({ app }, CHAT, {
      ...ask,
      return_routed_experts: false,
      routed_experts_start_len: 1,
    });
    expect(odd.status).toBe(400);
  });
});
