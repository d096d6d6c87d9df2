/**
 * Measures one token through one matrix: compares the kernel with the best plain JavaScript.
 *
 *     npm run build:kernels && npx vitest bench --run bench/ops
 *
 * The last lines of each group say how many times as fast the kernel is as the others.
 */
import { bench, describe } from "vitest";
import { encodeF32, fromBf16, fromE4m3, toBf16 } from "../../engine/numbers/formats.ts";
import { FP8_BLOCK, type RawTensor } from "../../engine/numbers/raw-tensor.ts";
import { quantizeBlocks } from "../../engine/weights/quantize.ts";
import { gaussians } from "../../test/support/random.ts";
import { fastOps } from "../support.ts";

const SHAPES: readonly (readonly [nO: number, nI: number, where: string])[] = [
  [512, 192, "L2 cache, a matrix of the demo model"],
  [64, 6144, "L2 cache, rows as long as GLM-5.2's"],
  [2048, 6144, "main memory, q_a_proj of GLM-5.2"],
];

const options = { time: 400, warmupTime: 200 };

for (const [nO, nI, where] of SHAPES) {
  const x = gaussians(nI, 1);
  const w = gaussians(nO * nI, 2);
  const half = Uint16Array.from(w, toBf16);
  const y = new Float32Array(nO);

  describe(`linear f32, ${nO} × ${nI} (${where})`, async () => {
    const run = await placed(x, encodeF32([nO, nI], w));
    bench("wasm", run, options);
    bench("plain JavaScript, four rows at a time", () => fourRows(y, x, w, nI), options);
  });

  describe(`linear bf16, ${nO} × ${nI} (${where})`, async () => {
    const bytes = new Uint8Array(half.buffer);
    const run = await placed(x, { dtype: "BF16", shape: [nO, nI], bytes });
    const table = Float32Array.from({ length: 65536 }, (_, bits) => fromBf16(bits));
    bench("wasm", run, options);
    bench("plain JavaScript, by a table", () => fourRowsByTable(y, x, half, table, nI), options);
  });

  describe(`linear fp8, ${nO} × ${nI} (${where})`, async () => {
    const raw = quantizeBlocks(nO, nI, w);
    const run = await placed(x, raw);
    bench("wasm", run, options);
    bench(
      "plain JavaScript, by a table",
      () => fourRowsFp8(y, x, raw.bytes, raw.scales, nI),
      options,
    );
  });
}

/** Puts the inputs of a product into wasm memory. Returns a function that only multiplies. */
async function placed(values: Float32Array, raw: RawTensor): Promise<() => void> {
  const [nO, nI] = raw.shape;
  const ops = await fastOps();
  const w = ops.place(["o", "i"], [nO, nI], raw);
  const x = ops.tensor(["T", "i"], [1, nI], values);
  const mark = ops.mark();
  return () => {
    ops.linear(x, w);
    ops.release(mark);
  };
}

/** The fastest loop of several that were tried: it reads each x once for four rows. */
function fourRows(y: Float32Array, x: Float32Array, w: Float32Array, nI: number): void {
  for (let o = 0; o < y.length; o += 4) {
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    const [w0, w1, w2, w3] = [o * nI, (o + 1) * nI, (o + 2) * nI, (o + 3) * nI];
    for (let i = 0; i < nI; i++) {
      const xi = x[i];
      s0 += xi * w[w0 + i];
      s1 += xi * w[w1 + i];
      s2 += xi * w[w2 + i];
      s3 += xi * w[w3 + i];
    }
    y[o] = s0;
    y[o + 1] = s1;
    y[o + 2] = s2;
    y[o + 3] = s3;
  }
}

function fourRowsByTable(
  y: Float32Array,
  x: Float32Array,
  w: Uint16Array,
  table: Float32Array,
  nI: number,
): void {
  for (let o = 0; o < y.length; o += 4) {
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    const [w0, w1, w2, w3] = [o * nI, (o + 1) * nI, (o + 2) * nI, (o + 3) * nI];
    for (let i = 0; i < nI; i++) {
      const xi = x[i];
      s0 += xi * table[w[w0 + i]];
      s1 += xi * table[w[w1 + i]];
      s2 += xi * table[w[w2 + i]];
      s3 += xi * table[w[w3 + i]];
    }
    y[o] = s0;
    y[o + 1] = s1;
    y[o + 2] = s2;
    y[o + 3] = s3;
  }
}

const E4M3 = Float32Array.from({ length: 256 }, (_, bits) => fromE4m3(bits));

/** It multiplies with the scale once per block. This is faster, and rounds differently. */
function fourRowsFp8(
  y: Float32Array,
  x: Float32Array,
  w: Uint8Array,
  scales: Float32Array,
  nI: number,
): void {
  const blocks = Math.ceil(nI / FP8_BLOCK);
  for (let o = 0; o < y.length; o += 4) {
    const scaleRow = Math.floor(o / FP8_BLOCK) * blocks;
    const [w0, w1, w2, w3] = [o * nI, (o + 1) * nI, (o + 2) * nI, (o + 3) * nI];
    let [y0, y1, y2, y3] = [0, 0, 0, 0];
    for (let block = 0; block < blocks; block++) {
      let [s0, s1, s2, s3] = [0, 0, 0, 0];
      const end = Math.min(nI, (block + 1) * FP8_BLOCK);
      for (let i = block * FP8_BLOCK; i < end; i++) {
        const xi = x[i];
        s0 += xi * E4M3[w[w0 + i]];
        s1 += xi * E4M3[w[w1 + i]];
        s2 += xi * E4M3[w[w2 + i]];
        s3 += xi * E4M3[w[w3 + i]];
      }
      const scale = scales[scaleRow + block];
      y0 += s0 * scale;
      y1 += s1 * scale;
      y2 += s2 * scale;
      y3 += s3 * scale;
    }
    y[o] = y0;
    y[o + 1] = y1;
    y[o + 2] = y2;
    y[o + 3] = y3;
  }
}
