/**
 * From a folder to a model that can run.
 * @module
 */

import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import {
  type Activations,
  type Checkpoint,
  checkedOps,
  f32ReferenceBounds,
  loadWeights,
  type Model,
  type ModelConfig,
  type Ops,
  openCheckpoint,
  type Precision,
  parseConfig,
  referenceOps,
} from "../../engine/index.ts";
import { wasmBounds, wasmOps } from "../../engine/ops/wasm/index.ts";
import { parseJson } from "../../engine/weights/json.ts";
import type { OnProgress } from "../../engine/weights/load.ts";
import { fileCheckpoint } from "./file-source.ts";
import { ourPackage } from "./our-package.ts";
import { nodeThreads } from "./threads.ts";
import { turnTurboOn } from "./turbo.ts";
import { UserError } from "./user-error.ts";

/** Names that `--backend` takes. */
export const BACKENDS = ["reference", "wasm"] as const;

/** The arithmetic to run with. */
export type Backend = (typeof BACKENDS)[number];

/** Names that `--activations` takes. */
export const ACTIVATIONS: readonly Activations[] = ["f32", "int8"];

/** How to open a model. */
export interface OpenOptions {
  readonly backend?: Backend;
  /** Threads of the wasm backend; default 1. */
  readonly threads?: number;
  /** Use wide vectors where the runtime has them; see turbo.ts. Default true. */
  readonly turbo?: boolean;
  /** Compare every op with the f64 reference and stop at the first that leaves its bound. */
  readonly check?: boolean;
  /** Default f32. */
  readonly precision?: Precision;
  /** What products with q8 and q4 weights see of activations; default f32. */
  readonly activations?: Activations;
  /** See {@link ModelConfig.latentNormEps}. */
  readonly latentEps?: number | undefined;
  /** Bytes read and bytes in all. */
  readonly onProgress?: OnProgress;
}

/** A config and where it comes from. */
export interface OpenConfig {
  readonly config: ModelConfig;
  /** Name of the model's folder. */
  readonly name: string;
  /** SHA-256 of the bytes of config.json, in hex. */
  readonly sha256: string;
}

/** A model in memory. Nothing of the folder stays open. */
export interface OpenModel extends OpenConfig {
  readonly model: Model;
  /** What computes, for people: backend, threads, wide vectors. */
  readonly arithmetic: string;
}

/**
 * Reads a model folder.
 *
 * @throws {UserError} when there is no such folder, {ConfigError} and {WeightsError} for its content
 */
export async function openModel(folder: string, options: OpenOptions = {}): Promise<OpenModel> {
  const opened = await openConfig(folder, options.latentEps);
  const files = fileCheckpoint(folder);
  try {
    const checkpoint = await openCheckpoint(files);
    const { ops, arithmetic } = await newOps(options, checkpoint);
    const weights = await loadWeights(ops, opened.config, checkpoint, options.onProgress);
    return { ...opened, arithmetic, model: { config: opened.config, weights, ops } };
  } finally {
    await files.close();
  }
}

/** Reads and checks the config.json of a model folder. */
export async function openConfig(folder: string, latentEps?: number): Promise<OpenConfig> {
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory()) throw new UserError(folder, "expected the folder of a model");
  const file = join(folder, "config.json");
  if (!(await stat(file).catch(() => undefined))) {
    throw new UserError(folder, "expected a config.json in it, found none");
  }
  return readConfig(file, latentEps);
}

/** Reads and checks one config.json. */
export async function readConfig(file: string, latentEps?: number): Promise<OpenConfig> {
  const bytes = await readFile(file);
  const json = parseJson(basename(file), bytes, "any");
  const config = parseConfig(json, latentEps === undefined ? {} : { latentNormEps: latentEps });
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { config, name: basename(resolve(file, "..")), sha256 };
}

type Arithmetic = Pick<OpenModel, "arithmetic"> & { readonly ops: Ops };

async function newOps(options: OpenOptions, checkpoint: Checkpoint): Promise<Arithmetic> {
  const { backend = "reference", precision = "f32", check = false, threads = 1 } = options;
  const { activations = "f32" } = options;
  const numbers = activations === "f32" ? "" : `, activations in ${activations}`;
  switch (backend) {
    case "reference": {
      const arithmetic = `reference, ${precision}, 1 thread${numbers}`;
      if (check && precision === "f32") {
        const [ops, f64] = [referenceOps("f32", activations), referenceOps("f64", activations)];
        return { arithmetic, ops: checkedOps(ops, f64, f32ReferenceBounds) };
      }
      return { arithmetic, ops: referenceOps(precision, activations) };
    }
    case "wasm": {
      if (precision !== "f32") {
        throw new UserError("backend wasm", `expected precision f32, got ${precision}`);
      }
      const memoryBytes = memoryFor(checkpoint);
      const bytes = await kernels();
      const turbo = (options.turbo ?? true) ? await turnTurboOn(bytes) : "off";
      const isWide = turbo === "on";
      const setup = { memoryBytes, threads: nodeThreads(threads), activations, isWide };
      const fast = await wasmOps(bytes, setup);
      const spec = () => referenceOps("f64", activations);
      const ops = check ? checkedOps(fast, spec(), wasmBounds(activations)) : fast;
      return { ops, arithmetic: `wasm, ${countOf(threads)}, 256-bit vectors ${turbo}${numbers}` };
    }
    default:
      return backend satisfies never;
  }
}

function countOf(threads: number): string {
  return threads === 1 ? "1 thread" : `${threads} threads`;
}

/** Room for the weights, twice over since some are widened, and for caches and scratch. */
function memoryFor(checkpoint: Checkpoint): number {
  let bytes = 2 ** 30;
  for (const { length } of checkpoint.tensors.values()) bytes += 2 * length;
  return bytes;
}

/** The compiled kernels of the wasm backend. */
export async function kernels(): Promise<Uint8Array<ArrayBuffer>> {
  const file = join((await ourPackage()).folder, "kernels-as/build/kernels.wasm");
  const bytes = await readFile(file).catch(() => {
    throw new UserError(`no kernels at ${file}`, "npm run build makes them");
  });
  return new Uint8Array(bytes);
}
