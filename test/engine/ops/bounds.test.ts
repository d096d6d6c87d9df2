/**
 * Compares the f32 reference with the f64 reference in whole runs, op by op, on the same f32
 * inputs. Both make sums in f64, so a result may be off only by the rounding when it is stored.
 * `experts` alone rounds three times more inside.
 */
import { describe, expect, test } from "vitest";
import { f32ReferenceBounds } from "../../../engine/ops/bounds.ts";
import { type CheckedOp, checkedOps, DisagreementError } from "../../../engine/ops/checked.ts";
import type { Ops } from "../../../engine/ops/ops.ts";
import { referenceOps } from "../../../engine/ops/reference/index.ts";
import { halfSplitRope, mapped } from "../../../tools/golden/mutants/wrong-ops.ts";
import { randomTokens } from "../../support/random.ts";
import { runAll } from "../../support/run.ts";
import { tinyModel } from "../../support/tiny-model.ts";

const tokens = randomTokens(30, 32, 1);

/** Runs a model on `fast`, watched, and returns the largest error over bound of every op. */
function watch(fast: Ops): Map<CheckedOp, number> {
  const worst = new Map<CheckedOp, number>();
  const ops = checkedOps(fast, referenceOps("f64"), f32ReferenceBounds, (op, share) => {
    worst.set(op, Math.max(worst.get(op) ?? 0, share));
  });
  runAll(tinyModel({}, ops), tokens, { chunk: 7, mtpSteps: 2 });
  return worst;
}

describe("f32 reference against f64 reference", () => {
  test("every op stays within one rounding of f32 (2^-24 of each result)", () => {
    const worst = watch(referenceOps("f32"));
    expect([...worst.keys()].sort()).toEqual(Object.keys(f32ReferenceBounds).sort());
    expect(Math.max(...worst.values())).toBeLessThanOrEqual(1);
  });

  test("the bound is no more than twice what is needed, for the ops that round once", () => {
    const worst = watch(referenceOps("f32"));
    for (const op of ["linear", "perHead", "rmsNorm", "latentAttention", "siluMul"] as const) {
      expect(worst.get(op), op).toBeGreaterThan(0.5);
    }
  });

  const right = referenceOps("f32");
  const doubled = (x: number) => x + Math.abs(x) * 2 ** -22;
  const wrong: readonly [string, string, Partial<Ops>][] = [
    ["linear", "off by 2^-22", { linear: (x, w) => mapped(right.linear(x, w), doubled) }],
    ["rmsNorm", "off by 2^-22", { rmsNorm: (...args) => mapped(right.rmsNorm(...args), doubled) }],
    ["ropeInterleaved", "with halves", { ropeInterleaved: halfSplitRope }],
    ["topK", "with one row too few", { topK: (scores, k) => right.topK(scores, k - 1) }],
  ];
  test.each(wrong)("a %s %s is named", (op, _how, change) => {
    const run = () => watch({ ...right, ...change });
    expect(run).toThrow(DisagreementError);
    expect(run).toThrow(new RegExp(`^${op}[ :]`));
  });
});
