import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import type { Activations, Precision } from "../../../engine/index.ts";
import { STAGE_NAMES, trace } from "../../../engine/trace/trace.ts";
import { traceFile } from "../../../engine/trace/trace-file.ts";
import { parseJson } from "../../../engine/weights/json.ts";
import { BACKENDS, type Backend } from "../../library/arithmetic.ts";
import { openModel } from "../../node/open.ts";
import { ourPackage } from "../../node/our-package.ts";
import { UserError } from "../../node/user-error.ts";
import { checkWritable, writeWhole } from "../../node/write-whole.ts";
import { activationsOption, THREADS } from "../generation-options.ts";
import { decimal, integer, integerList, nameList } from "../numbers.ts";
import { progressLine } from "../progress.ts";
import type { Terminal } from "../terminal.ts";

interface TraceCommandOptions {
  readonly model: string;
  readonly backend: Backend;
  readonly activations: Activations;
  readonly threads: number;
  readonly tokens?: readonly number[];
  readonly tokensFile?: string;
  readonly stages?: readonly string[];
  readonly layers?: readonly number[];
  readonly precision: Precision;
  readonly chunk: number;
  readonly latentEps?: number;
  readonly mtpSteps?: number;
  readonly out: string;
}

const HELP = `
Stages:
${wrap(STAGE_NAMES)}

A stage of a layer is named <stage>-<layer>, one of the MTP layer's steps <stage>-<step>; logits and
the result of the last norm have no number. Layers count from 0; the MTP layer has the number after
the last. The same input gives the same bytes for every --chunk.

Examples:
  glm52 trace --model DIR --tokens 57,15,52 --out trace.safetensors
  glm52 trace --model DIR --tokens-file ids.json --stages q_pe,top_k --layers 0,2 --out t.safetensors
  glm52 trace --model DIR --tokens 57,15,52 --precision f64 --mtp-steps 3 --out t.safetensors
`;

/** Adds `glm52 trace`. */
export function addTrace(
  program: Command,
  terminal: Terminal,
  argv: readonly string[],
  exit: (code: number) => void,
): void {
  const epsilon = decimal("a number above 0", (x) => x > 0);
  program
    .command("trace")
    .summary("record the stages of a forward pass in a file")
    .description("Runs tokens and writes what every stage gave to one safetensors file.")
    .requiredOption("--model <dir>", "folder of the model")
    .requiredOption("--out <file>", "the safetensors file to write")
    .option("--tokens <ids>", "the tokens to run, e.g. 1,2,3", integerList)
    .addOption(
      new Option(
        "--tokens-file <file>",
        "the same from JSON: a list, or an object with tokens",
      ).conflicts("tokens"),
    )
    .option("--stages <names>", "stages to keep beside the logits (default: all)", nameList)
    .option("--layers <numbers>", "layers to keep, e.g. 0,2 (default: all)", integerList)
    .addOption(
      new Option("--precision <p>", "number format").choices(["f32", "f64"]).default("f32"),
    )
    .option("--chunk <n>", "tokens per step; changes no result", integer(1), 64)
    .option("--latent-eps <e>", "epsilon of the latent norms (default: rms_norm_eps)", epsilon)
    .option("--mtp-steps <n>", "run the MTP layer over the text, then n guesses ahead", integer(0))
    .addOption(new Option("--backend <name>", "arithmetic").choices(BACKENDS).default("reference"))
    .addOption(activationsOption())
    .option("--threads <n>", "threads of the wasm backend; changes no result", THREADS, 1)
    .addHelpText("after", HELP)
    .action(async (options: TraceCommandOptions, command: Command) => {
      if (!options.tokens && !options.tokensFile) {
        command.error("error: give the tokens with --tokens or --tokens-file");
      }
      exit(await traceCommand(options, argv, terminal));
    });
}

/** Returns the exit code. */
async function traceCommand(
  options: TraceCommandOptions,
  argv: readonly string[],
  { stderr, onInterrupt }: Terminal,
): Promise<number> {
  const { precision, latentEps, stages, layers, chunk, mtpSteps, out } = options;
  const tokens = options.tokens ?? (await readTokens(options.tokensFile ?? ""));
  await checkWritable(out);
  const loading = progressLine(stderr, "loading");
  const { model, config, name, sha256, close } = await openModel(options.model, {
    backend: options.backend,
    threads: options.threads,
    turbo: true,
    activations: options.activations,
    precision,
    latentEps,
    onProgress: loading.update,
  }).finally(loading.end);

  const running = progressLine(stderr, "running");
  const wanted = {
    tokens,
    chunk,
    ...(stages && { stages }),
    ...(layers && { layers }),
    ...(mtpSteps !== undefined && { mtpSteps }),
  };
  const tensors = trace(model, wanted, running.update);
  running.end();
  await close();
  const bytes = traceFile(tensors, {
    engineVersion: (await ourPackage()).version,
    model: name,
    configSha256: sha256,
    precision,
    latentEps: config.latentNormEps,
    tokens,
    command: ["glm52", ...argv].map(quote).join(" "),
  });

  const abort = new AbortController();
  const stopListening = onInterrupt(() => abort.abort());
  try {
    await writeWhole(out, bytes, abort.signal);
  } catch (error) {
    if (abort.signal.aborted) return 130;
    throw error;
  } finally {
    stopListening();
  }
  stderr.write(`${out}: ${tensors.length} tensors of ${tokens.length} tokens, ${precision}\n`);
  return 0;
}

/** `[1, 2, 3]` or `{"tokens": [1, 2, 3]}`. */
async function readTokens(file: string): Promise<readonly number[]> {
  const json = parseJson(file, await readFile(file), "any");
  const list = Array.isArray(json) ? json : (json as { tokens?: unknown } | null)?.tokens;
  if (!Array.isArray(list) || !list.every((id) => Number.isSafeInteger(id) && id >= 0)) {
    throw new UserError(file, `expected token ids: a list, or an object with a list "tokens"`);
  }
  return list;
}

/** An argument as a shell reads it. */
function quote(argument: string): string {
  return /^[\w./,:=+@%-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}

/** Names in lines that fit a terminal. */
function wrap(names: readonly string[]): string {
  const lines = [" "];
  for (const name of names) {
    if (`${lines[lines.length - 1]} ${name}`.length > 78) lines.push(" ");
    lines[lines.length - 1] += ` ${name}`;
  }
  return lines.join("\n");
}
