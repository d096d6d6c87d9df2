// add: y = a + b
//
// Specification: engine/ops/reference/add.ts
// Difference:    none.
// Requires:      y, a and b hold n numbers, rounded up to a multiple of 4; those beyond n do not matter.

export function add(y: usize, a: usize, b: usize, n: i32): void {
  const end = y + ((<usize>n) << 2);
  while (y < end) {
    v128.store(y, f32x4.add(v128.load(a), v128.load(b)));
    y += 16;
    a += 16;
    b += 16;
  }
}
