/**
 * What an endpoint is compared with: a model on this computer, or an endpoint that was recorded.
 *
 * Next: verify.ts
 * @module
 */
import { readdir } from "node:fs/promises";
import type { Tokenizer } from "../../tokenizer/index.ts";
import type { Glm } from "../library/glm.ts";
import { open } from "../node/open.ts";
import { openConfig } from "../node/open-config.ts";
import type { Answer, Ask } from "../remote/ask.ts";
import { EndpointError } from "../remote/endpoint-error.ts";
import type { Recording } from "../remote/traffic.ts";
import type { Reference } from "./gate.ts";
import { TEXT_WAYS } from "./text-ways.ts";

/** A reference that may hold a model. */
export interface OpenReference extends Reference {
  /** Lets the model go. */
  close(): Promise<void>;
}

/** What makes a reference. */
export interface ReferenceSource {
  /** A folder with a config.json, and with weights if numbers are to be compared with them. */
  readonly folder: string;
  readonly tokenizer: Tokenizer;
  /** A recording of a trusted endpoint, instead of weights. */
  readonly against?: Recording | undefined;
  /** A recording of an endpoint with a mistake that is made on purpose. */
  readonly unlike?: Recording | undefined;
  readonly threads?: number | undefined;
}

/** Opens a reference. Weights are opened when they are needed. */
export async function openReference(source: ReferenceSource): Promise<OpenReference> {
  const { folder, tokenizer, against, unlike, threads } = source;
  const files = await readdir(folder);
  const config = files.includes("config.json") ? (await openConfig(folder)).config : undefined;
  const hasWeights = files.some((file) => file.endsWith(".safetensors"));
  let glm: Promise<Glm> | undefined;
  const scored = async (ids: readonly number[], topLogProbs: number) => {
    glm ??= open(folder, { threads });
    return (await (await glm).score(ids, { topLogProbs })).tokens;
  };
  const weights = {
    score: async (ids: readonly number[]) =>
      (await scored(ids, 0)).slice(1).map(({ logProb }) => logProb ?? 0),
    // The token behind the last one asks what is likeliest there; it may be any.
    likeliest: async (ids: readonly number[]) =>
      (await scored([...ids, 0], 1)).slice(1).map(({ top }) => top[0].id),
  };
  return {
    name: against ? `the recording of ${against.url}` : folder,
    tokenizer,
    shape: config,
    ...(against ? recordedReference(against) : hasWeights ? weights : {}),
    unlike: unlike && { name: unlike.file, score: scoreIn(unlike) },
    close: async () => (await glm?.catch(() => undefined))?.close(),
  };
}

/** What another endpoint told. */
function recordedReference(recording: Recording): Pick<Reference, "score" | "again" | "recorded"> {
  return {
    score: scoreIn(recording),
    again: async (ids) => nextScores(recording, ids),
    recorded: (ask) => recordedAnswer(recording, ask),
  };
}

/** Log-probabilities that another endpoint told of given texts. */
function scoreIn(recording: Recording): (ids: readonly number[]) => Promise<readonly number[]> {
  const known = new Map<string, readonly number[]>();
  return async (ids) => {
    const scores = nextScores(recording, ids) ?? known.get(ids.join());
    if (scores) {
      known.set(ids.join(), scores);
      return scores;
    }
    throw new EndpointError(
      "recording",
      recording.url,
      "the recorded endpoint did not tell log-probabilities of these texts: record one that does, with the same --seed and --reference",
    );
  };
}

/** The next log-probabilities of a text: those of the first time, then those of the second. */
function nextScores(recording: Recording, ids: readonly number[]): readonly number[] | undefined {
  for (const way of TEXT_WAYS) {
    const answer = recordedAnswer(recording, way.ask(ids));
    const scores = answer && way.read(answer.json, ids);
    if (scores) return scores;
  }
  return undefined;
}

/** The recorded answer to a question, with as many of its extra fields as that endpoint took. */
function recordedAnswer(recording: Recording, ask: Ask): Answer | undefined {
  const { path, body, extras = [] } = ask;
  for (let n = extras.length; n >= 0; n--) {
    const request = {
      method: "POST",
      path,
      body: Object.assign({}, body, ...extras.slice(0, n)),
    } as const;
    const found = recording.find(request);
    if (found?.status !== 200) continue;
    return { status: found.status, text: found.text, json: JSON.parse(found.text) };
  }
  return undefined;
}
