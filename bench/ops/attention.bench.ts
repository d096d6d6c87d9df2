/**
 * Measures one token with a long past: index scores, top-k, and attention to the chosen rows.
 *
 *     npm run build:kernels && npx vitest bench --run bench/ops
 *
 * The sizes are those of GLM-5.2, but with fewer heads, so that the slow reference finishes too.
 */
import { bench, describe } from "vitest";
import { type Ops, referenceOps } from "../../engine/index.ts";
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
