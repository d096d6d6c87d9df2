/**
 * Measures one query of 32 indexer heads of 128, as in GLM-5.2, with 2^20 keys: scoring them, and
 * choosing 2048 of the scores. The second line says how many times as fast the choice is.
 *
 *     npm run build:kernels && npx vitest bench --run bench/ops/selection
 */
import { bench, describe } from "vitest";
import { gaussians } from "../../test/support/random.ts";
import { keyRows } from "../../test/support/stored.ts";
import { fastOps } from "../support.ts";

const [nS, nK, nH, nD] = [2 ** 20, 2048, 32, 128];
const ops = await fastOps(1, 2 ** 31);
const idxQ = ops.tensor(["T", "idxH", "d"], [1, nH, nD], gaussians(nH * nD, 1));
const idxW = ops.tensor(["T", "idxH"], [1, nH], gaussians(nH, 3));
const values = gaussians(2 ** 16, 2);
const all = Float32Array.from({ length: nS * nD }, (_, i) => values[(i * 31 + (i >> 9)) & 0xffff]);
const keys = keyRows(ops, ops.tensor(["S", "d"], [nS, nD], all), { pageRows: 64 });
const scores = ops.indexScores(idxQ, keys, idxW, nS - 1, 0.1);
const ascending = ops.tensor(["T", "S"], [1, nS], Float32Array.from(scores.data).sort());
const mark = ops.mark();

/** Runs an op and frees its result. */
const freeing = (run: () => unknown) => () => {
  run();
  ops.release(mark);
};

const options = { time: 3000, iterations: 5, warmupTime: 500 };

describe("2^20 keys, 32 heads of 128, one thread", () => {
  bench(
    "index scores",
    freeing(() => ops.indexScores(idxQ, keys, idxW, nS - 1, 0.1)),
    options,
  );
  bench(
    "top-2048 of them",
    freeing(() => ops.topK(scores, nK)),
    options,
  );
  bench(
    "top-2048, ascending: the worst order",
    freeing(() => ops.topK(ascending, nK)),
    options,
  );
});
