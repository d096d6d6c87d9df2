import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { openCheckpoint } from "../engine/index.ts";
import { bind } from "../engine/weights/bind.ts";
import { decode } from "../engine/weights/dtypes.ts";
import { tensorReader } from "../engine/weights/load.ts";
import type { ReadTensor } from "../engine/weights/load-layer.ts";
import { fileCheckpoint } from "./file-source.ts";
import { encode, GGML_TYPES, type GgmlType } from "./gguf/encode.ts";
import { header, padding, tensorBytes } from "./gguf/header.ts";
import { modelKeys, type TokenizerFile, tokenizerKeys } from "./gguf/metadata.ts";
import { type Export, exports } from "./gguf/tensors.ts";
import { openConfig } from "./open-model.ts";
import { openTokenizer } from "./open-tokenizer.ts";
import { progressLine } from "./progress.ts";
import type { Terminal } from "./terminal.ts";
import { checkWritable, writePieces } from "./write-whole.ts";

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

/** Holds no more than one stored tensor in memory at a time, with its numbers. */
async function exportGguf(
  folder: string,
  out: string,
  type: GgmlType,
  { stderr }: Terminal,
): Promise<void> {
  await checkWritable(out);
  const { config, name } = await openConfig(folder);
  const files = fileCheckpoint(folder);
  const progress = progressLine(stderr, "writing");
  try {
    const checkpoint = await openCheckpoint(files);
    const binding = bind(config, checkpoint);
    const tensors = [...exports(config, binding, type)];
    const metadata = new Map([
      ...modelKeys(config, binding.nLayers, name, type),
      ...tokenizerKeys(config, ...(await tokenizerFiles(folder, config))),
    ]);
    const read = tensorReader(checkpoint, binding.bytes, progress.update);
    await writePieces(out, pieces(header(metadata, tensors), tensors, read));
    stderr.write(`${out}: ${tensors.length} tensors, ${type}\n`);
  } finally {
    progress.end();
    await files.close();
  }
}

/** The whole file, part by part. */
async function* pieces(
  head: Uint8Array,
  tensors: readonly Export[],
  read: ReadTensor,
): AsyncGenerator<Uint8Array> {
  yield head;
  for (const tensor of tensors) {
    for await (const part of tensor.parts(read)) yield encode(tensor.type, decode(part));
    yield padding(tensorBytes(tensor));
  }
}

/** The tokenizer of the folder, once ours has accepted it, and its chat template. */
async function tokenizerFiles(
  folder: string,
  config: Parameters<typeof openTokenizer>[1],
): Promise<[TokenizerFile | undefined, string | undefined]> {
  if ((await openTokenizer(folder, config)) === undefined) return [undefined, undefined];
  const json = JSON.parse(await readFile(join(folder, "tokenizer.json"), "utf8"));
  const template = await readFile(join(folder, "chat_template.jinja"), "utf8").catch(
    () => undefined,
  );
  return [json as TokenizerFile, template];
}
