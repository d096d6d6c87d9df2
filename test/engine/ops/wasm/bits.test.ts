/**
 * Tests that results of the kernels have the same bits for every format, batch and number of
 * threads.
 */
import { describe, expect, it } from "vitest";
import type { Weight } from "../../../../engine/base/tensor.ts";
import type { Ops } from "../../../../engine/index.ts";
import { decode, encodeF32, toBf16 } from "../../../../engine/numbers/formats.ts";
import type { RawTensor } from "../../../../engine/numbers/raw-tensor.ts";
import { wasmOps } from "../../../../engine/ops/wasm/index.ts";
import { bitsOf } from "../../../support/compare.ts";
import { gaussians } from "../../../support/random.ts";
import { latentRows } from "../../../support/stored.ts";
import { LENGTHS } from "./values.ts";
import { fastOps, kernelBytes, machine } from "./wasm.ts";

const ops = await fastOps();

type Matrix = Weight<["o", "i"]>;

/** Places a matrix as it is stored, and a second one with the same numbers in f32. */
function twice(raw: RawTensor): [Matrix, Matrix] {
  const [nO, nI] = raw.shape;
  const shape = [nO, nI] as const;
  return [
    ops.place(["o", "i"], shape, raw),
    ops.place(["o", "i"], shape, encodeF32(shape, decode(raw))),
  ];
}

/** Random bf16 numbers. */
function bf16(nO: number, nI: number): RawTensor {
  const half = Uint16Array.from(gaussians(nO * nI, nI), toBf16);
  return { dtype: "BF16", shape: [nO, nI], bytes: new Uint8Array(half.buffer) };
}

/** All e4m3 numbers except NaN, with random scales of both signs, in blocks of 128 x 128. */
function fp8(nO: number, nI: number): RawTensor {
  const bytes = Uint8Array.from({ length: nO * nI }, (_, i) => (i * 71) & 0xff);
  bytes.forEach((bits, i) => {
    if ((bits & 0x7f) === 0x7f) bytes[i] = 0;
  });
  const scales = gaussians(Math.ceil(nO / 128) * Math.ceil(nI / 128), nI, 0.01);
  return { dtype: "F8_E4M3", shape: [nO, nI], bytes, scales };
}

describe("the bits of a product with a matrix", () => {
  it.each([
    ["bf16", bf16, 13],
    ["fp8", fp8, 13],
    ["fp8", fp8, 300],
  ] as const)(
    "do not depend on how many tokens come with it, nor on %s or f32 storage",
    (_name, make, nO) => {
      for (const nI of nO === 13 ? [...LENGTHS, 1536] : [7, 257, 520]) {
        const mark = ops.mark();
        const [stored, f32] = twice(make(nO, nI));
        const x = ops.tensor(["T", "i"], [9, nI], gaussians(9 * nI, nI + 1));
        const want = bitsOf(ops.linear(x, f32).data);
        expect(bitsOf(ops.linear(x, stored).data)).toEqual(want);
        for (const step of [1, 2, 4]) {
          for (let t = 0; t < 9; t += step) {
            const to = Math.min(t + step, 9);
            const part = ops.slice(x, t, to);
            const wanted = want.subarray(t * nO, to * nO);
            expect(bitsOf(ops.linear(part, f32).data)).toEqual(wanted);
            expect(bitsOf(ops.linear(part, stored).data)).toEqual(wanted);
          }
        }
        ops.release(mark);
      }
    },
  );

  it("are those of each token alone when tokens are too many, or too wide, to be taken at once", () => {
    const [nT, nO, nI] = [35, 9, 16384];
    const x = ops.tensor(["T", "i"], [nT, nI], gaussians(nT * nI, 3));
    for (const raw of [bf16(nO, nI), fp8(nO, nI)]) {
      const mark = ops.mark();
      const w: Matrix = ops.place(["o", "i"], [nO, nI], raw);
      const alone = Array.from({ length: nT }, (_, t) => [
        ...ops.linear(ops.slice(x, t, t + 1), w).data,
      ]);
      expect(bitsOf(ops.linear(x, w).data)).toEqual(bitsOf(alone.flat()));
      ops.release(mark);
    }
  });

  it("do not depend on which tiles a runtime is given", async () => {
    const wide = await wasmOps(kernelBytes(), { memoryBytes: 2 ** 26, isWide: true });
    for (const [nT, nO, nI] of [
      [2, 4, 7],
      [3, 13, 257],
      [9, 23, 520],
      [32, 64, 128],
    ]) {
      const x = gaussians(nT * nI, nT);
      for (const raw of [bf16(nO, nI), fp8(nO, nI)]) {
        for (const stored of [raw, encodeF32([nO, nI], decode(raw))]) {
          const [narrow, other] = [ops, wide].map((one) => {
            const w: Matrix = one.place(["o", "i"], [nO, nI], stored);
            return bitsOf(one.linear(one.tensor(["T", "i"], [nT, nI], x), w).data);
          });
          expect(other).toEqual(narrow);
        }
      }
    }
  });

  it("do not depend on how the rows of an fp8 matrix are shared out", async () => {
    const { arena, kernels } = await machine();
    const [nI, nO] = [272, 300];
    const raw = fp8(nO, nI);
    const w = arena.scratch(nO * nI);
    arena.bytes(w, nO * nI).set(raw.bytes);
    const scales = arena.addressOf(raw.scales ?? new Float32Array());
    for (const nT of [1, 3]) {
      const x = arena.addressOf(gaussians(nT * nI, 1));
      const y = arena.newFloats(nT * nO);
      const scratch = arena.scratch(kernels.linearScratchBytes(nT, nI));
      const run = (from: number, to: number): void => {
        const [yAt, wAt, n] = [y.byteOffset + 4 * from, w + from * nI, to - from];
        kernels.linearFp8(yAt, 4 * nO, x, 4 * nI, wAt, nI, scales, from, 0, nT, nI, n, scratch);
      };
      run(0, nO);
      const want = y.slice();
      y.fill(0);
      for (const [from, to] of [
        [0, 127],
        [127, 130],
        [130, 259],
        [259, nO],
      ]) {
        run(from, to);
      }
      expect(y).toEqual(want);
    }
  });

  it("do not depend on how its rows are shared out", async () => {
    const { arena, kernels } = await machine();
    const [nT, nI, nO] = [5, 528, 23];
    const x = arena.newFloats(nT * nI);
    const w = arena.newFloats(nO * nI);
    x.set(gaussians(nT * nI, 1));
    w.set(gaussians(nO * nI, 2));
    const y = arena.newFloats(nT * nO);
    const scratch = arena.scratch(kernels.linearScratchBytes(nT, nI));
    const run = (from: number, to: number): void => {
      const [yAt, wAt] = [y.byteOffset + 4 * from, w.byteOffset + 4 * from * nI];
      kernels.linearF32(yAt, 4 * nO, x.byteOffset, 4 * nI, wAt, 4 * nI, nT, nI, to - from, scratch);
    };
    run(0, nO);
    const want = y.slice();
    for (const cuts of [
      [0, 1, nO],
      [0, 7, 12, nO],
      [0, 3, 6, 9, 12, 22, nO],
    ]) {
      y.fill(0);
      for (let i = 1; i < cuts.length; i++) run(cuts[i - 1], cuts[i]);
      expect(y).toEqual(want);
    }
  });
});

describe("the bits of attention", () => {
  it("do not depend on how many queries or heads come together", async () => {
    const [nT, nH, nS, nC, nR, nK] = [4, 6, 150, 24, 8, 100];
    const head = (h: number, n: number, width: number, seed: number): Float32Array => {
      const all = gaussians(nT * nH * width, seed);
      const parts = Array.from({ length: nT }, (_, t) =>
        all.subarray((t * nH + h) * width, (t * nH + h + n) * width),
      );
      return Float32Array.from(parts.flatMap((part) => [...part]));
    };
    const attend = (run: Ops, t: number, n: number, h: number, m: number): Uint32Array => {
      const rows = (x: Float32Array, width: number) =>
        x.subarray(t * m * width, (t + n) * m * width);
      const latent = run.tensor(["S", "kvLora"], [nS, nC], gaussians(nS * nC, 3));
      const kPe = run.tensor(["S", "rope"], [nS, nR], gaussians(nS * nR, 4));
      const topK = {
        dims: ["T", "K"] as ["T", "K"],
        shape: [n, nK] as const,
        data: Int32Array.from({ length: n * nK }, (_, i) => Math.floor(((i % nK) * nS) / nK)),
      };
      const y = run.latentAttention(
        run.tensor(["T", "H", "kvLora"], [n, m, nC], rows(head(h, m, nC, 1), nC)),
        run.tensor(["T", "H", "rope"], [n, m, nR], rows(head(h, m, nR, 2), nR)),
        latentRows(run, latent, kPe),
        topK,
        0.3,
      );
      return bitsOf(y.data);
    };
    const whole = attend(ops, 0, nT, 0, nH);
    for (const [t, n, h, m] of [
      [0, 1, 0, nH],
      [1, 3, 0, nH],
      [2, 1, 1, 1],
      [3, 1, 2, 4],
    ]) {
      const part = attend(ops, t, n, h, m);
      for (let i = 0; i < n; i++) {
        const at = ((t + i) * nH + h) * nC;
        expect(part.subarray(i * m * nC, (i + 1) * m * nC)).toEqual(
          whole.subarray(at, at + m * nC),
        );
      }
    }
  });
});
