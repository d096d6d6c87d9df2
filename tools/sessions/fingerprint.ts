/**
 * The fingerprint of a saved session lists everything that its bytes depend on, besides its tokens:
 * the model, the backend, the number formats. A session can be continued only where all of these
 * are the same. If not, the error names those that differ.
 *
 * Next: session-names.ts
 * @module
 */
import { createHash } from "node:crypto";
import { type FileHandle, open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Activations } from "../../engine/index.ts";
import { SavedSessionError } from "./session-error.ts";

/**
 * Version of the engine's results. Raise it when a backend begins to give other bits for the same
 * model; test/runtimes/hashes.json changes then too.
 */
const NUMBERS = 1;

/**
 * At most this many bytes of one file of weights are read, in blocks spread evenly over the file.
 */
const SAMPLE_BYTES = 2 ** 22;
/** Bytes of one block. */
const SAMPLE_BLOCK = 2 ** 12;

/** Names and values, all of which must agree. */
export type Fingerprint = Readonly<Record<string, string>>;

/** The choices that change the bits of a session, besides the files of its model. */
export interface Numbers {
  readonly backend: string;
  readonly activations: Activations;
  /** The number format of cached latents and rotary keys. */
  readonly latent: string;
  /** The number format of cached index keys. */
  readonly index: string;
  /** The epsilon of the latent norms; undefined for that of the config. */
  readonly latentEps: number | undefined;
  /** The mark of a conversation's chat template. Undefined for GLM-5.2's, and for plain texts. */
  readonly chatTemplate?: string | undefined;
}

/** The fingerprint for a model folder and the choices with which the model runs. */
export async function fingerprintOf(folder: string, numbers: Numbers): Promise<Fingerprint> {
  const { backend, activations, latent, index, latentEps, chatTemplate } = numbers;
  return {
    config: sha256(await readFile(join(folder, "config.json"))),
    weights: await weightsHash(folder),
    tokenizer: sha256(await readFile(join(folder, "tokenizer.json")).catch(() => new Uint8Array())),
    backend: `${backend}, f32, version ${NUMBERS}`,
    activations,
    "kv-type": latent,
    "index-type": index,
    "latent-eps": latentEps === undefined ? "of the model" : String(latentEps),
    ...(chatTemplate !== undefined && { "chat-template": chatTemplate }),
  };
}

/** One hash of a whole fingerprint. */
export function fingerprintHash(print: Fingerprint): string {
  return sha256(new TextEncoder().encode(JSON.stringify(Object.entries(print).sort())));
}

/**
 * Checks that two fingerprints are equal.
 *
 * @param made the fingerprint with which the session was made
 * @param now the fingerprint of the model that is open now
 * @param folders of both models, which the error names where the models differ
 * @throws {SavedSessionError} that names everything in which the two differ
 */
export function mustAgree(
  name: string,
  made: Fingerprint,
  now: Fingerprint,
  folders: { readonly made: string; readonly now: string },
): void {
  const differing = Object.keys({ ...made, ...now }).filter((key) => made[key] !== now[key]);
  if (differing.length === 0) return;
  const parts = differing.map((key) => `${key} ${short(made[key])}, got ${short(now[key])}`);
  const isOtherModel = differing.some((key) => OF_THE_MODEL.includes(key));
  const where = isOtherModel
    ? `; its model is in ${folders.made}, and the one that is open in ${folders.now}`
    : "";
  throw new SavedSessionError(
    `session ${name}`,
    `it was made with ${parts.join("; with ")}${where}`,
  );
}

/** The parts of a fingerprint that are files of the model. */
const OF_THE_MODEL: readonly string[] = ["config", "weights", "tokenizer", "chat-template"];

/** Choices as the options of a command call them. Undefined for what a fingerprint does not say. */
export interface SavedChoices extends Partial<Record<"backend" | "activations", string>> {
  readonly kvType?: string | undefined;
  readonly indexType?: string | undefined;
  readonly latentEps?: number | undefined;
}

/** The choices with which a session was made. */
export function choicesOf(made: Fingerprint): SavedChoices {
  const { backend, activations, "kv-type": kvType, "index-type": indexType } = made;
  const eps = Number(made["latent-eps"]);
  return {
    backend: backend?.split(",")[0],
    activations,
    kvType,
    indexType,
    latentEps: Number.isFinite(eps) ? eps : undefined,
  };
}

function short(value: string | undefined): string {
  if (value === undefined) return "nothing";
  return /^[0-9a-f]{64}$/.test(value) ? `${value.slice(0, 12)}…` : value;
}

/**
 * A hash of the names, sizes and samples of the safetensors files. Files up to 4 MiB are read as a
 * whole, and 1024 blocks are read of larger ones. Another training run changes nearly every block.
 * A change of a few numbers by hand may not be noticed.
 */
async function weightsHash(folder: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".safetensors")).sort();
  const hash = createHash("sha256");
  for (const name of names) {
    const file = await open(join(folder, name), "r");
    try {
      await addSamples(file, name, (bytes) => hash.update(bytes));
    } finally {
      await file.close();
    }
  }
  return hash.digest("hex");
}

async function addSamples(
  file: FileHandle,
  name: string,
  add: (bytes: Uint8Array | string) => void,
): Promise<void> {
  const { size } = await file.stat();
  add(`${name} ${size}\n`);
  const nBlocks = Math.min(Math.ceil(size / SAMPLE_BLOCK), SAMPLE_BYTES / SAMPLE_BLOCK);
  const block = new Uint8Array(SAMPLE_BLOCK);
  for (let i = 0; i < nBlocks; i++) {
    const last = Math.max(0, size - SAMPLE_BLOCK);
    const at = Math.min(last, Math.floor((i * size) / nBlocks / SAMPLE_BLOCK) * SAMPLE_BLOCK);
    const { bytesRead } = await file.read(block, 0, SAMPLE_BLOCK, at);
    add(block.subarray(0, bytesRead));
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
