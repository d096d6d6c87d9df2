/**
 * Measures one decode step of a group of four layers, with rows of GLM-5.2's sizes, at 4K … 1M
 * positions: what scoring, choosing, gathering and attending cost, and what a step costs with other
 * schedules.
 *
 *     npm run build && node dist/bench/kv/million.js [--svg FILE]         needs 5 GB of disk
 *
 * Rows are random numbers in bf16. Latent rows lie in a file, and keys in memory. `IndexShare`
 * chooses rows once for four layers; `DSA` chooses once in each layer; `dense` attends to all rows.
 * The rows of `dense` are in memory and repeat after 64K positions, because a dense step cannot
 * read them from a file here. Predicted times are FLOPs, divided by the speed of scoring and
 * attending at 64K. The system may keep the file in its page cache. Prints CSV; times are the best
 * of three runs, in milliseconds.
 * @module
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { argv, pid, resourceUsage, stderr, stdout, version } from "node:process";
import type { Indices } from "../../engine/index.ts";
import { HotRows } from "../../engine/kv/hot-rows.ts";
import { ModelCache } from "../../engine/kv/model-cache.ts";
import { pageLayout } from "../../engine/kv/page-layout.ts";
import { PagePool } from "../../engine/kv/page-pool.ts";
import { PageTable } from "../../engine/kv/page-table.ts";
import type { LatentRows } from "../../engine/ops/ops.ts";
import { random } from "../../test/support/random.ts";
import { rowFile } from "../../tools/node/row-file.ts";
import { writeWhole } from "../../tools/node/write-whole.ts";
import { fastOps } from "../support.ts";
import { fill } from "./fill.ts";
import { type Point, renderMillion } from "./million-svg.ts";

const SIZES = { kvLoraRank: 512, qkRopeHeadDim: 64, indexHeadDim: 128 };
const FORMAT = { latent: "bf16", index: "bf16", pageRows: 64 } as const;
const TYPES = ["full", "shared", "shared", "shared"] as const;
const [K, N_HEADS, N_INDEX_HEADS, N_HOT] = [2048, 64, 32, 6144];
const CONTEXTS = [4096, 16_384, 65_536, 262_144, 1_048_576];
/** The context whose measured speeds are used for the prediction. */
const KNOWN = 65_536;
const RUNS = 3;

const ops = await fastOps(1, 3 * 2 ** 29);
const layout = pageLayout(SIZES, TYPES, FORMAT);
const rowBytes = layout.rowsBytes / FORMAT.pageRows;

/** The cache of the group. If it is cold, its latent rows lie in a file, otherwise in memory. */
async function newCache(isCold: boolean): Promise<ModelCache> {
  const memory = ops.rowMemory();
  if (!isCold) return new ModelCache(new PageTable(new PagePool(memory, layout)));
  const store = await rowFile(join(tmpdir(), `million-${pid}`), false);
  const hotRows = new HotRows(memory, layout, { store, hotBytes: N_HOT * rowBytes }, K);
  return new ModelCache(new PageTable(new PagePool(memory, layout, { hotRows })));
}

/** Calls a function. Returns its result and how many milliseconds it took. */
function timed<A>(call: () => A): [A, number] {
  const start = performance.now();
  return [call(), performance.now() - start];
}

/**
 * The times of one choice of rows: to score, choose and gather, and to attend in `nLayers` layers.
 */
function choice(cache: ModelCache, seed: number, nLayers: number) {
  const [{ index, latent }] = cache.layers;
  if (!index) throw new Error("expected a full layer first");
  const idxQ = random(ops, ["T", "idxH", "rope+idxNope"], [1, N_INDEX_HEADS, 128], seed);
  const idxW = random(ops, ["T", "idxH"], [1, N_INDEX_HEADS], seed + 1);
  const start = cache.length - 1;
  const [scores, score] = timed(() => ops.indexScores(idxQ, index.rows(), idxW, start, 0.01));
  const [topK, choose] = timed(() => ops.topK(scores, K));
  const [, gather] = timed(() => latent.rows().bringIn(topK, 0, new Uint32Array(K)));
  const layers = cache.layers.slice(0, nLayers);
  const [, attend] = timed(() => {
    for (const layer of layers) attendTo(layer.latent.rows(), topK);
  });
  return { score, choose, gather, attend };
}

const q = random(ops, ["T", "H", "kvLora"], [1, N_HEADS, SIZES.kvLoraRank], 1);
const qPe = random(ops, ["T", "H", "rope"], [1, N_HEADS, SIZES.qkRopeHeadDim], 2);

function attendTo(rows: LatentRows, topK: Indices<["T", "K"]>): void {
  const mark = ops.mark();
  ops.latentAttention(q, qPe, rows, topK, 0.04);
  ops.release(mark);
}

type Parts = ReturnType<typeof choice>;

/**
 * The times of the fastest of some steps, in each of which `nChoices` choices serve four layers.
 */
function step(cache: ModelCache, nChoices: number): Parts & { readonly total: number } {
  const runs = Array.from({ length: RUNS }, (_, run) => {
    const mark = ops.mark();
    const parts = { score: 0, choose: 0, gather: 0, attend: 0 };
    for (let i = 0; i < nChoices; i++) {
      const one = choice(cache, 100 * run + 10 * i, 4 / nChoices);
      for (const part of ["score", "choose", "gather", "attend"] as const) parts[part] += one[part];
    }
    ops.release(mark);
    return { ...parts, total: parts.score + parts.choose + parts.gather + parts.attend };
  });
  return runs.reduce((best, next) => (next.total < best.total ? next : best));
}

/**
 * The time of four layers that attend to `n` positions; the rows of `cache` are repeated for them.
 */
function dense(cache: ModelCache, n: number): number {
  const rows = cache.layers[0].latent.rows();
  const repeated: LatentRows = {
    ...rows,
    nS: n,
    bringIn: (_topK, _from, at) => {
      const piece = {
        dims: ["T", "K"],
        shape: [1, cache.length],
        data: all(cache.length),
      } as const;
      for (let s = 0; s < n; s += cache.length) {
        rows.bringIn(piece, 0, at.subarray(s, s + cache.length));
      }
      return 1;
    },
  };
  const topK = { dims: ["T", "K"], shape: [1, n], data: all(n) } as const;
  const [, once] = timed(() => attendTo(repeated, topK));
  return 4 * once;
}

function all(n: number): Int32Array {
  return Int32Array.from({ length: n }, (_, s) => s);
}

/** FLOPs of one choice over `n` keys, and of four layers that attend to `n` rows. */
const scoreFlops = (n: number): number => 2 * N_INDEX_HEADS * (SIZES.indexHeadDim + 1) * n;
const attendFlops = (n: number): number => 4 * 2 * N_HEADS * (2 * 512 + 64) * n;

const cold = await newCache(true);
const warm = await newCache(false);
fill(ops, warm, KNOWN);
const measured = [];
for (const n of CONTEXTS) {
  const [, filling] = timed(() => fill(ops, cold, n));
  stderr.write(`${n} positions, filled in ${(filling / 1000).toFixed(1)} s\n`);
  if (n < KNOWN) warm.truncate(n);
  measured.push({ n, share: step(cold, 1), dsa: step(cold, 4), dense: dense(warm, n) });
  if (n < KNOWN) fill(ops, warm, KNOWN);
}

const known = measured.find(({ n }) => n === KNOWN) ?? measured[0];
const perScore = known.share.score / scoreFlops(KNOWN);
const perAttend = known.share.attend / attendFlops(K);
const predict = (nChoices: number, n: number, nRows: number): number =>
  nChoices * perScore * scoreFlops(n) + perAttend * attendFlops(nRows);
const points: Point[] = measured.map(({ n, ...at }) => ({
  n,
  measured: { dense: at.dense, dsa: at.dsa.total, share: at.share.total },
  predicted: { dense: predict(0, n, n), dsa: predict(4, n, K), share: predict(1, n, K) },
}));

stdout.write(
  `# Node ${version}, one thread; keys ${FORMAT.index}, rows ${FORMAT.latent} in a file\n`,
);
stdout.write(
  "context,score,choose,gather,attend,IndexShare,predicted,DSA,predicted,dense,predicted\n",
);
measured.forEach(({ n, share }, i) => {
  const { measured: m, predicted: p } = points[i];
  const parts = [share.score, share.choose, share.gather, share.attend];
  const totals = [m.share, p.share, m.dsa, p.dsa, m.dense, p.dense];
  stdout.write(`${[n, ...[...parts, ...totals].map((ms) => ms.toFixed(1))].join(",")}\n`);
});
const keyBytes = (layout.keysBytes / FORMAT.pageRows) * cold.length;
const warmBytes = layout.rowsBytes * Math.ceil(KNOWN / FORMAT.pageRows);
const rest = 1024 * resourceUsage().maxRSS - keyBytes - warmBytes;
stdout.write(
  `# keys ${(keyBytes / 1e6).toFixed(0)} MB, rows of the dense step ${(warmBytes / 1e6).toFixed(0)} MB, the rest of the peak RSS ${(rest / 1e6).toFixed(0)} MB\n`,
);
const svg = argv.indexOf("--svg");
if (svg > 0) await writeWhole(argv[svg + 1], new TextEncoder().encode(renderMillion(points)));
