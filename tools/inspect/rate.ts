/**
 * Measures how fast this machine multiplies matrices with the engine's own kernel: many tokens with one
 * matrix, as in a prefill, where arithmetic takes the time; and one token with matrices that no cache
 * holds, as in a step of decoding, where reading them takes it.
 * @module
 */
import { type WasmOps, wasmOps } from "../../engine/ops/wasm/index.ts";
import { nodeThreads } from "../node/threads.ts";

/** A quarter of GLM-5.2's `q_a_proj`, as outputs and inputs. */
const [N_OUT, N_IN] = [512, 6144];

/** Tokens that a prefill multiplies at once. */
const N_TOKENS = 64;

/** How many such matrices a step reads one after the other: 200 MB, more than most caches hold. */
const N_MATRICES = 32;

/**
 * Number of timed runs, of some 10 ms each. Other work on the machine can only slow a run down, so the
 * best of many short ones is nearest to what the machine can do.
 */
const RUNS = 60;

/** A speed, and where the number comes from. */
export interface Rate {
  /** 10⁹ FLOP per second. */
  readonly gflops: number;
  readonly source: "given" | "measured";
  /** What was timed; absent when the number was given. */
  readonly measured?: string;
  /** The slowest run; absent when the number was given. */
  readonly slowest?: number;
}

/** How fast weights are read. */
export interface ReadRate {
  /** 10⁹ bytes per second, in the best run and in the slowest. */
  readonly gbps: number;
  readonly slowest: number;
}

/** Both rates of a machine. */
export interface Measured {
  readonly rate: Rate;
  readonly reading: ReadRate;
}

/** Measures both with bf16 weights, in one to three seconds. */
export async function measureRate(
  kernels: Uint8Array<ArrayBuffer>,
  threads: number,
): Promise<Measured> {
  const ops = await wasmOps(kernels, { memoryBytes: 2 ** 28, threads: nodeThreads(threads) });
  try {
    // 0x3f80 is 1 in bf16. The time does not depend on the values, unless some are subnormal.
    const bytes = new Uint8Array(new Uint16Array(N_OUT * N_IN).fill(0x3f80).buffer);
    const raw = { dtype: "BF16", shape: [N_OUT, N_IN], bytes } as const;
    const matrices = Array.from({ length: N_MATRICES }, () =>
      ops.place(["o", "i"], [N_OUT, N_IN], raw),
    );
    const times = (nT: number, n: number) =>
      timed(ops, nT, (x) => {
        for (const w of matrices.slice(0, n)) ops.linear(x, w);
      });
    const many = times(N_TOKENS, 1);
    const one = times(1, N_MATRICES);
    const gflop = (2 * N_TOKENS * N_OUT * N_IN) / 1e9;
    const gigabytes = (N_MATRICES * bytes.length) / 1e9;
    const shape = `${N_TOKENS} x ${N_OUT} x ${N_IN}`;
    return {
      rate: {
        gflops: gflop / many.best,
        slowest: gflop / many.worst,
        source: "measured",
        measured: `wasm linear, ${shape}, bf16, ${threads} thread${threads === 1 ? "" : "s"}, best of ${RUNS}`,
      },
      reading: { gbps: gigabytes / one.best, slowest: gigabytes / one.worst },
    };
  } finally {
    await ops.close();
  }
}

/** Seconds of the fastest and of the slowest run. The first one is not counted, because it is slower. */
function timed(
  ops: WasmOps,
  nT: number,
  run: (x: ReturnType<typeof rows>) => void,
): { readonly best: number; readonly worst: number } {
  const x = rows(ops, nT);
  const mark = ops.mark();
  const seconds = Array.from({ length: RUNS + 1 }, () => {
    const start = performance.now();
    run(x);
    ops.release(mark);
    return (performance.now() - start) / 1000;
  }).slice(1);
  return { best: Math.min(...seconds), worst: Math.max(...seconds) };
}

const rows = (ops: WasmOps, nT: number) =>
  ops.tensor(["T", "i"], [nT, N_IN], new Float32Array(nT * N_IN).fill(1));
