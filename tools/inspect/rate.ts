/**
 * How fast this machine multiplies, by the engine's own kernel.
 * @module
 */
import { wasmOps } from "../../engine/ops/wasm/index.ts";
import { nodeThreads } from "../node/threads.ts";

/** Rows, outputs and inputs of the product that is timed: a chunk through GLM-5.2's `q_a_proj`. */
const SHAPE = [64, 2048, 6144] as const;

/** Runs that count; one before them warms up. */
const RUNS = 5;

/** 10⁹ FLOP per second, and where the number is from. */
export interface Rate {
  readonly gflops: number;
  readonly source: "given" | "measured";
  /** What was timed; absent when given. */
  readonly measured?: string;
}

/** The median of a few products in bf16 weights; takes about a second. */
export async function measureRate(
  kernels: Uint8Array<ArrayBuffer>,
  threads: number,
): Promise<Rate> {
  const [nT, nO, nI] = SHAPE;
  const ops = await wasmOps(kernels, { memoryBytes: 2 ** 27, threads: nodeThreads(threads) });
  try {
    // 0x3f80 is 1 in bf16: the time depends on no value, as long as none is subnormal.
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
