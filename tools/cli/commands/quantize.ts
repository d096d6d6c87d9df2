import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { type Divergence, divergence } from "../../convert/divergence.ts";
import { WEIGHT_FORMATS, type WeightFormat } from "../../convert/quantize.ts";
import { type Written, writeQuantized } from "../../convert/quantize-folder.ts";
import { openModel } from "../../node/open-model.ts";
import { openTokenizer } from "../../node/open-tokenizer.ts";
import { UserError } from "../../node/user-error.ts";
import { checkWritable } from "../../node/write-whole.ts";
import { integerList } from "../numbers.ts";
import { progressLine } from "../progress.ts";
import { readPrompt } from "../prompt.ts";
import type { Terminal } from "../terminal.ts";

interface QuantizeOptions {
  readonly to: WeightFormat;
  readonly keep?: readonly string[];
  readonly text?: string;
  readonly tokens?: readonly number[];
  readonly json?: boolean;
}

/** What the command tells. */
type Report = Written & { readonly divergence?: Divergence };

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
    const progress = progressLine(terminal.stderr, "writing");
    const written = await writeQuantized(
      folder,
      temporary,
      options.to,
      options.keep ?? [],
      progress.update,
    ).finally(progress.end);
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
    throw new UserError(out, "expected the name of a new folder, this is a file");
  });
  if (inside.length > 0) {
    throw new UserError(out, `expected a new or empty folder, got one with ${inside[0]} in it`);
  }
  await checkWritable(`${target}.tmp`);
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
