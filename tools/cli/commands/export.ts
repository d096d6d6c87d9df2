import { type Command, Option } from "commander";
import { GGML_TYPES, type GgmlType } from "../../convert/gguf/encode.ts";
import { writeGguf } from "../../convert/gguf/write-gguf.ts";
import { checkWritable } from "../../node/write-whole.ts";
import { progressLine } from "../progress.ts";
import type { Terminal } from "../terminal.ts";

const HELP = `
The file has llama.cpp's architecture glm-dsa. Vectors, the router and the indexer's head weights
stay f32, and so do matrices whose rows are no multiple of 32 when the type is q8_0
or q4_0.

Examples:
  glm52 export DIR --gguf model.gguf
  glm52 export DIR --gguf model-q8.gguf --type q8_0
`;

/** Adds `glm52 export`. */
export function addExport(program: Command, terminal: Terminal): void {
  program
    .command("export")
    .summary("write a model as a GGUF file")
    .description("Writes a model for engines that read GGUF.")
    .argument("<model>", "folder of a model")
    .requiredOption("--gguf <file>", "the file to write")
    .addOption(new Option("--type <t>", "number format").choices(GGML_TYPES).default("f16"))
    .addHelpText("after", HELP)
    .action((model: string, options: { readonly gguf: string; readonly type: GgmlType }) =>
      exportGguf(model, options.gguf, options.type, terminal),
    );
}

async function exportGguf(
  folder: string,
  out: string,
  type: GgmlType,
  { stderr }: Terminal,
): Promise<void> {
  await checkWritable(out);
  const progress = progressLine(stderr, "writing");
  const nTensors = await writeGguf(folder, out, type, { onProgress: progress.update }).finally(
    progress.end,
  );
  stderr.write(`${out}: ${nTensors} tensors, ${type}\n`);
}
