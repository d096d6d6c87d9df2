/**
 * `glm52 serve`: a server for the APIs that agents, evaluators and chat programs speak.
 * @module
 */
import type { Command } from "commander";
import { bytes } from "../../inspect/units.ts";
import { oneLine } from "../../library/one-line.ts";
import { ourPackage } from "../../node/our-package.ts";
import { UserError } from "../../node/user-error.ts";
import { serveApp } from "../../serve/app.ts";
import type { Desk } from "../../serve/desk.ts";
import {
  type ServedFolder,
  type ServeFolderOptions,
  serveFolder,
} from "../../serve/engine/serve-folder.ts";
import { isLoopback, listen } from "../../serve/http.ts";
import { readScript } from "../../serve/script/script-file.ts";
import { ScriptedReplies } from "../../serve/script/scripted-replies.ts";
import type { RequestRecord, ServeOptions } from "../../serve/service.ts";
import { readWarmRequests, type WarmRequest, warmUp } from "../../serve/warm-up.ts";
import { apiKeyOf } from "../api-key.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { untilAsked } from "../interrupt.ts";
import { progressLine } from "../progress.ts";
import { addServeOptions, type ServeCommandOptions } from "../serve-options.ts";
import { streamOf } from "../stream-option.ts";
import type { Terminal } from "../terminal.ts";
import { readInput } from "../text-input.ts";
import { UsageError } from "../usage-error.ts";

const HELP = `
The APIs are OpenAI's chat completions, completions and responses, Anthropic's messages, and the routes of
vLLM that evaluators use: /tokenize, /detokenize, /metrics. /openapi.json lists all of them. Each answer has
the same tokens and log-probabilities, whether it is alone or among others. The same request with the same
seed gets the same answer; without a seed, --seed counts.

Only programs on this computer are answered, unless --host says otherwise, which needs --api-key-env. Prompts
are never logged.

Ctrl-C, or SIGTERM, lets the answers that are on their way end (--grace); the second Ctrl-C ends at once.

Examples:
  glm52 serve
  glm52 serve --model ~/models/glm --name glm-5.2 --port 9000 --max-context 32768
  glm52 serve --think off --tool-choice required --no-clock --seed 7
  glm52 serve --script replies.jsonl --warm requests.jsonl
  API_KEY=secret glm52 serve --host 0.0.0.0 --api-key-env API_KEY
  curl http://127.0.0.1:8080/v1/chat/completions -d '{"model": "demo-model", "messages": [{"role": "user", "content": "Tell me a story."}]}'
`;

/** Adds `glm52 serve`. */
export function addServe(program: Command, terminal: Terminal): void {
  const command = program
    .command("serve")
    .summary("answer requests over HTTP")
    .description("Serves a model to programs that speak OpenAI's or Anthropic's API.");
  addServeOptions(command)
    .addHelpText("after", HELP + EXIT_CODES)
    .action((options: ServeCommandOptions) => serve(options, terminal));
}

async function serve(options: ServeCommandOptions, terminal: Terminal): Promise<void> {
  const { stderr } = terminal;
  const apiKey = keyOf(options);
  const script = await scriptOf(options, terminal);
  const warm = await warmOf(options, terminal);
  let died: (error: Error) => void = () => {};
  const death = new Promise<never>((_, reject) => {
    died = reject;
  });
  death.catch(() => {}); // it is waited for below
  const loading = progressLine(stderr, "loading");
  const served = await serveFolder(options.model, await engineOptions(options), {
    onLoading: loading.update,
    onDeath: (why) => died(new UserError("engine", `it has ended: ${why}`)),
  }).finally(loading.end);
  const { desk } = served;
  const grace = 1000 * options.grace;
  try {
    const how: ServeOptions = {
      ...options,
      aliases: options.alias,
      apiKey,
      script,
      allowedHosts: options.allowHost,
      timeout: options.timeout === undefined ? undefined : 1000 * options.timeout,
      version: (await ourPackage()).version,
      log: (record) => {
        if (!options.quiet) stderr.write(`${oneLine(requestLine(record))}\n`);
      },
      onBug: (error) => stderr.write(`${bugOf(error)}\n`),
    };
    if (warm) await runWarm(warm, desk, how, terminal);
    const app = serveApp(desk, how);
    const { url, close } = await listen(app, options);
    sayReady(options, terminal, served, url);
    await Promise.race([untilAsked(terminal), death]);
    stderr.write("ending: what is on its way may end; Ctrl-C ends at once\n");
    await Promise.all([close(grace), desk.close(grace)]);
  } finally {
    await desk.close(0);
  }
}

/** @throws {UsageError} for an interface that others reach, without a key */
function keyOf({ host, apiKeyEnv, insecure }: ServeCommandOptions): string | undefined {
  const key = apiKeyOf(apiKeyEnv);
  if (key !== undefined || isLoopback(host) || insecure) return key;
  throw new UsageError(
    "--host",
    `expected --api-key-env, too: others reach ${host}; --insecure lets everybody ask`,
  );
}

/** Reads the replies that are given. */
async function scriptOf(
  { script }: ServeCommandOptions,
  { stdin }: Terminal,
): Promise<ScriptedReplies | undefined> {
  if (script === undefined) return undefined;
  const { text, name } = await readInput(script, stdin);
  return new ScriptedReplies(readScript(text, name));
}

/** Reads the requests whose prompts are run first. */
async function warmOf(
  { warm, keep, draft }: ServeCommandOptions,
  { stdin }: Terminal,
): Promise<readonly WarmRequest[] | undefined> {
  if (draft > 0 && (warm ?? keep) !== undefined) {
    const option = warm === undefined ? "--keep" : "--warm";
    throw new UsageError(option, "expected no --draft: texts with guesses use no kept rows");
  }
  if (warm === undefined) return undefined;
  const { text, name } = await readInput(warm, stdin);
  return readWarmRequests(text, name);
}

/** Runs the prompts of given requests, and says what came of it. */
async function runWarm(
  requests: readonly WarmRequest[],
  desk: Desk,
  how: ServeOptions,
  { stderr }: Terminal,
): Promise<void> {
  const reading = progressLine(stderr, "reading prompts");
  const { nTokens, notes } = await warmUp(desk, how, requests, reading.update).finally(reading.end);
  for (const note of notes) stderr.write(`${oneLine(`--warm: ${note}`)}\n`);
  stderr.write(`${requests.length} prompts of ${nTokens} tokens were read\n`);
}

async function engineOptions(options: ServeCommandOptions): Promise<ServeFolderOptions> {
  const { backend, threads, turbo, activations, check, latentEps, maxContext } = options;
  const { ignoreConfigKey: ignoreConfigKeys, name, chatTemplate, draft: draftSteps } = options;
  const stream = await streamOf(options, options.model);
  return {
    open: {
      ...{ backend, threads, turbo, activations, check, latentEps, ignoreConfigKeys },
      stream,
    },
    rows: { latent: options.kvType, index: options.indexType },
    rowBytes: options.kvRam,
    maxOrders: options.maxRequests,
    ...{ maxContext, draftSteps, name, chatTemplate, keepFile: options.keep },
  };
}

/** Says where the server is, and what it serves. */
function sayReady(
  { json, verbose, maxContext }: ServeCommandOptions,
  { stdout, stderr }: Terminal,
  { desk, about }: ServedFolder,
  url: string,
): void {
  const { name, fingerprint } = desk.model;
  const { arithmetic, assumed, rowBytes, kept } = about;
  if (kept && kept.inFile > 0)
    stderr.write(`${kept.nTokens} of ${kept.inFile} tokens in the file are kept\n`);
  if (assumed !== undefined) stderr.write(`${oneLine(assumed)} (--activations)\n`);
  if (verbose) stderr.write(`arithmetic: ${arithmetic}\ntemplate: ${desk.model.template.about}\n`);
  if (maxContext !== undefined && about.maxContext < maxContext) {
    const few = `--max-context ${maxContext}: there is memory for ${about.maxContext} positions`;
    stderr.write(`${few}; --kv-ram gives more, --kv-type int8 takes less\n`);
  }
  if (json) {
    const ready = { url, model: name, fingerprint, max_context: about.maxContext };
    stdout.write(`${JSON.stringify(ready)}\n`);
    return;
  }
  const room = `${about.maxContext.toLocaleString("en")} tokens a text`;
  stderr.write(`${oneLine(name)} · ${room} · ${bytes(rowBytes)} for rows · ${arithmetic}\n`);
  stdout.write(`${url}/v1\n`);
}

/** A line of the log: no text of the request. */
function requestLine({ method, path, status, start, usage, error }: RequestRecord): string {
  const seconds = ((performance.now() - start) / 1000).toFixed(2);
  const cost = usage?.();
  const tokens = cost
    ? ` · ${cost.promptTokens} tokens (${cost.cachedTokens} kept) → ${cost.completionTokens}`
    : "";
  return `${method} ${path} ${status}${error ? ` ${error}` : ""} · ${seconds} s${tokens}`;
}

function bugOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
