/** Tests how numbers become bytes and then numbers again, format by format. */
import { getFloat16, setFloat16 } from "@petamoriken/float16";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EncodingError } from "../../../engine/numbers/encoding-error.ts";
import { fromBf16, toBf16 } from "../../../engine/numbers/formats.ts";
import {
  decode,
  type Encoding,
  encode,
  encodedBytes,
} from "../../../engine/numbers/row-encoding.ts";
import { gaussians } from "../../support/random.ts";

const ENCODINGS: readonly Encoding[] = ["f64", "f32", "bf16", "int8x64", "int8"];

function encoded(encoding: Encoding, values: Float32Array, at = 0): DataView {
  const view = new DataView(new ArrayBuffer(at + encodedBytes(encoding, values.length) + 9));
  encode(encoding, values, 0, values.length, view, at);
  return view;
}

function decoded(encoding: Encoding, view: DataView, n: number, at = 0): Float32Array {
  const values = new Float32Array(n);
  decode(encoding, view, at, n, values, 0);
  return values;
}

function roundTrip(encoding: Encoding, values: Float32Array): Float32Array {
  return decoded(encoding, encoded(encoding, values), values.length);
}

/** The power of the errors divided by that of the numbers. */
function nmse(got: Float32Array, want: Float32Array): number {
  const power = (x: Float32Array) => x.reduce((sum, v) => sum + v * v, 0);
  return power(got.map((v, i) => v - want[i])) / power(want);
}

const numbers = fc
  .array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e4, max: 1e4 }), {
    minLength: 1,
    maxLength: 200,
  })
  .map((list) => Float32Array.from(list));

describe("rows in bytes", () => {
  it("have the sizes of GLM-5.2's rows: 2304, 1152 and 656 bytes; keys 512, 256 and 132", () => {
    const row = (latent: Encoding, kPe: Encoding) =>
      encodedBytes(latent, 512) + encodedBytes(kPe, 64);
    expect(row("f32", "f32")).toBe(2304);
    expect(row("bf16", "bf16")).toBe(1152);
    expect(row("int8x64", "bf16")).toBe(656);
    expect((["f32", "bf16", "int8"] as const).map((e) => encodedBytes(e, 128))).toEqual([
      512, 256, 132,
    ]);
  });

  it.each(ENCODINGS)(
    "of %s are the same at any address, and nothing beside them is touched",
    (encoding) => {
      const check = (values: Float32Array, at: number): void => {
        const n = encodedBytes(encoding, values.length);
        const bytes = new Uint8Array(encoded(encoding, values, at).buffer);
        const first = new Uint8Array(encoded(encoding, values).buffer).subarray(0, n);
        expect(bytes.subarray(at, at + n)).toEqual(first);
        expect([...bytes.subarray(0, at), ...bytes.subarray(at + n)].every((b) => b === 0)).toBe(
          true,
        );
        expect(decoded(encoding, new DataView(bytes.buffer), values.length, at)).toEqual(
          roundTrip(encoding, values),
        );
      };
      fc.assert(fc.property(numbers, fc.nat(9), check), { seed: 1, numRuns: 100 });
    },
  );

  it.each(["f64", "f32"] as const)("of %s give every bit back", (encoding) => {
    const check = (values: Float32Array): void => {
      expect(roundTrip(encoding, values)).toEqual(values);
    };
    fc.assert(fc.property(numbers, check), { seed: 2, numRuns: 100 });
  });

  it("of bf16 are the nearest bf16", () => {
    const values = gaussians(500, 1);
    expect(roundTrip("bf16", values)).toEqual(values.map((x) => fromBf16(toBf16(x))));
  });

  it.each([
    ["int8x64", 64, 2],
    ["int8", 1000, 4],
  ] as const)(
    "of %s are off by half a step at most, a step being the stored scale",
    (encoding, group, bytes) => {
      const check = (values: Float32Array): void => {
        const n = values.length;
        const view = encoded(encoding, values);
        const got = decoded(encoding, view, n);
        values.forEach((x, i) => {
          const at = n + bytes * Math.floor(i / group);
          const scale = bytes === 2 ? getFloat16(view, at, true) : view.getFloat32(at, true);
          // Where the scale is rounded down, the largest number is cut by up to 127 · 2^-11 of a
          // step more, and by still more where the f16 is subnormal.
          expect(Math.abs(got[i] - x)).toBeLessThanOrEqual(
            0.563 * scale + 1e-6 * Math.abs(x) + 127 * 2 ** -25,
          );
        });
      };
      fc.assert(fc.property(numbers, check), { seed: 3, numRuns: 200 });
    },
  );

  it("of int8x64 hold each group's scale as the f16 library would write it", () => {
    const values = gaussians(150, 4, 3);
    const view = encoded("int8x64", values);
    const want = new DataView(new ArrayBuffer(6));
    for (let g = 0; g < 3; g++) {
      const largest = Math.max(...values.slice(64 * g, 64 * (g + 1)).map(Math.abs));
      setFloat16(want, 2 * g, largest / 127, true);
      expect(view.getUint16(150 + 2 * g, true)).toBe(want.getUint16(2 * g, true));
    }
  });

  // A limit for the noise of Gaussian rows, and a coarser format that does not keep it.
  it.each([
    ["bf16", 4e-6, "int8x64"],
    ["int8x64", 4e-5, "int8"],
    ["int8", 6e-5, undefined],
  ] as const)(
    "of %s keep Gaussian rows of 512 within a noise of %d, and a coarser format, if there is one, does not",
    (e, limit, coarser) => {
      const rows = Array.from({ length: 50 }, (_, seed) => gaussians(512, seed + 1));
      const noise = (encoding: Encoding) =>
        rows.reduce((sum, row) => sum + nmse(roundTrip(encoding, row), row), 0) / rows.length;
      expect(noise(e)).toBeLessThanOrEqual(limit);
      if (coarser) expect(noise(coarser)).toBeGreaterThan(limit);
    },
  );

  it.each(["int8x64", "int8"] as const)(
    "of %s: a group of zeros stays zero, and ±max is hit",
    (e) => {
      expect(roundTrip(e, new Float32Array(70))).toEqual(new Float32Array(70));
      const exact = Float32Array.from([127, -127, 64, 1]);
      expect(roundTrip(e, exact)).toEqual(exact);
    },
  );

  it.each(["int8x64", "int8"] as const)("of %s refuse what no scale reaches", (encoding) => {
    for (const x of [Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => encoded(encoding, Float32Array.of(1, x))).toThrow(EncodingError);
    }
    if (encoding === "int8x64") {
      expect(() => encoded(encoding, Float32Array.of(1e7))).toThrow("got a scale of Infinity");
    }
  });
});
