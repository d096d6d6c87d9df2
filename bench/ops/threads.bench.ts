/**
 * Compares one thread with two, on shapes of GLM-5.2, and on small shapes, which show the cost of
 * sharing work.
 *
 *     npm run build:kernels && npx vitest bench --run bench/ops/threads
 */
import { bench, describe } from "vitest";
import type { Ops } from "../../engine/index.ts";
import { gaussians } from "../../test/support/random.ts";
import { fastOps } from "../support.ts";

const options = { time: 1000, warmupTime: 300 };
const teams: readonly [string, Ops][] = [
  ["1 thread", await fastOps(1)],
  ["2 threads", await fastOps(2)],
];

describe.each([
  [1, 512, 512],
  [1, 2048, 512],
  [1, 2048, 6144],
  [64, 2048, 512],
])("linear bf16, %i tokens, %i x %i", (nT, nO, nI) => {
  for (const [name, ops] of teams) {
    const bytes = new Uint8Array(2 * nO * nI).fill(0x3c);
    const w = ops.place(["o", "i"], [nO, nI], { dtype: "BF16", shape: [nO, nI], bytes });
    const x = ops.tensor(["T", "i"], [nT, nI], gaussians(nT * nI, 1));
    const mark = ops.mark();
    bench(
      name,
      () => {
        ops.linear(x, w);
        ops.release(mark);
      },
      options,
    );
  }
});
