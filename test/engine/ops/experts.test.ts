/** Tests of `experts`: the weighted sum of the chosen experts. */
import { describe, expect, test } from "vitest";
import { ShapeError } from "../../../engine/base/tensor.ts";
import { encodeF32 } from "../../../engine/numbers/formats.ts";
import { placeBank } from "../../../engine/ops/expert-bank.ts";
import type { ExpertBank, Routing } from "../../../engine/ops/ops.ts";
import { gaussians, random, weight } from "../../support/random.ts";
import { BACKENDS } from "./backends.ts";
import { expectClose } from "./expect-close.ts";

const [nT, nE, nMoe, nHidden] = [4, 5, 3, 6];

for (const backend of BACKENDS) {
  const { name, ops } = backend;
  const routing = (experts: number[], weights: number[]): Routing => {
    const shape = [experts.length / 2, 2] as const;
    return {
      experts: { dims: ["T", "A"], shape, data: Int32Array.from(experts) },
      weights: ops.tensor(["T", "A"], shape, weights),
    };
  };
  /** Values of gate, up and down, each stacked expert by expert. */
  const bankOf = (
    [gate, up, down]: readonly ArrayLike<number>[],
    nMoe: number,
    nHidden: number,
  ) => {
    const nE = gate.length / (nMoe * nHidden);
    const raw = (values: ArrayLike<number>, shape: number[]) =>
      encodeF32(shape, Float32Array.from(values));
    const rows = [nE, nMoe, nHidden];
    return placeBank(ops, raw(gate, rows), raw(up, rows), raw(down, [nE, nHidden, nMoe]));
  };
  const stacks = [1, 2, 3].map((seed) => gaussians(nE * nMoe * nHidden, seed));
  const bank = bankOf(stacks, nMoe, nHidden);
  const x = random(ops, ["T", "hidden"], [nT, nHidden], 4);
  const given = routing([0, 3, 1, 2, 0, 4, 3, 4], [1, 1.5, 0.5, 2, 1.25, 1.25, 2, 0.5]);

  describe(`experts (${name})`, () => {
    test("one expert with one channel by hand: 2 · 10 · silu(1) · 3 (G39)", () => {
      const one = (value: number) => [0, value];
      const small = bankOf([one(1), one(3), one(10)], 1, 1);
      const y = ops.experts(
        ops.tensor(["T", "hidden"], [1, 1], [1]),
        routing([0, 1], [7, 2]),
        small,
      );
      expectClose(backend, y, [60 / (1 + 1 / Math.E)]);
    });

    test("with given experts, equals the naive sum over each token's experts (G37)", () => {
      const [gate, up, down] = stacks;
      const xs = ops.read(x);
      const want = Array.from({ length: nT * nHidden }, (_, i) => {
        const [t, o] = [Math.floor(i / nHidden), i % nHidden];
        let sum = 0;
        for (const a of [0, 1]) {
          const e = given.experts.data[t * 2 + a];
          for (let m = 0; m < nMoe; m++) {
            let g = 0;
            let u = 0;
            for (let c = 0; c < nHidden; c++) {
              g += xs[t * nHidden + c] * gate[(e * nMoe + m) * nHidden + c];
              u += xs[t * nHidden + c] * up[(e * nMoe + m) * nHidden + c];
            }
            const inner = (g / (1 + Math.exp(-g))) * u;
            sum += ops.read(given.weights)[t * 2 + a] * inner * down[(e * nHidden + o) * nMoe + m];
          }
        }
        return sum;
      });
      // There are three more roundings inside an expert.
      expectClose(
        { ...backend, exactness: 4 * backend.exactness },
        ops.experts(x, given, bank),
        want,
      );
    });

    test("a token's sum does not depend on the tokens beside it, bit for bit", () => {
      const all = ops.read(ops.experts(x, given, bank));
      for (let t = 0; t < nT; t++) {
        const alone = routing(
          [...given.experts.data.slice(2 * t, 2 * t + 2)],
          [...ops.read(given.weights).slice(2 * t, 2 * t + 2)],
        );
        const y = ops.experts(ops.slice(x, t, t + 1), alone, bank);
        expect(ops.read(y)).toEqual(all.slice(t * nHidden, (t + 1) * nHidden));
      }
    });

    test("the sum does not depend on how many experts are in memory together, bit for bit", () => {
      const want = ops.read(ops.experts(x, given, bank));
      for (const atOnce of [1, 2, 3]) {
        const waves: number[] = [];
        const narrow: ExpertBank = {
          ...bank,
          bringIn: (wanted, from) => {
            waves.push(from);
            return bank.bringIn(wanted, from).slice(0, atOnce);
          },
        };
        expect(ops.read(ops.experts(x, given, narrow))).toEqual(want);
        expect(waves).toEqual(Array.from({ length: Math.ceil(5 / atOnce) }, (_, i) => i * atOnce));
      }
    });

    test("an expert with weight 0 adds nothing", () => {
      const [a, b] = [1, 4].map((other) => {
        const y = ops.experts(ops.slice(x, 0, 1), routing([0, other], [1.5, 0]), bank);
        return ops.read(y);
      });
      expect(a).toEqual(b);
    });

    test("rounds as linear, siluMul and linear do: equal bits where one expert has all the weight", () => {
      const [n, moe, hidden] = [9, 34, 40];
      const values = [5, 6, 7].map((seed) => gaussians(2 * moe * hidden, seed, 0.3));
      const second = values.map((bank) => bank.slice(moe * hidden));
      const wide = random(ops, ["T", "hidden"], [n, hidden], 8);
      const g = ops.linear(wide, weight(ops, ["moe", "hidden"], [moe, hidden], second[0]));
      const u = ops.linear(wide, weight(ops, ["moe", "hidden"], [moe, hidden], second[1]));
      const d = weight(ops, ["hidden", "moe"], [hidden, moe], second[2]);
      const want = ops.read(ops.linear(ops.siluMul(g, u), d));

      const two = bankOf(values, moe, hidden);
      const one = routing(
        Array.from({ length: 2 * n }, (_, i) => i % 2),
        Array.from({ length: 2 * n }, (_, i) => i % 2),
      );
      expect(ops.read(ops.experts(wide, one, two))).toEqual(want);
    });

    test.each([-1, 5])("expert %d does not exist and is refused", (e) => {
      expect(() => ops.experts(ops.slice(x, 0, 1), routing([0, e], [1, 1]), bank)).toThrow(
        new ShapeError(`experts: token 0 names expert ${e}`),
      );
    });

    test("other lengths are refused, and all sides are shown", () => {
      expect(() => ops.experts(ops.slice(x, 0, 3), given, bank)).toThrow(
        new ShapeError("experts: x [T=3, hidden=6] against [moe=3, hidden=6], routing [T=4, A=2]"),
      );
    });
  });
}
