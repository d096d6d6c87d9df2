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
import { EndpointError } from "./endpoint-error.ts";
import type { Reference } from "./gate.ts";
import { scoreAsk, scoresIn } from "./numbers.ts";
import type { Recording } from "./traffic.ts";

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
  readonly threads?: number | undefined;
}

/** Opens a reference. Weights are opened when they are needed. */
export async function openReference(source: ReferenceSource): Promise<OpenReference> {
  const { folder, tokenizer, against, threads } = source;
  const files = await readdir(folder);
  const config = files.includes("config.json") ? (await openConfig(folder)).config : undefined;
  const hasWeights = files.some((file) => file.endsWith(".safetensors"));
  let glm: Promise<Glm> | undefined;
  const scoreHere = async (ids: readonly number[]): Promise<readonly number[]> => {
    glm ??= open(folder, { threads });
    const { tokens } = await (await glm).score(ids);
    return tokens.slice(1).map(({ logProb }) => logProb ?? 0);
  };
  const scoreThere = against && ((ids: readonly number[]) => recordedScores(against, ids));
  return {
    name: against ? `the recording of ${against.url}` : folder,
    tokenizer,
    shape: config,
    score: scoreThere ?? (hasWeights ? scoreHere : undefined),
    close: async () => (await glm?.catch(() => undefined))?.close(),
  };
}

/** The log-probabilities that another endpoint gave. */
async function recordedScores(
  recording: Recording,
  ids: readonly number[],
): Promise<readonly number[]> {
  const { path, body } = scoreAsk(ids);
  const { status, text } = recording.take({ method: "POST", path, body });
  const scores = status === 200 ? scoresIn(JSON.parse(text), ids.length) : undefined;
  if (scores) return scores;
  throw new EndpointError(
    "recording",
    recording.url,
    "the recorded endpoint did not tell log-probabilities: record one that does",
  );
}
