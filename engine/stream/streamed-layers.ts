/**
 * Layers that come from the files when they are needed. Next to the layer that runs, the next one is read.
 * If the trunks of all layers fit into the budget they stay; else two shelves take turns.
 *
 * Next: streamed-mtp.ts
 * @module
 */
import type { Tensor } from "../base/tensor.ts";
import type { ModelConfig } from "../config/model-config.ts";
import type { Layers, LayerWeights } from "../model/weights.ts";
import type { Ops } from "../ops/ops.ts";
import { type LoadContext, loadLayer, placeAll } from "../weights/load-layer.ts";
import type { ExpertSlots } from "./expert-slots.ts";
import { likelyExperts, type Router } from "./guesses.ts";
import type { Trunk, Trunks } from "./trunks.ts";

/** How layers are kept. */
export interface LayerOptions {
  /** How many they are. */
  readonly length: number;
  /** Whether trunks stay once they are read. */
  readonly stay: boolean;
  /** Told after each layer of each step. */
  readonly onLayer?: ((done: number, total: number) => void) | undefined;
  /** How many experts of the next layer are guessed for a token. */
  readonly guesses: number;
}

/** The main layers of a model, first to last. */
export class StreamedLayers implements Layers {
  readonly length: number;
  readonly isStreamed = true;
  /** Whether the MTP layer is wanted after the last one, so that it is read before anybody waits for it. */
  isMtpNext = false;
  readonly #ops: Ops;
  readonly #config: ModelConfig;
  readonly #trunks: Trunks;
  readonly #slots: ExpertSlots;
  readonly #stay: boolean;
  readonly #guesses: number;
  readonly #onLayer: (done: number, total: number) => void;

  constructor(
    ops: Ops,
    config: ModelConfig,
    trunks: Trunks,
    slots: ExpertSlots,
    { length, stay, onLayer, guesses }: LayerOptions,
  ) {
    this.#ops = ops;
    this.#config = config;
    this.#trunks = trunks;
    this.#slots = slots;
    this.#stay = stay;
    this.#guesses = guesses;
    this.#onLayer = onLayer ?? (() => {});
    this.length = length;
  }

  [Symbol.iterator](): Iterator<LayerWeights> {
    return this.from(0);
  }

  /** The layers from this one on. */
  *from(first: number): Generator<LayerWeights, void> {
    if (!this.#stay) this.#trunks.takeOff(this.length);
    for (let layer = first; layer < this.length; layer++) {
      const trunk = this.#trunks.arrived(layer);
      if (layer + 1 < this.length || this.isMtpNext) this.#trunks.begun(layer + 1);
      trunk.weights ??= this.#load(trunk);
      try {
        yield trunk.weights;
        this.#onLayer(layer + 1, this.length);
      } finally {
        if (!this.#stay) this.#trunks.takeOff(layer);
      }
    }
  }

  #load(trunk: Trunk): LayerWeights {
    const context: LoadContext = {
      ops: trunk.shelf,
      config: this.#config,
      bankOf: (specs) => {
        const bank = this.#slots.bankOf(this.#trunks.expertsOf(trunk, specs));
        return { ...bank, foresee: (x) => this.#foresee(trunk.layer + 1, x) };
      },
    };
    return this.#trunks.place(trunk, loadLayer(context, this.#trunks.layers[trunk.layer]));
  }

  /** Begins to read what this layer may want of its experts, if its router is there. */
  #foresee(layer: number, x: Tensor<["T", "hidden"]>): void {
    if (this.#guesses === 0 || layer === this.length) return;
    const { ffn } = this.#trunks.layers[layer];
    const trunk = ffn.kind === "sparse" ? this.#trunks.ready(layer) : undefined;
    if (ffn.kind === "dense" || !trunk) return;
    const context: LoadContext = { ops: trunk.shelf, config: this.#config };
    trunk.router ??= this.#trunks.place(trunk, placeAll<Router>(context, ffn.router));
    const atMost = this.#guesses * x.shape[0];
    const likely = likelyExperts(this.#ops, this.#config, trunk.router, x, atMost);
    this.#slots.guess(this.#trunks.expertsOf(trunk, ffn.experts), likely);
  }
}
