/**
 * Measures one token with a long past: index scores, top-k, and attention to the chosen rows. Then 64 tokens
 * of a prompt that attend to all rows: together, as in prefill, and one by one.
 *
 *     npm run build:kernels && npx vitest bench --run bench/ops
 *
 * The sizes are those of GLM-5.2, but with fewer heads, so that the slow reference finishes too.
 */
import { bench, describe } from "vitest";
import { type Ops, referenceOps } from "../../engine/index.ts";
import { NO_ROW } from "../../engine/ops/no-row.ts";
import { gaussians } from "../../test/support/random.ts";
import { keyRows, latentRows } from "../../test/support/stored.ts";
import { fastOps } from "../support.ts";

const [nS, nK, nH, nIdxH, nIdx, nC, nR] = [8192, 2048, 4, 8, 128, 512, 64];

const paged = { pageRows: 64 };
const options = { time: 400, warmupTime: 200 };
const backends: readonly [string, Ops][] = [
  ["wasm", await fastOps()],
  ["reference", referenceOps("f32")],
];

for (const op of ["indexScores", "topK", "latentAttention"] as const) {
  describe(`${op}, 1 query, ${nS} positions, ${nK} chosen`, () => {
    for (const [name, ops] of backends) bench(name, prepared(ops)[op], options);
  });
}

/** A function for each op, which runs it on prepared inputs and frees its result. */
function prepared(ops: Ops): Record<"indexScores" | "topK" | "latentAttention", () => void> {
  const idxQ = ops.tensor(["T", "idxH", "d"], [1, nIdxH, nIdx], gaussians(nIdxH * nIdx, 1));
  const idxK = keyRows(ops, ops.tensor(["S", "d"], [nS, nIdx], gaussians(nS * nIdx, 2)), paged);
  const idxW = ops.tensor(["T", "idxH"], [1, nIdxH], gaussians(nIdxH, 3));
  const scores = ops.indexScores(idxQ, idxK, idxW, nS - 1, 0.1);
  const qLatent = ops.tensor(["T", "H", "kvLora"], [1, nH, nC], gaussians(nH * nC, 4));
  const qPe = ops.tensor(["T", "H", "rope"], [1, nH, nR], gaussians(nH * nR, 5));
  const latent = ops.tensor(["S", "kvLora"], [nS, nC], gaussians(nS * nC, 6));
  const kPe = ops.tensor(["S", "rope"], [nS, nR], gaussians(nS * nR, 7));
  const past = latentRows(ops, latent, kPe, paged);
  const chosen = ops.topK(scores, nK);
  const mark = ops.mark();
  const freeing = (run: () => unknown) => () => {
    run();
    ops.release(mark);
  };
  return {
    indexScores: freeing(() => ops.indexScores(idxQ, idxK, idxW, nS - 1, 0.1)),
    topK: freeing(() => ops.topK(scores, nK)),
    latentAttention: freeing(() => ops.latentAttention(qLatent, qPe, past, chosen, 0.04)),
  };
}

describe("latentAttention, 64 queries of 16 heads, 449 to 512 rows each", () => {
  const ops = backends[0][1];
  const [nT, nRows, nHeads] = [64, 512, 16];
  const latent = ops.tensor(["S", "kvLora"], [nRows, nC], gaussians(nRows * nC, 1));
  const kPe = ops.tensor(["S", "rope"], [nRows, nR], gaussians(nRows * nR, 2));
  const past = latentRows(ops, latent, kPe, paged);
  const q = ops.tensor(["T", "H", "kvLora"], [nT, nHeads, nC], gaussians(nT * nHeads * nC, 3));
  const qPe = ops.tensor(["T", "H", "rope"], [nT, nHeads, nR], gaussians(nT * nHeads * nR, 4));
  const seen = (t: number, s: number) => s <= nRows - nT + t;
  const data = Int32Array.from({ length: nT * nRows }, (_, i) =>
    seen(Math.floor(i / nRows), i % nRows) ? i % nRows : NO_ROW,
  );
  const mark = ops.mark();
  const attend = (from: number, to: number) => {
    const topK = {
      dims: ["T", "K"] as ["T", "K"],
      shape: [to - from, nRows] as const,
      data: data.subarray(from * nRows, to * nRows),
    };
    ops.latentAttention(ops.slice(q, from, to), ops.slice(qPe, from, to), past, topK, 0.04);
    ops.release(mark);
  };
  bench("together", () => attend(0, nT), options);
  bench(
    "one by one",
    () => {
      for (let t = 0; t < nT; t++) attend(t, t + 1);
    },
    options,
  );
});
