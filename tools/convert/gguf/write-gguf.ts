/**
 * A model's folder as one GGUF file.
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
  /** What the file calls the model; the folder's name when not given. */
  readonly name?: string;
  /** The eps of the latent norms, where the config does not say it. */
  readonly latentEps?: number;
  /** For a model whose folder has no tokenizer. */
  readonly tokenizer?: (nVocab: number) => TokenizerFile;
  /** Told after each tensor how many are written, and how many there are. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Writes the file and returns how many tensors it has. No more than one stored tensor is in memory
 * at a time, with its numbers.
 *
 * @throws {UserError} where llama.cpp's architecture cannot hold the model; no file is left then
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
  files: CheckpointFiles,
  config: ModelConfig,
): Promise<[TokenizerFile | undefined, string | undefined]> {
  if ((await readTokenizer(files, config)) === undefined) return [undefined, undefined];
  const json = JSON.parse(await readFile(join(folder, "tokenizer.json"), "utf8"));
  const template = await readFile(join(folder, "chat_template.jinja"), "utf8").catch(
    () => undefined,
  );
  return [json as TokenizerFile, template];
}
