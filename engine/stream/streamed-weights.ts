/**
 * The weights of a model that is larger than memory: the same numbers as `weights/load.ts` places, and so
 * the same results, from files that are read while the model runs.
 * @module
 */
import { type Dims, sizeOf, type Weight } from "../base/tensor.ts";
import type { ModelConfig } from "../config/model-config.ts";
import type { ModelWeights } from "../model/weights.ts";
import type { Ops, Shelf } from "../ops/ops.ts";
import { answeredNow } from "../weights/asking.ts";
import type { Checkpoint, StoredTensor } from "../weights/checkpoint.ts";
import { groupFormat, type MatchedTensors } from "../weights/match-tensors.ts";
import type { TensorSpec } from "../weights/names.ts";
import { rawTensor, storedNames } from "../weights/raw-tensor.ts";
import { fixedSpecs, type LayerSpecs, type ModelSpecs } from "../weights/table.ts";
import { Delivery, finiteCheck, type Sources } from "./delivery.ts";
import { ExpertSlots, LEAST_SLOTS } from "./expert-slots.ts";
import { READ_BLOCK } from "./read-store.ts";
import { StreamedLayers } from "./streamed-layers.ts";
import { unfused } from "./unfused.ts";

/** How much memory the weights may take. */
export interface StreamBudget {
  /** Bytes for weights, all together. */
  readonly bytes: number;
  /** The most experts that each layer keeps. By default as many as there is room for. */
  readonly expertsPerLayer?: number;
  /** How many experts of the next layer are guessed for a token, and read ahead. By default none. */
  readonly guesses?: number;
  /** Told after each layer of each step: layers done, and all. */
  readonly onLayer?: (done: number, total: number) => void;
}

/** What streaming has done so far. */
export interface StreamCounts {
  /** Bytes of layers without routed experts, and of embedding and head. */
  readonly trunkBytes: number;
  /** Bytes of routed experts. */
  readonly expertBytes: number;
  /** Routed experts that were asked for. */
  readonly asked: number;
  /** Those of them that were in memory. */
  readonly hits: number;
  /** Routed experts whose reads were begun on a guess. */
  readonly guessed: number;
  /** Those of them that were asked for then. */
  readonly guessedRight: number;
  /** Bytes of guesses that nobody asked for. They are not part of `expertBytes`. */
  readonly bytesInVain: number;
  /** Slots for experts. */
  readonly slots: number;
  /** Seconds in which nothing was computed, because bytes had not arrived. */
  readonly waited: number;
}

/** Weights that come when they are needed. */
export interface StreamedWeights extends ModelWeights {
  readonly layers: StreamedLayers;
  /** What streaming has done so far. */
  counts(): StreamCounts;
  /** Gives up all reads. The weights cannot be used afterwards. */
  close(): void;
}

/** Parts of the budget: what stays, and what passes through. */
interface Share {
  readonly trunksStay: boolean;
  readonly globalsStay: boolean;
  readonly forExperts: number;
}

/** The weights outside the layers. */
type GlobalWeights = Pick<ModelWeights, "embedTokens" | "norm" | "lmHead">;

/** Makes streamed weights of tensors that are matched already. Nothing is read yet. */
export function streamedWeights(
  ops: Ops,
  config: ModelConfig,
  files: Sources,
  matched: Pick<MatchedTensors, "specs">,
  options: StreamBudget,
): StreamedWeights {
  const { checkpoint, specs } = unfused(config, { ...matched, checkpoint: files.checkpoint });
  const sources = { ...files, checkpoint };
  const share = shareOf(sources, specs, options.bytes);
  const slots = new ExpertSlots(ops, config, sources, {
    bytes: share.forExperts,
    ...(options.expertsPerLayer !== undefined && { perLayer: options.expertsPerLayer }),
  });
  const layers = new StreamedLayers(ops, config, sources, specs.layers, slots, {
    stay: share.trunksStay,
    onLayer: options.onLayer,
    guesses: options.guesses ?? 0,
  });
  const globals = new Globals(ops, sources, specs.globals, share.globalsStay);
  return {
    get embedTokens() {
      return globals.get("embedTokens");
    },
    get norm() {
      return globals.get("norm");
    },
    get lmHead() {
      return globals.get("lmHead");
    },
    layers,
    mtp: undefined,
    noMtp: "streamed models do not guess ahead, because each guess would read experts of its own",
    counts: () => {
      const { bytesRead: expertBytes, waitedMs, ...counts } = slots.counts;
      const waited = (layers.waitedMs + waitedMs + globals.waitedMs) / 1000;
      const trunkBytes = layers.bytesRead + globals.bytesRead;
      return { ...counts, trunkBytes, expertBytes, slots: slots.length, waited };
    },
    close: () => {
      layers.close();
      slots.close();
    },
  };
}

/**
 * Divides the budget. The ring of experts and two trunks come first, then everything outside the routed
 * experts, as far as it fits; experts get the rest. Embedding and head need room one after the other, at least.
 */
function shareOf({ checkpoint }: Sources, specs: ModelSpecs, bytes: number): Share {
  const sizes = (tensors: readonly TensorSpec[]): number =>
    tensors.reduce((sum, spec) => sum + bytesInMemory(checkpoint, spec), 0);
  const trunks = specs.layers.map((layer) => sizes(fixedSpecs(layer)));
  const expert = Math.max(0, ...specs.layers.map((layer) => sizes(firstExpert(layer))));
  const { embedTokens, lmHead, norm } = specs.globals;
  const globals = sizes([embedTokens, lmHead, norm]);
  const larger = Math.max(sizes([embedTokens]), sizes([lmHead]));
  const ring = LEAST_SLOTS * expert;
  const all = trunks.reduce((sum, n) => sum + n, 0);
  const trunksStay = ring + all + larger <= bytes;
  const used = ring + (trunksStay ? all : 2 * Math.max(...trunks));
  const globalsStay = used + globals <= bytes;
  const forExperts = bytes - used + ring - (globalsStay ? globals : larger);
  return { trunksStay, globalsStay, forExperts };
}

/**
 * Bytes of a tensor on a shelf. Groups are there twice, as they were read and as panels; `kv_b_proj` is cut into
 * two factors, of which those of fp8 and of groups are widened to f32.
 */
function bytesInMemory(checkpoint: Checkpoint, { name, axes, shape }: TensorSpec): number {
  const stored = storedNames(checkpoint, name).reduce(
    (sum, each) => sum + (checkpoint.tensors.get(each)?.length ?? 0) + READ_BLOCK,
    0,
  );
  const dtype = checkpoint.tensors.get(name)?.dtype ?? "";
  const isGrouped = groupFormat(dtype) !== undefined;
  if (axes[0] !== "H*nope+v") return isGrouped ? 2 * stored : stored;
  return stored + (isGrouped || dtype === "F8_E4M3" ? 4 * sizeOf(shape) : stored);
}

/** The tensors of one routed expert; none of a dense layer. */
function firstExpert({ ffn }: LayerSpecs): readonly TensorSpec[] {
  if (ffn.kind === "dense" || ffn.experts.layout === "fused") return []; // fused ones are cut by now
  return Object.values(ffn.experts.expert(0));
}

/** Embedding, last norm and head. They are read once if they may stay, else whenever they are needed. */
class Globals {
  bytesRead = 0;
  waitedMs = 0;
  readonly #sources: Sources;
  readonly #specs: ModelSpecs["globals"];
  readonly #stay: boolean;
  readonly #shelf: Shelf;
  readonly #there = new Map<keyof GlobalWeights, Weight>();

  constructor(ops: Ops, sources: Sources, specs: ModelSpecs["globals"], stay: boolean) {
    this.#sources = sources;
    this.#specs = specs;
    this.#stay = stay;
    this.#shelf = ops.shelf();
  }

  /** One of them. The one before may be gone. */
  get<K extends keyof GlobalWeights>(field: K): GlobalWeights[K] {
    const known = this.#there.get(field);
    if (known) return known as GlobalWeights[K];
    const shelf = this.#shelf;
    if (!this.#stay) {
      shelf.clear();
      this.#there.clear();
    }
    const { checkpoint } = this.#sources;
    const spec = this.#specs[field];
    const delivery = new Delivery(this.#sources, shelf, storedNames(checkpoint, spec.name));
    this.bytesRead += delivery.bytes;
    const begun = performance.now();
    delivery.arrive();
    this.waitedMs += performance.now() - begun;
    const stored = (name: string) => delivery.stored(name) as StoredTensor;
    const check = finiteCheck(this.#sources, spec.name, shelf.areFinite);
    const raw = answeredNow(stored, rawTensor(checkpoint, spec.name, check));
    const weight = shelf.place<Dims>(spec.axes, spec.shape, raw);
    this.#there.set(field, weight);
    return weight as GlobalWeights[K];
  }
}
