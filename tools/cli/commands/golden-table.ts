import process from "node:process";
import type { Command } from "commander";
import { caseFolders } from "../../golden/index.ts";
import { witnesses } from "../../golden/witness/run-witness.ts";
import { isOff, renderTable, runTable } from "../../golden/witness/table.ts";
import type { Terminal } from "../terminal.ts";

const HELP = `
HF transformers runs where GLM52_PYTHON names a Python that has torch, transformers and safetensors,
llama.cpp where GLM52_PEERS names a folder whose node_modules has node-llama-cpp. What is not there
is left out, and below the table stands why.

Examples:
  GLM52_PYTHON=python3 GLM52_PEERS=DIR glm52 golden table
  GLM52_PYTHON=python3 glm52 golden table tiny-all clear-bf16

Exit codes:
  0  every engine is right on the cases that are certified for its arithmetic
  1  a case cannot be read
  3  an engine is off on such a case
`;

/** Adds `glm52 golden table`. */
export function addGoldenTable(
  golden: Command,
  terminal: Terminal,
  exit: (code: number) => void,
): void {
  golden
    .command("table")
    .argument("[cases...]", "names of cases (default: all)")
    .summary("run other engines on all cases")
    .description("Runs other engines on the golden cases and prints a table of how they do.")
    .option("--pack <dir>", "folder of the golden pack (default: golden of this project)")
    .addHelpText("after", HELP)
    .action(async (cases: string[], { pack }: { pack?: string }) => {
      const { stdout, stderr } = terminal;
      const folders = await caseFolders(cases, pack);
      const { there, absent } = await witnesses(process.env);
      const { lines, skipped } = await runTable(folders, there, (name, { engine, kind }) =>
        stderr.write(`${name}: ${engine} in ${kind}\n`),
      );
      const versions = [...new Set(there.map(({ version }) => version))];
      stdout.write(`${[new Date().toISOString().slice(0, 10), ...versions].join("; ")}\n\n`);
      stdout.write(renderTable(lines, [...absent, ...skipped]));
      exit(lines.some(isOff) ? 3 : 0);
    });
}
