/**
 * Servers that speak as others do, made of our own: what a client asks in another dialect is asked of our server
 * in its own, and the answer is written in the other one. What the other server lacks is refused.
 */
import type { Send } from "../../tools/remote/exchange.ts";

// biome-ignore lint/suspicious/noExplicitAny: bodies of requests and answers, in any dialect
type Json = any;

/** The servers. */
export const DIALECTS = ["ours", "vLLM", "SGLang", "llama-server", "hosted"] as const;

/** A server by name. */
export type Dialect = (typeof DIALECTS)[number];

/** Asks our server. */
type Ours = (path: string, body: Json) => Promise<Response>;

/** Makes a server speak another dialect. */
export function inDialect(dialect: Dialect, send: Send): Send {
  if (dialect === "ours") return send;
  return async (url, init) => {
    if (init.method !== "POST") return send(url, init);
    const root = url.slice(0, url.indexOf("/", "https://".length));
    const ours: Ours = (path, body) =>
      send(`${root}${path}`, { ...init, body: JSON.stringify(body) });
    const path = url.slice(root.length);
    return SERVERS[dialect](path, JSON.parse(String(init.body)), ours);
  };
}

type Server = (path: string, body: Json, ours: Ours) => Promise<Response>;

const missing = () => Response.json({ detail: "Not Found" }, { status: 404 });

const refused = (what: string) =>
  Response.json({ error: { message: `${what} is not supported` } }, { status: 400 });

/** The log-probabilities of all tokens of a prompt and of one more, with names that are ids. */
async function scored(ours: Ours, ids: Json): Promise<{ ids: number[]; scores: number[] }> {
  const response = await ours("/v1/completions", {
    prompt: ids,
    ...{ max_tokens: 1, temperature: 0, echo: true, logprobs: 1, return_tokens_as_token_ids: true },
  });
  const { logprobs } = ((await response.json()) as Json).choices[0];
  return {
    ids: logprobs.tokens.map((name: string) => Number(name.slice("token_id:".length))),
    scores: logprobs.token_logprobs,
  };
}

const vllm: Server = async (path, body, ours) => {
  const { prompt_logprobs: wanted, ...rest } = body;
  if (path.startsWith("/generate") || path === "/completion") return missing();
  if (body.echo) return refused("echo");
  const response = await ours(path, rest);
  if (wanted === undefined || path !== "/v1/completions" || response.status !== 200)
    return response;
  const json = (await response.json()) as Json;
  const { ids, scores } = await scored(ours, body.prompt);
  json.choices[0].prompt_logprobs = body.prompt.map((_: number, i: number) =>
    i === 0 ? null : { [ids[i]]: { logprob: scores[i], rank: 1, decoded_token: "" } },
  );
  return Response.json(json);
};

const sglang: Server = async (path, body, ours) => {
  if (path === "/completion" || path === "/tokenize") return missing();
  if (path === "/v1/completions" && typeof body.prompt !== "string")
    return refused("a list of ids");
  if (path !== "/generate") return ours(path, { ...body, return_token_ids: undefined });
  const { ids, scores } = await scored(ours, body.input_ids);
  const n = body.input_ids.length;
  const triples = ids.map((id, i) => [scores[i], id, null]);
  return Response.json({
    text: "",
    output_ids: ids.slice(n),
    meta_info: { prompt_tokens: n, input_token_logprobs: triples.slice(0, n) },
  });
};

const llamaServer: Server = async (path, body, ours) => {
  if (path === "/generate") return missing();
  if (path === "/v1/completions") {
    // It has neither echo nor the logprobs of the older form, and does not say so.
    const response = await ours(path, { ...body, echo: undefined, logprobs: undefined });
    return response;
  }
  if (path !== "/completion") return ours(path, { ...body, return_token_ids: undefined });
  const response = await ours("/v1/completions", {
    ...{ prompt: body.prompt, max_tokens: body.n_predict, temperature: body.temperature },
    ...{ logprobs: body.n_probs, return_tokens_as_token_ids: true },
  });
  const { text, logprobs } = ((await response.json()) as Json).choices[0];
  const told = logprobs.tokens.map((name: string, i: number) => ({
    id: Number(name.slice("token_id:".length)),
    ...{ token: "", bytes: [], logprob: logprobs.token_logprobs[i], top_logprobs: [] },
  }));
  return Response.json({ content: text, completion_probabilities: told });
};

/** A hosted API: chats alone, with log-probabilities, without ids. */
const hosted: Server = async (path, body, ours) => {
  if (path !== "/v1/chat/completions") return missing();
  return ours(path, { ...body, return_token_ids: undefined });
};

const SERVERS: Readonly<Record<Exclude<Dialect, "ours">, Server>> = {
  vLLM: vllm,
  SGLang: sglang,
  "llama-server": llamaServer,
  hosted,
};
