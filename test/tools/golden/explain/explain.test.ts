/** Tests that mistakes which stand in no list are explained by a relation, and right engines by none. */
import { describe, expect, it } from "vitest";
import type { Tensor } from "../../../../engine/base/tensor.ts";
import type { Ops } from "../../../../engine/ops/ops.ts";
import { mapped } from "../../../../tools/golden/mutants/wrong-ops.ts";
import { explained } from "./explained.ts";

const { GLM52_FULL } = process.env as { readonly GLM52_FULL?: string };

type Change = Parameters<typeof explained>[0];

/** Multiplies one head of the rotated queries of the attention. */
const headTimes =
  (head: number, factor: number): Change =>
  (ops) => ({
    ropeInterleaved: (x, table) => {
      const y = ops.ropeInterleaved(x, table);
      if (String(x.dims[1]) !== "H") return y;
      const [, nH, nC] = x.shape as readonly number[];
      const data = y.data.map((v, i) => (Math.floor(i / nC) % nH === head ? factor * v : v));
      return { ...y, data };
    },
  });

const ofKind =
  (axis: string, change: (y: Tensor) => Tensor): Change =>
  (ops) => ({
    linear: ((x, w) => {
      const y = ops.linear(x, w);
      return String(w.dims[0]) === axis ? { ...y, data: change(y).data } : y;
    }) as Ops["linear"],
  });

const MISTAKES: readonly (readonly [what: string, change: Change, says: RegExp])[] = [
  [
    "a factor that nobody would guess",
    ofKind("E", (y) => mapped(y, (v) => 1.37 * v)),
    /1\.37 times/,
  ],
  ["a head negated", headTimes(1, -1), /negated in head 1/],
  [
    "channels zeroed",
    ofKind("idxH", (y) => mapped(y, (v, c) => (c > 11 ? 0 : v))),
    /zero in channels 12 to 15/,
  ],
  ["a constant added", ofKind("E", (y) => mapped(y, (v) => v + 0.25)), /0\.25 added/],
  [
    "rows of another token",
    ofKind("E", (y) => shiftedBy(y, 3)),
    /row where the one 3 later|3 earlier/,
  ],
];

function shiftedBy(y: Tensor, by: number): Tensor {
  const [nT, nC] = y.shape;
  const data = y.data.map((_, i) => y.data[Math.max(0, Math.floor(i / nC) - by) * nC + (i % nC)]);
  return { ...y, shape: [nT, nC], data };
}

describe("a mistake that is in no list is explained", () => {
  it.each(MISTAKES)("%s", async (_what, change, says) => {
    const explanation = await explained(change);
    expect([explanation?.sentence, ...(explanation?.also ?? [])].join("\n")).toMatch(says);
    expect(explanation?.share).toBeGreaterThan(0.999);
    expect(explanation?.stage).not.toMatch(/^mtp|-[2-9]$/);
  });
});

/** A GELU in the dense blocks and the shared expert. */
const withGelu: Change = () => ({
  siluMul: (gate, up) => ({
    ...gate,
    data: gate.data.map((x, i) => {
      const inner = Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
      return 0.5 * x * (1 + Math.tanh(inner)) * up.data[i];
    }),
  }),
});

const withScoresTimes =
  (factor: number): Change =>
  (ops) => ({
    latentAttention: (q, qPe, past, rows, scale) =>
      ops.latentAttention(q, qPe, past, rows, factor * scale),
  });

describe("a mistake in what the dump does not show is explained", () => {
  it("from layers and choices: a factor of the router", async () => {
    const change = ofKind("E", (y) => mapped(y, (v) => 1.37 * v));
    const explanation = await explained(change, "layers and choices");
    expect(explanation?.sentence).toContain("the router (mlp.gate) makes is multiplied by 1.37");
    expect(explanation?.fits).toBe(true);
  });

  it("from layers and choices: the attention's scores", async () => {
    const explanation = await explained(withScoresTimes(1.1), "layers and choices");
    expect(explanation?.sentence).toContain("multiplies its scores by 1.1 before the softmax");
  });

  it.runIf(GLM52_FULL === "1")("from logits alone: another activation", async () => {
    const explanation = await explained(withGelu, "logits alone");
    expect(explanation?.sentence).toContain("GELU (tanh) instead of the SiLU");
    expect(explanation?.printNext).toContain("l_out-0");
  });
});

describe("what is right, or has no simple reason", () => {
  it("a right engine gets no explanation", async () => {
    expect(await explained(() => ({}))).toBeUndefined();
  });

  it("noise gets no relation", async () => {
    let seed = 1;
    const noise = (): number => {
      seed = (seed * 48271) % 2147483647;
      return seed / 2147483647 - 0.5;
    };
    const explanation = await explained(ofKind("E", (y) => mapped(y, (v) => v + noise())));
    expect(explanation?.relation).toBe("none");
    expect(explanation?.sentence).toContain("no relation explains ffn_moe_logits-1");
  });
});
