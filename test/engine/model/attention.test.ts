/**
 * Tests that three kinds of attention give one result: attention to chosen rows only; attention to
 * all rows, where the others have weight 0; and attention with expanded keys and values (G19).
 */
import { describe, expect, test } from "vitest";
import { floatsLike, type Tensor } from "../../../engine/base/tensor.ts";
import { exp } from "../../../engine/numbers/math.ts";
import type { Ops } from "../../../engine/ops/ops.ts";
import { storedLatents } from "../../../engine/ops/stored-rows.ts";
import { visibleRows } from "../../../tools/golden/mutants/wrong-ops.ts";
import { firstDifference, firstOtherBits, relativeError } from "../../support/compare.ts";
import { naiveMla } from "../../support/naive-mla.ts";
import { randomTokens } from "../../support/random.ts";
import { runAll } from "../../support/run.ts";
import { tinyModel } from "../../support/tiny-model.ts";
import { REFERENCES } from "../ops/backends.ts";

const tokens = randomTokens(40, 32, 3);

for (const { name, ops } of REFERENCES) {
  describe(`attention (${name})`, () => {
    const model = tinyModel({}, ops);
    const sparse = runAll(model, tokens);

    test("over chosen rows = over all rows where the others weigh 0, bit for bit", () => {
      const masked = { ...ops, latentAttention: maskedAttention };
      const dense = runAll({ ...model, ops: masked }, tokens);
      expect(firstOtherBits(dense, sparse)).toBeUndefined();
    });

    test("a mask that forgets one row is seen", () => {
      const forgetful: Ops["latentAttention"] = (qLatent, qPe, past, topK, scale) => {
        const nK = topK.shape[1];
        const data = topK.data.map((s, i) => (i % nK === 1 ? -1 : s));
        return maskedAttention(qLatent, qPe, past, { ...topK, data }, scale);
      };
      const wrong = runAll({ ...model, ops: { ...ops, latentAttention: forgetful } }, tokens);
      expect(firstOtherBits(wrong, sparse)).toBe("attn_out-0");
    });

    test.each([40, 41, 4096])(
      "index_topk %d over 40 tokens is dense attention, bit for bit",
      (k) => {
        const wide = runAll(tinyModel({ index_topk: k }, ops), tokens);
        const dense = runAll(
          {
            ...model,
            ops: {
              ...ops,
              latentAttention: (qLatent, qPe, past, topK, scale) => {
                const all = visibleRows(topK, past.nS);
                return ops.latentAttention(qLatent, qPe, past, { ...topK, ...all }, scale);
              },
            },
          },
          tokens,
        );
        expect(wide.get("logits")).toEqual(dense.get("logits"));
        expect(firstOtherBits(wide, sparse)).not.toBeUndefined();
      },
    );

    test("index_topk 39 drops one row of the last query, and only there differs", () => {
      const narrow = runAll(tinyModel({ index_topk: 39 }, ops), tokens);
      const wide = runAll(tinyModel({ index_topk: 40 }, ops), tokens);
      const [a, b] = [narrow, wide].map((run) => [...(run.get("logits")?.data ?? [])]);
      expect(a.slice(0, -32)).toEqual(b.slice(0, -32));
      expect(a.slice(-32)).not.toEqual(b.slice(-32));
    });
  });
}

describe("absorbed attention in f64", () => {
  const ops = REFERENCES[1].ops;
  const model = tinyModel({}, ops);

  /** The same ops, except that the attention is replaced by the naive one. */
  const naive = (): Ops => {
    let qNope: Tensor<["T", "H", "nope"]> | undefined;
    let layer = -1;
    const all = [...model.weights.layers];
    return {
      ...ops,
      perHead: (x, w) => {
        if (String(x.dims[2]) === "nope") {
          qNope = x as unknown as typeof qNope;
          layer = all.findIndex(({ attn }) => (attn.kUp as unknown) === w);
          return ops.perHead(x, w);
        }
        return { ...x, dims: [x.dims[0], x.dims[1], w.dims[1]] } as never; // values already
      },
      latentAttention: (_qLatent, qPe, past, topK) => {
        if (!qNope) throw new Error("no query");
        const values = naiveMla(
          model.config,
          all[layer].attn,
          qNope,
          qPe as never,
          past,
          topK as never,
        );
        const [nT, nH] = qPe.shape;
        const shape = [nT, nH, values.length / nT / nH] as const;
        return ops.tensor([qPe.dims[0], "H", "kvLora"], shape, values);
      },
    };
  };

  test("equals expanded keys and values within 1e-12 of the largest number, in every stage (G19)", () => {
    const absorbed = runAll(model, tokens);
    const expanded = runAll({ ...model, ops: naive() }, tokens);
    expect(firstDifference(expanded, absorbed, 1e-12)).toBeUndefined();
    const [a, b] = [expanded, absorbed].map((run) => run.get("logits")?.data ?? []);
    expect(relativeError(a, b)).toBeGreaterThan(0); // another order of sums, so not the same code
  });

  test("differs from expanded keys where the scale counts the latent width (G19)", () => {
    const wrong: Ops["latentAttention"] = (qLatent, qPe, past, topK) =>
      ops.latentAttention(qLatent, qPe, past, topK, (8 + 4) ** -0.5);
    const absorbed = runAll({ ...model, ops: { ...ops, latentAttention: wrong } }, tokens);
    const expanded = runAll({ ...model, ops: naive() }, tokens);
    expect(firstDifference(expanded, absorbed, 1e-12)).toBe("attn_out-0");
  });
});

/** Attends to all rows, in ascending order. The weight is 0 where a row was not chosen. */
const maskedAttention: Ops["latentAttention"] = (qLatent, qPe, past, topK, scale) => {
  const [nT, nH, nC] = qLatent.shape;
  const nR = qPe.shape[2];
  const { nS } = past;
  const { latent, kPe } = storedLatents(past);
  const nK = topK.shape[1];
  const y = floatsLike(qLatent.data, nT * nH * nC);
  for (let t = 0; t < nT; t++) {
    const chosen = new Set(topK.data.subarray(t * nK, (t + 1) * nK));
    for (let h = 0; h < nH; h++) {
      const head = t * nH + h;
      const z = Array.from({ length: nS }, (_, s) => {
        if (!chosen.has(s)) return Number.NEGATIVE_INFINITY;
        let sum = 0;
        for (let d = 0; d < nC; d++) {
          sum += qLatent.data[head * nC + d] * latent.data[s * nC + d];
        }
        for (let d = 0; d < nR; d++) sum += qPe.data[head * nR + d] * kPe.data[s * nR + d];
        return sum * scale;
      });
      const max = Math.max(...z);
      const p = z.map((x) => exp(x - max));
      const total = p.reduce((a, b) => a + b, 0);
      for (let d = 0; d < nC; d++) {
        const sum = p.reduce((a, x, s) => a + x * latent.data[s * nC + d], 0);
        y[head * nC + d] = sum / total;
      }
    }
  }
  return { dims: qLatent.dims, shape: qLatent.shape, data: y };
};
