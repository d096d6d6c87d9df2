/**
 * `glm52 export`: a model as a file for another engine.
 * @module
 */
import { type Command, Option } from "commander";
import { EXPORT_FORMATS, type ExportFormat, exportModel } from "../../convert/export-model.ts";
import { GGML_TYPES, type GgmlType } from "../../convert/gguf/encode.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { ignoreConfigKeyOption } from "../generation-options.ts";
import { interruptible } from "../interrupt.ts";
import { progressLine } from "../progress.ts";
import type { Terminal } from "../terminal.ts";

interface ExportCommandOptions {
  readonly ignoreConfigKey?: readonly string[];
  readonly to?: ExportFormat;
  readonly type: GgmlType;
}

const HELP = `
The file is a GGUF file with llama.cpp's architecture glm-dsa. Vectors, the router and the indexer's
head weights are written as f32, whatever the type is. So are, for q8_0 and q4_0, the matrices whose
row length is not a multiple of 32.

Examples:
  glm52 export DIR model.gguf
  glm52 export DIR model-q8.gguf --type q8_0
`;

/** Adds `glm52 export`. */
export function addExport(program: Command, terminal: Terminal): void {
  program
    .command("export")
    .summary("write a model for another engine")
    .description("Writes a model as one file that another engine can read.")
    .argument("<model>", "folder of a model")
    .argument("<out>", "the file to write")
    .addOption(
      new Option("--to <format>", "format of the file (default: the ending of its name)").choices(
        EXPORT_FORMATS,
      ),
    )
    .addOption(
      new Option("--type <t>", "number format of the matrices").choices(GGML_TYPES).default("f16"),
    )
    .addOption(ignoreConfigKeyOption())
    .addHelpText("after", HELP + EXIT_CODES)
    .action((model: string, out: string, options: ExportCommandOptions) =>
      exportCommand(model, out, options, terminal),
    );
}

async function exportCommand(
  folder: string,
  out: string,
  { to, type, ignoreConfigKey: ignoreConfigKeys }: ExportCommandOptions,
  terminal: Terminal,
): Promise<void> {
  const progress = progressLine(terminal.stderr, "writing");
  const options = { to, type, ignoreConfigKeys, onProgress: progress.update };
  const { nTensors } = await interruptible(terminal, (signal) =>
    exportModel(folder, out, { ...options, signal }).finally(progress.end),
  );
  terminal.stderr.write(`${out}: ${nTensors} tensors, ${type}\n`);
}
