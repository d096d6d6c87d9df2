/**
 * A server for tests, with OpenAI's `/completions`. It runs this engine, and answers like others.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { type Model, Session } from "../../../../engine/index.ts";
import { logSoftmax } from "../../../../tools/golden/witness/judge-logprobs.ts";

export type Style = "vllm" | "llama";

export interface FakeServer {
  readonly style: Style;
  readonly model: Model;
  /** Answers a request itself if it returns true. `n` is the number of tokens of the prompt. */
  readonly instead?: (response: ServerResponse, n: number, request: IncomingMessage) => boolean;
  /** Changes the log-probabilities of the engine. */
  readonly spoil?: (row: Float64Array, n: number) => void;
  /** The token that is chosen, instead of the likeliest one. */
  readonly choose?: (best: number, n: number) => number;
}

/** The body of a request. */
interface Body {
  readonly prompt: readonly number[];
  readonly logprobs: number;
  readonly echo?: boolean;
  readonly return_tokens_as_token_ids?: boolean;
  readonly logit_bias?: Readonly<Record<string, number>>;
}

/** A running server. */
export interface Served {
  readonly url: string;
  /** The bodies of all requests so far. */
  readonly asked: readonly Body[];
}

/** Starts a server that runs until the test ends. */
export async function serve(fake: FakeServer): Promise<Served> {
  const asked: Body[] = [];
  const http = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const body: Body = text === "" ? { prompt: [], logprobs: 0 } : JSON.parse(text);
    if (fake.instead?.(response, body.prompt.length, request)) return;
    response.setHeader("content-type", "application/json");
    if (request.url === "/v1/models") {
      response.end(JSON.stringify({ object: "list", data: [{ id: "glm" }] }));
      return;
    }
    asked.push(body);
    response.end(JSON.stringify({ id: "1", choices: [choice(fake, body)] }));
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  const { port } = http.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/v1`, asked };
}

/** A port on which no program listens. */
export async function freePort(): Promise<number> {
  const http = createServer();
  await new Promise<void>((resolve) => http.listen(0, resolve));
  const { port } = http.address() as AddressInfo;
  await new Promise((resolve) => http.close(resolve));
  return port;
}

function choice(fake: FakeServer, body: Body): object {
  const { model, spoil = () => {} } = fake;
  const session = new Session(model);
  const logits = session.appendAll(body.prompt);
  session.close();
  const rows = logits.map((row, t) => {
    const logprobs = logSoftmax(row);
    spoil(logprobs, t + 1);
    return logprobs;
  });
  return fake.style === "vllm" ? asVllm(fake, body, rows) : asLlama(fake, body, rows);
}

const mostLikely = (row: Float64Array, k: number): number[] =>
  [...row.keys()].sort((a, b) => row[b] - row[a]).slice(0, k);

const chosen = ({ choose = (best) => best }: FakeServer, row: Float64Array, n: number): number =>
  choose(mostLikely(row, 1)[0], n);

/** The text of a single token, as a server decodes it. */
const textOf = (id: number): string =>
  id < 128 ? String.fromCharCode(id) : id < 256 ? "\ufffd" : `<${id}>`;

/**
 * Like vLLM: the wanted number of likeliest tokens, and the token of the text if it is not in them.
 */
function asVllm(fake: FakeServer, body: Body, rows: readonly Float64Array[]): object {
  const name = body.return_tokens_as_token_ids ? (id: number) => `token_id:${id}` : textOf;
  const ids = [...body.prompt, chosen(fake, rows[rows.length - 1], rows.length)];
  const tops = ids.map((id, i) => {
    if (i === 0) return null;
    const listed = new Set([...mostLikely(rows[i - 1], body.logprobs), id]);
    return Object.fromEntries([...listed].map((token) => [name(token), rows[i - 1][token]]));
  });
  const from = body.echo ? 0 : rows.length;
  const logprobs = {
    text_offset: ids.slice(from),
    tokens: ids.slice(from).map(name),
    token_logprobs: ids.slice(from).map((id, i) => rows[from + i - 1]?.[id] ?? null),
    top_logprobs: tops.slice(from),
  };
  return { index: 0, text: "", logprobs, finish_reason: "length" };
}

/** Like llama-server: nothing where the chosen token is no text. A bias changes only the choice. */
function asLlama(fake: FakeServer, body: Body, rows: readonly Float64Array[]): object {
  const row = rows[rows.length - 1];
  const [forced] = Object.keys(body.logit_bias ?? {}).map(Number);
  const id = forced ?? chosen(fake, row, rows.length);
  const token = (other: number) => ({
    ...{ id: other, token: textOf(other), bytes: [], logprob: row[other] },
  });
  const top_logprobs = mostLikely(row, body.logprobs).map(token);
  const logprobs = textOf(id) === "\ufffd" ? null : { content: [{ ...token(id), top_logprobs }] };
  return { index: 0, text: textOf(id), logprobs, finish_reason: "length" };
}
