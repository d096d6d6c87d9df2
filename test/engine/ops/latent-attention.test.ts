/** Tests of `latentAttention`: attention to the chosen rows. */
import { describe, expect, test } from "vitest";
import { ShapeError } from "../../../engine/base/tensor.ts";
import { gaussians, random } from "../../support/random.ts";
import { latentRows } from "../../support/stored.ts";
import { BACKENDS } from "./backends.ts";
import { expectClose } from "./expect-close.ts";

for (const backend of BACKENDS) {
  const { name, ops } = backend;
  const rowsOf = (shape: readonly [number, number], data: number[]) => ({
    dims: ["T", "K"] as ["T", "K"],
    shape,
    data: Int32Array.from(data),
  });

  describe(`latentAttention (${name})`, () => {
    test("two rows by hand: scores 0 and ln 3 mix them 1 : 3", () => {
      const y = ops.latentAttention(
        ops.tensor(["T", "H", "kvLora"], [1, 1, 1], [0]),
        ops.tensor(["T", "H", "rope"], [1, 1, 1], [Math.log(3)]),
        latentRows(
          ops,
          ops.tensor(["S", "kvLora"], [2, 1], [10, 20]),
          ops.tensor(["S", "rope"], [2, 1], [0, 1]),
        ),
        rowsOf([1, 2], [0, 1]),
        1,
      );
      expectClose(backend, y, [17.5]);
      expect(y.dims).toEqual(["T", "H", "kvLora"]);
    });

    test("latent and rotary part are added before the scale", () => {
      const y = ops.latentAttention(
        ops.tensor(["T", "H", "kvLora"], [1, 1, 1], [1]),
        ops.tensor(["T", "H", "rope"], [1, 1, 1], [1]),
        latentRows(
          ops,
          ops.tensor(["S", "kvLora"], [2, 1], [2, 4]),
          ops.tensor(["S", "rope"], [2, 1], [3, 5]),
        ),
        rowsOf([1, 2], [0, 1]),
        0.5,
      );
      const p = 1 / (1 + Math.exp(-2)); // scores 2.5 and 4.5
      expectClose(backend, y, [2 * (1 - p) + 4 * p]);
    });

    const [nT, nH, nC, nR, nS] = [3, 2, 4, 2, 9];
    const qLatent = random(ops, ["T", "H", "kvLora"], [nT, nH, nC], 1);
    const qPe = random(ops, ["T", "H", "rope"], [nT, nH, nR], 2);
    const latent = random(ops, ["S", "kvLora"], [nS, nC], 3);
    const kPe = random(ops, ["S", "rope"], [nS, nR], 4);
    const past = latentRows(ops, latent, kPe);

    test("the weights sum to 1: where all latents are equal, that latent comes out", () => {
      const same = ops.tensor(
        ["S", "kvLora"],
        [nS, nC],
        Array.from({ length: nS }, () => [1, -2, 3, 0.5]).flat(),
      );
      const rows = rowsOf([nT, 4], [0, 1, 2, 3, 1, 4, 5, 7, 0, 2, 6, 8]);
      const y = ops.latentAttention(qLatent, qPe, latentRows(ops, same, kPe), rows, 0.5);
      expectClose(backend, y, Array.from({ length: nT * nH }, () => [1, -2, 3, 0.5]).flat());
    });

    test("one row: its latent comes out, whatever the score", () => {
      const y = ops.latentAttention(qLatent, qPe, past, rowsOf([nT, 1], [4, 0, 8]), 0.5);
      const row = (s: number) => [...ops.read(latent).slice(s * nC, (s + 1) * nC)];
      expectClose(backend, y, [4, 4, 0, 0, 8, 8].flatMap(row));
    });

    test("rows that are not chosen have no part in it: their numbers may be anything", () => {
      const rows = rowsOf([nT, 2], [1, 3, 1, 3, 3, 5]);
      const other = (values: ArrayLike<number>, n: number) =>
        Array.from(values, (x, i) => ([1, 3, 5].includes(Math.floor(i / n)) ? x : Number.NaN));
      const poisoned = latentRows(
        ops,
        ops.tensor(["S", "kvLora"], [nS, nC], other(ops.read(latent), nC)),
        ops.tensor(["S", "rope"], [nS, nR], other(ops.read(kPe), nR)),
      );
      expect(ops.read(ops.latentAttention(qLatent, qPe, poisoned, rows, 0.5))).toEqual(
        ops.read(ops.latentAttention(qLatent, qPe, past, rows, 0.5)),
      );
    });

    test("a list that names no row of the cache, or goes on behind its padding, is a bug", () => {
      for (const wrong of [
        [0, 1, 2, 9, 1, 3],
        [0, 1, -2, 2, 1, 3],
        [-1, 0, 1, 2, 1, 3],
      ]) {
        const rows = rowsOf([nT, 2], wrong);
        const attend = () => ops.latentAttention(qLatent, qPe, past, rows, 0.5);
        expect(attend).toThrow(
          /latentAttention: top-k row \d names -?\d of 9 positions, in place \d/,
        );
      }
    });

    test("−1 is no row: filling up with it changes nothing, bit for bit (G20)", () => {
      const short = rowsOf([nT, 2], [0, 2, 1, 3, 4, 5]);
      const padded = rowsOf([nT, 4], [0, 2, -1, -1, 1, 3, -1, -1, 4, 5, -1, -1]);
      const [a, b] = [short, padded].map((rows) =>
        ops.read(ops.latentAttention(qLatent, qPe, past, rows, 0.5)),
      );
      expect(b).toEqual(a);
    });

    test("scores of 1e5 give finite numbers: the largest score is taken off first (G34)", () => {
      const big = ops.tensor(["T", "H", "kvLora"], [nT, nH, nC], gaussians(nT * nH * nC, 1, 1e5));
      const rows = rowsOf([nT, 4], [0, 1, 2, 3, 1, 4, 5, 7, 0, 2, 6, 8]);
      const y = ops.read(ops.latentAttention(big, qPe, past, rows, 1));
      expect(y.every(Number.isFinite)).toBe(true);
    });

    test("equals the formula with Math.exp", () => {
      const rows = [
        [0, 1, 2, 3],
        [1, 4, 5, 7],
        [0, 2, 6, 8],
      ];
      const [q, qr, c, kr] = [qLatent, qPe, latent, kPe].map((x) => ops.read(x));
      const want = Array.from({ length: nT * nH }, (_, th) => {
        const chosen = rows[Math.floor(th / nH)];
        const e = chosen.map((s) => {
          let z = 0;
          for (let d = 0; d < nC; d++) z += q[th * nC + d] * c[s * nC + d];
          for (let d = 0; d < nR; d++) z += qr[th * nR + d] * kr[s * nR + d];
          return Math.exp(0.5 * z);
        });
        const total = e.reduce((a, b) => a + b, 0);
        return Array.from({ length: nC }, (_, d) =>
          chosen.reduce((sum, s, i) => sum + (e[i] / total) * c[s * nC + d], 0),
        );
      }).flat();
      const y = ops.latentAttention(qLatent, qPe, past, rowsOf([nT, 4], rows.flat()), 0.5);
      expectClose(backend, y, want);
    });

    test("a position past the cache is refused", () => {
      expect(() =>
        ops.latentAttention(qLatent, qPe, past, rowsOf([nT, 1], [0, 9, 0]), 0.5),
      ).toThrow(/^latentAttention: top-k row 1 names /);
    });

    test("other lengths are refused, and all sides are shown", () => {
      expect(() => ops.latentAttention(qLatent, qPe, past, rowsOf([2, 1], [0, 1]), 0.5)).toThrow(
        new ShapeError(
          "latentAttention: q [T=3, H=2, kvLora=4] | [T=3, H=2, rope=2], cache [S=9, kvLora=4] | [S=9, rope=2], top-k [T=2, K=1]",
        ),
      );
    });
  });
}
