/**
 * An engine that runs elsewhere: it takes prompts as our renderer makes them, and gives what follows.
 *
 * What a server can do is found out by asking it for one token in each of the known ways, and the first
 * that works is taken. A server that says it ran another prompt than it was given is an error: its own
 * template, its tokenizer or a limit has changed the prompt.
 *
 * Next: endpoint-voice.ts
 * @module
 */
import type { FinishReason } from "../../engine/index.ts";
import type { Tokenizer } from "../../tokenizer/index.ts";
import type { Part } from "../library/voice.ts";
import type { Client } from "./client.ts";
import { EndpointError } from "./endpoint-error.ts";
import { fieldsOf } from "./fields-of.ts";
import { ServerError } from "./server-error.ts";
import type { Step } from "./steps.ts";
import { type Run, WAYS, type Way } from "./ways.ts";

/** A prompt as ids and as text. */
export type RemotePrompt = Pick<Run, "ids" | "text">;

/** How a prompt is gone on with. */
export interface RemoteChoice extends Pick<Run, "maxTokens" | "sampling" | "seed"> {
  readonly signal?: AbortSignal | undefined;
}

/** What the server counted. What it did not tell is undefined. */
export interface RemoteCounts {
  nCached: number | undefined;
  nReply: number | undefined;
}

/** Faults that tell that a server does not know a way; it may know another one. */
const NO_SUCH_WAY = ["not-understood", "refused", "failed", "unreadable", "other-prompt"];

/** What a server may not take, and what that means. */
const MEANINGS: Readonly<Record<string, string>> = {
  top_k: "its own top_k, min_p or repetition penalty may apply",
  skip_special_tokens: "it may leave tags out of its replies",
  stop_token_ids: "it may write on after the end of a reply, which is cut here",
  sampling_params: "it has no seed, so a seed chooses nothing",
};

/** The engine; see the top of this file. */
export class Endpoint {
  /** The name of the model there. */
  readonly name: string;
  readonly way: Way;
  /** Tokens that prompt and reply may have together there, where the server tells. */
  readonly maxContext: number | undefined;
  /** What a user should know of this server, in sentences. */
  readonly notes: readonly string[];
  readonly #client: Client;
  readonly #stops: Pick<Run, "stopIds" | "stopTexts">;

  private constructor(
    client: Client,
    stops: Pick<Run, "stopIds" | "stopTexts">,
    found: Pick<Endpoint, "name" | "way" | "maxContext" | "notes">,
  ) {
    this.#client = client;
    this.#stops = stops;
    this.name = found.name;
    this.way = found.way;
    this.maxContext = found.maxContext;
    this.notes = found.notes;
  }

  /**
   * Finds out how a server runs prompts.
   *
   * @param probe a prompt of this model, for one token each
   * @param stopIds ids that end a reply
   * @throws {EndpointError} when it does so in no way that is known here
   */
  static async find(
    client: Client,
    tokenizer: Tokenizer,
    probe: RemotePrompt,
    stopIds: readonly number[],
  ): Promise<Endpoint> {
    const stops = { stopIds, stopTexts: stopIds.map((id) => tokenizer.decode([id])) };
    const name = await client.model();
    const why: string[] = [];
    let other: EndpointError | undefined;
    for (const way of WAYS) {
      if (other && !(way.takesIds && way.tellsIds)) throw other; // it would run another text, too
      const run = { ...probe, ...stops, maxTokens: 1, sampling: {}, seed: 0 };
      try {
        const nPrompt = await tried(client, way, run);
        const notes = notesOf(client, way, nPrompt, probe.ids.length);
        const maxContext = await contextOf(client, name);
        return new Endpoint(client, stops, { name, way, maxContext, notes });
      } catch (error) {
        if (!(error instanceof EndpointError) || !NO_SUCH_WAY.includes(error.fault)) throw error;
        if (error.fault === "other-prompt") other = error;
        why.push(`${way.about}: ${error.what}`);
      }
    }
    throw new EndpointError(
      "not-understood",
      client.url,
      `it runs no prompt as given, neither ids nor text (${why.join("; ")}); --server-template asks its chats`,
    );
  }

  /**
   * Runs a prompt, and gives the parts of what follows. The token that ends a reply is no part of it.
   *
   * @param counts is told what the server has counted
   * @throws {EndpointError} when it does not, or breaks off
   */
  async *run(
    prompt: RemotePrompt,
    { maxTokens, sampling, seed, signal }: RemoteChoice,
    counts: RemoteCounts = { nCached: undefined, nReply: undefined },
  ): AsyncGenerator<Part, FinishReason> {
    if (maxTokens === 0) return "length";
    const { way } = this;
    const { stopIds } = this.#stops;
    try {
      let finish: Step["finish"];
      for await (const step of steps(this.#client, way, {
        ...{ ...prompt, ...this.#stops, maxTokens, sampling, seed },
        signal,
      })) {
        counts.nCached = step.nCached ?? counts.nCached;
        counts.nReply = step.nReply ?? counts.nReply;
        for (const id of way.tellsIds ? (step.ids ?? []) : []) {
          if (stopIds.includes(id)) return "stop";
          yield { id };
        }
        if (!way.tellsIds && step.text !== "") yield { text: step.text };
        finish = step.finish ?? finish;
      }
      if (finish !== undefined) return finish;
    } catch (error) {
      if (signal?.aborted) return "aborted";
      throw error;
    }
    const what = "the reply broke off: its end was not told";
    throw new EndpointError("unreadable", this.#client.url, what);
  }
}

/** The steps of one reply. @throws {EndpointError} when the server ran another prompt */
async function* steps(
  client: Client,
  way: Way,
  run: Run & { readonly signal?: AbortSignal | undefined },
): AsyncGenerator<Step, void> {
  const { ids, text, signal } = run;
  const ask = way.ask(run);
  const read = way.reader();
  const url = client.urlOf(ask.path);
  const hidden = [text, ids.join(","), ids.join(", ")];
  const cost = { tokensIn: ids.length, tokensOut: run.maxTokens };
  for await (const event of client.stream({ ...ask, ...cost, hidden, signal })) {
    const step = readStep(read, event, url);
    const { promptIds, nPrompt } = step;
    const isOther = promptIds?.some((id, i) => id !== ids[i]) || promptIds?.length === 0;
    const n = promptIds?.length ?? nPrompt ?? ids.length;
    if (way.takesIds && (isOther || n !== ids.length)) {
      const got = isOther ? "other ones" : String(n);
      const what = `expected it to run the ${ids.length} tokens that were sent, it says it ran ${got}`;
      throw new EndpointError("other-prompt", url, what);
    }
    yield step;
  }
}

function readStep(read: (event: unknown) => Step, event: unknown, url: string): Step {
  try {
    return read(event);
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    throw new EndpointError("unreadable", url, error.message);
  }
}

/**
 * Asks for one token in some way. Returns how many tokens the prompt has there, where that is told.
 *
 * @throws {EndpointError} where the server does not know it
 */
async function tried(client: Client, way: Way, run: Run): Promise<number | undefined> {
  let nPrompt: number | undefined;
  let hasIds = false;
  let finish: Step["finish"];
  for await (const step of steps(client, way, run)) {
    nPrompt = step.nPrompt ?? nPrompt;
    hasIds ||= (step.ids?.length ?? 0) > 0;
    finish = step.finish ?? finish;
  }
  const url = client.urlOf(way.ask(run).path);
  if (finish === undefined) {
    throw new EndpointError("unreadable", url, "expected a reply of one token, got none that ends");
  }
  if (way.tellsIds && !hasIds) {
    throw new EndpointError("not-understood", url, "its answer has no ids");
  }
  return nPrompt;
}

/** Tokens that a text may have there: vLLM and our server list them with the model. */
async function contextOf(client: Client, name: string): Promise<number | undefined> {
  const models = await client.models().catch((error) => {
    if (error instanceof EndpointError) return [];
    throw error;
  });
  const { max_model_len: n } = fieldsOf(models.find((one) => fieldsOf(one).id === name));
  return typeof n === "number" ? n : undefined;
}

function notesOf(
  client: Client,
  way: Way,
  nPrompt: number | undefined,
  expected: number,
): readonly string[] {
  const notes = [way.about];
  if (!way.tellsIds) {
    notes.push(
      "replies come as text: a tag that is spelled with ordinary tokens counts as the tag",
    );
  }
  if (!way.takesIds && nPrompt !== undefined && nPrompt !== expected) {
    notes.push(`its tokenizer makes ${nPrompt} tokens of a prompt that has ${expected}`);
  }
  const lacks = client.refused.filter((field) => MEANINGS[field] !== undefined);
  return [...notes, ...lacks.map((field) => `it does not take ${field}: ${MEANINGS[field]}`)];
}
