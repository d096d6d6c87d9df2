/**
 * Layers that come from the files when they are needed. Next to the layer that runs, the next one is read.
 *
 * A layer without its routed experts is called a trunk here. If the trunks of all layers fit into the
 * budget they stay; else two shelves take turns.
 *
 * Next: streamed-weights.ts
 * @module
 */
import type { Tensor } from "../base/tensor.ts";
import type { ModelConfig } from "../config/model-config.ts";
import type { Layers, LayerWeights } from "../model/weights.ts";
import type { RawTensor } from "../numbers/raw-tensor.ts";
import type { Ops, Shelf } from "../ops/ops.ts";
import { type Asking, answeredNow } from "../weights/asking.ts";
import type { StoredTensor } from "../weights/checkpoint.ts";
import { type LoadContext, loadLayer, placeAll } from "../weights/load-layer.ts";
import { rawTensor, storedNames } from "../weights/raw-tensor.ts";
import { fixedSpecs, type LayerSpecs, type RoutedSpecs, routedSpecs } from "../weights/table.ts";
import { WeightsError } from "../weights/weights-error.ts";
import { Delivery, finiteCheck, type Sources } from "./delivery.ts";
import type { ExpertSlots, StoredExperts } from "./expert-slots.ts";
import { likelyExperts, type Router } from "./guesses.ts";

/** A trunk that is read, or has been. */
interface Trunk {
  readonly layer: number;
  readonly shelf: Shelf;
  readonly delivery: Delivery;
  weights: LayerWeights | undefined;
  /** The router alone, for guesses. */
  router: Router | undefined;
}

/** How layers are kept. */
export interface LayerOptions {
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
  /** Bytes of trunks read so far. */
  bytesRead = 0;
  /** Milliseconds in which nothing was computed, because a trunk had not arrived. */
  waitedMs = 0;
  readonly #ops: Ops;
  readonly #config: ModelConfig;
  readonly #sources: Sources;
  readonly #specs: readonly LayerSpecs[];
  readonly #slots: ExpertSlots;
  readonly #stay: boolean;
  readonly #guesses: number;
  readonly #onLayer: (done: number, total: number) => void;
  readonly #trunks = new Map<number, Trunk>();
  #free: Shelf[] = [];

  constructor(
    ops: Ops,
    config: ModelConfig,
    sources: Sources,
    specs: readonly LayerSpecs[],
    slots: ExpertSlots,
    { stay, onLayer, guesses }: LayerOptions,
  ) {
    this.#ops = ops;
    this.#config = config;
    this.#sources = sources;
    this.#specs = specs;
    this.#slots = slots;
    this.#stay = stay;
    this.#guesses = guesses;
    this.#onLayer = onLayer ?? (() => {});
    this.length = specs.length;
  }

  [Symbol.iterator](): Iterator<LayerWeights> {
    return this.from(0);
  }

  /** The layers from this one on. */
  *from(first: number): Generator<LayerWeights, void> {
    for (let layer = first; layer < this.length; layer++) {
      const trunk = this.#begun(layer);
      const begun = performance.now();
      trunk.delivery.arrive();
      this.waitedMs += performance.now() - begun;
      if (layer + 1 < this.length) this.#begun(layer + 1);
      trunk.weights ??= this.#load(trunk);
      try {
        yield trunk.weights;
        this.#onLayer(layer + 1, this.length);
      } finally {
        if (!this.#stay) this.#takeOff(trunk);
      }
    }
  }

  /** Gives up all reads. */
  close(): void {
    for (const { delivery } of this.#trunks.values()) delivery.cancel();
  }

  /** A trunk that is at least on its way. */
  #begun(layer: number): Trunk {
    const known = this.#trunks.get(layer);
    if (known) return known;
    const shelf = this.#free.pop() ?? this.#ops.shelf();
    const delivery = new Delivery(this.#sources, shelf, this.#namesOf(layer));
    this.bytesRead += delivery.bytes;
    const trunk: Trunk = { layer, shelf, delivery, weights: undefined, router: undefined };
    this.#trunks.set(layer, trunk);
    return trunk;
  }

  #takeOff({ layer, shelf, delivery }: Trunk): void {
    delivery.cancel();
    shelf.clear();
    this.#free.push(shelf);
    this.#trunks.delete(layer);
  }

  /** What is stored of a trunk. The fp8 scales of its experts lie together and come along. */
  #namesOf(layer: number): string[] {
    const { checkpoint } = this.#sources;
    const trunk = fixedSpecs(this.#specs[layer]).flatMap(({ name }) =>
      storedNames(checkpoint, name),
    );
    const scales = [...routedSpecs(this.#specs[layer])].flatMap(({ name }) => {
      const isFp8 = checkpoint.tensors.get(name)?.dtype === "F8_E4M3";
      return isFp8 ? storedNames(checkpoint, name).slice(1) : [];
    });
    return [...trunk, ...scales];
  }

  #load(trunk: Trunk): LayerWeights {
    const { layer, shelf } = trunk;
    const context: LoadContext = {
      ops: shelf,
      config: this.#config,
      bankOf: (specs) => {
        const bank = this.#slots.bankOf(this.#expertsOf(trunk, specs));
        return { ...bank, foresee: (x) => this.#foresee(layer + 1, x) };
      },
    };
    return this.#place(trunk, loadLayer(context, this.#specs[layer]));
  }

  /** Gives a loader what has arrived of a trunk. */
  #place<W>({ shelf, delivery }: Trunk, loading: Asking<RawTensor, W>): W {
    const { checkpoint } = this.#sources;
    const stored = (name: string) => delivery.stored(name) as StoredTensor;
    const raw = (name: string) => {
      const check = finiteCheck(this.#sources, name, shelf.areFinite);
      return answeredNow(stored, rawTensor(checkpoint, name, check));
    };
    return answeredNow(raw, loading);
  }

  #expertsOf({ layer, delivery }: Trunk, specs: RoutedSpecs): StoredExperts {
    if (specs.layout === "per-expert") {
      return { layer, specs, small: (name) => delivery.stored(name) };
    }
    throw new WeightsError(specs.gateUp.name, "expected experts one by one; see unfused.ts");
  }

  /** Begins to read what this layer may want of its experts, if its router is there. */
  #foresee(layer: number, x: Tensor<["T", "hidden"]>): void {
    const trunk = this.#trunks.get(layer);
    if (this.#guesses === 0 || !trunk?.delivery.isDone) return;
    const { ffn } = this.#specs[layer];
    if (ffn.kind === "dense") return;
    trunk.delivery.arrive();
    const context: LoadContext = { ops: trunk.shelf, config: this.#config };
    trunk.router ??= this.#place(trunk, placeAll<Router>(context, ffn.router));
    const atMost = this.#guesses * x.shape[0];
    const likely = likelyExperts(this.#ops, this.#config, trunk.router, x, atMost);
    this.#slots.guess(this.#expertsOf(trunk, ffn.experts), likely);
  }
}
