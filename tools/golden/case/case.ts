/**
 * A case of the oracle: a checkpoint, its tokens, and every stage as HF transformers computes it.
 * tools/golden/oracle/README.md describes the files of a case.
 * @module
 */
import { join } from "node:path";
import {
  type ByteSource,
  type Checkpoint,
  loadWeights,
  type Model,
  type ModelConfig,
  type ModelWeights,
  type Ops,
  openCheckpoint,
} from "../../../engine/index.ts";
import { decode } from "../../../engine/numbers/formats.ts";
import type { Dtype } from "../../../engine/numbers/raw-tensor.ts";
import { readHeader } from "../../../engine/weights/safetensors.ts";
import { readModelConfig } from "../../library/model-config.ts";
import { handleSource, openRegular, withFiles } from "../../node/file-source.ts";
import { equalBlocks } from "./misread.ts";
import { type IsKind, readJson } from "./read-json.ts";

/** A stored tensor with its numbers unpacked. */
export interface GoldenTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array;
}

/** A model of a case. */
export interface CaseModel extends Model {
  /** Only of a case in fp8: the weights as a reader of equal blocks unpacks them (misread.ts). */
  readonly misread?: ModelWeights;
}

/** What case.json says, as far as a comparison needs it. */
export interface CaseInfo {
  readonly name: string;
  readonly purpose: string;
  readonly latentEps: number;
  readonly mtpSteps: number | undefined;
  readonly tokens: readonly number[];
}

type InfoFile = Omit<CaseInfo, "tokens">;

const isInfo: IsKind<InfoFile> = (json): json is InfoFile & typeof json => {
  const { name, purpose, latentEps, mtpSteps } = json;
  const isText = typeof name === "string" && typeof purpose === "string";
  return isText && isNumber(latentEps) && (mtpSteps === undefined || isNumber(mtpSteps));
};

const isTokens: IsKind<Pick<CaseInfo, "tokens">> = (
  json,
): json is Pick<CaseInfo, "tokens"> & typeof json => {
  const { tokens } = json;
  return Array.isArray(tokens) && tokens.every(isNumber);
};

const isNumber = (value: unknown): value is number => typeof value === "number";

/** Reads case.json and tokens.json. */
export async function readCase(dir: string): Promise<CaseInfo> {
  const what = "an object with name, purpose, latentEps and mtpSteps";
  const info = await readJson(join(dir, "case.json"), what, isInfo);
  const list = "an object with a list of tokens";
  const { tokens } = await readJson(join(dir, "tokens.json"), list, isTokens);
  const { name, purpose, latentEps } = info;
  return { name, purpose, latentEps, mtpSteps: info.mtpSteps || undefined, tokens };
}

/** The case's checkpoint, ready to run on `ops`. */
export async function openCase(dir: string, info: CaseInfo, ops: Ops): Promise<CaseModel> {
  const folder = join(dir, "model");
  return withFiles(folder, async (files) => {
    const { config } = await readModelConfig(files, { latentEps: info.latentEps });
    return loadCase(ops, config, await openCheckpoint(files));
  });
}

/** Loads the weights of a case. Weights in fp8 are also loaded as a mutant misreads them. */
export async function loadCase(
  ops: Ops,
  config: ModelConfig,
  checkpoint: Checkpoint,
): Promise<CaseModel> {
  const weights = await loadWeights(ops, config, checkpoint);
  const wrong = equalBlocks(checkpoint);
  if (!wrong) return { ops, config, weights };
  return { ops, config, weights, misread: await loadWeights(ops, config, wrong) };
}

/** All tensors of a dump. */
export async function readDump(file: string): Promise<Map<string, GoldenTensor>> {
  const handle = await openRegular(file, file);
  try {
    return await unpack(await handleSource(file, handle));
  } finally {
    await handle.close();
  }
}

async function unpack(source: ByteSource): Promise<Map<string, GoldenTensor>> {
  const { tensors } = await readHeader(source);
  const dump = new Map<string, GoldenTensor>();
  for (const [name, { dtype, shape, offset, length }] of tensors) {
    const bytes = new Uint8Array(await source.read(offset, length));
    const data =
      dtype === "I32"
        ? new Int32Array(bytes.buffer)
        : decode({ dtype: dtype as Dtype, shape, bytes });
    dump.set(name, { shape, data });
  }
  return dump;
}
