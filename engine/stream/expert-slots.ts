/**
 * Slots for routed experts that do not all fit into memory. A slot is a shelf with one expert.
 *
 * Each layer keeps the experts that it used last, the same number in every layer: a cache over all layers
 * together would always have thrown out what is needed next, because layers come in a fixed cycle. The
 * slots that no layer keeps are the ring through which all others pass. Experts that somebody guesses are read
 * into the ring alone, and leave it when the layer has chosen others.
 *
 * Which experts are in memory, and when they arrive, changes no result.
 *
 * Next: guesses.ts, then streamed-layers.ts
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
  /** Of these, experts that were in memory already, and not because they were guessed. */
  hits: number;
  /** Experts that were guessed: their reads were begun before anybody asked. */
  guessed: number;
  /** Of these, experts that were asked for then. */
  guessedRight: number;
  /** Bytes of experts that were asked for and read. */
  bytesRead: number;
  /** Bytes of guesses that nobody asked for. */
  bytesInVain: number;
  /** Milliseconds in which nothing was computed, because an expert had not arrived. */
  waitedMs: number;
}

/** The routed experts of one layer, and how files have them. */
export interface StoredExperts {
  readonly layer: number;
  readonly specs: Extract<RoutedSpecs, { layout: "per-expert" }>;
  /** Tensors that are in memory already: the scales, which are too small for reads of their own. */
  readonly small: (name: string) => StoredTensor | undefined;
}

interface Slot {
  readonly shelf: Shelf;
  /** Which expert it holds, or will hold. */
  key: { readonly layer: number; readonly expert: number } | undefined;
  /** The expert, once it has arrived and is placed. */
  placed: Expert | undefined;
  /** Its bytes, as long as they are on their way. */
  delivery: Delivery | undefined;
  /** Whether nobody has asked for it yet. */
  isGuess: boolean;
  /** When it was used last. */
  time: number;
}

/** How many slots there are. */
export interface SlotOptions {
  /** Bytes for all slots together; they are at least {@link LEAST_SLOTS} anyway. */
  readonly bytes: number;
  /** Bytes of an expert that has arrived and is placed. */
  readonly expertBytes: number;
  /** The most slots that a layer keeps; by default as many as there is room for. */
  readonly perLayer?: number;
  /** Whether the MTP layer has experts here, too. */
  readonly hasMtp: boolean;
}

/** All slots of a model. */
export class ExpertSlots {
  readonly counts: SlotCounts = {
    ...{ asked: 0, hits: 0, guessed: 0, guessedRight: 0 },
    ...{ bytesRead: 0, bytesInVain: 0, waitedMs: 0 },
  };
  readonly #ops: Ops;
  readonly #config: ModelConfig;
  readonly #sources: Sources;
  readonly #bytes: number;
  readonly #expertBytes: number;
  readonly #perLayer: number;
  readonly #nLayers: number;
  readonly #slots: Slot[] = [];
  #time = 0;

  constructor(ops: Ops, config: ModelConfig, sources: Sources, options: SlotOptions) {
    this.#ops = ops;
    this.#config = config;
    this.#sources = sources;
    this.#bytes = options.bytes;
    this.#expertBytes = options.expertBytes;
    this.#perLayer = options.perLayer ?? Number.POSITIVE_INFINITY;
    const nSparse = config.mlpLayerTypes.filter((type) => type === "sparse").length;
    this.#nLayers = nSparse + Number(options.hasMtp);
  }

  /** Slots that there are now; they become more as long as there is room. */
  get length(): number {
    return this.#slots.length;
  }

  /** The bank of a layer. */
  bankOf(experts: StoredExperts): ExpertBank {
    const { moeIntermediateSize: nMoe, hiddenSize: nHidden } = this.#config;
    return {
      nE: experts.specs.nExperts,
      nMoe,
      nHidden,
      bringIn: (wanted, from) => this.#bringIn(experts, wanted, from),
    };
  }

  /** Begins to read experts that a layer may ask for, as far as the ring has room. */
  guess(experts: StoredExperts, likely: readonly number[]): void {
    const found = this.#slotsOf(experts.layer);
    const others = new Set(this.#slots.filter(({ isGuess }) => isGuess));
    for (const slot of found.values()) others.add(slot);
    for (const expert of likely) {
      if (found.has(expert)) continue;
      const slot = this.#free(undefined, others);
      if (!slot) return;
      this.#begin(slot, experts, expert, true);
      this.counts.guessed++;
      others.add(slot);
    }
  }

  /** Gives up all reads. */
  close(): void {
    for (const { delivery } of this.#slots) delivery?.cancel();
  }

  #slotsOf(layer: number): Map<number, Slot> {
    const found = new Map<number, Slot>();
    for (const slot of this.#slots) {
      if (slot.key?.layer === layer) found.set(slot.key.expert, slot);
    }
    return found;
  }

  #bringIn(experts: StoredExperts, wanted: readonly number[], from: number): readonly Expert[] {
    if (from === 0) this.#settle(experts.layer, wanted);
    // All are looked for before any is thrown out: one may need what another would displace.
    const found = this.#slotsOf(experts.layer);
    const needed = new Set(wanted.slice(from).flatMap((e) => found.get(e) ?? []));
    for (let i = from; i < wanted.length; i++) {
      if (found.has(wanted[i])) continue;
      // The first must come, if need be in the place of the one that is needed last.
      const slot =
        this.#free(experts.layer, needed) ?? (i === from ? [...needed].at(-1) : undefined);
      if (!slot) break;
      if (slot.key?.layer === experts.layer) found.delete(slot.key.expert);
      this.#begin(slot, experts, wanted[i], false);
      needed.add(slot);
      found.set(wanted[i], slot);
    }

    const wave: Expert[] = [];
    for (let i = from; i < wanted.length; i++) {
      const slot = found.get(wanted[i]);
      // The first is waited for. Those after it come along if they are there.
      if (!slot || (i > from && slot.delivery?.isDone === false)) break;
      wave.push(this.#arrived(slot, experts));
    }
    return wave;
  }

  /** Counts what a layer asks for. Its guesses are demands now, or are given up. */
  #settle(layer: number, wanted: readonly number[]): void {
    const found = this.#slotsOf(layer);
    this.counts.asked += wanted.length;
    this.counts.hits += wanted.filter((e) => found.get(e)?.isGuess === false).length;
    for (const slot of found.values()) {
      const { isGuess, key, delivery } = slot;
      if (!isGuess || !key) continue;
      if (wanted.includes(key.expert)) {
        slot.isGuess = false;
        this.counts.guessedRight++;
        this.counts.bytesRead += delivery?.bytes ?? 0;
        delivery?.hurry();
      } else this.#empty(slot);
    }
  }

  /** A slot for another expert: a new one, or the one that is missed least. */
  #free(layer: number | undefined, needed: ReadonlySet<Slot>): Slot | undefined {
    // What is on its way may become panels, and then takes more than what was read.
    const sizes = this.#slots.map(({ shelf }) => Math.max(shelf.bytes, this.#expertBytes));
    const taken = sizes.reduce((sum, size) => sum + size, 0);
    const largest = Math.max(this.#expertBytes, ...sizes);
    const most = this.#perLayer * this.#nLayers + 2 * LEAST_SLOTS;
    const isRoom = taken + largest <= this.#bytes && this.length < most;
    if (isRoom || this.length < LEAST_SLOTS) {
      const slot: Slot = {
        ...{ shelf: this.#ops.shelf(), key: undefined, placed: undefined, delivery: undefined },
        ...{ isGuess: false, time: 0 },
      };
      this.#slots.push(slot);
      return slot;
    }
    return this.#victim(layer, needed);
  }

  /**
   * The slot that was used longest ago among those that no layer keeps, or else among those of this layer.
   */
  #victim(layer: number | undefined, needed: ReadonlySet<Slot>): Slot | undefined {
    const kept = Math.floor((this.length - LEAST_SLOTS) / this.#nLayers);
    const quota = Math.min(this.#perLayer, Math.max(0, kept));
    const seen = new Map<number, number>();
    let oldest: Slot | undefined;
    // From the newest to the oldest: the first ones of each layer are those that it keeps.
    for (const slot of [...this.#slots].sort((a, b) => b.time - a.time)) {
      const owner = slot.isGuess ? undefined : slot.key?.layer;
      const rank = seen.get(owner ?? -1) ?? 0;
      seen.set(owner ?? -1, rank + 1);
      const isKept = owner !== undefined && rank < quota && owner !== layer;
      if (!isKept && !needed.has(slot)) oldest = slot;
    }
    return oldest;
  }

  #begin(slot: Slot, { layer, specs, small }: StoredExperts, e: number, isGuess: boolean): void {
    this.#empty(slot);
    const { checkpoint } = this.#sources;
    const names = Object.values(specs.expert(e))
      .flatMap(({ name }) => storedNames(checkpoint, name))
      .filter((name) => small(name) === undefined);
    slot.key = { layer, expert: e };
    slot.delivery = new Delivery(this.#sources, slot.shelf, names, isGuess);
    slot.isGuess = isGuess;
    slot.time = ++this.#time;
    if (!isGuess) this.counts.bytesRead += slot.delivery.bytes;
  }

  /** Gives up what a slot holds. Its shelf takes another expert. */
  #empty(slot: Slot): void {
    const inVain = slot.delivery?.cancel() ?? 0;
    if (slot.isGuess) this.counts.bytesInVain += inVain;
    slot.shelf.clear();
    slot.key = undefined;
    slot.placed = undefined;
    slot.delivery = undefined;
    slot.isGuess = false;
    slot.time = 0;
  }

  /** The expert of a slot, which may have to be waited for. */
  #arrived(slot: Slot, { specs, small }: StoredExperts): Expert {
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
