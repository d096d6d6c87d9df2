/**
 * Measures how much memory a context needs: the resident memory of the process from 4K to 256K
 * positions of a tiny model, whose latent rows lie in a file, with 16 MiB of them in memory. The
 * past is filled with random rows, and then one token is decoded.
 *
 *     npm run build:kernels && node bench/kv/memory.ts        Node 24 or later
 *
 * Prints, per position, the bytes of the keys and by how many bytes the resident memory grew.
 * @module
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryUsage, pid, stdout, version } from "node:process";
import { noTaps } from "../../engine/base/tap.ts";
import { newPagePool } from "../../engine/index.ts";
import { ModelCache } from "../../engine/kv/model-cache.ts";
import { PageTable } from "../../engine/kv/page-table.ts";
import { forward } from "../../engine/model/model.ts";
import { tinyModel } from "../../test/support/tiny-model.ts";
import { rowFile } from "../../tools/node/row-file.ts";
import { fastOps } from "../support.ts";
import { fill } from "./fill.ts";

const CONTEXTS = [4, 16, 64, 128, 256].map((k) => 1024 * k);
const HOT_BYTES = 2 ** 24;

/**
 * Keys that are wide enough to be seen: a position has 3 · 128 numbers of keys, 5 · 144 of rows.
 */
const WIDE = {
  ...{ index_head_dim: 128, kv_lora_rank: 128, qk_rope_head_dim: 16, index_topk: 64 },
  max_position_embeddings: 2 ** 19,
};

const ops = await fastOps(1, 2 ** 30);
const model = tinyModel(WIDE, ops);
const store = await rowFile(join(tmpdir(), `rows-${pid}`));
const pool = newPagePool(ops, model.config, {}, { store, hotBytes: HOT_BYTES });
const cache = new ModelCache(new PageTable(pool));

/** The resident memory, in bytes, after one token was decoded at position `n - 1`. */
function residentAt(n: number): number {
  fill(ops, cache, n - 1);
  const mark = ops.mark();
  forward(model, Int32Array.of(3), Int32Array.of(n - 1), cache, noTaps);
  ops.release(mark);
  globalThis.gc?.();
  return memoryUsage().rss;
}

stdout.write(`Node ${version}\n`);
const keyBytes = pool.layout.keysBytes / pool.layout.format.pageRows;
const rowBytes = pool.layout.rowsBytes / pool.layout.format.pageRows;
let before: readonly [number, number] | undefined;
for (const n of CONTEXTS) {
  const rss = residentAt(n);
  const grown = before && (rss - before[1]) / (n - before[0]);
  stdout.write(`${n} positions: ${(rss / 2 ** 20).toFixed(0)} MiB resident`);
  if (grown) stdout.write(`, ${grown.toFixed(0)} bytes more for each position`);
  stdout.write(`; keys ${keyBytes}, rows ${rowBytes} bytes\n`);
  before = [n, rss];
}
