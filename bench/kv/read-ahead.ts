/**
 * Measures how many reads of cold rows are finished before the rows are needed. The choices of rows
 * are made up: there are 21 groups of layers, with GLM-5.2's rows in bf16 and its schedule, and
 * each group chooses 1024 of 16384 positions. From group to group and from step to step, a share of
 * the choice changes.
 *
 *     npm run build && node dist/bench/kv/read-ahead.js        ten minutes, 1.5 GB of disk
 *
 * The file is in the page cache of the system. Prints the share of reads that were finished in time
 * (hidden); the share that can be guessed, which is how many of a group's new rows the group before
 * has just chosen; and the time of a step with and without reading ahead.
 * @module
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pid, stdout, version } from "node:process";
import { type Ops, seededRandom } from "../../engine/index.ts";
import { HotRows } from "../../engine/kv/hot-rows.ts";
import { ModelCache } from "../../engine/kv/model-cache.ts";
import { pageLayout } from "../../engine/kv/page-layout.ts";
import { PagePool } from "../../engine/kv/page-pool.ts";
import { PageTable } from "../../engine/kv/page-table.ts";
import { random } from "../../test/support/random.ts";
import { rowFile } from "../../tools/node/row-file.ts";
import { fastOps } from "../support.ts";
import { fill } from "./fill.ts";

const [N, K, N_HEADS, N_STEPS] = [16_384, 1024, 16, 20];
/** Layers 0 and 1 choose for themselves. After them, every fourth layer chooses for four. */
const TYPES = Array.from({ length: 78 }, (_, l) => (l < 2 || l % 4 === 2 ? "full" : "shared"));
const SIZES = { kvLoraRank: 512, qkRopeHeadDim: 64, indexHeadDim: 128 };
const FORMAT = { latent: "bf16", index: "int8", pageRows: 64 } as const;
/** How many rows of a group may be in memory. */
const HOT = 1.5 * K;
/** Which share of the choice changes in the next group, and in the next step. */
const CHANGES = [
  [0.1, 0.2],
  [0.2, 0.5],
  [0.5, 0.5],
] as const;

type Random = () => number;

/** A choice of which a share was replaced by random rows. */
function changed(rows: ReadonlySet<number>, share: number, draw: Random): Set<number> {
  const next = new Set([...rows].filter(() => draw() >= share));
  while (next.size < K) next.add(Math.floor(draw() * N));
  return next;
}

/** Runs the steps. Returns the seconds of a step, and counts of the reads. */
async function run(ops: Ops, change: readonly [number, number], readsAhead: boolean) {
  const memory = ops.rowMemory();
  const layout = pageLayout(SIZES, TYPES, FORMAT);
  const hotBytes = HOT * (layout.rowsBytes / FORMAT.pageRows);
  const store = await rowFile(join(tmpdir(), `rows-${pid}-${Math.random()}`), readsAhead);
  const hotRows = new HotRows(memory, layout, { store, hotBytes }, K);
  const cache = new ModelCache(new PageTable(new PagePool(memory, layout, { hotRows })));
  fill(ops, cache, N);
  const before = { ...hotRows.counts };
  const draw = seededRandom(1);
  const q = random(ops, ["T", "H", "kvLora"], [1, N_HEADS, SIZES.kvLoraRank], 1);
  const qPe = random(ops, ["T", "H", "rope"], [1, N_HEADS, SIZES.qkRopeHeadDim], 2);
  let first = changed(new Set(), 0, draw);
  const last: ReadonlySet<number>[] = []; // the choice of each group in the step before
  let [nNew, nGuessable] = [0, 0];
  const start = performance.now();
  for (let step = 0; step < N_STEPS; step++) {
    first = changed(first, change[1], draw);
    let rows: ReadonlySet<number> = first;
    cache.layers.forEach(({ latent, index }, l) => {
      if (index && l > 0) {
        const before = rows;
        rows = changed(before, change[0], draw);
        const isNew = [...rows].filter((row) => !last[l]?.has(row));
        nNew += isNew.length;
        nGuessable += isNew.filter((row) => before.has(row)).length;
      }
      if (index) last[l] = rows;
      const data = Int32Array.from([...rows].sort((a, b) => a - b));
      const mark = ops.mark();
      ops.latentAttention(q, qPe, latent.rows(), { dims: ["T", "K"], shape: [1, K], data }, 0.04);
      ops.release(mark);
    });
  }
  const seconds = (performance.now() - start) / 1000 / N_STEPS;
  const { misses, inTime, late } = hotRows.counts;
  cache.close();
  return { seconds, misses: misses - before.misses, inTime, late, guessable: nGuessable / nNew };
}

const ops = await fastOps(1, 2 ** 30);
stdout.write(
  `Node ${version}, one thread and a reader; ${N_STEPS} steps, ${HOT} of ${N} rows hot\n`,
);
for (const change of CHANGES) {
  const without = await run(ops, change, false);
  const { seconds, misses, inTime, late, guessable } = await run(ops, change, true);
  const hidden = (100 * inTime) / (inTime + late + misses);
  const [perGroup, perStep] = change.map((share) => `${100 * share} %`);
  stdout.write(`change ${perGroup} from group to group, ${perStep} from step to step: `);
  stdout.write(
    `${without.misses} cold reads; of ${inTime + late + misses} hidden ${hidden.toFixed(1)} % `,
  );
  stdout.write(`(guessable ${(100 * guessable).toFixed(1)} %), `);
  stdout.write(
    `${(1000 * without.seconds).toFixed(1)} ms a step, ${(1000 * seconds).toFixed(1)} with\n`,
  );
}
