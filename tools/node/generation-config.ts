/**
 * `generation_config.json`: how the makers of a model want it sampled.
 * @module
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { checkSampling } from "../../engine/generate/sampler.ts";
import { SamplingError, type SamplingOptions } from "../../engine/index.ts";
import { parseJson } from "../../engine/weights/json.ts";
import { UserError } from "./user-error.ts";

const FILE = "generation_config.json";

/** Key in the file → our option. Other keys are not about choosing a token. */
const KEYS = {
  temperature: "temperature",
  top_k: "topK",
  top_p: "topP",
  min_p: "minP",
  repetition_penalty: "repetitionPenalty",
} as const satisfies Record<string, keyof SamplingOptions>;

/**
 * The sampling options in a model folder; none when there is no such file.
 *
 * `do_sample: false` is greedy decoding, whatever else stands there. With `do_sample: true`, a
 * missing temperature is 1.
 *
 * @throws {UserError} when a value has the wrong type or range
 */
export async function readSampling(folder: string): Promise<SamplingOptions> {
  const bytes = await readFile(join(folder, FILE)).catch(() => undefined);
  if (bytes === undefined) return {};
  const json = parseJson(FILE, bytes, "any");
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new UserError(FILE, "expected an object");
  }
  const values = json as { readonly do_sample?: unknown; readonly [key: string]: unknown };
  const sampling: { -readonly [K in keyof SamplingOptions]: SamplingOptions[K] } = {};
  if (values.do_sample === true) sampling.temperature = 1;
  for (const [key, option] of Object.entries(KEYS)) {
    const value = values[key];
    if (value === undefined || value === null) continue;
    if (typeof value !== "number") {
      throw new UserError(FILE, `${key}: expected a number, got ${JSON.stringify(value)}`);
    }
    sampling[option] = value;
  }
  try {
    checkSampling(sampling);
  } catch (error) {
    throw error instanceof SamplingError ? new UserError(FILE, error.message) : error;
  }
  return values.do_sample === false ? { temperature: 0 } : sampling;
}
