// add: y = a + b
//
// Specification: engine/ops/reference/add.ts
// Difference:    none.
// Requires:      room at y for n rounded up to 4; what lies behind a and b is read, not used.

export function add(y: usize, a: usize, b: usize, n: i32): void {
  const end = y + ((<usize>n) << 2);
  while (y < end) {
    v128.store(y, f32x4.add(v128.load(a), v128.load(b)));
    y += 16;
    a += 16;
    b += 16;
  }
}
