/**
 * `glm52 trace`: the intermediate results of a forward pass, in a file.
 * @module
 */
import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import type { Activations, Precision } from "../../../engine/index.ts";
import type { NamedTensor } from "../../../engine/trace/recorder.ts";
import { STAGE_NAMES, trace } from "../../../engine/trace/trace.ts";
import { traceFile } from "../../../engine/trace/trace-file.ts";
import { parseJson } from "../../../engine/weights/json.ts";
import { caseOfModel, type FoundCase, findCase } from "../../golden/case/model-of-case.ts";
import { BACKENDS, type Backend } from "../../library/arithmetic.ts";
import { oneLine } from "../../library/one-line.ts";
import { openModel } from "../../node/open.ts";
import { ourPackage } from "../../node/our-package.ts";
import { checkWritable } from "../../node/output.ts";
import { UserError } from "../../node/user-error.ts";
import { writeWhole } from "../../node/write-whole.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { activationsOption, ignoreConfigKeyOption, THREADS } from "../generation-options.ts";
import { interruptible } from "../interrupt.ts";
import { integer, integerList, nameList, POSITIVE, rangeList } from "../numbers.ts";
import { passCommand } from "../pass-command.ts";
import { progressLine } from "../progress.ts";
import { sayMemory } from "../reference-memory.ts";
import { shellWord } from "../shell-word.ts";
import { addStreamOptions, type StreamChoice } from "../stream-option.ts";
import type { Terminal } from "../terminal.ts";

interface TraceCommandOptions extends StreamChoice {
  readonly resume?: boolean;
  readonly model?: string;
  readonly case?: string;
  readonly backend: Backend;
  readonly activations?: Activations;
  readonly threads: number;
  readonly tokens?: readonly number[];
  readonly tokensFile?: string;
  readonly stages?: readonly string[];
  readonly layers?: readonly number[];
  readonly precision: Precision;
  readonly chunk: number;
  readonly latentEps?: number;
  readonly ignoreConfigKey?: readonly string[];
  readonly mtpSteps?: number;
  readonly out: string;
}

const HELP = `
Stages:
${wrap(STAGE_NAMES)}

The file has one tensor for each stage. The tensor is named <stage>-<layer>, or <stage>-<step> for
the draft steps of the MTP layer; logits and the result of the last norm have no number. Layers are
counted from 0, and the MTP layer comes last. --chunk changes no byte of the file.

With --stream, --out is a folder: all tokens go through layer 0, which is written to a file, then through
layer 1, and so on; each byte of the model is read once. --layers 0-10 needs only the shards with these
layers. Ctrl-C puts the pass aside, and --resume goes on with it. Besides l_out, top_k, the chosen experts
and the logits (or --stages), each file has the SHA-256 of all other stages, and a chain of hashes by which
two machines can be compared layer by layer.

--case runs the model and the tokens of a golden case, with the epsilon and the draft steps that its
case.json says. The epsilon of case.json also holds when --model is the model of a case.

Examples:
  glm52 trace --case tiny-all --out mine.safetensors
  glm52 trace --model DIR --tokens 57,15,52 --out trace.safetensors
  glm52 trace --model DIR --tokens-file ids.json --stages q_pe,top_k --layers 0,2 --out t.safetensors
  glm52 trace --model DIR --tokens 57,15,52 --precision f64 --mtp-steps 3 --out t.safetensors
  glm52 trace --model GLM-5.2-FP8 --tokens-file ids.json --stream --ram 8GB --layers 0-10 --out pass
`;

/** Adds `glm52 trace`. */
export function addTrace(program: Command, terminal: Terminal, argv: readonly string[]): void {
  const command = program
    .command("trace")
    .summary("record the stages of a forward pass in a file")
    .description("Runs tokens, and writes the result of every stage to one safetensors file.")
    .option("--model <dir>", "folder of the model")
    .addOption(
      new Option("--case <case>", "a golden case: its name, or its folder").conflicts("model"),
    )
    .requiredOption("--out <file>", "the safetensors file to write; with --stream, a folder")
    .option("--tokens <ids>", "the tokens to run, e.g. 1,2,3", integerList)
    .addOption(
      new Option(
        "--tokens-file <file>",
        "read the tokens from JSON: a list of ids, or an object with a list named tokens",
      ).conflicts("tokens"),
    )
    .option("--stages <names>", "stages to record besides the logits (default: all)", nameList)
    .option("--layers <numbers>", "layers to record, e.g. 0,2 or 0-10 (default: all)", rangeList)
    .addOption(
      new Option("--precision <p>", "number format of the computation")
        .choices(["f32", "f64"])
        .default("f32"),
    )
    .addOption(
      new Option("--chunk <n>", "run the tokens in steps of n; changes no result")
        .argParser(integer(1))
        .default(64),
    )
    .option(
      "--latent-eps <e>",
      "epsilon in the norms of the two latents (default: that of the case, or rms_norm_eps of the config)",
      POSITIVE,
    )
    .addOption(ignoreConfigKeyOption())
    .option(
      "--mtp-steps <n>",
      "run the MTP layer over the text too, and then let it guess n tokens ahead",
      integer(0),
    )
    .addOption(
      new Option("--backend <name>", "what computes: the plain reference, or the fast wasm kernels")
        .choices(BACKENDS)
        .default("reference"),
    )
    .addOption(activationsOption())
    .option("--threads <n>", "number of threads of the wasm backend; changes no result", THREADS, 1)
    .addHelpText("after", HELP + EXIT_CODES);
  addStreamOptions(command)
    .option("--resume", "with --stream: go on with the pass in the folder")
    .action(async (options: TraceCommandOptions, command: Command) => {
      if (!options.model && !options.case) {
        command.error("error: give the model with --model, or a golden case with --case");
      }
      if (!options.tokens && !options.tokensFile && !options.case) {
        command.error("error: give the tokens with --tokens or --tokens-file");
      }
      await traceCommand(options, argv, terminal);
    });
}

/** What is run: a folder and its tokens, and what a case says of them. */
interface Subject {
  readonly folder: string;
  readonly tokens: readonly number[];
  readonly latentEps: number | undefined;
  readonly mtpSteps: number | undefined;
  /** The file that says the epsilon, where the options do not. */
  readonly epsSaidBy: string | undefined;
}

/** What the options ask to run. An option wins over what the case says. */
async function subjectOf(options: TraceCommandOptions): Promise<Subject> {
  const { model = "", tokensFile } = options;
  const asked = options.case === undefined ? undefined : await findCase(options.case);
  const belongs: FoundCase | undefined = asked ?? (await caseOfModel(model));
  const tokens = options.tokens ?? (tokensFile ? await readTokens(tokensFile) : undefined);
  return {
    folder: asked?.model ?? model,
    tokens: tokens ?? asked?.tokens ?? [],
    latentEps: options.latentEps ?? belongs?.latentEps,
    mtpSteps: options.mtpSteps ?? asked?.mtpSteps,
    epsSaidBy: options.latentEps === undefined ? belongs?.file : undefined,
  };
}

/** Runs the tokens and writes the file. */
async function traceCommand(
  options: TraceCommandOptions,
  argv: readonly string[],
  terminal: Terminal,
): Promise<void> {
  const { stderr } = terminal;
  const { precision, stages, layers, chunk, out } = options;
  const about = await subjectOf(options);
  if (options.stream) return passCommand(about, { ...options, argv }, terminal);
  const { folder, tokens, latentEps, mtpSteps, epsSaidBy } = about;
  await checkWritable(out, [folder, ...(options.tokensFile ? [options.tokensFile] : [])]);
  await sayMemory(folder, options, stderr);
  const loading = progressLine(stderr, "loading");
  const { model, config, name, sha256, close } = await openModel(folder, {
    backend: options.backend,
    threads: options.threads,
    turbo: true,
    activations: options.activations,
    precision,
    latentEps,
    ignoreConfigKeys: options.ignoreConfigKey,
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
  let tensors: NamedTensor[];
  try {
    tensors = trace(model, wanted, running.update);
  } finally {
    running.end();
    await close();
  }
  const bytes = traceFile(tensors, {
    engineVersion: (await ourPackage()).version,
    model: name,
    configSha256: sha256,
    precision,
    activations: model.ops.activations,
    latentEps: config.latentNormEps,
    tokens,
    command: ["glm52", ...argv].map(shellWord).join(" "),
  });

  await interruptible(terminal, (signal) => writeWhole(out, bytes, signal));
  const eps = epsSaidBy
    ? `, latent eps ${latentEps?.toExponential()} as ${oneLine(epsSaidBy)} says`
    : "";
  stderr.write(
    `${out}: ${tensors.length} tensors of ${tokens.length} tokens, ${precision}${eps}\n`,
  );
}

/** Reads token ids from a JSON file: `[1, 2, 3]` or `{"tokens": [1, 2, 3]}`. */
async function readTokens(file: string): Promise<readonly number[]> {
  const json = parseJson(file, await readFile(file), "any");
  const list = Array.isArray(json) ? json : (json as { tokens?: unknown } | null)?.tokens;
  if (!Array.isArray(list) || !list.every((id) => Number.isSafeInteger(id) && id >= 0)) {
    throw new UserError(file, `expected token ids: a list, or an object with a list "tokens"`);
  }
  return list;
}

/** Puts names into lines that fit a terminal. */
function wrap(names: readonly string[]): string {
  const lines = [" "];
  for (const name of names) {
    if (`${lines[lines.length - 1]} ${name}`.length > 78) lines.push(" ");
    lines[lines.length - 1] += ` ${name}`;
  }
  return lines.join("\n");
}
