/**
 * Writes a model as one GGUF file, the format of llama.cpp.
 *
 * Next: metadata.ts
 * @module
 */
import { type CheckpointFiles, type ModelConfig, openCheckpoint } from "../../../engine/index.ts";
import { decode } from "../../../engine/numbers/formats.ts";
import type { ReadTensor } from "../../../engine/weights/load.ts";
import { tensorReader } from "../../../engine/weights/load.ts";
import { matchTensors } from "../../../engine/weights/match-tensors.ts";
import type { ModelSpecs } from "../../../engine/weights/table.ts";
import { readTemplate } from "../../library/template-file.ts";
import { readText, readTokenizer } from "../../library/tokenizer-files.ts";
import { fileCheckpoint } from "../../node/file-source.ts";
import { openConfig } from "../../node/open-config.ts";
import { UserError } from "../../node/user-error.ts";
import { writePieces } from "../../node/write-whole.ts";
import { checkFits, LIMITS } from "../largest.ts";
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
  /** Unknown keys of the config that the caller knows to change nothing. */
  readonly ignoreConfigKeys?: readonly string[] | undefined;
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
  { name, latentEps, ignoreConfigKeys, tokenizer, onProgress = () => {} }: GgufOptions,
): Promise<number> {
  const opened = await openConfig(folder, { latentEps, ignoreConfigKeys });
  const { config } = opened;
  const files = fileCheckpoint(folder);
  try {
    const checkpoint = await openCheckpoint(files);
    const { specs, bytes } = matchTensors(config, checkpoint);
    checkMtpExperts(config, specs);
    const tensors = [...exports(config, specs, type)];
    const [file = tokenizer?.(config.vocabSize), template] = await tokenizerFiles(files, config);
    const metadata = new Map([
      ...modelKeys(config, config.numHiddenLayers + (specs.mtp ? 1 : 0), name ?? opened.name, type),
      ...tokenizerKeys(config, file, template),
    ]);
    await checkAllFit(
      tensors,
      type,
      tensorReader(checkpoint, bytes, () => {}),
    );
    const read = tensorReader(checkpoint, bytes, onProgress);
    await writePieces(out, pieces(header(metadata, tensors), tensors, read));
    return tensors.length;
  } finally {
    await files.close();
  }
}

/** @throws {UserError} when the MTP layer has other experts: the file has one count for all layers */
function checkMtpExperts(c: ModelConfig, { mtp }: ModelSpecs): void {
  const ffn = mtp?.layer.ffn;
  if (ffn?.kind !== "sparse" || ffn.experts.nExperts === c.nRoutedExperts) return;
  const got = `${ffn.experts.nExperts} beside ${c.nRoutedExperts} in the other layers`;
  const wayOut = "num_nextn_predict_layers 0 in config.json leaves the layer aside";
  throw new UserError(
    "experts of the MTP layer",
    `expected as many as elsewhere, got ${got}; ${wayOut}`,
  );
}

/**
 * Reads all numbers once, before anything is written.
 *
 * @throws {UserError} when one does not fit its format
 */
async function checkAllFit(
  tensors: readonly Export[],
  type: GgmlType,
  read: ReadTensor,
): Promise<void> {
  if (type === "f32") return;
  for (const tensor of tensors) {
    if (tensor.type === "f32") continue;
    for await (const part of tensor.parts(read)) {
      const place = { shape: part.shape, numbersBefore: 0 };
      checkFits(tensor.name, place, decode(part), `--type ${tensor.type}`, GGML_LIMITS);
    }
  }
}

/** What each format holds, by the option that asks for it. */
const GGML_LIMITS: Readonly<Record<`--type ${GgmlType}`, number>> = {
  "--type f32": LIMITS.f32,
  "--type q8_0": LIMITS.q8,
  "--type q4_0": LIMITS.q4,
  "--type f16": LIMITS.f16,
};

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
  files: CheckpointFiles,
  config: ModelConfig,
): Promise<[TokenizerFile | undefined, string | undefined]> {
  const text = await readText(files, "tokenizer.json");
  if (text === undefined || !(await readTokenizer(files, config))) return [undefined, undefined];
  return [JSON.parse(text) as TokenizerFile, (await readTemplate(files))?.text];
}
