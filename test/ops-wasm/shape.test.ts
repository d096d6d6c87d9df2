/** Shapes of a kernel: the faster one is kept, and nobody can tell from the bits which it is. */
import { describe, expect, it } from "vitest";
import { startMachine } from "../../engine/ops/wasm/kernels.ts";
import { linear } from "../../engine/ops/wasm/matrix.ts";
import { wasmMemory } from "../../engine/ops/wasm/memory.ts";
import { Shape } from "../../engine/ops/wasm/shape.ts";
import { rawGroups, toGroups } from "../../engine/weights/groups.ts";
import { gaussians } from "../support/random.ts";
import { kernelBytes } from "./wasm.ts";

/** Runs 1000 works of which one product takes so many milliseconds, by shape. */
function tried(cost: Readonly<Record<number, number>>, products: number): Shape {
  let clock = 0;
  const shape = new Shape([1, 4], () => clock);
  for (let i = 0; i < 1000; i++) {
    const size = products * (1 + (i % 7));
    shape.run(size, (panels) => {
      clock += cost[panels] * size;
    });
  }
  return shape;
}

describe("a kernel in two shapes", () => {
  it("keeps the faster one, whatever order large and small works come in", () => {
    expect(tried({ 1: 1.1, 4: 1 }, 2 ** 18).chosen).toBe(4);
    expect(tried({ 1: 1, 4: 1.1 }, 2 ** 18).chosen).toBe(1);
  });

  it("tells nothing from works that are too small", () => {
    expect(tried({ 1: 2, 4: 1 }, 100).chosen).toBeUndefined();
  });

  it.each(["q8", "q4"] as const)(
    "%s, one token: one panel or four, the same bits",
    async (format) => {
      const machine = await startMachine(kernelBytes(), 2 ** 26, undefined, "int8");
      const ops = wasmMemory(machine);
      for (const [nO, nI] of [
        [8, 32],
        [100, 96],
        [256, 512],
      ]) {
        const raw = rawGroups(format, [nO, nI], toGroups(format, gaussians(nO * nI, nI)));
        const w = ops.place(["o", "i"], [nO, nI], raw);
        const x = ops.tensor(["T", "i"], [1, nI], gaussians(nI, 3));
        const by = (panels: number) => {
          const fixed = { run: (_: number, work: (n: number) => void) => work(panels) } as Shape;
          Object.assign(machine, { shapes: { Q8: fixed, Q4: fixed } });
          return [...linear(machine)(x, w).data];
        };
        expect(by(4)).toEqual(by(1));
        expect(by(1).some((y) => y !== 0)).toBe(true);
      }
    },
  );
});
