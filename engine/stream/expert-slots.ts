/**
 * Slots for routed experts that do not all fit into memory. A slot is a shelf with one expert.
 *
 * Each layer keeps the experts that it used last, the same number in every layer: a cache over all layers
 * together would always have thrown out what is needed next, because layers come in a fixed cycle. The
 * slots that no layer keeps are the ring through which all others pass.
 *
 * Which experts are in memory, and when they arrive, changes no result.
 *
 * Next: streamed-layers.ts
 * @module
 */
import type { ModelConfig } from "../config/model-config.ts";
import type { RawTensor } from "../numbers/raw-tensor.ts";
import type { Expert, ExpertBank, Ops, Shelf } from "../ops/ops.ts";
import { answeredNow } from "../weights/asking.ts";
import type { StoredTensor } from "../weights/checkpoint.ts";
import { placeAll } from "../weights/load-layer.ts";
import { rawTensor, storedNames } from "../weights/raw-tensor.ts";
import type { RoutedSpecs } from "../weights/table.ts";
import { Delivery, finiteCheck, type Sources } from "./delivery.ts";

/** Fewer slots than this cannot read and compute at the same time. */
export const LEAST_SLOTS = 4;

/** What the slots count. */
export interface SlotCounts {
  /** Experts that were asked for. */
  asked: number;
  /** Of these, experts that were in memory already. */
  hits: number;
  /** Bytes read. */
  bytesRead: number;
  /** Milliseconds in which nothing was computed, because an expert had not arrived. */
  waitedMs: number;
}

/** The routed experts of one layer as files have them. */
type StoredExperts = Extract<RoutedSpecs, { layout: "per-expert" }>;

/** Which expert. */
interface Key {
  readonly layer: number;
  readonly expert: number;
}

interface Slot {
  readonly shelf: Shelf;
  key: Key | undefined;
  /** The expert, once it has arrived and is placed. */
  placed: Expert | undefined;
  /** Its bytes, as long as they are on their way. */
  delivery: Delivery | undefined;
  /** When it was used last. */
  time: number;
}

/** How many slots there are. */
export interface SlotOptions {
  /** Bytes for all slots together; they are at least {@link LEAST_SLOTS} anyway. */
  readonly bytes: number;
  /** The most slots that a layer keeps; by default as many as there is room for. */
  readonly perLayer?: number;
}

/** All slots of a model. */
export class ExpertSlots {
  readonly counts: SlotCounts = { asked: 0, hits: 0, bytesRead: 0, waitedMs: 0 };
  readonly #ops: Ops;
  readonly #config: ModelConfig;
  readonly #sources: Sources;
  readonly #bytes: number;
  readonly #perLayer: number;
  readonly #nLayers: number;
  readonly #slots: Slot[] = [];
  #time = 0;

  constructor(ops: Ops, config: ModelConfig, sources: Sources, options: SlotOptions) {
    this.#ops = ops;
    this.#config = config;
    this.#sources = sources;
    this.#bytes = options.bytes;
    this.#perLayer = options.perLayer ?? Number.POSITIVE_INFINITY;
    this.#nLayers = config.mlpLayerTypes.filter((type) => type === "sparse").length;
  }

  /** Slots that there are now; they become more as long as there is room. */
  get length(): number {
    return this.#slots.length;
  }

  /**
   * The bank of a layer.
   *
   * @param small tensors that are in memory already: the scales, which are too small for reads of their own
   */
  bankOf(
    layer: number,
    specs: StoredExperts,
    small: (name: string) => StoredTensor | undefined,
  ): ExpertBank {
    const { moeIntermediateSize: nMoe, hiddenSize: nHidden } = this.#config;
    return {
      nE: specs.nExperts,
      nMoe,
      nHidden,
      bringIn: (wanted, from) => this.#bringIn(layer, specs, small, wanted, from),
    };
  }

  /** Gives up all reads. */
  close(): void {
    for (const { delivery } of this.#slots) delivery?.cancel();
  }

  #bringIn(
    layer: number,
    specs: StoredExperts,
    small: (name: string) => StoredTensor | undefined,
    wanted: readonly number[],
    from: number,
  ): readonly Expert[] {
    if (from === 0) this.#count(layer, wanted);
    // All are looked for before any is thrown out: one may need what another would displace.
    const found = new Map<number, Slot>();
    for (const slot of this.#slots) {
      if (slot.key?.layer === layer) found.set(slot.key.expert, slot);
    }
    const needed = new Set(wanted.slice(from).flatMap((e) => found.get(e) ?? []));
    for (let i = from; i < wanted.length; i++) {
      if (found.has(wanted[i])) continue;
      const slot = this.#free(layer, needed);
      if (!slot) break;
      this.#begin(slot, { layer, expert: wanted[i] }, specs, small);
      needed.add(slot);
      found.set(wanted[i], slot);
    }

    const wave: Expert[] = [];
    for (let i = from; i < wanted.length; i++) {
      const slot = found.get(wanted[i]);
      // The first is waited for. Those after it come along if they are there.
      if (!slot || (i > from && slot.delivery?.isDone === false)) break;
      wave.push(this.#arrived(slot, specs, small));
    }
    return wave;
  }

  #count(layer: number, wanted: readonly number[]): void {
    const here = new Set(
      this.#slots.flatMap(({ key }) => (key?.layer === layer ? [key.expert] : [])),
    );
    this.counts.asked += wanted.length;
    this.counts.hits += wanted.filter((e) => here.has(e)).length;
  }

  /** A slot for another expert: a new one, or the one that is missed least. */
  #free(layer: number, needed: ReadonlySet<Slot>): Slot | undefined {
    const taken = this.#slots.reduce((sum, { shelf }) => sum + shelf.bytes, 0);
    const largest = this.#slots.reduce((most, { shelf }) => Math.max(most, shelf.bytes), 0);
    const most = this.#perLayer * this.#nLayers + 2 * LEAST_SLOTS;
    const isRoom = taken + largest <= this.#bytes && this.length < most;
    if (isRoom || this.length < LEAST_SLOTS) {
      const slot: Slot = {
        shelf: this.#ops.shelf(),
        key: undefined,
        placed: undefined,
        delivery: undefined,
        time: 0,
      };
      this.#slots.push(slot);
      return slot;
    }
    return this.#victim(layer, needed);
  }

  /**
   * The slot that was used longest ago among those that no layer keeps, or else among those of this layer.
   */
  #victim(layer: number, needed: ReadonlySet<Slot>): Slot | undefined {
    const kept = Math.floor((this.length - LEAST_SLOTS) / this.#nLayers);
    const quota = Math.min(this.#perLayer, Math.max(0, kept));
    const seen = new Map<number, number>();
    let oldest: Slot | undefined;
    // From the newest to the oldest: the first ones of each layer are those that it keeps.
    for (const slot of [...this.#slots].sort((a, b) => b.time - a.time)) {
      const owner = slot.key?.layer ?? -1;
      const rank = seen.get(owner) ?? 0;
      seen.set(owner, rank + 1);
      const isKept = owner >= 0 && rank < quota && owner !== layer;
      if (!isKept && !needed.has(slot)) oldest = slot;
    }
    return oldest;
  }

  #begin(
    slot: Slot,
    key: Key,
    specs: StoredExperts,
    small: (name: string) => StoredTensor | undefined,
  ): void {
    slot.delivery?.cancel();
    slot.shelf.clear();
    const { checkpoint } = this.#sources;
    const names = Object.values(specs.expert(key.expert))
      .flatMap(({ name }) => storedNames(checkpoint, name))
      .filter((name) => small(name) === undefined);
    slot.key = key;
    slot.placed = undefined;
    slot.delivery = new Delivery(this.#sources, slot.shelf, names);
    slot.time = ++this.#time;
    this.counts.bytesRead += slot.delivery.bytes;
  }

  /** The expert of a slot, which may have to be waited for. */
  #arrived(
    slot: Slot,
    specs: StoredExperts,
    small: (name: string) => StoredTensor | undefined,
  ): Expert {
    slot.time = ++this.#time;
    if (slot.placed) return slot.placed;
    const { delivery, key } = slot;
    if (!delivery || !key) throw new Error("a slot without an expert was asked for one");
    const begun = performance.now();
    const { checkpoint } = this.#sources;
    const stored = (name: string) => (small(name) ?? delivery.stored(name)) as StoredTensor;
    const raw = (name: string): RawTensor => {
      const check = finiteCheck(this.#sources, name, slot.shelf.areFinite);
      return answeredNow(stored, rawTensor(checkpoint, name, check));
    };
    try {
      delivery.arrive();
      this.counts.waitedMs += performance.now() - begun;
      slot.placed = answeredNow(
        raw,
        placeAll<Expert>({ ops: slot.shelf, config: this.#config }, specs.expert(key.expert)),
      );
    } catch (error) {
      slot.key = undefined; // whoever asks again reads again
      throw error;
    } finally {
      slot.delivery = undefined;
    }
    return slot.placed;
  }
}
