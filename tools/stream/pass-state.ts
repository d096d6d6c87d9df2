/**
 * What a pass that was put aside needs to go on, in a file, and what it must have in common with the one
 * that goes on with it.
 * @module
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { PassState } from "../../engine/index.ts";
import type { Precision } from "../../engine/numbers/rope-table.ts";
import { memorySource } from "../../engine/weights/byte-source.ts";
import { readHeader } from "../../engine/weights/safetensors.ts";
import { writeSafetensors } from "../../engine/weights/write-safetensors.ts";
import { UserError } from "../node/user-error.ts";

/** The name of the format. Its number must change when the files change. */
const PASS_FORMAT = "glm52-pass 1";

/** The file of a pass that is not at its end. */
export const STATE_FILE = "state.safetensors";

/** The file of the last norm and the logits: a pass that has it is done. */
export const END_FILE = "end.safetensors";

/** What a pass is of. Two passes of the same give the same bytes. */
export interface PassOrigin {
  /** Name and version of the engine. */
  readonly engine: string;
  /** Name of the model. */
  readonly model: string;
  /** SHA-256 of its config.json. */
  readonly configSha256: string;
  /** SHA-256 of the places of all tensors in its files. */
  readonly filesSha256: string;
  /** The tokens that are run. */
  readonly tokens: readonly number[];
  readonly backend: string;
  readonly precision: Precision;
  readonly activations: string;
  readonly latentEps: number;
  /** The command that made it. */
  readonly command: string;
  /** Whether there are a last norm and a head behind the layers. */
  readonly hasEnd: boolean;
}

/** The file of a layer. */
export function layerFile(layer: number): string {
  return `layer-${String(layer).padStart(3, "0")}.safetensors`;
}

/** What is written into each file. */
export function passMetadata(origin: PassOrigin): Record<string, string> {
  return { ...commonMetadata(origin), command: origin.command };
}

/** What two passes must have in common. */
function commonMetadata(origin: PassOrigin): Record<string, string> {
  return {
    format: PASS_FORMAT,
    engine: origin.engine,
    model: origin.model,
    config_sha256: origin.configSha256,
    files_sha256: origin.filesSha256,
    tokens: origin.tokens.join(","),
    backend: origin.backend,
    precision: origin.precision,
    activations: origin.activations,
    latent_eps: String(origin.latentEps),
  };
}

/** The bytes of the file. */
export function stateFile(state: PassState, origin: PassOrigin, chain: string): Uint8Array {
  const { hidden, topK, layer } = state;
  const nT = origin.tokens.length;
  const isF64 = hidden instanceof Float64Array;
  return writeSafetensors(
    {
      hidden: {
        dtype: isF64 ? "F64" : "F32",
        shape: [nT, hidden.length / nT],
        bytes: bytesOf(hidden),
      },
      ...(topK && {
        top_k: { dtype: "I32", shape: [nT, topK.length / nT], bytes: bytesOf(topK) } as const,
      }),
    },
    { ...commonMetadata(origin), layer: `${layer}`, chain },
  );
}

/**
 * Where the pass of a folder stands.
 *
 * @param resume whether it is to be gone on with
 * @returns undefined where nothing is there
 * @throws {UserError} when something is there and is not to be gone on with, or is of something else
 */
export async function readState(
  folder: string,
  origin: PassOrigin,
  resume: boolean,
): Promise<{ readonly state: PassState; readonly chain: string } | undefined> {
  const has = (name: string): boolean => existsSync(join(folder, name));
  const hasState = has(STATE_FILE);
  if (!hasState && !has(layerFile(0))) return undefined;
  if (!hasState && has(END_FILE)) {
    throw new UserError(folder, "expected a new folder, or a pass to resume, got one that is done");
  }
  if (!resume) throw new UserError(folder, "holds a pass: --resume goes on with it");
  if (!hasState && has(layerFile(1))) {
    throw new UserError(folder, `expected a pass to resume, got layers without ${STATE_FILE}`);
  }
  // Ended between the first layer and the first state, a pass has only that layer.
  const path = join(folder, hasState ? STATE_FILE : layerFile(0));
  const source = memorySource(path, new Uint8Array(await readFile(path)));
  const { tensors, metadata } = await readHeader(source);
  for (const [key, want] of Object.entries(commonMetadata(origin))) {
    const got = metadata.get(key);
    if (got === want) continue;
    const [a, b] = [got, want].map((text) => String(text).slice(0, 60));
    throw new UserError(path, `${key}: the pass was begun with ${a}, and this is ${b}`);
  }
  if (!hasState) return undefined;
  const read = async (name: string): Promise<ArrayBuffer | undefined> => {
    const entry = tensors.get(name);
    return entry && (await source.read(entry.offset, entry.length)).slice().buffer;
  };
  const hidden = (await read("hidden")) ?? new ArrayBuffer(0);
  const topK = await read("top_k");
  return {
    state: {
      layer: Number(metadata.get("layer")),
      hidden: origin.precision === "f64" ? new Float64Array(hidden) : new Float32Array(hidden),
      topK: topK && new Int32Array(topK),
    },
    chain: metadata.get("chain") ?? "",
  };
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
