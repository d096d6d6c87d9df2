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
import type { LayerSpecs, ModelSpecs } from "../weights/table.ts";
import { Delivery, finiteCheck, type Sources } from "./delivery.ts";
import { ExpertSlots, LEAST_SLOTS } from "./expert-slots.ts";
import { READ_BLOCK } from "./read-store.ts";
import { StreamedLayers } from "./streamed-layers.ts";
import { compareStoredCopies, streamedMtp } from "./streamed-mtp.ts";
import { StreamedTables } from "./streamed-tables.ts";
import { Trunks, trunkSpecs } from "./trunks.ts";
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
  /** Bytes of layers without routed experts, of rows of the embedding, and of the head. */
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
  /** The arithmetic for a model of these weights: the backend's, which reads rows of the embedding and the head. */
  readonly ops: Ops;
  readonly layers: StreamedLayers;
  /** What streaming has done so far. */
  counts(): StreamCounts;
  /** Gives up all reads. The weights cannot be used afterwards. */
  close(): void;
}

/** Parts of the budget: what stays, and what passes through. */
interface Share {
  readonly trunksStay: boolean;
  readonly headStays: boolean;
  readonly forExperts: number;
  readonly expertBytes: number;
  readonly blockBytes: number;
}

/** A block of the head takes as much memory as so many experts. */
const BLOCK_IN_EXPERTS = 2;
/** Bytes of a block where there are no experts. */
const USUAL_BLOCK = 2 ** 25;

/** Makes streamed weights of tensors that are matched already. Nothing is read yet. */
export function streamedWeights(
  ops: Ops,
  config: ModelConfig,
  files: Sources,
  matched: Pick<MatchedTensors, "specs" | "noMtp">,
  options: StreamBudget,
): StreamedWeights {
  const { checkpoint, specs } = unfused(config, { ...matched, checkpoint: files.checkpoint });
  const sources = { ...files, checkpoint };
  const share = shareOf(sources, specs, options.bytes);
  const slots = new ExpertSlots(ops, config, sources, {
    bytes: share.forExperts,
    expertBytes: share.expertBytes,
    hasMtp: specs.mtp !== undefined,
    ...(options.expertsPerLayer !== undefined && { perLayer: options.expertsPerLayer }),
  });
  const trunks = new Trunks(ops, sources, specs);
  const layers = new StreamedLayers(ops, config, trunks, slots, {
    length: specs.layers.length,
    stay: share.trunksStay,
    onLayer: options.onLayer,
    guesses: options.guesses ?? 0,
  });
  const tables = new StreamedTables(ops, sources, share.blockBytes);
  const check = () => {
    const bytes = compareStoredCopies(config, sources, tables.shelves, share.blockBytes);
    tables.counts.bytesRead += bytes;
  };
  const { mtp } = specs;
  const ends = new Ends(ops, sources, specs.globals);
  const { embedTokens, lmHead } = specs.globals;
  const embedding = tables.table(embedTokens);
  return {
    ops: tables.ops,
    embedTokens: embedding,
    get norm() {
      return ends.get("norm");
    },
    get lmHead() {
      return share.headStays ? ends.get("lmHead") : tables.table(lmHead);
    },
    layers,
    mtp: mtp && streamedMtp({ config, specs: mtp, trunks, slots, layers, check }),
    noMtp: matched.noMtp,
    counts: () => {
      const { bytesRead: expertBytes, waitedMs, ...counts } = slots.counts;
      const waited = (trunks.waitedMs + waitedMs + ends.waitedMs + tables.counts.waitedMs) / 1000;
      const trunkBytes = trunks.bytesRead + ends.bytesRead + tables.counts.bytesRead;
      return { ...counts, trunkBytes, expertBytes, slots: slots.length, waited };
    },
    close: () => {
      trunks.close();
      slots.close();
    },
  };
}

/**
 * Divides the budget. The ring of experts, two trunks and two blocks of the head come first, then
 * everything outside the routed experts but the embedding, as far as it fits; experts get the rest.
 */
function shareOf({ checkpoint }: Sources, specs: ModelSpecs, bytes: number): Share {
  const sizes = (tensors: readonly TensorSpec[]): number =>
    tensors.reduce((sum, spec) => sum + bytesInMemory(checkpoint, spec), 0);
  const trunks = trunkSpecs(specs).map(sizes);
  const expert = Math.max(0, ...specs.layers.map((layer) => sizes(firstExpert(layer))));
  const { lmHead, norm } = specs.globals;
  const head = sizes([lmHead, norm]);
  const blockBytes = expert > 0 ? BLOCK_IN_EXPERTS * expert : USUAL_BLOCK;
  const blocks = Math.min(2 * blockBytes, head);
  const ring = LEAST_SLOTS * expert;
  const all = trunks.reduce((sum, n) => sum + n, 0);
  const trunksStay = ring + all + blocks <= bytes;
  const used = ring + (trunksStay ? all : 2 * Math.max(...trunks));
  const headStays = used + head <= bytes;
  const forExperts = bytes - used + ring - (headStays ? head : blocks);
  return { trunksStay, headStays, forExperts, expertBytes: expert, blockBytes };
}

/**
 * Bytes of a tensor on a shelf. Groups are there twice, as they were read and as panels, unless they are stored as
 * panels; `kv_b_proj` is cut into two factors, of which the keys have a place of their own, and those of groups are
 * widened to f32.
 */
function bytesInMemory(checkpoint: Checkpoint, { name, axes, shape }: TensorSpec): number {
  const names = storedNames(checkpoint, name);
  const stored = names.reduce(
    (sum, each) => sum + (checkpoint.tensors.get(each)?.length ?? 0) + READ_BLOCK,
    0,
  );
  const dtype = checkpoint.tensors.get(name)?.dtype ?? "";
  const isGrouped = groupFormat(dtype) !== undefined && names.length > 1;
  if (axes[0] !== "H*nope+v") return isGrouped ? 2 * stored : stored;
  return stored + (isGrouped ? 4 * sizeOf(shape) : stored);
}

/** The tensors of one routed expert; none of a dense layer. */
function firstExpert({ ffn }: LayerSpecs): readonly TensorSpec[] {
  if (ffn.kind === "dense" || ffn.experts.layout === "fused") return []; // fused ones are cut by now
  return Object.values(ffn.experts.expert(0));
}

/** The last norm, and the head if it may stay: what is read once, when it is first needed. */
class Ends {
  bytesRead = 0;
  waitedMs = 0;
  readonly #sources: Sources;
  readonly #specs: ModelSpecs["globals"];
  readonly #shelf: Shelf;
  readonly #there = new Map<string, Weight>();

  constructor(ops: Ops, sources: Sources, specs: ModelSpecs["globals"]) {
    this.#sources = sources;
    this.#specs = specs;
    this.#shelf = ops.shelf();
  }

  get<K extends "norm" | "lmHead">(field: K): ModelWeights[K] {
    const known = this.#there.get(field);
    if (known) return known as ModelWeights[K];
    const { checkpoint } = this.#sources;
    const { name, axes, shape } = this.#specs[field];
    const delivery = new Delivery(this.#sources, this.#shelf, storedNames(checkpoint, name));
    this.bytesRead += delivery.bytes;
    const begun = performance.now();
    delivery.arrive();
    this.waitedMs += performance.now() - begun;
    const stored = (each: string) => delivery.stored(each) as StoredTensor;
    const check = finiteCheck(this.#sources, name, this.#shelf.areFinite);
    const raw = answeredNow(stored, rawTensor(checkpoint, name, check));
    const weight = this.#shelf.place<Dims>(axes, shape, raw);
    this.#there.set(field, weight);
    return weight as ModelWeights[K];
  }
}
