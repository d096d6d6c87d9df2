/**
 * Writes a model as one GGUF file, the format of llama.cpp.
 *
 * Next: metadata.ts
 * @module
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type CheckpointFiles, type ModelConfig, openCheckpoint } from "../../../engine/index.ts";
import { decode } from "../../../engine/numbers/formats.ts";
import { tensorReader } from "../../../engine/weights/load.ts";
import type { ReadTensor } from "../../../engine/weights/load-layer.ts";
import { matchTensors } from "../../../engine/weights/match-tensors.ts";
import { readTemplate } from "../../library/template-file.ts";
import { readTokenizer } from "../../library/tokenizer-files.ts";
import { fileCheckpoint } from "../../node/file-source.ts";
import { openConfig } from "../../node/open-config.ts";
import { writePieces } from "../../node/write-whole.ts";
import { encode, type GgmlType } from "./encode.ts";
import { header, padding, tensorBytes } from "./header.ts";
import { modelKeys, type TokenizerFile, tokenizerKeys } from "./metadata.ts";
import { type Export, exports } from "./tensors.ts";

/** How a model is written. */
export interface GgufOptions {
  /** The name of the model in the file. By default it is the name of the folder. */
  readonly name?: string;
  /** The epsilon of the two latent norms. By default it is that of the config. */
  readonly latentEps?: number;
  /** Makes a tokenizer for a model whose folder has none. */
  readonly tokenizer?: (nVocab: number) => TokenizerFile;
  /** Is called while the file is written, with the bytes read so far and in all. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Writes the file, and returns how many tensors it has. At most one tensor of the checkpoint is in
 * memory at a time.
 *
 * @throws {UserError} when llama.cpp's architecture cannot represent the model; no file is left
 *   then
 */
export async function writeGguf(
  folder: string,
  out: string,
  type: GgmlType,
  { name, latentEps, tokenizer, onProgress = () => {} }: GgufOptions,
): Promise<number> {
  const opened = await openConfig(folder, latentEps);
  const { config } = opened;
  const files = fileCheckpoint(folder);
  try {
    const checkpoint = await openCheckpoint(files);
    const { specs, bytes } = matchTensors(config, checkpoint);
    const tensors = [...exports(config, specs, type)];
    const [file = tokenizer?.(config.vocabSize), template] = await tokenizerFiles(
      folder,
      files,
      config,
    );
    const metadata = new Map([
      ...modelKeys(config, config.numHiddenLayers + (specs.mtp ? 1 : 0), name ?? opened.name, type),
      ...tokenizerKeys(config, file, template),
    ]);
    const read = tensorReader(checkpoint, bytes, onProgress);
    await writePieces(out, pieces(header(metadata, tensors), tensors, read));
    return tensors.length;
  } finally {
    await files.close();
  }
}

/** The bytes of the file, in pieces. */
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

/**
 * The tokenizer and the chat template of the folder. The tokenizer is also opened by this engine,
 * which throws an error if the file is not usable.
 */
async function tokenizerFiles(
  folder: string,
  files: CheckpointFiles,
  config: ModelConfig,
): Promise<[TokenizerFile | undefined, string | undefined]> {
  if ((await readTokenizer(files, config)) === undefined) return [undefined, undefined];
  const json = JSON.parse(await readFile(join(folder, "tokenizer.json"), "utf8"));
  return [json as TokenizerFile, (await readTemplate(files))?.text];
}
