/**
 * Measures every kernel on the shapes of GLM-5.2: milliseconds, GFLOP/s, and GB/s read and written.
 *
 *     npm run bench:ops -- [THREADS] [WORD]        a minute; WORD selects ops whose name contains it
 *
 * A multiplication and an addition are two operations. Bytes count each number once, in the format
 * in which it is stored. Inputs that fit into a cache are read from the cache in all rounds but the
 * first.
 * @module
 */

import { argv, stdout, version } from "node:process";
import { Bench } from "tinybench";
import { argmax } from "../../engine/generate/sampler.ts";
import type { Ops } from "../../engine/index.ts";
import { FP8_BLOCK, GROUP, type RawTensor } from "../../engine/numbers/raw-tensor.ts";
import { positionsFrom, ropeTable } from "../../engine/numbers/rope-table.ts";
import { residentBank } from "../../engine/ops/expert-bank.ts";
import { wasmOps } from "../../engine/ops/wasm/index.ts";
import { gaussians, random } from "../../test/support/random.ts";
import { keyRows, latentRows } from "../../test/support/stored.ts";
import { kernels } from "../../tools/node/node-host.ts";
import { nodeThreads } from "../../tools/node/threads.ts";
import { turnTurboOn } from "../../tools/node/turbo.ts";

/** One line of the table. */
interface Row {
  readonly name: string;
  readonly flops: number;
  readonly bytes: number;
  readonly run: () => unknown;
}

const HIDDEN = 6144;
const EXPERTS = 256;
const VOCAB = 154_880;

type Stored = "F32" | "BF16" | "F16" | "FP8" | "Q8" | "Q4";
/** Bytes of one weight, including its share of the scales. */
const WEIGHT_BYTES: Readonly<Record<Stored, number>> = {
  F32: 4,
  BF16: 2,
  F16: 2,
  FP8: 1 + 4 / FP8_BLOCK ** 2,
  Q8: 1 + 2 / GROUP,
  Q4: 0.5 + 2 / GROUP,
};

/** A matrix whose elements are all the same small number. */
function raw(dtype: Stored, shape: readonly [number, number]): RawTensor {
  const size = shape[0] * shape[1];
  const filled = (n: number) => new Uint8Array(n).fill(0x3c);
  const groupScales = () => new Uint16Array(size / GROUP).fill(0x1c00);
  switch (dtype) {
    case "FP8": {
      const scales = new Float32Array(
        shape.map((n) => Math.ceil(n / FP8_BLOCK)).reduce((a, b) => a * b),
      ).fill(0.01);
      return { dtype: "F8_E4M3", shape, bytes: filled(size), scales };
    }
    case "Q8":
      return { dtype, shape, bytes: filled(size), groupScales: groupScales() };
    case "Q4":
      return { dtype, shape, bytes: filled(size / 2), groupScales: groupScales() };
    default:
      return { dtype, shape, bytes: filled(WEIGHT_BYTES[dtype] * size) };
  }
}

function products(ops: Ops, note: string, formats: readonly Stored[]): Row[] {
  const [nO, nI] = [2048, HIDDEN];
  return formats.flatMap((dtype) => {
    const w = ops.place(["o", "i"], [nO, nI], raw(dtype, [nO, nI]));
    return [1, 64, 512].map((nT): Row => {
      const x = random(ops, ["T", "i"], [nT, nI], nT);
      return {
        name: `linear ${dtype.toLowerCase()}${note}, ${nT} × ${nI} by ${nO}`,
        flops: 2 * nT * nO * nI,
        bytes: WEIGHT_BYTES[dtype] * nO * nI + 4 * nT * (nI + nO),
        run: () => ops.linear(x, w),
      };
    });
  });
}

function tokenwise(ops: Ops): Row[] {
  const nT = 64;
  const x = random(ops, ["T", "C"], [nT, HIDDEN], 1);
  const y = random(ops, ["T", "C"], [nT, HIDDEN], 2);
  const vector = (n: number, seed: number) =>
    ops.place(["C"], [n], {
      dtype: "F32",
      shape: [n],
      bytes: new Uint8Array(gaussians(n, seed).buffer),
    });
  const [gain, bias] = [vector(HIDDEN, 3), vector(HIDDEN, 4)];
  const size = nT * HIDDEN;
  const heads = random(ops, ["T", "H", "rope"], [nT, 64, 64], 5);
  const angles = ropeTable(positionsFrom(0, nT), 64, 1e6, "f32");
  const logits = random(ops, ["T", "E"], [nT, EXPERTS], 6);
  const routerBias = ops.place(["E"], [EXPERTS], {
    dtype: "F32",
    shape: [EXPERTS],
    bytes: new Uint8Array(gaussians(EXPERTS, 7).buffer),
  });
  const rule = { nActive: 8, nGroup: 1, topkGroup: 1, normTopkProb: true, scale: 2.5 };
  const last = gaussians(VOCAB, 8);
  return [
    {
      name: `rmsNorm, ${nT} × ${HIDDEN}`,
      flops: 4 * size,
      bytes: 8 * size,
      run: () => ops.rmsNorm(x, gain, 1e-5),
    },
    {
      name: `layerNorm, ${nT} × ${HIDDEN}`,
      flops: 7 * size,
      bytes: 8 * size,
      run: () => ops.layerNorm(x, gain, bias, 1e-5),
    },
    {
      name: `ropeInterleaved, ${nT} × 64 heads × 64`,
      flops: 3 * nT * 4096,
      bytes: 8 * nT * 4096,
      run: () => ops.ropeInterleaved(heads, angles),
    },
    {
      name: `siluMul, ${nT} × ${HIDDEN}`,
      flops: 20 * size,
      bytes: 12 * size,
      run: () => ops.siluMul(x, y),
    },
    { name: `add, ${nT} × ${HIDDEN}`, flops: size, bytes: 12 * size, run: () => ops.add(x, y) },
    {
      name: `route, ${nT} × ${EXPERTS}, 8 active`,
      flops: 35 * nT * EXPERTS,
      bytes: 4 * nT * EXPERTS,
      run: () => ops.route(logits, routerBias, rule),
    },
    {
      name: `argmax of ${VOCAB} logits (JavaScript)`,
      flops: VOCAB,
      bytes: 4 * VOCAB,
      run: () => argmax(last),
    },
  ];
}

function experts(ops: Ops): Row[] {
  const [nExperts, nMoe, nActive] = [16, 2048, 8];
  const bank = residentBank(
    Array.from({ length: nExperts }, () => ({
      gate: ops.place(["moe", "hidden"], [nMoe, HIDDEN], raw("Q4", [nMoe, HIDDEN])),
      up: ops.place(["moe", "hidden"], [nMoe, HIDDEN], raw("Q4", [nMoe, HIDDEN])),
      down: ops.place(["hidden", "moe"], [HIDDEN, nMoe], raw("Q4", [HIDDEN, nMoe])),
    })),
  );
  const x = random(ops, ["T", "hidden"], [1, HIDDEN], 1);
  const shape = [1, nActive] as const;
  const chosen = Int32Array.from({ length: nActive }, (_, a) => 2 * a);
  const weights = ops.tensor(["T", "A"], shape, new Array(nActive).fill(0.3));
  const routing = { experts: { dims: ["T", "A"] as ["T", "A"], shape, data: chosen }, weights };
  const size = nActive * 3 * nMoe * HIDDEN;
  return [
    {
      name: `experts q4, 1 × ${HIDDEN}, 8 of ${nMoe}`,
      flops: 2 * size,
      bytes: WEIGHT_BYTES.Q4 * size,
      run: () => ops.experts(x, routing, bank),
    },
  ];
}

function past(ops: Ops): Row[] {
  const [nS, nK, nIdxH, nIdx, nH, nC, nR] = [65_536, 2048, 32, 128, 64, 512, 64];
  const q = random(ops, ["T", "idxH", "d"], [1, nIdxH, nIdx], 1);
  const keys = keyRows(ops, random(ops, ["S", "d"], [nS, nIdx], 2), { pageRows: 64 });
  const w = random(ops, ["T", "idxH"], [1, nIdxH], 3);
  const scores = ops.indexScores(q, keys, w, nS - 1, 0.1);
  const latent = random(ops, ["S", "kvLora"], [2 * nK, nC], 4);
  const kPe = random(ops, ["S", "rope"], [2 * nK, nR], 5);
  const rows = latentRows(ops, latent, kPe, { pageRows: 64 });
  const data = Int32Array.from({ length: nK }, (_, k) => 2 * k);
  const chosen = { dims: ["T", "K"] as ["T", "K"], shape: [1, nK] as const, data };
  const qLatent = random(ops, ["T", "H", "kvLora"], [1, nH, nC], 6);
  const qPe = random(ops, ["T", "H", "rope"], [1, nH, nR], 7);
  return [
    {
      name: `indexScores, 1 × ${nIdxH} heads, ${nS} keys`,
      flops: 2 * nS * nIdxH * nIdx,
      bytes: 4 * nS * nIdx,
      run: () => ops.indexScores(q, keys, w, nS - 1, 0.1),
    },
    { name: `topK, ${nK} of ${nS}`, flops: nS, bytes: 4 * nS, run: () => ops.topK(scores, nK) },
    {
      name: `latentAttention, 1 × ${nH} heads, ${nK} rows`,
      flops: 2 * nH * nK * (2 * nC + nR),
      bytes: 4 * nK * (nC + nR),
      run: () => ops.latentAttention(qLatent, qPe, rows, chosen, 0.04),
    },
  ];
}

const [threads, word] = [Number(argv[2] ?? 1), argv[3] ?? ""];
const bytes = await kernels();
const turbo = await turnTurboOn(bytes);
const setup = { memoryBytes: 2 ** 31, threads: nodeThreads(threads), isWide: turbo === "on" };
const [ops, int8] = await Promise.all(
  (["f32", "int8"] as const).map((activations) => wasmOps(bytes, { ...setup, activations })),
);
const rows = [
  ...products(ops, "", ["F32", "BF16", "F16", "FP8", "Q8", "Q4"]),
  ...products(int8, ", activations int8", ["Q8", "Q4"]),
  ...experts(int8),
  ...tokenwise(ops),
  ...past(ops),
].filter(({ name }) => name.includes(word));
const marks = [ops, int8].map((one) => one.mark());
const bench = new Bench({ time: 500, warmupTime: 200 });
for (const { name, run } of rows) {
  bench.add(name, () => {
    run();
    for (const [i, one] of [ops, int8].entries()) one.release(marks[i]);
  });
}
await bench.run();
const count = `${threads} ${threads === 1 ? "thread" : "threads"}`;
stdout.write(`Node ${version}, ${count}, 256-bit vectors ${turbo}\n\n`);
stdout.write("| op | ms | GFLOP/s | GB/s |\n|---|---:|---:|---:|\n");
for (const { name, flops, bytes } of rows) {
  const result = bench.getTask(name)?.result;
  if (result?.state !== "completed") throw new Error(`${name}: ${result?.state}`);
  const ms = result.latency.p50;
  const perMs = [flops / ms / 1e6, bytes / ms / 1e6].map((x) => x.toFixed(1));
  stdout.write(`| ${name} | ${ms.toPrecision(3)} | ${perMs.join(" | ")} |\n`);
}
for (const one of [ops, int8]) await one.close();
