/**
 * Layers without their routed experts, which are called trunks here: what is read of each, and the shelves
 * that they stand on.
 *
 * Next: expert-slots.ts
 * @module
 */
import type { LayerWeights } from "../model/weights.ts";
import type { RawTensor } from "../numbers/raw-tensor.ts";
import type { Ops, Shelf } from "../ops/ops.ts";
import { type Asking, answeredNow } from "../weights/asking.ts";
import type { StoredTensor } from "../weights/checkpoint.ts";
import type { TensorSpec } from "../weights/names.ts";
import { rawTensor, storedNames } from "../weights/raw-tensor.ts";
import {
  fixedSpecs,
  type LayerSpecs,
  type ModelSpecs,
  type RoutedSpecs,
  routedSpecs,
} from "../weights/table.ts";
import { WeightsError } from "../weights/weights-error.ts";
import { Delivery, finiteCheck, type Sources } from "./delivery.ts";
import type { StoredExperts } from "./expert-slots.ts";
import type { Router } from "./guesses.ts";

/** A trunk that is read, or has been. */
export interface Trunk {
  readonly layer: number;
  readonly shelf: Shelf;
  readonly delivery: Delivery;
  /** The layer, once it is placed. */
  weights: LayerWeights | undefined;
  /** The router alone, for guesses. */
  router: Router | undefined;
}

/** All tensors of each layer but its routed experts: the main layers, and then the MTP layer if there is one. */
export function trunkSpecs({ layers, mtp }: ModelSpecs): readonly (readonly TensorSpec[])[] {
  const main = layers.map((layer) => fixedSpecs(layer));
  return mtp ? [...main, [...Object.values(mtp.ends), ...fixedSpecs(mtp.layer)]] : main;
}

/** The trunks of a model. */
export class Trunks {
  /** Bytes of trunks read so far. */
  bytesRead = 0;
  /** Milliseconds in which nothing was computed, because a trunk had not arrived. */
  waitedMs = 0;
  /** The layers, as {@link trunkSpecs} counts them. */
  readonly layers: readonly LayerSpecs[];
  readonly #ops: Ops;
  readonly #sources: Sources;
  readonly #specs: readonly (readonly TensorSpec[])[];
  readonly #trunks = new Map<number, Trunk>();
  readonly #free: Shelf[] = [];

  constructor(ops: Ops, sources: Sources, specs: ModelSpecs) {
    this.#ops = ops;
    this.#sources = sources;
    this.#specs = trunkSpecs(specs);
    this.layers = specs.mtp ? [...specs.layers, specs.mtp.layer] : specs.layers;
  }

  /** A trunk that is at least on its way. */
  begun(layer: number): Trunk {
    const known = this.#trunks.get(layer);
    if (known) return known;
    const shelf = this.#free.pop() ?? this.#ops.shelf();
    const delivery = new Delivery(this.#sources, shelf, this.#namesOf(layer));
    this.bytesRead += delivery.bytes;
    const trunk: Trunk = { layer, shelf, delivery, weights: undefined, router: undefined };
    this.#trunks.set(layer, trunk);
    return trunk;
  }

  /** A trunk that is there. */
  arrived(layer: number): Trunk {
    const trunk = this.begun(layer);
    const begun = performance.now();
    trunk.delivery.arrive();
    this.waitedMs += performance.now() - begun;
    return trunk;
  }

  /** A trunk that was read without anybody waiting, if there is one. */
  ready(layer: number): Trunk | undefined {
    const trunk = this.#trunks.get(layer);
    if (!trunk?.delivery.isDone) return undefined;
    trunk.delivery.arrive();
    return trunk;
  }

  /** Takes a trunk from its shelf, if it is on one. */
  takeOff(layer: number): void {
    const trunk = this.#trunks.get(layer);
    if (!trunk) return;
    trunk.delivery.cancel();
    trunk.shelf.clear();
    this.#free.push(trunk.shelf);
    this.#trunks.delete(layer);
  }

  /** Gives a loader what has arrived of a trunk. */
  place<W>({ shelf, delivery }: Trunk, loading: Asking<RawTensor, W>): W {
    const { checkpoint } = this.#sources;
    const stored = (name: string) => delivery.stored(name) as StoredTensor;
    const raw = (name: string) => {
      const check = finiteCheck(this.#sources, name, shelf.areFinite);
      return answeredNow(stored, rawTensor(checkpoint, name, check));
    };
    return answeredNow(raw, loading);
  }

  /** The routed experts of a layer, whose scales may have come with its trunk. */
  expertsOf({ layer, delivery }: Trunk, specs: RoutedSpecs): StoredExperts {
    if (specs.layout === "per-expert") {
      return { layer, specs, small: (name) => delivery.stored(name) };
    }
    throw new WeightsError(specs.gateUp.name, "expected experts one by one; see unfused.ts");
  }

  /** Gives up all reads. */
  close(): void {
    for (const { delivery } of this.#trunks.values()) delivery.cancel();
  }

  /** What is stored of a trunk. The fp8 scales of its experts lie together and come along. */
  #namesOf(layer: number): string[] {
    const { checkpoint } = this.#sources;
    const trunk = this.#specs[layer].flatMap(({ name }) => storedNames(checkpoint, name));
    const scales = [...routedSpecs(this.layers[layer])].flatMap(({ name }) => {
      const isFp8 = checkpoint.tensors.get(name)?.dtype === "F8_E4M3";
      return isFp8 ? storedNames(checkpoint, name).slice(1) : [];
    });
    return [...trunk, ...scales];
  }
}
