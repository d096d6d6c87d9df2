import { type Command, Option } from "commander";
import { WEIGHT_FORMATS, type WeightFormat } from "../../convert/quantize.ts";
import { type QuantizeReport, quantize } from "../../convert/quantize-model.ts";
import { integerList } from "../numbers.ts";
import { progressLine } from "../progress.ts";
import type { Terminal } from "../terminal.ts";

interface QuantizeCommandOptions {
  readonly to: WeightFormat;
  readonly keep?: readonly string[];
  readonly text?: string;
  readonly tokens?: readonly number[];
  readonly json?: boolean;
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
    .action(async (model: string, out: string, options: QuantizeCommandOptions) => {
      const report = await quantizeCommand(model, out, options, terminal);
      terminal.stdout.write(options.json ? `${JSON.stringify(report)}\n` : reportText(report));
    });
}

/** Shows the progress and quantises. */
async function quantizeCommand(
  folder: string,
  out: string,
  { to, keep, text, tokens }: QuantizeCommandOptions,
  { stderr }: Terminal,
): Promise<QuantizeReport> {
  const progress = progressLine(stderr, "writing");
  const options = { to, keep, compareOn: text ?? tokens, onProgress: progress.update };
  return quantize(folder, out, options).finally(progress.end);
}

function reportText({ format, bytes, tensors, divergence: d }: QuantizeReport): string {
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
