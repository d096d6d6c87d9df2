/**
 * Reads cases of the golden pack into memory.
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";
import { parseConfig } from "../../engine/config/config.ts";
import type { Model } from "../../engine/model/model.ts";
import type { Ops } from "../../engine/ops/ops.ts";
import type { NamedTensor } from "../../engine/trace/recorder.ts";
import { memoryFiles, memorySource } from "../../engine/weights/byte-source.ts";
import { openCheckpoint } from "../../engine/weights/checkpoint.ts";
import { readHeader } from "../../engine/weights/safetensors.ts";
import { loadCase } from "../../tools/golden/case/case.ts";
import type { Trace } from "./run.ts";

/** A case: a tiny checkpoint, tokens, and the stages that HF transformers computes in f64. */
export interface Golden {
  readonly tokens: readonly number[];
  /** How many steps of the MTP layer are recorded; undefined when there is no such layer. */
  readonly mtpSteps: number | undefined;
  /** The stages as HF transformers computes them. */
  readonly want: Trace;
  /** Loads the checkpoint. */
  model(ops: Ops): Promise<Model>;
}

const ROOT = new URL("../../golden/cases/", import.meta.url);

/** Reads the case in the folder of this name. */
export async function golden(name: string): Promise<Golden> {
  const folder = new URL(`${name}/`, ROOT);
  // This makes a plain Uint8Array, because `slice` of Node's Buffer is a view, not a copy.
  const read = (file: string) => new Uint8Array(readFileSync(new URL(file, folder)));
  const json = (file: string) => JSON.parse(new TextDecoder().decode(read(file)));
  const info = json("case.json");
  return {
    tokens: json("tokens.json").tokens,
    mtpSteps: info.mtpSteps > 0 ? info.mtpSteps : undefined,
    want: await readTrace(read("f64.safetensors")),
    model: async (ops) => {
      const config = parseConfig(json("model/config.json"), { latentNormEps: info.latentEps });
      const names = readdirSync(new URL("model/", folder));
      const files = names.map((file) => [file, read(`model/${file}`)]);
      const checkpoint = await openCheckpoint(memoryFiles(Object.fromEntries(files)));
      return loadCase(ops, config, checkpoint);
    },
  };
}

async function readTrace(file: Uint8Array): Promise<Trace> {
  const source = memorySource("f64.safetensors", file);
  const { tensors } = await readHeader(source);
  const trace = new Map<string, NamedTensor>();
  for (const [name, { dtype, shape, offset, length }] of tensors) {
    const { buffer } = (await source.read(offset, length)).slice();
    const data = dtype === "I32" ? new Int32Array(buffer) : new Float64Array(buffer);
    trace.set(name, { name, shape, data });
  }
  return trace;
}
