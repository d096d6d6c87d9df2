/**
 * Compares V8's 256-bit vectors with its usual 128-bit ones. The flag for them holds for a whole
 * process, so the two are measured in turns, in processes of their own.
 *
 *     npm run build:kernels && node bench/turbo.ts        Node 24 or later
 *
 * Prints, for each shape, the GFLOP/s of the best round of each, and their ratio.
 * @module
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { argv, execArgv, execPath, stdout, version } from "node:process";
import { fileURLToPath } from "node:url";
import { wasmOps } from "../engine/ops/wasm/index.ts";

const FLAG = "--experimental-wasm-revectorize";
const ROUNDS = 5;
const SHAPES = [
  ["F32", 1, 512, 192],
  ["F32", 1, 2048, 2048],
  ["F32", 64, 512, 512],
  ["F32", 128, 1024, 1024],
  ["BF16", 1, 2048, 2048],
  ["BF16", 64, 512, 512],
  ["BF16", 128, 1024, 1024],
] as const;

/** The seconds that the product of each shape takes, the best of forty runs. */
async function measure(): Promise<number[]> {
  const file = new URL("../kernels-as/build/kernels.wasm", import.meta.url);
  const ops = await wasmOps(readFileSync(file), {
    memoryBytes: 2 ** 28,
    isWide: execArgv.includes(FLAG),
  });
  return SHAPES.map(([dtype, nT, nO, nI]) => {
    const bytes = new Uint8Array((dtype === "F32" ? 4 : 2) * nO * nI).fill(0x3c);
    const w = ops.place(["o", "i"], [nO, nI], { dtype, shape: [nO, nI], bytes });
    const x = ops.tensor(["t", "i"], [nT, nI], new Float32Array(nT * nI).fill(0.5));
    const mark = ops.mark();
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 40; i++) {
      const begun = performance.now();
      ops.linear(x, w);
      best = Math.min(best, performance.now() - begun);
      ops.release(mark);
    }
    return best / 1000;
  });
}

if (argv[2] === "measure") stdout.write(JSON.stringify(await measure()));
else {
  const self = fileURLToPath(import.meta.url);
  const run = (...flags: string[]): number[] =>
    JSON.parse(execFileSync(execPath, [...flags, self, "measure"], { encoding: "utf8" }));
  const best: Record<"narrow" | "wide", number[]> = { narrow: run(), wide: run(FLAG) };
  for (let i = 1; i < ROUNDS; i++) {
    best.narrow = run().map((s, shape) => Math.min(s, best.narrow[shape]));
    best.wide = run(FLAG).map((s, shape) => Math.min(s, best.wide[shape]));
  }
  stdout.write(`Node ${version}\n`);
  SHAPES.forEach(([dtype, nT, nO, nI], i) => {
    const rate = (s: number) => ((2 * nT * nO * nI) / s / 1e9).toFixed(1).padStart(6);
    const [narrow, wide] = [best.narrow[i], best.wide[i]];
    stdout.write(
      `${dtype.padEnd(5)} ${`${nT} x ${nO} x ${nI}`.padEnd(18)} ${rate(narrow)} ${rate(wide)} GFLOP/s  ${(narrow / wide).toFixed(2)} times\n`,
    );
  });
}
