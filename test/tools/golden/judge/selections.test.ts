import { describe, expect, it } from "vitest";
import { referenceOps, type Tensor } from "../../../../engine/index.ts";
import type { GoldenTensor } from "../../../../tools/golden/case/case.ts";
import {
  compareSelections,
  type IndexerInputs,
  indexScoreBound,
} from "../../../../tools/golden/judge/selections.ts";
import { random } from "../../../support/random.ts";
import { keyRows } from "../../../support/stored.ts";

const rows = (width: number, ...data: number[]): GoldenTensor => ({
  shape: [data.length / width, width],
  data: Int32Array.from(data),
});
const scores = { shape: [1, 4], data: Float64Array.of(0.9, 0.5, 0.4999, 0.1) };

describe("two selections", () => {
  it("that are equal as sets are equal, padding apart", () => {
    const report = compareSelections(rows(3, 2, 0, -1), rows(3, 0, 2, -1), scores, undefined);
    expect(report).toEqual({ rows: 1, equal: 1, explained: 0, unexplained: 0 });
  });

  it("that swap rows closer than their bounds are explained", () => {
    const report = compareSelections(rows(2, 0, 2), rows(2, 0, 1), scores, Array(4).fill(1e-4));
    expect(report.explained).toBe(1);
  });

  it("are not explained by the right rows against those of an oracle that is wrong", () => {
    const report = compareSelections(rows(2, 0, 1), rows(2, 0, 2), scores, Array(4).fill(1e-6));
    expect(report.unexplained).toBe(1);
  });

  it.each([
    ["rows further apart than their bounds", rows(2, 0, 2), Array(4).fill(1e-6)],
    ["another number of rows", rows(2, 0, -1), Array(4).fill(1)],
    ["no bounds to explain them", rows(2, 0, 2), undefined],
  ])("with %s are unexplained", (_what, ours, bounds) => {
    expect(compareSelections(ours, rows(2, 0, 1), scores, bounds).unexplained).toBe(1);
  });
});

describe("the bound of the index scores", () => {
  const nT = 24;
  const nH = 4;
  const nD = 8;
  const ops = referenceOps("f64");
  const inputs = (noise: number): { q: Tensor; k: Tensor; w: Tensor } => {
    const off = (x: Tensor, seed: number): Tensor => {
      const e = random(ops, ["n"], [x.data.length], seed).data;
      return { ...x, data: Float64Array.from(x.data, (v, i) => v + noise * e[i]) };
    };
    return {
      q: off(random(ops, ["T", "idxH", "idx"], [nT, nH, nD], 1), 11),
      k: off(random(ops, ["S", "idx"], [nT, nD], 2), 12),
      w: off(random(ops, ["T", "idxH"], [nT, nH], 3), 13),
    };
  };
  const choose = ({ q, k, w }: ReturnType<typeof inputs>) => {
    const s = ops.indexScores(
      q as Tensor<["T", "idxH", "idx"]>,
      keyRows(ops, k as Tensor<["S", "idx"]>),
      w as Tensor<["T", "idxH"]>,
      0,
      1 / Math.sqrt(nH * nD),
    );
    return { scores: s, rows: ops.topK(s, 6) };
  };
  const oracle = inputs(0);
  const best = choose(oracle);

  it("explains every choice made from inputs that are off by it, at any size of the noise", () => {
    let flips = 0;
    for (const noise of [1e-6, 1e-3, 0.05, 0.5]) {
      const ours = inputs(noise);
      const bounds = indexScoreBound(ours as IndexerInputs, oracle as IndexerInputs, best.scores);
      const report = compareSelections(choose(ours).rows, best.rows, best.scores, bounds);
      expect(report.unexplained).toBe(0);
      flips += report.explained;
    }
    expect(flips).toBeGreaterThan(10);
  });

  it("does not explain an indexer with the sign of its weights turned", () => {
    const turned = choose({ ...oracle, w: { ...oracle.w, data: oracle.w.data.map((x) => -x) } });
    const bounds = indexScoreBound(oracle as IndexerInputs, oracle as IndexerInputs, best.scores);
    const report = compareSelections(turned.rows, best.rows, best.scores, bounds);
    expect(report.unexplained).toBeGreaterThan(10);
  });
});
