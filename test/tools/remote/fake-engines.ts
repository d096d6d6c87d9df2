/**
 * Servers for tests, each as one kind of engine answers: they play a given reply, token by token.
 */

import type { Send } from "../../../tools/remote/exchange.ts";
import { demoTokenizer } from "../../support/scripted-desk.ts";

/** Which engine it looks like. */
export type Kind =
  | "vllm"
  | "sglang"
  | "sglang-increments"
  | "llama"
  | "ids-in-text-out"
  | "text"
  | "strict-text"
  | "chats-only";

/** A body of a request. */
// biome-ignore lint/suspicious/noExplicitAny: bodies of many servers
export type Body = any;

export interface FakeEngine {
  readonly kind: Kind;
  /** The text of each reply, in turn; tags in it are control tokens. A stop token follows. */
  readonly replies: readonly string[];
  /** Bodies of all requests. */
  readonly asked: { readonly path: string; readonly body: Body }[];
  /** Changes the ids that the server runs. */
  readonly reads?: (ids: readonly number[]) => readonly number[];
}

const tokenizer = demoTokenizer();
const STOP = 2011;

const json = (value: object, status = 200): Response =>
  new Response(JSON.stringify(value), { status });

const missing = (): Response => json({ error: { message: "Not Found" } }, 404);

const stream = (events: readonly object[], end = "data: [DONE]\n\n"): Response => {
  const text = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("") + end;
  const bytes = new TextEncoder().encode(text);
  // In pieces that end anywhere.
  const pieces = Array.from({ length: Math.ceil(bytes.length / 50) }, (_, i) =>
    bytes.slice(50 * i, 50 * (i + 1)),
  );
  return new Response(
    new ReadableStream({
      start(controller) {
        for (const piece of pieces) controller.enqueue(piece);
        controller.close();
      },
    }),
  );
};

/** What a server that is asked over `Send` answers. */
export function engine(fake: FakeEngine): Send {
  let nReplies = 0;
  return async (url, init) => {
    const path = new URL(url).pathname;
    if (path === "/v1/models") return json({ data: [{ id: "glm" }] });
    const body: Body = JSON.parse(String(init.body));
    fake.asked.push({ path, body });
    const isProbe =
      (body.max_tokens ?? body.n_predict ?? body.sampling_params?.max_new_tokens) === 1;
    const reply = isProbe ? "a" : fake.replies[nReplies];
    const answer = answerOf(fake, path, body, reply);
    if (answer.status === 200 && !isProbe) nReplies++;
    return answer;
  };
}

function answerOf(
  { kind, reads = (ids) => ids }: FakeEngine,
  path: string,
  body: Body,
  reply: string,
) {
  const ids = [...tokenizer.encode(reply), STOP];
  const most = body.max_tokens ?? body.n_predict ?? body.sampling_params?.max_new_tokens;
  const told = ids.slice(0, most);
  const isCut = told.length < ids.length;
  const finish = isCut ? "length" : "stop";
  const decode = (some: readonly number[]): string =>
    tokenizer.decode(some.filter((id) => id !== STOP));
  if (path === "/v1/completions") {
    if (kind === "sglang" || kind === "sglang-increments" || kind === "llama") {
      return textCompletion(told, finish, body, decode, reads);
    }
    if (kind === "vllm" || kind === "ids-in-text-out") {
      if (!Array.isArray(body.prompt)) throw new Error("asked with a text");
      const answer = textCompletion(told, finish, body, decode, reads);
      if (kind === "ids-in-text-out") return answer;
      const prompt = reads(body.prompt);
      return stream([
        ...told.map((id, i) => ({
          choices: [
            {
              index: 0,
              text: decode([id]),
              token_ids: [id],
              ...(i === 0 && { prompt_token_ids: prompt }),
              finish_reason: i === told.length - 1 ? finish : null,
            },
          ],
        })),
        { choices: [], usage: usageOf(prompt.length, told.length) },
      ]);
    }
    if (kind === "text" || kind === "strict-text") {
      const known = [
        "model",
        "prompt",
        "max_tokens",
        "stream",
        "seed",
        "temperature",
        "top_p",
        "stop",
      ];
      const unknown = Object.keys(body).find((key) => !known.includes(key));
      if (typeof body.prompt !== "string")
        return json({ error: { message: "prompt: a string" } }, 400);
      if (kind === "strict-text" && unknown !== undefined) {
        return json({ error: { message: `unknown field ${unknown}` } }, 400);
      }
      return textCompletion(told, finish, body, decode, reads);
    }
  }
  if (path === "/generate" && kind.startsWith("sglang")) {
    const prompt = reads(body.input_ids);
    const isAll = kind === "sglang";
    return stream(
      told.map((id, i) => ({
        text: decode(isAll ? told.slice(0, i + 1) : [id]),
        output_ids: isAll ? told.slice(0, i + 1) : [id],
        meta_info: {
          prompt_tokens: prompt.length,
          completion_tokens: i + 1,
          cached_tokens: 2,
          finish_reason: i === told.length - 1 ? { type: finish, matched: STOP } : null,
        },
      })),
    );
  }
  if (path === "/completion" && kind === "llama") {
    const shown = told.filter((id) => id !== STOP);
    const events = shown.map((id) => ({ content: decode([id]), tokens: [id], stop: false }));
    const end = {
      ...{ content: "", tokens: [], stop: true, stop_type: isCut ? "limit" : "eos" },
      ...{ tokens_evaluated: reads(body.prompt).length, tokens_predicted: told.length },
    };
    return stream([...events, end], "");
  }
  return missing();
}

const usageOf = (prompt: number, reply: number) => ({
  ...{ prompt_tokens: prompt, completion_tokens: reply, total_tokens: prompt + reply },
  prompt_tokens_details: { cached_tokens: 3 },
});

function textCompletion(
  told: readonly number[],
  finish: string,
  { prompt }: Body,
  decode: (ids: readonly number[]) => string,
  reads: (ids: readonly number[]) => readonly number[],
): Response {
  const ids = typeof prompt === "string" ? [...tokenizer.encode(prompt)] : prompt;
  const text = decode(told);
  // Text is cut anywhere, also inside a tag.
  const parts = Array.from({ length: Math.ceil(text.length / 3) }, (_, i) =>
    text.slice(3 * i, 3 * (i + 1)),
  );
  return stream([
    ...parts.map((part) => ({ choices: [{ index: 0, text: part, finish_reason: null }] })),
    { choices: [{ index: 0, text: "", finish_reason: finish }] },
    { choices: [], usage: usageOf(reads(ids).length, told.length) },
  ]);
}
