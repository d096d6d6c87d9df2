/**
 * Writes the files of a synthetic checkpoint in pieces that do not depend on each other, on several
 * threads.
 *
 * Next: write-worker.ts
 * @module
 */

import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { formBytes, type TensorForm } from "../../engine/weights/safetensors.ts";
import type { Setting } from "../../test/support/routing.ts";
import type { Json } from "../../tools/stream/official-config.ts";
import { officialShards } from "../../tools/stream/official-shards.ts";
import { type Synthetic, SyntheticNumbers, syntheticModel } from "./synthetic.ts";
import { topicSize } from "./topics.ts";

/** Most bytes of a piece, unless it is a topic of the embedding. */
const PIECE = 2 ** 24;

/** What is written, as one thread tells it to another. */
export interface WriteTask {
  /** The folder; its files are there, and empty. */
  readonly folder: string;
  readonly json: Json;
  readonly seed: number;
  readonly setting: Setting;
  /** Most bytes of tensors in one file. */
  readonly limit?: number | undefined;
  /** The number of the next piece that nobody makes yet. */
  readonly next: Int32Array;
}

/** A part of a tensor. */
interface Piece {
  readonly file: string;
  readonly name: string;
  readonly form: TensorForm;
  /** Its first element, and how many it has. */
  readonly begin: number;
  readonly count: number;
  /** Its first byte in the file. */
  readonly at: number;
}

/** Writes all files. The number of threads changes no bit. */
export async function writeAll(task: Omit<WriteTask, "next">, threads: number): Promise<void> {
  const { config } = syntheticModel(task.json, task.seed, task.setting);
  for (const { file, header, size } of officialShards(config, "fp8", task.limit)) {
    const handle = openSync(join(task.folder, file), "wx");
    writeSync(handle, header.bytes);
    ftruncateSync(handle, size);
    closeSync(handle);
  }
  const next = new Int32Array(new SharedArrayBuffer(4));
  const shared = { ...task, next };
  const worker = new URL("./write-worker.js", import.meta.url);
  const others = Array.from({ length: threads - 1 }, () => {
    const other = new Worker(worker, { workerData: shared });
    return new Promise<void>((resolve, reject) => {
      other.on("error", reject).on("exit", () => resolve());
    });
  });
  writeMine(shared);
  await Promise.all(others);
}

/** Makes one piece after the other that nobody makes yet. */
export function writeMine({ folder, json, seed, setting, limit, next }: WriteTask): void {
  const model = syntheticModel(json, seed, setting);
  const numbers = new SyntheticNumbers(model);
  const pieces = piecesOf(model, limit);
  for (let i = Atomics.add(next, 0, 1); i < pieces.length; i = Atomics.add(next, 0, 1)) {
    const { file, name, form, begin, count, at } = pieces[i];
    const bytes = new Uint8Array(formBytes({ ...form, shape: [count] }));
    numbers.fill(bytes, name, form, begin);
    const handle = openSync(join(folder, file), "r+");
    try {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(handle, bytes, done, bytes.length - done, at + done);
      }
    } finally {
      closeSync(handle);
    }
  }
}

/** All parts of all tensors; those that take longest, the topics of the embedding, come first. */
function piecesOf({ config }: Synthetic, limit: number | undefined): Piece[] {
  const topics: Piece[] = [];
  const others: Piece[] = [];
  for (const { file, header, tensors } of officialShards(config, "fp8", limit)) {
    let start = header.bytes.length;
    for (const name of header.names) {
      const form = tensors.get(name) as TensorForm;
      const size = formBytes(form);
      const width = formBytes({ ...form, shape: [] });
      const isEmbedding = name === "model.embed_tokens.weight";
      const most = isEmbedding ? topicSize(config.vocabSize) * config.hiddenSize : PIECE / width;
      for (let begin = 0; begin < size / width; begin += most) {
        const count = Math.min(most, size / width - begin);
        const piece = { file, name, form, begin, count, at: start + begin * width };
        (isEmbedding ? topics : others).push(piece);
      }
      start += size;
    }
  }
  return [...topics, ...others];
}
