/**
 * From the options of a command to what the library takes: the open model, how its cache is kept,
 * and how tokens are chosen.
 * @module
 */
import type { Glm } from "../library/glm.ts";
import { oneLine } from "../library/one-line.ts";
import type { ChoiceOptions, TimelineOptions } from "../library/text-session.ts";
import { open } from "../node/open.ts";
import { rowFile } from "../node/row-file.ts";
import type { GenerationOptions } from "./generation-options.ts";
import { progressLine } from "./progress.ts";
import { sayMemory } from "./reference-memory.ts";
import { streamOf } from "./stream-option.ts";
import type { TextOut } from "./text-out.ts";
import { UsageError } from "./usage-error.ts";

/** Opens the model that the options name, and shows a progress line meanwhile. */
export async function openSpeaker(options: GenerationOptions, stderr: TextOut): Promise<Glm> {
  const { model, backend, threads, turbo, activations, check, latentEps, verbose, chatTemplate } =
    options;
  const { ignoreConfigKey: ignoreConfigKeys, draft } = options;
  if (model !== undefined && !options.stream) await sayMemory(model, options, stderr);
  const stream = await streamOf(options, model, { onLayer: firstPass(stderr) });
  const loading = progressLine(stderr, "loading");
  const glm = await open(model, {
    backend,
    threads,
    turbo,
    activations,
    check,
    latentEps,
    chatTemplate,
    ignoreConfigKeys,
    stream,
    mtp: draft > 0 ? "load" : "skip",
    onProgress: loading.update,
  }).finally(loading.end);
  if (glm.assumed !== undefined) stderr.write(`${oneLine(glm.assumed)} (--activations)\n`);
  if (verbose) {
    stderr.write(`arithmetic: ${glm.arithmetic}\n`);
    for (const { what, why } of glm.asides) {
      stderr.write(`${oneLine(`left aside: ${what}: ${why}`)}\n`);
    }
  }
  return glm;
}

/** Shows how far the first pass through the layers of a streamed model is, which no text comes before. */
function firstPass(stderr: TextOut): (done: number, total: number) => void {
  const passing = progressLine(stderr, "reading the prompt, layer by layer");
  let isFirst = true;
  return (done, total) => {
    if (isFirst) passing.update(done, total);
    if (done < total) return;
    isFirst = false;
    passing.end();
  };
}

/**
 * How the cache of the text is to be kept: number formats, and the scratch file. Creates that file
 * if the options name one.
 *
 * @throws {UserError} when only one of --kv-ram and --kv-file is given
 */
export async function timelineOf(options: GenerationOptions): Promise<TimelineOptions> {
  const { kvType, indexType, kvRam, kvFile, chunk, draft } = options;
  const rows = { latent: kvType, index: indexType };
  if (kvRam === undefined && kvFile === undefined) return { chunk, draft, rows };
  if (kvRam === undefined || kvFile === undefined) {
    throw new UsageError("--kv-ram and --kv-file", "expected both or none, got one");
  }
  return { chunk, draft, rows, tier: { store: await rowFile(kvFile), hotBytes: kvRam } };
}

/** How tokens are to be chosen. An option that was not given is left to the model's own default. */
export function choiceOf(options: GenerationOptions, seed: number): ChoiceOptions {
  const { maxTokens, temperature, topP, topK, minP, repetitionPenalty } = options;
  return {
    maxTokens,
    seed,
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { topP }),
    ...(topK !== undefined && { topK }),
    ...(minP !== undefined && { minP }),
    ...(repetitionPenalty !== undefined && { repetitionPenalty }),
  };
}
