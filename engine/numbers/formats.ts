/**
 * Stored number formats, bit by bit.
 *
 * | format  | sign | exponent | fraction | bias | largest | instead of infinity           |
 * |---------|------|----------|----------|------|---------|-------------------------------|
 * | BF16    | 1    | 8        | 7        | 127  | 3.39e38 | infinity                      |
 * | F16     | 1    | 5        | 10       | 15   | 65504   | infinity                      |
 * | F8_E4M3 | 1    | 4        | 3        | 7    | 448     | `S.1111.111` is NaN, no more  |
 *
 * Every value of the three is also an f32, so reading is exact. Writing rounds to the nearest,
 * ties to the even fraction.
 *
 * Reading F16 is left to the package float16, since not all runtimes have a Float16Array of their own.
 *
 * Next: safetensors.ts
 * @module
 * @see OCP 8-bit Floating Point Specification, revision 1.0, §5 (E4M3) · IEEE 754-2019, §3.4, §4.3
 */

import { Float16Array } from "@petamoriken/float16";
import { type Floats, ShapeError, sizeOf } from "../base/tensor.ts";
import { roundToEven } from "./math.ts";
import { BYTES_PER_ELEMENT, type Dtype, FP8_BLOCK, GROUP, type RawTensor } from "./raw-tensor.ts";

/** What one rounding to f32 may do to a number, as a share of it: half a unit in the last place. */
export const F32_ROUNDING: number = 2 ** -24;

/** What one rounding to f32 may do to a number near zero: half the smallest denormal. */
export const F32_TINY: number = 2 ** -150;

const floatView = new Float32Array(1);
const bitsView = new Uint32Array(floatView.buffer);

/** The f32 with these bits. */
function fromBits(bits: number): number {
  bitsView[0] = bits;
  return floatView[0];
}

/** The f32 of a bf16: its upper half. */
export function fromBf16(bits: number): number {
  return fromBits(bits << 16);
}

/** All f16 in f32, by their bits, once the first is read: the package takes its time for each. */
let f16Table: Float32Array | undefined;

function allF16(): Float32Array {
  f16Table ??= Float32Array.from(
    new Float16Array(Uint16Array.from({ length: 65536 }, (_, i) => i).buffer),
  );
  return f16Table;
}

/** The f32 of an f16. */
export function fromF16(bits: number): number {
  return allF16()[bits];
}

/** The f32 of an e4m3 ("fn": finite, no infinities). */
export function fromE4m3(bits: number): number {
  const sign = bits & 0x80 ? -1 : 1;
  const exponent = (bits >> 3) & 0xf;
  const fraction = bits & 7;
  if (exponent === 0xf && fraction === 7) return Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -9;
  return sign * (8 + fraction) * 2 ** (exponent - 10);
}

/**
 * The nearest bf16 of an f32. A bf16 is the upper half of an f32, so half of the last step that stays is
 * added to the bits, a little less where the fraction is even, and the lower half is cut off. A carry into
 * the exponent is right, up to infinity.
 */
export function toBf16(x: number): number {
  if (Number.isNaN(x)) return 0x7fff; // JavaScript leaves the sign of NaN open
  floatView[0] = x;
  const bits = bitsView[0];
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/**
 * The nearest f16 of an f32; infinity from 65520 on. Normal numbers are rounded as those of {@link toBf16}.
 * The denormals are multiples of 2^-24. That is the step of f32 from 0.5 on, so adding 0.5 rounds to it.
 */
export function toF16(x: number): number {
  if (Number.isNaN(x)) return 0x7e00;
  floatView[0] = x;
  const sign = (bitsView[0] >>> 16) & 0x8000;
  const bits = bitsView[0] & 0x7fff_ffff;
  if (bits >= BITS_OF_65520) return sign | 0x7c00;
  if (bits >= BITS_OF_LEAST_NORMAL) {
    return sign | ((bits - F16_BIAS_BITS + 0xfff + ((bits >>> 13) & 1)) >>> 13);
  }
  floatView[0] = Math.abs(x) + 0.5;
  return sign | (bitsView[0] - BITS_OF_HALF);
}

/** The difference of the biases of f32 and f16, 127 and 15, in the exponent field. */
const F16_BIAS_BITS = (127 - 15) << 23;
/** The bits of 65520, 2^-14 and 0.5 in f32. */
const BITS_OF_65520 = 0x477f_f000;
const BITS_OF_LEAST_NORMAL = 0x3880_0000;
const BITS_OF_HALF = 0x3f00_0000;

/**
 * The nearest e4m3 of an f32, ±448 for all that is farther (OCP's saturating mode, as in torch).
 *
 * The bits of a non-negative number grow with its value, across exponents too. So the rounded
 * count of steps of the right size, plus the exponent, is the result even when it carries.
 */
export function toE4m3(x: number): number {
  if (Number.isNaN(x)) return 0x7f; // JavaScript leaves the sign of NaN open
  floatView[0] = x;
  const sign = (bitsView[0] >>> 31) << 7;
  const exponent = Math.max(((bitsView[0] >>> 23) & 0xff) - 127, -6);
  const steps = roundToEven(Math.abs(floatView[0]) / 2 ** (exponent - 3));
  // All ones are the only NaN, and the number before them is the largest.
  return sign | Math.min(steps + (exponent + 6) * 8, 0x7e);
}

const E4M3: Float32Array = Float32Array.from({ length: 256 }, (_, bits) => fromE4m3(bits));

/**
 * The numbers of a stored tensor: f64 if it is stored so, else f32. No number is rounded, except
 * by the one f32 multiplication with an fp8 block's scale.
 *
 * `w[i,j] = f32(stored[i,j]) · scale[⌊i/128⌋, ⌊j/128⌋]` for each matrix of the stack. The blocks
 * at the right and lower edges may be narrower: 576 rows are four blocks and a half.
 *
 * @throws {ShapeError} when the bytes or the scales are not as many as the shape says
 * @see DeepSeek-V3, arXiv 2412.19437, §3.3.2
 */
export function decode(raw: RawTensor): Floats {
  const n = sizeOf(raw.shape);
  if (raw.bytes.length !== n * BYTES_PER_ELEMENT[raw.dtype]) {
    const text = `${raw.dtype} [${raw.shape.join(", ")}]`;
    throw new ShapeError(`decode: ${text} against ${raw.bytes.length} bytes`);
  }
  if (raw.dtype === "Q8" || raw.dtype === "Q4") return decodeGroups(raw);
  if (raw.scales !== undefined) return decodeBlocks(raw, raw.scales);

  return decodePlain(raw.dtype, raw.bytes, n);
}

/**
 * The first `n` numbers of little-endian bytes, at any alignment and on any machine. Each format has a loop of
 * its own: a call for each number takes several times as long.
 */
function decodePlain(dtype: Exclude<Dtype, "Q8" | "Q4">, bytes: Uint8Array, n: number): Floats {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = dtype === "F64" ? new Float64Array(n) : new Float32Array(n);
  switch (dtype) {
    case "F64":
      for (let i = 0; i < n; i++) values[i] = view.getFloat64(8 * i, true);
      return values;
    case "F32":
      for (let i = 0; i < n; i++) values[i] = view.getFloat32(4 * i, true);
      return values;
    case "BF16": {
      const bits = new Uint32Array(values.buffer);
      for (let i = 0; i < n; i++) bits[i] = view.getUint16(2 * i, true) << 16;
      return values;
    }
    case "F16": {
      const table = allF16();
      for (let i = 0; i < n; i++) values[i] = table[view.getUint16(2 * i, true)];
      return values;
    }
    case "F8_E4M3":
      for (let i = 0; i < n; i++) values[i] = E4M3[bytes[i]];
      return values;
    default:
      return dtype satisfies never;
  }
}

function decodeBlocks(raw: RawTensor, scales: Float32Array): Float32Array {
  const [nRows, nCols] = raw.shape.slice(-2);
  const blockCols = Math.ceil(nCols / FP8_BLOCK);
  const perMatrix = Math.ceil(nRows / FP8_BLOCK) * blockCols;
  const nMatrices = sizeOf(raw.shape.slice(0, -2));
  if (raw.dtype !== "F8_E4M3" || raw.shape.length < 2 || scales.length !== nMatrices * perMatrix) {
    const text = `${raw.dtype} [${raw.shape.join(", ")}]`;
    throw new ShapeError(`decode: ${text} against ${scales.length} scales`);
  }
  const { bytes } = raw;
  const values = new Float32Array(bytes.length);
  for (let m = 0; m < nMatrices; m++) {
    for (let i = 0; i < nRows; i++) {
      const scaleRow = m * perMatrix + Math.floor(i / FP8_BLOCK) * blockCols;
      const row = (m * nRows + i) * nCols;
      for (let block = 0; block < blockCols; block++) {
        const scale = scales[scaleRow + block];
        const end = row + Math.min(nCols, (block + 1) * FP8_BLOCK);
        // Two f32 factors have an exact f64 product; the store rounds it, as one f32 multiply.
        for (let at = row + block * FP8_BLOCK; at < end; at++) values[at] = E4M3[bytes[at]] * scale;
      }
    }
  }
  return values;
}

/** What a q4 number is stored too large by: 0 … 15 stand for −8 … 7. */
export const Q4_ZERO = 8;

/** `w[i] = q[i] · scale[⌊i/32⌋]`, exactly: 8 bits times the 11 of an f16 are 19, an f32 has 24. */
function decodeGroups({ dtype, shape, bytes, groupScales }: RawTensor): Float32Array {
  const values = new Float32Array(sizeOf(shape));
  if (groupScales?.length !== values.length / GROUP) {
    const text = `${dtype} [${shape.join(", ")}]`;
    throw new ShapeError(`decode: ${text} against ${groupScales?.length ?? 0} group scales`);
  }
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const half = GROUP / 2;
  for (let g = 0; g < groupScales.length; g++) {
    const scale = fromF16(groupScales[g]);
    const first = g * GROUP;
    if (dtype === "Q8") {
      for (let at = first; at < first + GROUP; at++) values[at] = signed[at] * scale;
    } else {
      // The first 16 numbers of a group are in the lower halves of bytes, the others in the upper halves.
      for (let i = 0; i < half; i++) {
        const byte = bytes[g * half + i];
        values[first + i] = ((byte & 0xf) - Q4_ZERO) * scale;
        values[first + half + i] = ((byte >> 4) - Q4_ZERO) * scale;
      }
    }
  }
  return values;
}

/** Numbers as an F32 tensor, each rounded to f32. */
export function encodeF32(shape: readonly number[], values: ArrayLike<number>): RawTensor {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i], true);
  return { dtype: "F32", shape, bytes };
}
