/**
 * Measures how fast this machine multiplies matrices with the engine's own kernel.
 * @module
 */
import { wasmOps } from "../../engine/ops/wasm/index.ts";
import { nodeThreads } from "../node/threads.ts";

/** The product that is timed: 64 tokens through GLM-5.2's `q_a_proj`, as rows, outputs, inputs. */
const SHAPE = [64, 2048, 6144] as const;

/** Number of timed runs. One run before them is not timed, because the first is slower. */
const RUNS = 5;

/** A speed, and where the number comes from. */
export interface Rate {
  /** 10⁹ FLOP per second. */
  readonly gflops: number;
  readonly source: "given" | "measured";
  /** What was timed; absent when the number was given. */
  readonly measured?: string;
}

/** Measures the rate as the median of a few products with bf16 weights, in about a second. */
export async function measureRate(
  kernels: Uint8Array<ArrayBuffer>,
  threads: number,
): Promise<Rate> {
  const [nT, nO, nI] = SHAPE;
  const ops = await wasmOps(kernels, { memoryBytes: 2 ** 27, threads: nodeThreads(threads) });
  try {
    // 0x3f80 is 1 in bf16. The time does not depend on the values, unless some are subnormal.
    const bytes = new Uint8Array(new Uint16Array(nO * nI).fill(0x3f80).buffer);
    const w = ops.place(["o", "i"], [nO, nI], { dtype: "BF16", shape: [nO, nI], bytes });
    const x = ops.tensor(["T", "i"], [nT, nI], new Float32Array(nT * nI).fill(1));
    const mark = ops.mark();
    const seconds = Array.from({ length: RUNS + 1 }, () => {
      const start = performance.now();
      ops.linear(x, w);
      ops.release(mark);
      return (performance.now() - start) / 1000;
    });
    const median = seconds.slice(1).sort((a, b) => a - b)[RUNS >> 1];
    return {
      gflops: (2 * nT * nO * nI) / median / 1e9,
      source: "measured",
      measured: `wasm linear, ${SHAPE.join(" x ")}, bf16, ${threads} thread${threads === 1 ? "" : "s"}, median of ${RUNS}`,
    };
  } finally {
    await ops.close();
  }
}
