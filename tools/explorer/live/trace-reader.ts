/**
 * Looks into a file of stages, as `glm52 trace` writes it, of any model. Such a file may have gigabytes: only
 * its directory is read, and then the rows of the token that is looked at.
 * @module
 */
import { ArgumentError, type ByteSource } from "../../../engine/index.ts";
import { isDraftStage, parseStage } from "../../../engine/trace/stage-names.ts";
import { readExactly } from "../../../engine/weights/byte-source.ts";
import { type Header, readHeader, type TensorEntry } from "../../../engine/weights/safetensors.ts";
import { WeightsError } from "../../../engine/weights/weights-error.ts";
import type { LayerFacts, StageFacts, TraceFacts } from "../messages.ts";
import { lendersOf, stagesOf } from "./facts.ts";
import type { Seen } from "./focus.ts";

/** Stages without which some view stays empty. */
const WANTED = [
  "indexer_score",
  "top_k",
  "kv_cmpr",
  "k_pe",
  "ffn_moe_logits",
  "ffn_moe_topk",
  "ffn_moe_weights",
  "logits",
];

/** Most numbers of a row that is read: the logits of GLM-5.2 are 154,880. */
const MOST_NUMBERS = 2 ** 22;

/** The formats of numbers that traces have. */
const READERS: Readonly<Record<string, (bytes: ArrayBuffer) => Seen["data"]>> = {
  F32: (bytes) => new Float32Array(bytes),
  F64: (bytes) => new Float64Array(bytes),
  I32: (bytes) => new Int32Array(bytes),
};

/** The bytes of a file that a page was given, read part by part. */
export function blobSource(name: string, blob: Blob): ByteSource {
  return {
    name,
    size: blob.size,
    read: async (offset, length) =>
      new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
  };
}

/** The bytes of a file on a server, read part by part. @throws {ArgumentError} when it gives no parts */
export async function urlSource(name: string, url: string): Promise<ByteSource> {
  const { ok, status, headers } = await fetch(url, { method: "HEAD" });
  const size = Number(headers.get("content-length") ?? Number.NaN);
  if (!ok || !Number.isSafeInteger(size)) {
    throw new ArgumentError(name, `expected a file of known size, got status ${status}`);
  }
  return {
    name,
    size,
    read: async (offset, length) => {
      const range = `bytes=${offset}-${offset + length - 1}`;
      const response = await fetch(url, { headers: { Range: range } });
      if (response.status === 206) return new Uint8Array(await response.arrayBuffer());
      throw new ArgumentError(name, `expected a part of the file, got status ${response.status}`);
    },
  };
}

/** An open trace. */
export class TraceReader {
  readonly facts: TraceFacts;
  readonly #source: ByteSource;
  readonly #tensors: ReadonlyMap<string, TensorEntry>;

  private constructor(source: ByteSource, { tensors, metadata }: Header) {
    this.#source = source;
    this.#tensors = new Map([...tensors].filter(([name]) => isStage(name)));
    const where = source.name;
    const first = [...this.#tensors].at(0);
    if (!first) throw new WeightsError(where, "expected stages like top_k-0, got none");
    const [nT] = first[1].shape;
    for (const [name, { dtype, shape }] of this.#tensors) {
      if (!Object.hasOwn(READERS, dtype)) {
        throw new WeightsError(`${where}: ${name}`, `expected F32, F64 or I32, got ${dtype}`);
      }
      if (shape.length < 2 || shape[0] !== nT || nT === 0) {
        const text = `expected rows of ${nT} tokens as ${first[0]} has, got [${shape.join(", ")}]`;
        throw new WeightsError(`${where}: ${name}`, text);
      }
    }
    const layers = layersIn(this.#tensors);
    this.facts = {
      name: where,
      tokens: nT,
      ids: idsIn(metadata.get("tokens"), nT),
      layers,
      stages: stagesIn(this.#tensors, layers),
      lacks: WANTED.filter((stage) => ![...this.#tensors.keys()].some((name) => isOf(name, stage))),
      origin: Object.fromEntries([...metadata].filter(([key]) => key !== "tokens")),
    };
  }

  /** @throws {WeightsError} for a file that is no safetensors file, or holds other things than stages */
  static async open(source: ByteSource): Promise<TraceReader> {
    return new TraceReader(source, await readHeader(source));
  }

  /** The stages of one token. @throws {WeightsError} when the file changes under the reader */
  async at(t: number): Promise<Map<string, Seen>> {
    const stages = new Map<string, Seen>();
    for (const { name } of this.facts.stages) {
      const entry = this.#tensors.get(name);
      if (entry) stages.set(name, await this.#row(name, entry, t));
    }
    return stages;
  }

  async #row(
    name: string,
    { dtype, shape, offset, length }: TensorEntry,
    t: number,
  ): Promise<Seen> {
    const bytes = length / shape[0];
    const n = shape.slice(1).reduce((a, b) => a * b, 1);
    if (n > MOST_NUMBERS) {
      throw new WeightsError(name, `expected at most ${MOST_NUMBERS} numbers a token, got ${n}`);
    }
    const row = await readExactly(this.#source, offset + t * bytes, bytes);
    const data = READERS[dtype](row.slice().buffer);
    const { stage } = parseStage(name);
    const dims = shape.map((_, axis) => (axis === 0 ? "T" : `axis ${axis}`));
    if (stage !== "indexer_score") return { dims, shape: [1, ...shape.slice(1)], data };
    // A query sees the positions up to its own; the file has as many columns as the longest row.
    return { dims, shape: [1, t + 1], data: data.subarray(0, t + 1) };
  }
}

/** Whether a tensor is a stage of the main model. */
function isStage(name: string): boolean {
  return !isDraftStage(parseStage(name).stage);
}

const isOf = (name: string, stage: string): boolean => parseStage(name).stage === stage;

/** The layers, as far as stages tell: one with scores, or keys of an indexer, is full. */
function layersIn(tensors: ReadonlyMap<string, TensorEntry>): LayerFacts[] {
  const numbers = [...tensors.keys()].flatMap((name) => parseStage(name).number ?? []);
  const nLayers = numbers.reduce((most, l) => Math.max(most, l + 1), 0);
  const has = (stage: string, l: number): boolean => tensors.has(`${stage}-${l}`);
  const types = Array.from({ length: nLayers }, (_, l) =>
    ["indexer_score", "indexer_k", "indexer_q"].some((stage) => has(stage, l)) ? "full" : "shared",
  );
  const lenders = lendersOf(types);
  return types.map((type, layer) => ({
    layer,
    type: type === "full" ? "full" : "shared",
    lender: lenders[layer],
    ffn: has("ffn_moe_logits", layer) || has("ffn_moe_topk", layer) ? "sparse" : "dense",
    routerBias: undefined,
  }));
}

/** The stages that are there, in the order of the model. */
function stagesIn(
  tensors: ReadonlyMap<string, TensorEntry>,
  layers: readonly LayerFacts[],
): StageFacts[] {
  return stagesOf(layers).filter(({ name }) => tensors.has(name));
}

function idsIn(text: string | undefined, nT: number): number[] | undefined {
  const ids = text?.split(",").map(Number) ?? [];
  return ids.length === nT && ids.every(Number.isSafeInteger) ? ids : undefined;
}
