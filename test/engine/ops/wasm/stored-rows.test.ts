/** Tests that kernels read from stored rows the same numbers as `decode`, bit by bit. */
import { describe, expect, it } from "vitest";
import type { RowFormat } from "../../../../engine/kv/geometry.ts";
import { storedKeys, storedLatents } from "../../../../engine/ops/stored-rows.ts";
import { gaussians } from "../../../support/random.ts";
import { keyRows, latentRows } from "../../../support/stored.ts";
import { FILLS } from "./values.ts";
import { fastOps, watchedOps } from "./wasm.ts";

const FORMATS: readonly RowFormat[] = ["f32", "bf16", "int8"];
const WIDTHS = [1, 3, 7, 8, 16, 63, 64, 65, 128, 130, 512];
const fills = ["gaussian", "small", "cancelling pairs", "zero", "mostly zero"] as const;
const ops = await fastOps();

describe.each(FORMATS)("rows in %s", (format) => {
  it.each(fills)("latents come out of an attention to one row as they are stored (%s)", (fill) => {
    for (const n of WIDTHS) {
      const mark = ops.mark();
      const latent = ops.tensor(["S", "kvLora"], [5, n], FILLS[fill](5 * n, n));
      const kPe = ops.tensor(["S", "rope"], [5, 2], gaussians(10, 2));
      const past = latentRows(ops, latent, kPe, { format });
      const q = ops.tensor(["T", "H", "kvLora"], [5, 1, n], gaussians(5 * n, 3));
      const qPe = ops.tensor(["T", "H", "rope"], [5, 1, 2], gaussians(10, 4));
      const each = {
        dims: ["T", "K"] as ["T", "K"],
        shape: [5, 1] as const,
        data: Int32Array.of(0, 1, 2, 3, 4),
      };
      const y = ops.latentAttention(q, qPe, past, each, 1);
      expect([...y.data].map((x) => x + 0)).toEqual(
        [...storedLatents(past).latent.data].map((x) => x + 0),
      );
      ops.release(mark);
    }
  });

  it.each(fills)("keys come out of scores of unit queries as they are stored (%s)", (fill) => {
    for (const n of WIDTHS) {
      const mark = ops.mark();
      const keys = keyRows(ops, ops.tensor(["S", "d"], [4, n], FILLS[fill](4 * n, n)), { format });
      // Head d reads channel d. Head n + d reads its negative, with a negative weight.
      for (let d = 0; d < n; d += Math.ceil(n / 9)) {
        const q = new Float32Array(2 * n);
        q[d] = 1;
        q[n + d] = -1;
        const y = ops.indexScores(
          ops.tensor(["T", "idxH", "d"], [1, 2, n], q),
          keys,
          ops.tensor(["T", "idxH"], [1, 2], [1, -1]),
          3,
          1,
        );
        const want = Array.from({ length: 4 }, (_, s) => storedKeys(keys).data[s * n + d]);
        expect([...y.data].map((x) => x + 0)).toEqual(want.map((x) => x + 0));
      }
      ops.release(mark);
    }
  });

  it("stay within the bounds of the ops, against an oracle that sees the same stored values", async () => {
    const { ops: watched, worst } = await watchedOps();
    for (const [nT, nS, nH, nD, pageRows] of [
      [1, 1, 1, 1, 1],
      [3, 70, 5, 12, 64],
      [2, 130, 16, 64, 7],
      [4, 100, 3, 128, 256],
    ]) {
      const t = <const D extends string>(
        dims: [string, D],
        shape: [number, number],
        seed: number,
      ) => watched.tensor(dims, shape, gaussians(shape[0] * shape[1], seed));
      const keeping = { format, pageRows };
      const keys = keyRows(watched, t(["S", "d"], [nS, nD], 1) as never, keeping);
      const q = watched.tensor(["T", "idxH", "d"], [nT, nH, nD], gaussians(nT * nH * nD, 2));
      const w = watched.tensor(["T", "idxH"], [nT, nH], gaussians(nT * nH, 3));
      const chosen = watched.topK(watched.indexScores(q as never, keys, w, nS - nT, 0.1), 40);
      const past = latentRows(
        watched,
        watched.tensor(["S", "kvLora"], [nS, nD], gaussians(nS * nD, 4)),
        watched.tensor(["S", "rope"], [nS, 4], gaussians(nS * 4, 5)),
        keeping,
      );
      watched.latentAttention(
        watched.tensor(["T", "H", "kvLora"], [nT, nH, nD], gaussians(nT * nH * nD, 6)),
        watched.tensor(["T", "H", "rope"], [nT, nH, 4], gaussians(nT * nH * 4, 7)),
        past,
        chosen as never,
        0.2,
      );
    }
    for (const op of ["indexScores", "latentAttention"] as const) {
      expect(worst.get(op)).toBeLessThanOrEqual(1);
      expect(worst.get(op)).toBeGreaterThan(0);
    }
  });
});
