/** Compares the router's kernel with the reference: it must give the same experts and weights. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Ops, referenceOps } from "../../../../engine/index.ts";
import { wasmOps } from "../../../../engine/ops/wasm/index.ts";
import { nodeThreads } from "../../../../tools/node/threads.ts";
import { gaussians, weight } from "../../../support/random.ts";
import { fastOps, kernelBytes } from "./wasm.ts";

const spec = referenceOps("f32");
const logit = fc.oneof(
  fc.float({ noNaN: true, min: -20, max: 20 }),
  fc.float({ noNaN: true }),
  fc.constantFrom(0, -0, 1, 2 ** -149, -745.2, 709.8, Infinity, -Infinity),
);
/** Router biases that are nearly equal, as in the real model, or that are any numbers. */
const biasOf = fc.oneof(
  fc.integer({ min: 6817, max: 7063 }).map((x) => x / 1000),
  fc.constantFrom(7, 0, -3),
);

const routers = fc
  .record({
    nGroup: fc.constantFrom(1, 1, 2, 4),
    size: fc.integer({ min: 1, max: 40 }),
    nT: fc.integer({ min: 1, max: 5 }),
    active: fc.double({ min: 0, max: 1, noNaN: true }),
    open: fc.double({ min: 0, max: 1, noNaN: true }),
    normTopkProb: fc.boolean(),
  })
  .chain(({ nGroup, size, nT, active, open, normTopkProb }) => {
    const nE = nGroup * size;
    const topkGroup = Math.max(1, Math.round(open * nGroup));
    const nActive = Math.max(1, Math.round(active * topkGroup * size));
    return fc.record({
      rule: fc.constant({ nActive, nGroup, topkGroup, normTopkProb, scale: 2.5 }),
      logits: fc.array(logit, { minLength: nT * nE, maxLength: nT * nE }),
      bias: fc.array(biasOf, { minLength: nE, maxLength: nE }),
    });
  });

function routed(
  ops: Ops,
  logits: ArrayLike<number>,
  bias: number[],
  rule: Parameters<Ops["route"]>[2],
) {
  const mark = ops.mark();
  const nE = bias.length;
  const x = ops.tensor(["T", "E"], [logits.length / nE, nE], logits);
  const { experts, weights } = ops.route(x, weight(ops, ["E"], [nE], bias), rule);
  const made = { experts: [...experts.data], weights: [...ops.read(weights)] };
  ops.release(mark);
  return made;
}

describe("route (wasm) gives the bits of the reference", async () => {
  const fast = await fastOps();

  it("for any logits without NaN, any groups and any number of experts", () => {
    fc.assert(
      fc.property(routers, ({ logits, bias, rule }) => {
        expect(routed(fast, logits, bias, rule)).toEqual(routed(spec, logits, bias, rule));
      }),
      { numRuns: 1500, seed: 52 },
    );
  });

  it("with 256 experts and 3 threads, for as many tokens as are shared out", async () => {
    const threads = { ...nodeThreads(3), shareFrom: 0 };
    const many = await wasmOps(kernelBytes(), { memoryBytes: 2 ** 26, threads });
    const rule = { nActive: 8, nGroup: 1, topkGroup: 1, normTopkProb: true, scale: 2.5 };
    const bias = Array.from(gaussians(256, 1), (x) => 7 + x / 100);
    for (const nT of [1, 2, 100]) {
      const logits = gaussians(256 * nT, nT);
      expect(routed(many, logits, bias, rule)).toEqual(routed(spec, logits, bias, rule));
    }
    await many.close();
  });
});
