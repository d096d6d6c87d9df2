import { describe, expect, it } from "vitest";
import { ShapeError } from "../../../engine/base/tensor.ts";
import {
  decode,
  encodeF32,
  fromBf16,
  fromE4m3,
  fromF16,
  toBf16,
  toE4m3,
  toF16,
} from "../../../engine/numbers/formats.ts";
import type { RawTensor } from "../../../engine/numbers/raw-tensor.ts";
import { quantizeBlocks } from "../../../engine/weights/quantize.ts";
import { randomSource, stored } from "../weights/fixtures.ts";

const view = new DataView(new ArrayBuffer(8));

/** Numbers of every exponent and sign. Subnormals, overflow and infinity are among them. */
function randomFloats(n: number, seed: number): Float32Array {
  const next = randomSource(seed);
  const bits = Uint32Array.from({ length: n }, () => (next() + 1) * 2 ** 31);
  return new Float32Array(bits.buffer).map((x) => (Number.isNaN(x) ? 0 : x));
}

/** The f16 with these bits, by the definition of IEEE 754. */
function valueOfF16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The f32 that comes `steps` after the positive f32 `x`. */
function f32Beside(x: number, steps: number): number {
  view.setFloat32(0, x);
  view.setUint32(0, view.getUint32(0) + steps);
  return view.getFloat32(0);
}

describe("reading", () => {
  it("knows the landmarks of e4m3: OCP table 2", () => {
    const landmarks: readonly (readonly [number, number])[] = [
      [0x00, 0],
      [0x80, -0],
      [0x01, 2 ** -9],
      [0x07, 7 * 2 ** -9],
      [0x08, 2 ** -6],
      [0x38, 1],
      [0x3c, 1.5],
      [0xb8, -1],
      [0x77, 240],
      [0x78, 256],
      [0x7e, 448],
      [0xfe, -448],
      [0x7f, Number.NaN],
      [0xff, Number.NaN],
    ];
    for (const [bits, value] of landmarks) expect(fromE4m3(bits)).toBe(value);
  });

  it("orders all finite e4m3 by their bits", () => {
    for (let bits = 1; bits < 0x7f; bits++) {
      expect(fromE4m3(bits)).toBeGreaterThan(fromE4m3(bits - 1));
      expect(fromE4m3(bits | 0x80)).toBe(-fromE4m3(bits));
    }
  });

  it("gives all 65,536 f16 the value of their definition: IEEE 754, §3.4", () => {
    let wrong = 0;
    for (let bits = 0; bits < 65536; bits++)
      if (!Object.is(fromF16(bits), valueOfF16(bits))) wrong++;
    expect(wrong).toBe(0);
  });

  it("takes bf16 as the upper half of an f32, all 65,536", () => {
    let wrong = 0;
    for (let bits = 0; bits < 65536; bits++) {
      view.setUint32(0, bits * 65536);
      if (!Object.is(fromBf16(bits), view.getFloat32(0))) wrong++;
    }
    expect(wrong).toBe(0);
  });
});

describe("writing", () => {
  it("gives every value back that it can hold", () => {
    for (let bits = 0; bits < 256; bits++) {
      if (!Number.isNaN(fromE4m3(bits))) expect(toE4m3(fromE4m3(bits))).toBe(bits);
    }
    for (let bits = 0; bits < 65536; bits++) {
      if (!Number.isNaN(fromF16(bits))) expect(toF16(fromF16(bits))).toBe(bits);
      if (!Number.isNaN(fromBf16(bits))) expect(toBf16(fromBf16(bits))).toBe(bits);
    }
  });

  it("rounds to the nearest f16 between all neighbours, ties to the even one", () => {
    let wrong = 0;
    for (let bits = 0; bits < 0x7c00; bits++) {
      // The middle before infinity is 65520, as if 65536 were the next number.
      const next = bits === 0x7bff ? 65536 : valueOfF16(bits + 1);
      const middle = (valueOfF16(bits) + next) / 2;
      const even = bits + (bits % 2);
      for (const [x, want] of [
        [f32Beside(middle, -1), bits],
        [middle, even],
        [f32Beside(middle, 1), bits + 1],
      ]) {
        if (toF16(x) !== want || toF16(-x) !== (want | 0x8000)) wrong++;
      }
    }
    expect(wrong).toBe(0);
  });

  it("rounds 100,000 floats of all sizes to the nearest f16", () => {
    let wrong = 0;
    for (const x of randomFloats(100_000, 1)) {
      const bits = toF16(x);
      const off = (other: number): number => Math.abs(Math.abs(x) - Math.abs(valueOfF16(other)));
      const isInfinite = (bits & 0x7fff) === 0x7c00;
      const isNearest = isInfinite
        ? Math.abs(x) >= 65520
        : off(bits) <= off(bits + 1) && ((bits & 0x7fff) === 0 || off(bits) <= off(bits - 1));
      if (!isNearest || bits >> 15 !== Number(Object.is(Math.sign(x), -0) || x < 0)) wrong++;
    }
    expect(wrong).toBe(0);
  });

  it("rounds an f64 to f32 first, then to f16", () => {
    expect(toF16(1 + 2 ** -11 + 2 ** -40)).toBe(toF16(1));
    expect(toF16(1 + 2 ** -11 + 2 ** -23)).toBe(toF16(1) + 1);
    expect(fromF16(toF16(Number.NaN))).toBe(Number.NaN);
  });

  it("rounds 100,000 floats to bf16 like the integer rule: add 7fff and the lowest kept bit", () => {
    let wrong = 0;
    for (const x of randomFloats(100_000, 2)) {
      view.setFloat32(0, x);
      const bits = view.getUint32(0);
      const expected = Math.floor((bits + 0x7fff + ((bits >>> 16) & 1)) / 65536);
      if (toBf16(x) !== expected) wrong++;
    }
    expect(wrong).toBe(0);
  });

  it("rounds to the nearest e4m3, ties to the even one, ±448 beyond the end", () => {
    const finite = Array.from({ length: 0x7f }, (_, bits) => fromE4m3(bits));
    for (let bits = 0; bits + 1 < finite.length; bits++) {
      const middle = (finite[bits] + finite[bits + 1]) / 2;
      expect(toE4m3(middle)).toBe(bits % 2 === 0 ? bits : bits + 1);
      expect(toE4m3(middle * (1 - 2 ** -20))).toBe(bits);
      expect(toE4m3(-middle * (1 + 2 ** -20))).toBe(0x80 | (bits + 1));
    }
    for (const x of [449, 464, 480, 1e9, Number.POSITIVE_INFINITY]) {
      expect([toE4m3(x), toE4m3(-x)]).toEqual([0x7e, 0xfe]);
    }
    expect(toE4m3(Number.NaN)).toBe(0x7f);
  });

  it("overflows f16 at 65520 and bf16 past the largest, to infinity", () => {
    expect(toF16(65519)).toBe(0x7bff);
    expect(toF16(65520)).toBe(0x7c00);
    expect(toBf16(3.4028234663852886e38)).toBe(0x7f80);
  });
});

describe("decode", () => {
  it("reads each format at any alignment", () => {
    const values = [1, -2, 0.5, 24, -0];
    for (const format of ["F64", "F32", "BF16", "F16"] as const) {
      const { bytes } = stored(format, [5], values);
      const shifted = new Uint8Array(bytes.length + 1);
      shifted.set(bytes, 1);
      const raw: RawTensor = { dtype: format, shape: [5], bytes: shifted.subarray(1) };
      expect([...decode(raw)]).toEqual(values);
    }
  });

  it("keeps f64 as it is, and gives f32 for the rest", () => {
    const third = 1 / 3;
    const f64 = decode(stored("F64", [1], [third]) as RawTensor);
    expect(f64).toEqual(Float64Array.of(third));
    expect(decode(encodeF32([1], [third]))).toEqual(Float32Array.of(third));
  });

  it("G09: [192, 256] has 2 x 2 scales, and its last 64 rows the second row of them", () => {
    const bytes = new Uint8Array(192 * 256).fill(0x3c); // 1.5
    const scales = Float32Array.of(1, 10, 100, 1000);
    const values = decode({ dtype: "F8_E4M3", shape: [192, 256], bytes, scales });
    const at = (i: number, j: number): number => values[i * 256 + j];
    expect([at(0, 0), at(127, 127), at(0, 128), at(127, 255)]).toEqual([1.5, 1.5, 15, 15]);
    expect([at(128, 0), at(191, 127), at(128, 128), at(191, 255)]).toEqual([150, 150, 1500, 1500]);
  });

  it("G09: columns too may end inside a block", () => {
    const bytes = new Uint8Array(130 * 129).fill(0x38); // 1
    const scales = Float32Array.of(2, 3, 5, 7);
    const values = decode({ dtype: "F8_E4M3", shape: [130, 129], bytes, scales });
    expect([values[127], values[128], values[128 * 129], values[130 * 129 - 1]]).toEqual([
      2, 3, 5, 7,
    ]);
  });

  it("gives each matrix of a stack its own scales", () => {
    const bytes = new Uint8Array(3 * 2 * 130).fill(0x38);
    const scales = Float32Array.of(1, 2, 3, 4, 5, 6);
    const values = decode({ dtype: "F8_E4M3", shape: [3, 2, 130], bytes, scales });
    for (let m = 0; m < 3; m++) {
      expect(values[m * 260 + 127]).toBe(2 * m + 1);
      expect(values[m * 260 + 130 + 129]).toBe(2 * m + 2);
    }
  });

  it("multiplies once, in f32, and does not divide", () => {
    const scale = Math.fround(0.1);
    const raw: RawTensor = {
      dtype: "F8_E4M3",
      shape: [1, 2],
      bytes: Uint8Array.of(0x44, 0x45), // 3, 3.25
      scales: Float32Array.of(scale),
    };
    expect([...decode(raw)]).toEqual([Math.fround(3 * scale), Math.fround(3.25 * scale)]);
  });

  it("refuses bytes or scales that are not as many as the shape says", () => {
    const bytes = new Uint8Array(6);
    expect(() => decode({ dtype: "F32", shape: [2], bytes })).toThrow(
      new ShapeError("decode: F32 [2] against 6 bytes"),
    );
    const scales = new Float32Array(2);
    expect(() => decode({ dtype: "F8_E4M3", shape: [2, 3], bytes, scales })).toThrow(
      new ShapeError("decode: F8_E4M3 [2, 3] against 2 scales"),
    );
    expect(() => decode({ dtype: "BF16", shape: [3], bytes, scales })).toThrow(ShapeError);
  });
});

describe("quantizeBlocks", () => {
  it("comes back within 1/16 of each value, or half a step of the smallest", () => {
    const next = randomSource(3);
    const w = Float32Array.from({ length: 192 * 130 }, () => next() ** 3);
    const raw = quantizeBlocks(192, 130, w);
    expect(raw.scales.length).toBe(4);
    decode(raw).forEach((x, i) => {
      const step = raw.scales[0] * 1.1 * 2 ** -10;
      expect(Math.abs(x - w[i])).toBeLessThanOrEqual(Math.max(Math.abs(w[i]) / 16, step));
    });
  });

  it("keeps a block of zeros", () => {
    const raw = quantizeBlocks(1, 2, new Float32Array(2));
    expect(raw.scales[0]).toBeGreaterThan(0);
    expect([...decode(raw)]).toEqual([0, 0]);
  });
});
