import { randomBytes } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { GROUPS_METHOD } from "../engine/config-keys.ts";
import { openCheckpoint } from "../engine/index.ts";
import { GROUP } from "../engine/raw-tensor.ts";
import { bind } from "../engine/weights/bind.ts";
import { SINGLE_FILE } from "../engine/weights/checkpoint.ts";
import { safetensorsHeader } from "../engine/weights/write-safetensors.ts";
import { CliError } from "./cli-error.ts";
import { type Divergence, divergence } from "./divergence.ts";
import { fileCheckpoint } from "./file-source.ts";
import { integerList } from "./numbers.ts";
import { openConfig, openModel } from "./open-model.ts";
import { openTokenizer } from "./open-tokenizer.ts";
import { progressLine } from "./progress.ts";
import { readPrompt } from "./prompt.ts";
import {
  type Part,
  quantizedParts,
  type TensorError,
  WEIGHT_FORMATS,
  type WeightFormat,
} from "./quantize.ts";
import type { Terminal } from "./terminal.ts";
import { checkWritable, writePieces, writeWhole } from "./write-whole.ts";

interface QuantizeOptions {
  readonly to: WeightFormat;
  readonly keep?: readonly string[];
  readonly text?: string;
  readonly tokens?: readonly number[];
  readonly json?: boolean;
}

/** What the command tells. */
interface Report {
  readonly format: WeightFormat;
  /** Of the weights' file. */
  readonly bytes: number;
  readonly tensors: readonly TensorError[];
  readonly divergence?: Divergence;
}

const HELP = `
Vectors, the router and the indexer's head weights stay as they are stored. So do matrices whose rows
are no multiple of 32, for q8 and q4. docs/quantised-weights.md says what stands in the files.

The report has the largest error of each tensor that was rounded, and its squared error as a share of
its squares. With --text or --tokens it has the divergence of the logits from the original's, in nats.
The folder appears when all of it is written; one that holds anything is refused.

Examples:
  glm52 quantize DIR DIR-q8 --to q8
  glm52 quantize DIR DIR-q4 --to q4 --keep lm_head embed_tokens
  glm52 quantize DIR DIR-q8 --to q8 --text "Once upon a time" --json

Exit codes: 0 done, 1 the model or the folder is not usable, 2 wrong usage
`;

/** Adds `glm52 quantize`. */
export function addQuantize(program: Command, terminal: Terminal): void {
  program
    .command("quantize")
    .summary("write a model with smaller weights")
    .description("Writes a model's folder with its matrices in another number format.")
    .argument("<model>", "folder of a model")
    .argument("<out>", "the folder to make")
    .addOption(
      new Option("--to <f>", "number format").choices(WEIGHT_FORMATS).makeOptionMandatory(),
    )
    .option("--keep <names...>", "leave tensors whose names hold one of these words")
    .option("--text <text>", "compare the logits on this text")
    .addOption(
      new Option("--tokens <ids>", "the same on token ids, e.g. 1,2,3")
        .argParser(integerList)
        .conflicts("text"),
    )
    .option("--json", "print JSON")
    .addHelpText("after", HELP)
    .action(async (model: string, out: string, options: QuantizeOptions) => {
      const report = await quantize(model, out, options, terminal);
      terminal.stdout.write(options.json ? `${JSON.stringify(report)}\n` : reportText(report));
    });
}

/** Writes beside `out` and renames at the end, so that no half of a model is ever there. */
async function quantize(
  folder: string,
  out: string,
  options: QuantizeOptions,
  terminal: Terminal,
): Promise<Report> {
  const target = resolve(out);
  await checkVacant(out, target);
  const temporary = join(
    dirname(target),
    `.${basename(target)}.${randomBytes(6).toString("hex")}.tmp`,
  );
  try {
    await mkdir(temporary);
    const written = await writeModel(folder, temporary, options, terminal);
    const wanted = options.text !== undefined || options.tokens !== undefined;
    const report = wanted
      ? { ...written, divergence: await compare(folder, temporary, options, terminal) }
      : written;
    await rename(temporary, target);
    return report;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function checkVacant(out: string, target: string): Promise<void> {
  const inside = await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new CliError(`${out}: expected the name of a new folder, this is a file`);
  });
  if (inside.length > 0) {
    throw new CliError(`${out}: expected a new or empty folder, got one with ${inside[0]} in it`);
  }
  await checkWritable(join(dirname(target), SINGLE_FILE));
}

async function writeModel(
  folder: string,
  into: string,
  { to, keep = [] }: QuantizeOptions,
  { stderr }: Terminal,
): Promise<Report> {
  const { config } = await openConfig(folder);
  const files = fileCheckpoint(folder);
  const progress = progressLine(stderr, "writing");
  const tensors: TensorError[] = [];
  try {
    const checkpoint = await openCheckpoint(files);
    const binding = bind(config, checkpoint);
    const parts = quantizedParts(config, checkpoint, binding, to, keep, (error) => {
      tensors.push(error);
    });
    const header = safetensorsHeader(Object.fromEntries(parts), { format: "pt" });
    await writePieces(join(into, SINGLE_FILE), pieces(header, parts, progress.update));
    await writeWhole(join(into, "config.json"), await newConfig(folder, to, parts));
    for (const name of await readdir(folder)) {
      if (COPIED.includes(name)) await copyFile(join(folder, name), join(into, name));
    }
    return { format: to, bytes: header.bytes.length + header.dataLength, tensors };
  } finally {
    progress.end();
    await files.close();
  }
}

/** Files of a model beside its config and weights that a program reads. */
const COPIED: readonly string[] = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "generation_config.json",
  "chat_template.jinja",
  "LICENSE",
];

async function* pieces(
  header: ReturnType<typeof safetensorsHeader>,
  parts: ReadonlyMap<string, Part>,
  onProgress: (done: number, total: number) => void,
): AsyncGenerator<Uint8Array> {
  yield header.bytes;
  let done = 0;
  for (const name of header.names) {
    const bytes = (await parts.get(name)?.bytes()) ?? new Uint8Array(0);
    yield bytes;
    done += bytes.length;
    onProgress(done, header.dataLength);
  }
}

/** The config with the quantisation that the new file has; that of kept tensors, if it is bf16. */
async function newConfig(
  folder: string,
  to: WeightFormat,
  parts: ReadonlyMap<string, Part>,
): Promise<Uint8Array> {
  const text = await readFile(join(folder, "config.json"), "utf8");
  const { quantization_config: before, ...rest } = JSON.parse(text) as Record<string, unknown>;
  const isScaled = [...parts.values()].some(({ dtype }) => ["F8_E4M3", "I8", "U8"].includes(dtype));
  const groups = { quant_method: GROUPS_METHOD, bits: to === "q8" ? 8 : 4, group_size: GROUP };
  const after = to === "bf16" ? before : groups;
  const json = isScaled ? { ...rest, quantization_config: after } : rest;
  return new TextEncoder().encode(`${JSON.stringify(json, null, 2)}\n`);
}

async function compare(
  original: string,
  quantized: string,
  { text, tokens }: QuantizeOptions,
  { stdin }: Terminal,
): Promise<Divergence> {
  const p = await openModel(original, { backend: "wasm" });
  const q = await openModel(quantized, { backend: "wasm" });
  const tokenizer = await openTokenizer(original, p.config);
  const { ids } = await readPrompt({ text, tokens, bos: undefined }, tokenizer, stdin);
  return divergence(p.model, q.model, ids);
}

function reportText({ format, bytes, tensors, divergence: d }: Report): string {
  const lines = tensors.map(
    ({ name, maxAbs, nmse }) =>
      `${name}  max error ${maxAbs.toPrecision(3)}  NMSE ${nmse.toExponential(2)}`,
  );
  lines.push(`${tensors.length} tensors as ${format}, ${bytes} bytes`);
  if (d) {
    const kl = `KL ${d.klMean.toExponential(2)} nats (largest ${d.klMax.toExponential(2)})`;
    lines.push(
      `logits on ${d.tokens} tokens: ${kl}, same top token ${(100 * d.sameTop).toFixed(1)} %`,
    );
  }
  return `${lines.join("\n")}\n`;
}
