/**
 * The folder of a pass: all stages of a model, layer by layer, made by a machine that never had the whole
 * model in memory. It can be put aside after each layer, and compared with that of another machine.
 *
 * | file                    | what                                                                       |
 * |-------------------------|----------------------------------------------------------------------------|
 * | `layer-003.safetensors` | the chosen stages of layer 3; SHA-256 of all others in the metadata        |
 * | `end.safetensors`       | the last norm, and the logits of the last token                            |
 * | `state.safetensors`     | what the next layer needs: residual stream, choice of rows                 |
 *
 * The metadata of each file say what was run. Each layer's `chain` is the SHA-256 of the chain before it,
 * the number of the layer and its residual stream: where the chains of two machines part, there is the
 * first layer that differs.
 *
 * Next: pass-state.ts
 * @module
 */
import { createHash } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { LayerPass, type Model, newTap, type Taps } from "../../engine/index.ts";
import { Recorder } from "../../engine/trace/recorder.ts";
import { storedTensors } from "../../engine/trace/trace-file.ts";
import { writeSafetensors } from "../../engine/weights/write-safetensors.ts";
import { writeWhole } from "../node/write-whole.ts";
import {
  END_FILE,
  layerFile,
  type PassOrigin,
  passMetadata,
  readState,
  STATE_FILE,
  stateFile,
} from "./pass-state.ts";

/** What is recorded unless it is said otherwise: 33 KB for each token and layer of GLM-5.2. */
export const PASS_STAGES: readonly string[] = [
  "l_out",
  "top_k",
  "ffn_moe_topk",
  "ffn_moe_weights",
  "result_norm",
];

/** How a pass is made. */
export interface PassOptions {
  /** What the metadata say, and what a pass must have in common with one that it resumes. */
  readonly origin: PassOrigin;
  /** Stages to record. Of all others there are hashes. */
  readonly stages?: readonly string[];
  /** Goes on with what is in the folder. */
  readonly resume?: boolean;
  /** Told after each layer: layers done, and all. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Puts the pass aside after the layer that runs. */
  readonly signal?: AbortSignal;
}

/** What a pass has come to. */
export interface PassSummary {
  /** Layers that are done. */
  readonly layers: number;
  /** The chain after the last of them. */
  readonly chain: string;
  /** Whether the pass has come to its end. */
  readonly isWhole: boolean;
}

/**
 * Makes a pass over the tokens of its origin, or goes on with one.
 *
 * @param model with as many layers as are wanted; logits are made if it has them all
 * @throws {UserError} when the folder holds a pass of something else, or one that nobody asked to resume
 */
export async function writePass(
  model: Model,
  folder: string,
  { origin, stages = PASS_STAGES, resume = false, onProgress = () => {}, signal }: PassOptions,
): Promise<PassSummary> {
  await mkdir(folder, { recursive: true });
  const kept = await readState(folder, origin, resume);
  const recording = new PassTaps(stages);
  const pass = new LayerPass(model, origin.tokens, recording, kept?.state);
  let chain = kept?.chain ?? "";
  const nLayers = model.weights.layers.length;
  try {
    while (pass.state.layer < nLayers) {
      signal?.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 0)); // so that a signal can arrive
      const { layer } = pass.state;
      recording.begin();
      if (!pass.step()) break;
      chain = chained(chain, layer, pass.state.hidden);
      const metadata = { ...passMetadata(origin), layer: `${layer}`, chain, ...recording.hashes() };
      const file = writeSafetensors(recording.tensors(), metadata);
      await writeWhole(join(folder, layerFile(layer)), file);
      await writeWhole(join(folder, STATE_FILE), stateFile(pass.state, origin, chain));
      onProgress(layer + 1, nLayers);
    }
    const isWhole = nLayers === model.config.numHiddenLayers && origin.hasEnd;
    if (isWhole) await writeEnd(pass, folder, origin, recording, chain);
    return { layers: pass.state.layer, chain, isWhole };
  } finally {
    pass.close();
  }
}

async function writeEnd(
  pass: LayerPass,
  folder: string,
  origin: PassOrigin,
  recording: PassTaps,
  chain: string,
): Promise<void> {
  recording.begin();
  pass.end();
  const metadata = { ...passMetadata(origin), chain, ...recording.hashes() };
  const file = writeSafetensors(recording.tensors(), metadata);
  await writeWhole(join(folder, END_FILE), file);
  await rm(join(folder, STATE_FILE));
}

/** The next link: SHA-256 of the last one, the number of the layer and its residual stream. */
function chained(before: string, layer: number, hidden: ArrayBufferView<ArrayBufferLike>): string {
  const { buffer, byteOffset, byteLength } = hidden;
  return createHash("sha256")
    .update(before)
    .update(Int32Array.of(layer))
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest("hex");
}

/** Records the chosen stages of one layer, and hashes all others. */
class PassTaps implements Taps {
  readonly #stages: readonly string[];
  #recorder = new Recorder(() => true);
  #hashes = new Map<string, string>();

  constructor(stages: readonly string[]) {
    this.#stages = stages;
  }

  /** Forgets what was recorded. */
  begin(): void {
    this.#recorder = new Recorder((stage) => this.#isRecorded(stage));
    this.#hashes = new Map();
  }

  get model() {
    return this.#watched(this.#recorder.model);
  }

  layer(index: number) {
    return this.#watched(this.#recorder.layer(index));
  }

  tensors() {
    return storedTensors(this.#recorder.tensors());
  }

  hashes(): Record<string, string> {
    return Object.fromEntries(this.#hashes);
  }

  #isRecorded(stage: string): boolean {
    return stage === "result_output" || this.#stages.includes(stage);
  }

  #watched(recorded: ReturnType<Taps["layer"]>): ReturnType<Taps["layer"]> {
    return newTap(
      (stage, value) => {
        if (this.#isRecorded(stage)) {
          recorded(stage, value);
          return;
        }
        const { buffer, byteOffset, byteLength } = value.data;
        const bytes = new Uint8Array(buffer, byteOffset, byteLength);
        this.#hashes.set(`sha256 ${stage}`, createHash("sha256").update(bytes).digest("hex"));
      },
      // All scores of all queries are made only for those who ask for them.
      (stage) => stage !== "indexer_score" || this.#isRecorded(stage),
    );
  }
}
