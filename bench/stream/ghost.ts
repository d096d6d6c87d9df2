/**
 * A pass through the whole of GLM-5.2 without its numbers: what the engine spends on finding, planning and
 * handing over each expert, apart from reading and arithmetic.
 *
 *     npm run build && node dist/bench/stream/ghost.js [LAYERS]
 *
 * It writes a ghost of the released FP8 files (26 MB on the disk) into the system's folder for temporary
 * files, opens it as any checkpoint, and goes through all layers (or the first LAYERS of them) and all of
 * their experts, with a budget of 8 GB. Reads bring nothing, and weights are placed nowhere. It ends with exit
 * code 1 when a tensor was not visited, when bytes were read twice, or when an expert takes more than a
 * millisecond.
 * @module
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { argv, exit, memoryUsage, stdout, version } from "node:process";
import type { Ops, ReadStore, Shelf, StoredRead } from "../../engine/index.ts";
import type { LayerWeights } from "../../engine/model/weights.ts";
import { type StreamedWeights, streamedWeights } from "../../engine/stream/streamed-weights.ts";
import type { Checkpoint } from "../../engine/weights/checkpoint.ts";
import { matchTensors } from "../../engine/weights/match-tensors.ts";
import { openPart } from "../../engine/weights/part.ts";
import { withFiles } from "../../tools/node/file-source.ts";
import { openConfig } from "../../tools/node/open-config.ts";
import { writeGhost } from "../../tools/stream/ghost.ts";

const BUDGET = 8e9;
/** An expert may take so long. */
const MOST_MS = 1;
/** Rows of the embedding that are asked for. */
const TOKENS = Int32Array.of(3, 14, 159, 26535);

/** Zeros for everything that is read. */
let zeros = new Uint8Array(2 ** 26);

function emptyShelf(): Shelf {
  let bytes = 0;
  let used = 0;
  return {
    get bytes() {
      return bytes;
    },
    room: (length) => {
      used += length;
      bytes = Math.max(bytes, used);
      if (length > zeros.length) zeros = new Uint8Array(length);
      return zeros.subarray(0, length);
    },
    areFinite: () => true,
    place: (dims, shape) => ({ dims, shape, home: {} }),
    placeKvB: ({ shape: [, kvLora] }, nH, nope, v) => ({
      kUp: { dims: ["H", "kvLora", "nope"], shape: [nH, kvLora, nope], home: {} },
      vUp: { dims: ["H", "v", "kvLora"], shape: [nH, v, kvLora], home: {} },
    }),
    clear: () => {
      used = 0;
    },
  };
}

/** Ops that compute nothing. Those that a pass without arithmetic does not need are not here. */
const idle: Pick<Ops, "shelf" | "mark" | "release" | "embed" | "linear" | "tensor"> = {
  shelf: emptyShelf,
  mark: () => 0,
  release: () => {},
  tensor: (dims, shape) => ({ dims, shape, data: new Float32Array() }),
  embed: (tokens, { shape: [, nHidden] }) => ({
    ...{ dims: ["T", "hidden"], shape: [tokens.length, nHidden] },
    data: new Float32Array(tokens.length * nHidden),
  }),
  linear: (x, w) => ({
    ...{ dims: [x.dims[0], w.dims[0]], shape: [x.shape[0], w.shape[0]] },
    data: new Float32Array(x.shape[0] * w.shape[0]),
  }),
};

/** A store that brings nothing, and remembers what it was asked for. */
class Visits implements ReadStore {
  readonly tensors = new Set<string>();
  bytes = 0;
  reads = 0;
  readonly #places = new Map<string, { name: string; offset: number; end: number }[]>();

  constructor({ tensors }: Checkpoint) {
    for (const [name, { file, offset, length }] of tensors) {
      const places = this.#places.get(file) ?? [];
      this.#places.set(file, places);
      places.push({ name, offset, end: offset + length });
    }
    for (const places of this.#places.values()) places.sort((a, b) => a.offset - b.offset);
  }

  begin(reads: readonly StoredRead[]) {
    for (const { file, offset, target } of reads) {
      this.reads++;
      this.bytes += target.length;
      const places = this.#places.get(file) ?? [];
      let [first, end] = [0, places.length];
      while (first < end) {
        const middle = (first + end) >> 1;
        if (places[middle].end <= offset) first = middle + 1;
        else end = middle;
      }
      for (; places[first]?.offset < offset + target.length; first++) {
        this.tensors.add(places[first].name);
      }
    }
    return { isDone: true, wait: () => {}, cancel: () => 0 };
  }
}

/** What the experts of each layer took. */
interface Cost {
  experts: number;
  readonly msOfLayers: number[];
}

/** Asks for all experts of a layer. */
function visit({ ffn }: LayerWeights, cost: Cost): void {
  if (ffn.kind === "dense") return;
  const { nE } = ffn.experts;
  const wanted = Array.from({ length: nE }, (_, e) => e);
  const start = performance.now();
  for (let from = 0; from < nE; ) from += ffn.experts.bringIn(wanted, from).length;
  cost.msOfLayers.push(performance.now() - start);
  cost.experts += nE;
}

/** Goes through the whole model. */
function pass({ ops, embedTokens, layers, norm, lmHead, mtp }: StreamedWeights) {
  const cost: Cost = { experts: 0, msOfLayers: [] };
  const start = performance.now();
  const x = ops.embed(TOKENS, embedTokens);
  for (const layer of layers) visit(layer, cost);
  if (mtp) visit(mtp.layer, cost);
  ops.linear(x, lmHead);
  const ms = performance.now() - start;
  return { ...cost, ms, nNorm: norm.shape[0] };
}

async function main(folder: string, layers: number | undefined): Promise<boolean> {
  const ghost = join(folder, "ghost");
  const made = await writeGhost(ghost, { layers });
  const { config } = await openConfig(ghost);
  return withFiles(ghost, async (files) => {
    const start = performance.now();
    const part = { layers };
    const checkpoint = await openPart(files, config, part);
    const matched = matchTensors(config, checkpoint, layers === undefined ? "load" : "skip", part);
    const opened = (performance.now() - start) / 1000;
    const store = new Visits(checkpoint);
    // What is not here is not called: the pass has no arithmetic.
    const ops = idle as Ops;
    const weights = streamedWeights(ops, config, { checkpoint, store }, matched, { bytes: BUDGET });
    const { experts, msOfLayers, ms } = pass(weights);
    weights.close();

    const embedding = checkpoint.tensors.get("model.embed_tokens.weight")?.length ?? 0;
    const rows = (TOKENS.length * embedding) / config.vocabSize;
    const plan = matched.bytes - embedding + rows;
    const wanted = layers === undefined ? checkpoint.tensors.size : store.tensors.size;
    // Interruptions by other processes change the mean.
    const median = [...msOfLayers].sort((a, b) => a - b)[msOfLayers.length >> 1];
    const perExpert = (median * msOfLayers.length) / experts;
    const rest = ms - msOfLayers.reduce((sum, each) => sum + each, 0);
    const each = rest / weights.layers.length;
    stdout.write(
      [
        `Node ${version}, ${made.files} files of ${(made.bytes / 1e9).toFixed(1)} GB, ${made.bytesOnDisk / 1e6} MB on the disk`,
        `opened and matched in ${opened.toFixed(1)} s, ${checkpoint.tensors.size} tensors`,
        `visited ${store.tensors.size} tensors with ${store.reads} reads of ${store.bytes} bytes; the plan has ${plan}`,
        `${experts} experts: ${perExpert.toFixed(3)} ms each in the median layer`,
        `${weights.layers.length} layers: ${each.toFixed(0)} ms each for all but the routed experts`,
        `${(memoryUsage().rss / 1e6).toFixed(0)} MB of memory`,
        "",
      ].join("\n"),
    );
    return store.tensors.size === wanted && store.bytes === plan && perExpert <= MOST_MS;
  });
}

const folder = mkdtempSync(join(tmpdir(), "ghost-"));
try {
  const isGood = await main(folder, argv[2] === undefined ? undefined : Number(argv[2]));
  if (!isGood) exit(1);
} finally {
  rmSync(folder, { recursive: true });
}
