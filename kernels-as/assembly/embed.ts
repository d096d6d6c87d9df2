// embed: y[t] = E[tokens[t]]
//
// Specification: engine/ops/reference/embed.ts
// Difference:    none; every bf16 is an f32.
// Requires:      n % 8 == 0 (rows are padded with zeros), and as much room at y.

/** y[i] = x[i], from bf16 (the upper half of an f32) to f32; n % 8 == 0. */
export function widenBf16(y: usize, x: usize, n: i32): void {
  const zero = i32x4.splat(0);
  const end = x + ((<usize>n) << 1);
  while (x < end) {
    const v = v128.load(x);
    // Interleaved with zeros below, each half word becomes the upper half of a word.
    v128.store(y, v128.shuffle<i16>(zero, v, 0, 8, 1, 9, 2, 10, 3, 11));
    v128.store(y, v128.shuffle<i16>(zero, v, 4, 12, 5, 13, 6, 14, 7, 15), 16);
    x += 16;
    y += 32;
  }
}
