/**
 * Judges the tensors of a checkpoint that no line of the table asks for. Some cannot matter: they
 * are left aside and listed. Any other is an error, because it may ask for arithmetic that is not
 * here.
 *
 * | left aside                                     | why                                            |
 * |------------------------------------------------|------------------------------------------------|
 * | layers from `num_hidden_layers` on             | no layer of the model; the first may be MTP's  |
 * | layers behind those that are wanted            | a layer does not see those after it            |
 * | `indexer.*` of a layer that borrows            | its rows are chosen by a layer before it       |
 * | `rotary_emb.inv_freq`                          | computed from `rope_theta`                     |
 * | `embed_tokens`, `shared_head.head` of MTP      | copies, which loading compares                 |
 * | `input_scale`, `k_scale`, `v_scale`, …         | of quantised activations, which are none here  |
 * | `padding.*` of a layer                         | so that what follows begins at a block of disk |
 * | what stands in `mtp.safetensors` besides       | the layers come from the other files           |
 *
 * Next: match-tensors.ts
 * @module
 */
import type { Aside } from "../base/aside.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { type CheckpointEntry, MTP_FILE } from "./checkpoint.ts";
import { SCALE_SUFFIX } from "./names.ts";
import { showShape } from "./safetensors.ts";
import { WeightsError } from "./weights-error.ts";

/** The number of the layer that a tensor belongs to, or −1. */
export function layerOf(name: string): number {
  return Number(/^model\.layers\.(\d{1,6})\./.exec(name)?.[1] ?? -1);
}

/** The tensor of the model that one of the MTP layer is a copy of. */
export function originalOf(c: ModelConfig, name: string): string | undefined {
  const layer = `model.layers.${c.numHiddenLayers}.`;
  if (name === `${layer}embed_tokens.weight`) return "model.embed_tokens.weight";
  return name === `${layer}shared_head.head.weight` ? "lm_head.weight" : undefined;
}

/** Whether a tensor only fills up files for streaming. */
export function isPadding(name: string): boolean {
  return /^model\.layers\.\d+\.padding\.\d+$/.test(name);
}

/** Collects surplus tensors, one line for all that are left aside for the same reason. */
export class Surplus {
  readonly #c: ModelConfig;
  readonly #nWanted: number;
  readonly #groups = new Map<string, { why: string; n: number }>();

  /** @param nWanted how many of the first layers are wanted */
  constructor(c: ModelConfig, nWanted: number = c.numHiddenLayers) {
    this.#c = c;
    this.#nWanted = nWanted;
  }

  /**
   * Judges one tensor of the main model.
   *
   * @throws {WeightsError} when it may change a result
   */
  judge(name: string, entry: CheckpointEntry): void {
    const c = this.#c;
    const layer = layerOf(name);
    if (isPadding(name)) {
      this.add("model.layers.*.padding.*", "so that experts begin at blocks of a disk");
    } else if (layer >= c.numHiddenLayers) {
      const why = `num_hidden_layers is ${c.numHiddenLayers}`;
      this.add(`model.layers.${layer}.*`, why);
    } else if (layer >= this.#nWanted) {
      this.add(`layers from ${this.#nWanted} on`, `only those before are wanted`);
    } else if (/^[\w.]*rotary_emb\.inv_freq$/.test(name)) {
      this.add("*.rotary_emb.inv_freq", "computed from rope_theta");
    } else if (c.indexerTypes[layer] === "shared" && name.includes(".self_attn.indexer.")) {
      this.add("model.layers.*.self_attn.indexer.*", "of layers that borrow their top-k");
    } else if (/\.(input|output|[qkv]|kv|attn)_scale$/.test(name)) {
      this.add("*_scale", "of quantised activations or caches, which are none here");
    } else if (entry.file === MTP_FILE) {
      this.add(`${MTP_FILE}: *`, "not of a layer");
    } else throw unexpected(name, entry);
  }

  /** Leaves one tensor aside. */
  add(group: string, why: string): void {
    const found = this.#groups.get(group);
    if (found) found.n++;
    else this.#groups.set(group, { why, n: 1 });
  }

  /** What was left aside. */
  asides(): Aside[] {
    return [...this.#groups].map(([what, { why, n }]) => ({
      what: `${what} (${n === 1 ? "1 tensor" : `${n} tensors`})`,
      why,
    }));
  }
}

/** The error about a tensor that nothing asks for. */
export function unexpected(name: string, entry: CheckpointEntry): WeightsError {
  const why = name.endsWith(SCALE_SUFFIX)
    ? "no fp8 weight beside it"
    : "the config implies no such tensor";
  return new WeightsError(
    name,
    `expected nothing (${why}), got ${entry.dtype} ${showShape(entry.shape)}`,
  );
}
