/**
 * Runs the prompts of given requests before a server opens, so that their pages are there: the first request
 * that begins like one of them is answered as soon as the second one would be.
 *
 * A prompt is made as that of any request, by the API that it was written for.
 * @module
 */
import { PAGE_ROWS } from "../../engine/kv/page-layout.ts";
import { type Json, type JsonObject, pythonJson } from "../../tokenizer/chat/index.ts";
import * as shape from "../../tokenizer/chat/json-shape.ts";
import { entriesOf, fieldOf } from "../../tokenizer/chat/json-value.ts";
import { TokenizerError } from "../../tokenizer/tokenizer-error.ts";
import { serveApp } from "./app.ts";
import { IGNORED_HEADER } from "./body.ts";
import type { Usage } from "./chat-ask.ts";
import type { Desk } from "./desk.ts";
import { entriesIn } from "./json-entries.ts";
import { ServeError } from "./serve-error.ts";
import type { ServeOptions } from "./service.ts";

/** The field that says how long a reply may be, in the APIs that make prompts. */
const LIMITS: ReadonlyMap<string, string> = new Map([
  ["/v1/chat/completions", "max_completion_tokens"],
  ["/v1/completions", "max_tokens"],
  ["/v1/responses", "max_output_tokens"],
  ["/v1/messages", "max_tokens"],
]);

/** Fields that say what is wanted of the reply, and change nothing of the prompt. */
const OF_REPLIES = [
  ...["path", "stream", "stream_options", "max_tokens", "n", "best_of", "echo"],
  ...["return_routed_experts", "routed_experts_start_len", "return_indexer_topk"],
];

/** The API of a body that does not say it, by a field that only its prompts have. */
const TELLING = [
  ["prompt", "/v1/completions"],
  ["input", "/v1/responses"],
  ["messages", "/v1/chat/completions"],
] as const;

/** A request whose prompt is to be run. */
export interface WarmRequest {
  /** Where it stands in the file. */
  readonly where: string;
  readonly path: string;
  /** The body, as JSON. */
  readonly body: string;
}

/** What came of it. */
export interface WarmedUp {
  /** Tokens of all prompts. */
  readonly nTokens: number;
  /** Sentences about what was not done as the file says. */
  readonly notes: readonly string[];
}

/**
 * Reads requests: each is the body that a client sends, and may have its `path` beside.
 *
 * @param name of the file, for errors
 * @throws {TokenizerError} that says which entry is wrong
 */
export function readWarmRequests(text: string, name: string): readonly WarmRequest[] {
  return entriesIn(text, name).map((place): WarmRequest => {
    const entry = shape.object(place);
    const path = pathOf(entry, place.path);
    const kept = entriesOf(entry).filter(([key]) => !OF_REPLIES.includes(key));
    const body = new Map<string, Json>(kept).set(LIMITS.get(path) as string, 1);
    return { where: place.path, path, body: pythonJson(body) };
  });
}

function pathOf(entry: JsonObject, where: string): string {
  const paths = [...LIMITS.keys()];
  const given = shape.optional(shape.field(entry, where, "path"), (path) =>
    shape.oneOf(path, paths),
  );
  const found = TELLING.find(([key]) => fieldOf(entry, key) !== undefined);
  if (given ?? found) return given ?? (found as (typeof TELLING)[number])[1];
  throw new TokenizerError(where, "messages, prompt or input, as requests have them", "none");
}

/**
 * Runs the prompts, one after the other.
 *
 * @param options those of the server
 * @param onProgress is told how many of them are done
 * @throws {ServeError} when a request is one that the server would refuse
 */
export async function warmUp(
  desk: Desk,
  options: ServeOptions,
  requests: readonly WarmRequest[],
  onProgress: (done: number, total: number) => void = () => {},
): Promise<WarmedUp> {
  let usage: Usage | undefined;
  const app = serveApp(desk, {
    ...options,
    ...{ anyModel: true, apiKey: undefined, script: undefined, timeout: undefined },
    log: (record) => {
      usage = record.usage?.();
    },
  });
  const notes: string[] = [];
  const run = async ({ where, path, body }: WarmRequest): Promise<Usage> => {
    const answer = await app.request(path, { method: "POST", body });
    const text = await answer.text();
    if (answer.status !== 200 || usage === undefined) throw refusal(where, text);
    const ignored = answer.headers.get(IGNORED_HEADER);
    const note = `${where}: the server does not know ${ignored}`;
    if (ignored !== null && !notes.includes(note)) notes.push(note);
    return usage;
  };
  let nTokens = 0;
  for (const [i, request] of requests.entries()) {
    onProgress(i, requests.length);
    nTokens += (await run(request)).promptTokens;
  }
  onProgress(requests.length, requests.length);
  for (const request of requests) {
    const { promptTokens, cachedTokens } = await run(request);
    if (cachedTokens >= promptTokens - PAGE_ROWS) continue;
    notes.push(`there is no room to keep all ${nTokens} tokens; --kv-ram gives more`);
    break;
  }
  return { nTokens, notes };
}

function refusal(where: string, answer: string): ServeError {
  let message = answer;
  try {
    const { error } = JSON.parse(answer) as { error: { message: string } };
    message = error.message;
  } catch {
    // an answer that is no JSON is shown as it is
  }
  return new ServeError("request", where, message.slice(0, 300));
}
