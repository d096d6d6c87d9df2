// stored-rows: rows of caches, from their encoding to f32
//
// Specification: engine/numbers/row-encoding.ts, decode
// Difference:    none.
// Requires:      yBytes % 16 == 0 and yBytes >= 4 n; rows may begin at any address.
import { widenBf16 } from "./embed";
import { ENCODING_BF16, ENCODING_F32, ENCODING_INT8 } from "./layout";

/** Numbers under one scale of ENCODING_INT8_X64. */
const SCALE_GROUP = 64;

/** Writes the n numbers at x in f32 to y, and zeros behind them up to yBytes. */
export function decodeRow(y: usize, yBytes: usize, x: usize, encoding: i32, n: i32): void {
  const bytes = (<usize>n) << 2;
  if (encoding == ENCODING_F32) memory.copy(y, x, bytes);
  else if (encoding == ENCODING_BF16) decodeBf16(y, x, n);
  else if (encoding == ENCODING_INT8) scaleInt8(y, x, n, load<f32>(x + <usize>n));
  else {
    for (let i = 0, s: usize = x + <usize>n; i < n; i += SCALE_GROUP, s += 2) {
      const from = <usize>i;
      scaleInt8(y + (from << 2), x + from, min(SCALE_GROUP, n - i), halfToFloat(load<u16>(s)));
    }
  }
  if (bytes < yBytes) memory.fill(y + bytes, 0, yBytes - bytes);
}

/** Decodes nRows rows, each of which stands `offset` bytes behind an address of the list `rows`. */
export function gatherStored(
  y: usize,
  yStride: usize,
  yBytes: usize,
  rows: usize,
  offset: usize,
  encoding: i32,
  n: i32,
  nRows: i32,
): void {
  const end = rows + ((<usize>nRows) << 2);
  for (; rows < end; rows += 4) {
    decodeRow(y, yBytes, <usize>load<u32>(rows) + offset, encoding, n);
    y += yStride;
  }
}

function decodeBf16(y: usize, x: usize, n: i32): void {
  const whole = n & ~7;
  widenBf16(y, x, whole);
  for (let i = <usize>whole; i < <usize>n; i++) {
    store<u32>(y + (i << 2), (<u32>load<u16>(x + (i << 1))) << 16);
  }
}

/** y[i] = f32(q[i]) · scale. */
function scaleInt8(y: usize, q: usize, n: i32, scale: f32): void {
  const scales = f32x4.splat(scale);
  let i: usize = 0;
  for (; i + 8 <= <usize>n; i += 8) {
    const words = v128.load8x8_s(q + i);
    const low = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(words));
    const high = f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(words));
    v128.store(y + (i << 2), f32x4.mul(low, scales));
    v128.store(y + (i << 2), f32x4.mul(high, scales), 16);
  }
  for (; i < <usize>n; i++) store<f32>(y + (i << 2), <f32>load<i8>(q + i) * scale);
}

/** The f32 of a finite f16 that is not negative, in the way of widenF16 in panels.ts. */
function halfToFloat(half: u32): f32 {
  return reinterpret<f32>(half << 13) * reinterpret<f32>(0x77800000);
}
