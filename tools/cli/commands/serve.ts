/**
 * `glm52 serve`: a server for the APIs that agents, evaluators and chat programs speak.
 * @module
 */
import { env } from "node:process";
import { type Command, Option } from "commander";
import type { Activations } from "../../../engine/index.ts";
import { bytes } from "../../inspect/units.ts";
import type { Backend } from "../../library/arithmetic.ts";
import type { TemplateChoice } from "../../library/chat-template.ts";
import { oneLine } from "../../library/one-line.ts";
import { EFFORTS, type Effort } from "../../library/think.ts";
import { ourPackage } from "../../node/our-package.ts";
import { UserError } from "../../node/user-error.ts";
import { serveApp } from "../../serve/app.ts";
import {
  type ServedFolder,
  type ServeFolderOptions,
  serveFolder,
} from "../../serve/engine/serve-folder.ts";
import { isLoopback, listen } from "../../serve/http.ts";
import type { RequestRecord } from "../../serve/service.ts";
import { chatTemplateOption } from "../chat-template-option.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import {
  addArithmeticOptions,
  addModelOptions,
  addRowOptions,
  COUNT,
  type RowType,
} from "../generation-options.ts";
import { byteSize, decimal, integer } from "../numbers.ts";
import { progressLine } from "../progress.ts";
import { addStreamOptions, type StreamChoice, streamOf } from "../stream-option.ts";
import type { Terminal } from "../terminal.ts";
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
  API_KEY=secret glm52 serve --host 0.0.0.0 --api-key-env API_KEY
  curl http://127.0.0.1:8080/v1/chat/completions -d '{"messages": [{"role": "user", "content": "Tell me a story."}]}'
`;

interface ServeCommandOptions extends StreamChoice {
  readonly host: string;
  readonly port: number;
  readonly apiKeyEnv?: string;
  readonly insecure?: boolean;
  readonly allowHost: readonly string[];
  readonly cors: readonly string[];
  readonly model?: string;
  readonly ignoreConfigKey?: readonly string[];
  readonly latentEps?: number;
  readonly chatTemplate?: TemplateChoice;
  readonly name?: string;
  readonly alias: readonly string[];
  readonly anyModel?: boolean;
  readonly maxContext?: number;
  readonly think?: Effort;
  readonly toolChoice?: "none" | "auto" | "required";
  readonly seed: number;
  readonly strict?: boolean;
  readonly clock: boolean;
  readonly maxRequests: number;
  readonly timeout?: number;
  readonly grace: number;
  readonly kvRam?: number;
  readonly draft: number;
  readonly kvType: RowType;
  readonly indexType: RowType;
  readonly backend: Backend;
  readonly activations?: Activations;
  readonly threads: number;
  readonly turbo: boolean;
  readonly check?: boolean;
  readonly verbose?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

const PORT = integer(0, 65_535);
const SECONDS = decimal("a number of seconds", (x) => x >= 0 && x < 1e6);
const TOOL_CHOICES = ["none", "auto", "required"] as const;

/** Adds `glm52 serve`. */
export function addServe(program: Command, terminal: Terminal): void {
  const command = program
    .command("serve")
    .summary("answer requests over HTTP")
    .description("Serves a model to programs that speak OpenAI's or Anthropic's API.");
  addWhere(command);
  addModelOptions(command)
    .addOption(chatTemplateOption())
    .option("--name <name>", "the name of the model in requests (default: that of the folder)")
    .option("--alias <name>", "another name of the model; may be repeated", list, [])
    .option("--any-model", "answer requests for any model with this one");
  addAnswers(command);
  addLimits(command);
  addStreamOptions(command.optionsGroup("Memory and speed:"));
  addArithmeticOptions(addRowOptions(command))
    .optionsGroup("Options:")
    .option("--quiet", "do not print a line for each request")
    .option("--json", "print JSON: one line on stdout when the server is ready, with its URL")
    .addHelpText("after", HELP + EXIT_CODES)
    .action((options: ServeCommandOptions) => serve(options, terminal));
}

function list(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

function addWhere(command: Command): Command {
  return command
    .optionsGroup("Where:")
    .option("--host <host>", "the interface to listen on", "127.0.0.1")
    .option("--port <n>", "the port to listen on; 0 takes any that is free", PORT, 8080)
    .option(
      "--api-key-env <var>",
      "the environment variable that holds the key which requests must have",
    )
    .option("--insecure", "listen on an interface that others reach without a key")
    .option("--allow-host <name>", "take this Host header, too; may be repeated", list, [])
    .option("--cors <origin>", "let pages of this origin ask; may be repeated", list, []);
}

function addAnswers(command: Command): Command {
  return command
    .optionsGroup("Answers:")
    .option(
      "--max-context <n>",
      "most tokens of a prompt and its answer; behind those that the model was made for, texts lose their sense (default: those)",
      integer(1),
    )
    .addOption(
      new Option("--think <effort>", "how much to think when a request does not say").choices(
        EFFORTS,
      ),
    )
    .addOption(
      new Option(
        "--tool-choice <choice>",
        "whether to call tools when a request does not say (default: auto)",
      ).choices(TOOL_CHOICES),
    )
    .option("--seed <s>", "the seed of requests without one", COUNT, 0)
    .option("--strict", "refuse fields that are not known, instead of naming them in a header")
    .option("--no-clock", "leave the time out, so that answers are equal in every run");
}

function addLimits(command: Command): Command {
  return command
    .optionsGroup("Limits:")
    .option("--max-requests <n>", "the most requests that run and wait", integer(1), 1024)
    .option("--timeout <s>", "give a request up after so many seconds", SECONDS)
    .option("--grace <s>", "at the end, wait so many seconds for answers on their way", SECONDS, 10)
    .option(
      "--kv-ram <size>",
      "memory for the cached rows of all texts, e.g. 4GB (default: 1 GiB)",
      byteSize,
    );
}

async function serve(options: ServeCommandOptions, terminal: Terminal): Promise<void> {
  const { stderr } = terminal;
  const apiKey = keyOf(options);
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
    const app = serveApp(desk, {
      ...options,
      aliases: options.alias,
      apiKey,
      allowedHosts: options.allowHost,
      timeout: options.timeout === undefined ? undefined : 1000 * options.timeout,
      version: (await ourPackage()).version,
      log: (record) => {
        if (!options.quiet) stderr.write(`${oneLine(requestLine(record))}\n`);
      },
      onBug: (error) => stderr.write(`${bugOf(error)}\n`),
    });
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
  if (apiKeyEnv !== undefined) {
    const key = env[apiKeyEnv];
    if (key) return key;
    throw new UsageError("--api-key-env", `expected a key in the variable ${apiKeyEnv}, got none`);
  }
  if (isLoopback(host) || insecure) return undefined;
  throw new UsageError(
    "--host",
    `expected --api-key-env, too: others reach ${host}; --insecure lets everybody ask`,
  );
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
    ...{ maxContext, draftSteps, name, chatTemplate },
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
  const { arithmetic, assumed, rowBytes } = about;
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

/** Waits until somebody asks for the end. */
function untilAsked({ onInterrupt, onTerminate }: Terminal): Promise<void> {
  return new Promise((resolve) => {
    const stop = [onInterrupt(() => end()), onTerminate(() => end())];
    const end = (): void => {
      for (const stopListening of stop.slice(1)) stopListening(); // the second Ctrl-C is heard on
      resolve();
    };
  });
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
