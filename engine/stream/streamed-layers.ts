/**
 * Layers that come from the files when they are needed. Next to the layer that runs, the next one is read.
 *
 * A layer without its routed experts is called a trunk here. If the trunks of all layers fit into the
 * budget they stay; else two shelves take turns.
 *
 * Next: streamed-weights.ts
 * @module
 */
import type { ModelConfig } from "../config/model-config.ts";
import type { Layers, LayerWeights } from "../model/weights.ts";
import type { Ops, Shelf } from "../ops/ops.ts";
import { answeredNow } from "../weights/asking.ts";
import type { StoredTensor } from "../weights/checkpoint.ts";
import { loadLayer } from "../weights/load-layer.ts";
import { rawTensor, storedNames } from "../weights/raw-tensor.ts";
import { fixedSpecs, type LayerSpecs, routedSpecs } from "../weights/table.ts";
import { WeightsError } from "../weights/weights-error.ts";
import { Delivery, finiteCheck, type Sources } from "./delivery.ts";
import type { ExpertSlots } from "./expert-slots.ts";

/** A trunk that is read, or has been. */
interface Trunk {
  readonly layer: number;
  readonly shelf: Shelf;
  readonly delivery: Delivery;
  weights: LayerWeights | undefined;
}

/** How layers are kept. */
export interface LayerOptions {
  /** Whether trunks stay once they are read. */
  readonly stay: boolean;
  /** Told after each layer of each step. */
  readonly onLayer?: ((done: number, total: number) => void) | undefined;
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
  readonly #onLayer: (done: number, total: number) => void;
  readonly #trunks = new Map<number, Trunk>();
  #free: Shelf[] = [];

  constructor(
    ops: Ops,
    config: ModelConfig,
    sources: Sources,
    specs: readonly LayerSpecs[],
    slots: ExpertSlots,
    { stay, onLayer }: LayerOptions,
  ) {
    this.#ops = ops;
    this.#config = config;
    this.#sources = sources;
    this.#specs = specs;
    this.#slots = slots;
    this.#stay = stay;
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
    const trunk: Trunk = { layer, shelf, delivery, weights: undefined };
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

  #load({ layer, shelf, delivery }: Trunk): LayerWeights {
    const { checkpoint } = this.#sources;
    const small = (name: string): StoredTensor | undefined => delivery.stored(name);
    const raw = (name: string) =>
      answeredNow(
        (piece) => small(piece) as StoredTensor,
        rawTensor(checkpoint, name, finiteCheck(this.#sources, name, shelf.areFinite)),
      );
    const loading = loadLayer(
      {
        ops: shelf,
        config: this.#config,
        bankOf: (specs) => {
          if (specs.layout === "per-expert") return this.#slots.bankOf(layer, specs, small);
          throw new WeightsError(specs.gateUp.name, "expected experts one by one; see unfused.ts");
        },
      },
      this.#specs[layer],
    );
    return answeredNow(raw, loading);
  }
}
