import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { type CaseResult, complaints, runCase, sweepPage } from "../../golden/build/sweep.ts";
import { checkWritable } from "../../node/output.ts";
import { writeText } from "../../node/write-whole.ts";
import type { Terminal } from "../terminal.ts";

const HELP = `
The folder holds one folder for each case, as tools/golden/oracle writes them: golden/cases, or the
full set that tools/golden/oracle/README.md tells how to make. Both f64.safetensors and
f32.safetensors of a case are needed.

Examples:
  glm52 golden sweep
  glm52 golden sweep .cache/oracle --out docs/sweep.md

Exit codes:
  0  every case agrees with HF transformers
  1  the cases cannot be read
  3  a case does not agree; the line of the case says where
`;

/** Adds `glm52 golden sweep`. */
export function addGoldenSweep(
  golden: Command,
  terminal: Terminal,
  exit: (code: number) => void,
): void {
  golden
    .command("sweep")
    .argument("[folder]", "folder with the oracle's cases", ".cache/oracle")
    .summary("compare this engine with HF transformers on all cases")
    .description("Runs every case in float64 and float32 and prints a table of all comparisons.")
    .option("--out <file>", "write the table to a Markdown file")
    .addHelpText("after", HELP)
    .action(async (folder: string, { out }: { out?: string }) => {
      exit(await sweep(folder, out, terminal));
    });
}

/** Returns the exit code. */
async function sweep(
  folder: string,
  out: string | undefined,
  { stdout }: Terminal,
): Promise<number> {
  if (out !== undefined) await checkWritable(out);
  const results: CaseResult[] = [];
  let isOff = false;
  for (const name of (await readdir(folder)).sort()) {
    const result = await runCase(join(folder, name));
    const found = complaints(result);
    results.push(result);
    isOff ||= found.length > 0;
    stdout.write(`${name}: ${found.length > 0 ? found.join("; ") : "ok"}\n`);
  }
  const page = sweepPage(results);
  if (out !== undefined) await writeText(out, page);
  else stdout.write(page);
  return isOff ? 3 : 0;
}
