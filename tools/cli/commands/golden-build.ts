import { join } from "node:path";
import type { Command } from "commander";
import { buildPack } from "../../golden/build/build.ts";
import { ourPackage } from "../../node/our-package.ts";
import { progressLine } from "../progress.ts";
import type { Terminal } from "../terminal.ts";

const HELP = `
A pack is a folder of plain files for checking any engine: tiny models for HF transformers and
llama.cpp, every stage of them, and how far rounding may take an engine from that. What HF
transformers computed is copied (tools/golden/oracle makes it); the rest is computed here.

Examples:
  glm52 golden build
  glm52 golden build --out pack --json

Exit codes:
  0  the pack is written
  1  the cases cannot be read, or the folder holds something else
`;

/** Adds `glm52 golden build`. */
export function addGoldenBuild(golden: Command, terminal: Terminal): void {
  golden
    .command("build")
    .summary("make the golden pack")
    .description("Makes the pack of golden files from what the oracle wrote.")
    .option("--out <dir>", "the pack's folder", "golden")
    .option("--from <dir>", "folder with the oracle's cases (default: golden of this project)")
    .option("--json", "print the manifest as JSON")
    .addHelpText("after", HELP)
    .action(async (options: { out: string; from?: string; json?: boolean }) => {
      const { out } = options;
      const from = options.from ?? join((await ourPackage()).folder, "golden");
      const progress = progressLine(terminal.stderr, "building");
      const manifest = await buildPack({ from, out, onProgress: progress.update }).finally(
        progress.end,
      );
      if (options.json) terminal.stdout.write(`${JSON.stringify(manifest)}\n`);
      else {
        const nBytes = Object.values(manifest.files).reduce((sum, { bytes }) => sum + bytes, 0);
        const nCases = Object.keys(manifest.cases).length;
        terminal.stdout.write(`${out}: ${nCases} cases, ${(nBytes / 1e6).toFixed(1)} MB\n`);
      }
    });
}
