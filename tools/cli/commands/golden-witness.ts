import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { writeSafetensors } from "../../../engine/weights/write-safetensors.ts";
import { CLASSES, caseFolders, type EngineClass } from "../../golden/index.ts";
import type { Answer } from "../../golden/witness/answer.ts";
import {
  type ExpectedLogprobs,
  expectedLogprobs,
  judgeLogprobs,
  logSoftmax,
} from "../../golden/witness/judge-logprobs.ts";
import { llamaLogits, llamaLogitsOfCase } from "../../golden/witness/llama.ts";
import { renderLogprobs } from "../../golden/witness/report.ts";
import { writeServedModel } from "../../golden/witness/served-model.ts";
import { askServer } from "../../golden/witness/server.ts";
import { openConfig } from "../../node/open-config.ts";
import { checkWritable } from "../../node/output.ts";
import { UserError } from "../../node/user-error.ts";
import { writeWhole } from "../../node/write-whole.ts";
import { apiKeyOf } from "../api-key.ts";
import { EXIT_CODES as COMMON_CODES } from "../exit-codes.ts";
import { decimal, integer } from "../numbers.ts";
import { progressLine } from "../progress.ts";
import type { Terminal } from "../terminal.ts";

interface CaseOptions {
  readonly case: string;
  readonly pack?: string;
}

interface ModelOptions extends CaseOptions {
  readonly out: string;
}

interface WitnessOptions extends CaseOptions {
  readonly class?: EngineClass;
  readonly json?: boolean;
}

interface ServerCommandOptions extends WitnessOptions {
  readonly url: string;
  readonly model?: string;
  readonly apiKeyEnv?: string;
  readonly logprobs: number;
  readonly tokenIds: boolean;
  readonly echo: boolean;
  readonly timeout: number;
}

interface LlamaOptions extends WitnessOptions {
  readonly out?: string;
  readonly from: string;
}

const EXIT_CODES = `
Exit codes:
  0  every position is right, or explained by rounding
  1  the engine or the case cannot be asked
  3  a position is off
`;

const WITNESS_HELP = `
Examples:
  glm52 golden witness server --url http://localhost:8080/v1 --case clear-mtp --class f16-cache
  glm52 golden witness llama --case clear-mtp
  glm52 golden witness model --case clear-bf16 --out served
${EXIT_CODES}`;

const SERVER_HELP = `
The server runs the checkpoint of a golden case: its model/ or its model.gguf. For each prefix of the
case it is asked, through /completions, for the log-probabilities of the next token. They must be
those of HF transformers in float64, up to the rounding of the engine's arithmetic. For a server that
does not start without a tokenizer, glm52 golden witness model writes the checkpoint with one.
${EXIT_CODES}
Examples:
  llama-server -m golden/cases/clear-mtp/model.gguf --port 8080
  glm52 golden witness server --url http://localhost:8080/v1 --case clear-mtp --class f16-cache
  glm52 golden witness server --url http://localhost:8000/v1 --case clear-bf16 --json
`;

const MODEL_HELP = `
Servers are asked with ids, but many do not start without a tokenizer. This one has a token for each
byte, and <256>, <257>, … for those above; docs/golden-pack.md tells more.

Examples:
  glm52 golden witness model --case clear-bf16 --out served
  vllm serve served --max-logprobs 20
${COMMON_CODES}`;

const LLAMA_HELP = `
node-llama-cpp is not part of this package: npm install node-llama-cpp in the folder that --from names.
${EXIT_CODES}
Examples:
  glm52 golden witness llama --case clear-mtp
  glm52 golden witness llama mine.gguf --case clear-mtp --out dump.safetensors
`;

/** Adds `glm52 golden witness`. */
export function addGoldenWitness(
  golden: Command,
  terminal: Terminal,
  exit: (code: number) => void,
): void {
  const witness = golden
    .command("witness")
    .summary("ask another engine, and compare it with the model")
    .description("Runs a golden case in another engine and judges what it says.")
    .addHelpText("after", WITNESS_HELP);
  shared(witness.command("server"), "the checkpoint's: bf16 or f32")
    .summary("check a server with OpenAI's API")
    .description("Checks a server with OpenAI's API, such as vLLM, SGLang or llama-server.")
    .requiredOption("--url <url>", "the API, such as http://localhost:8000/v1")
    .option("--model <name>", "the model's name there (default: the first that the server lists)")
    .option("--api-key-env <var>", "environment variable with the API key")
    .option("--logprobs <k>", "log-probabilities to ask for at each position", integer(1), 20)
    .option("--echo", "ask once, for the prompt's log-probabilities, not for every prefix", false)
    .option("--no-token-ids", "do not ask for names like token_id:7, which vLLM gives")
    .option(
      "--timeout <seconds>",
      "longest time of one request",
      decimal("a positive number", (x) => x > 0),
      60,
    )
    .addHelpText("after", SERVER_HELP)
    .action(async (options: ServerCommandOptions) => exit(await server(options, terminal)));
  ofCase(witness.command("model"))
    .summary("write a case's model for a server")
    .description("Writes a case's model with a tokenizer, for servers that do not start without.")
    .requiredOption("--out <dir>", "a new folder")
    .addHelpText("after", MODEL_HELP)
    .action(async (options: ModelOptions) => {
      const [dir] = await caseFolders([options.case], options.pack);
      const { config } = await openConfig(join(dir, "model"));
      await writeServedModel(dir, options.out, config.vocabSize);
    });
  shared(
    witness.command("llama").argument("[gguf]", "file to run (default: the case's)"),
    "f16-cache",
  )
    .summary("check llama.cpp through node-llama-cpp")
    .description("Checks llama.cpp through node-llama-cpp, and writes its logits.")
    .option("--from <dir>", "folder whose node_modules has node-llama-cpp", ".")
    .option("--out <file>", "write the logits as a dump for glm52 golden check")
    .addHelpText("after", LLAMA_HELP)
    .action(async (file: string | undefined, options: LlamaOptions) =>
      exit(await llama(file, options, terminal)),
    );
}

const ofCase = (command: Command): Command =>
  command
    .requiredOption("--case <case>", "folder of the golden case, or its name in the pack")
    .option("--pack <dir>", "folder of the golden pack (default: golden of this project)");

const shared = (command: Command, defaultClass: string): Command =>
  ofCase(command)
    .addOption(
      new Option(
        "--class <class>",
        `what the engine computes in (default: ${defaultClass}); f16-cache: f32 with caches in f16`,
      ).choices(CLASSES),
    )
    .option("--json", "print JSON");

/** Returns the exit code. */
async function server(options: ServerCommandOptions, terminal: Terminal): Promise<number> {
  const [dir] = await caseFolders([options.case], options.pack);
  const apiKey = apiKeyOf(options.apiKeyEnv);
  const expected = await expectedLogprobs(dir, options.class ?? (await storedClass(dir)));
  const asking = progressLine(terminal.stderr, "asking");
  const { tokens, nVocab } = expected;
  const answers = await askServer(
    { ...options, apiKey, logprobs: Math.min(options.logprobs, nVocab) },
    tokens,
    nVocab,
    asking.update,
  ).finally(asking.end);
  return report(dir, expected, answers, options.url, options, terminal);
}

/** Returns the exit code. */
async function llama(
  file: string | undefined,
  options: LlamaOptions,
  terminal: Terminal,
): Promise<number> {
  const [dir] = await caseFolders([options.case], options.pack);
  const expected = await expectedLogprobs(dir, options.class ?? "f16-cache");
  if (options.out) await checkWritable(options.out, [dir, ...(file === undefined ? [] : [file])]);
  const { tokens, nVocab } = expected;
  const { from } = options;
  const logits = await (file === undefined
    ? llamaLogitsOfCase(from, dir, tokens)
    : llamaLogits(from, file, tokens));
  const bad = logits.find(({ length }) => length !== nVocab);
  if (bad) {
    throw new UserError(file ?? dir, `expected logits of ${nVocab} tokens, got ${bad.length}`);
  }
  if (options.out) await writeWhole(options.out, dumpOf(logits, nVocab));
  const answers = logits.map((row) => ({
    logprobs: new Map(logSoftmax(row).entries()),
    isChoice: false,
  }));
  return report(dir, expected, answers, "llama.cpp", options, terminal);
}

/** A dump with the logits alone. */
function dumpOf(rows: readonly Float64Array[], nVocab: number): Uint8Array {
  const data = new Float32Array(rows.length * nVocab);
  rows.forEach((row, t) => {
    data.set(row, t * nVocab);
  });
  const bytes = new Uint8Array(data.buffer);
  const logits = { dtype: "F32", shape: [rows.length, nVocab], bytes } as const;
  return writeSafetensors({ logits }, { engine: "llama.cpp through node-llama-cpp" });
}

/** Returns the exit code. */
async function report(
  dir: string,
  expected: ExpectedLogprobs,
  answers: readonly Answer[],
  who: string,
  { json }: WitnessOptions,
  { stdout }: Terminal,
): Promise<number> {
  const judgement = judgeLogprobs(expected, answers);
  const { name, engineClass } = expected;
  const { config } = await openConfig(join(dir, "model"));
  stdout.write(
    json
      ? `${JSON.stringify({ case: name, class: engineClass, ...judgement })}\n`
      : renderLogprobs(judgement, expected, who, config.indexTopk),
  );
  return judgement.firstOff === undefined ? 0 : 3;
}

/** What a server that keeps to the checkpoint's number format computes in. */
async function storedClass(dir: string): Promise<EngineClass> {
  const json = JSON.parse(await readFile(join(dir, "model/config.json"), "utf8"));
  return (json.torch_dtype ?? json.dtype) === "bfloat16" ? "bf16" : "f32";
}
