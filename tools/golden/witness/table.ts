/**
 * Other engines on every case of the pack, live: the table of docs/check-your-engine.md.
 *
 *     GLM52_PYTHON=python3 GLM52_PEERS=DIR node dist/tools/golden/witness/table.js [CASE…]
 *
 * GLM52_PYTHON is a Python with torch, transformers and safetensors; GLM52_PEERS a folder whose
 * node_modules has node-llama-cpp. What is not there is left out, and why is told below the table.
 * Exit code 3: an engine is off on a case that is certified for its arithmetic.
 *
 * Next: run-witness.ts
 * @module
 */
import { basename } from "node:path";
import process, { argv, env, stderr, stdout } from "node:process";
import { caseFolders } from "../case/pack-cases.ts";
import { type CaseRun, type Witness, witnesses } from "./run-witness.ts";

/** A line of the table. */
interface Line {
  readonly caseName: string;
  readonly witness: Witness;
  readonly run: CaseRun;
}

/** A cell of what is off. Where rounding alone may turn choices, it says so. */
const offText = ({ off, isCertified }: CaseRun): string =>
  off.length === 0 ? "0" : `${off.join(", ")}${isCertified ? "" : " (not certified)"}`;

/** The table, and below it what was left out. */
export function renderTable(lines: readonly Line[], absent: readonly string[]): string {
  const rows = lines.map(({ caseName, witness, run }) => {
    const { isCertified, compared, errorOverBound, explained } = run;
    const cells = [
      ...[caseName, witness.engine, witness.kind, isCertified ? "yes" : "no", compared],
      ...[errorOverBound.toPrecision(2), explained, offText(run)],
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const head = [
    "| case | engine | arithmetic | certified | stages | error/bound | explained | unexplained |",
    "|---|---|---|---|---|---|---|---|",
  ];
  return `${[...head, ...rows, "", ...absent.map((line) => `- ${line}`)].join("\n")}\n`;
}

async function main(names: readonly string[]): Promise<number> {
  const folders = await caseFolders(names);
  const { there, absent } = await witnesses(env);
  const lines: Line[] = [];
  const skipped: string[] = [...absent];
  for (const dir of folders) {
    const caseName = basename(dir);
    for (const witness of there) {
      stderr.write(`${caseName}: ${witness.engine} in ${witness.kind}\n`);
      const run = await witness.run(dir);
      if (typeof run === "string") skipped.push(`${caseName} by ${witness.engine}: ${run}`);
      else lines.push({ caseName, witness, run });
    }
  }
  const versions = [...new Set(there.map(({ version }) => version))];
  stdout.write(`${[new Date().toISOString().slice(0, 10), ...versions].join("; ")}\n\n`);
  stdout.write(renderTable(lines, skipped));
  return lines.some(({ run }) => run.isCertified && run.off.length > 0) ? 3 : 0;
}

if (import.meta.url === new URL(argv[1], "file:").href) {
  process.exitCode = await main(argv.slice(2));
}
