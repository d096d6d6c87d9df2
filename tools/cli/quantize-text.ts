/**
 * Prints what was quantised, for people.
 * @module
 */

import type { Divergence, QuantizeReport, TensorError } from "../convert/index.ts";
import { bytes as inUnits } from "../inspect/units.ts";
import { oneLine } from "../library/one-line.ts";

import { shellWord } from "./shell-word.ts";

/** How many tensors the report names that are farthest from the old ones. */
const N_WORST = 3;

/** The report: sizes, the worst tensors or all of them, the logits, and how to run the result. */
export function quantizeText(
  report: QuantizeReport,
  out: string,
  options: { readonly verbose?: boolean | undefined; readonly for?: "stream" } = {},
): string {
  const { verbose = false } = options;
  const how = options.for === "stream" ? " --stream" : "";
  const { bytesKept } = report;
  const kept = `${inUnits(bytesKept)} of it were there from a run that was broken off, and are right`;
  const { format, bytes, bytesBefore, tensors, leftAside, divergence } = report;
  const ratio = `${((100 * bytes) / bytesBefore).toFixed(0)} % of it`;
  const worst = tensors.toSorted((a, b) => b.nmse - a.nmse).slice(0, verbose ? undefined : N_WORST);
  return [
    ...leftAside.map(({ what, why }) => oneLine(`left aside: ${what}: ${why}`)),
    `${oneLine(out)}: ${tensors.length} tensors as ${format}`,
    `${inUnits(bytesBefore)} became ${inUnits(bytes)}, ${ratio}`,
    ...(bytesKept > 0 ? [kept] : []),
    ...(worst.length > 0 ? [verbose ? "all tensors, the worst first:" : "worst tensors:"] : []),
    ...worst.map(tensorLine),
    ...(divergence ? [divergenceLine(divergence)] : []),
    `run it: glm52 run --model ${shellWord(out)}${how} "Once upon a time"${mode(format)}`,
  ].join("\n");
}

function tensorLine({ name, maxAbs, nmse }: TensorError): string {
  const error = `NMSE ${nmse.toExponential(2)}  max error ${maxAbs.toPrecision(3)}`;
  return `  ${error}  ${oneLine(name)}`;
}

function divergenceLine({ tokens, klMean, klError, klMax, sameTop }: Divergence): string {
  const spread = klError === null ? "" : ` ± ${klError.toExponential(1)}`;
  const kl = `KL ${klMean.toExponential(2)}${spread} nats (largest ${klMax.toExponential(2)})`;
  return `logits on ${tokens} tokens: ${kl}, same top token ${(100 * sameTop).toFixed(1)} %`;
}

const mode = (format: string): string =>
  format === "bf16" ? "" : "   (multiplies in int8; --activations f32 rounds nothing there)";
