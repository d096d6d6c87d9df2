// pack-panels: q8 and q4 matrices, from rows as a checkpoint has them to panels
//
// Specification: engine/numbers/groups.ts and panels.ts
// Difference:    none: numbers are moved, not changed.
// Requires:      rows of quants and of f16 scales, dense; room for ⌈nO/8⌉ panels. Missing rows of
//                the last one become zeros with the scale 0.
import { PANEL_ROWS, Q4_GROUP_BYTES, Q8_GROUP_BYTES, SCALE_BYTES } from "./layout";

/** Columns of a row come two by two. */
export function packQ8(panels: usize, quants: usize, scales: usize, nO: i32, nGroups: i32): void {
  for (let o = 0; o < nO; o += PANEL_ROWS) {
    for (let g = 0; g < nGroups; g++) {
      memory.fill(panels, 0, Q8_GROUP_BYTES);
      for (let r = 0; r < min(PANEL_ROWS, nO - o); r++) {
        const at = <usize>(o + r) * <usize>nGroups + <usize>g;
        store<u16>(panels + ((<usize>r) << 1), load<u16>(scales + (at << 1)));
        const from = quants + (at << 5);
        const to = panels + SCALE_BYTES + ((<usize>r) << 1);
        for (let p: usize = 0; p < 16; p++) {
          store<u16>(to + (p << 4), load<u16>(from + (p << 1)));
        }
      }
      panels += Q8_GROUP_BYTES;
    }
  }
}

/** Columns 0 … 15 are the lower halves of 16 bytes, 16 … 31 the upper ones. */
export function packQ4(panels: usize, quants: usize, scales: usize, nO: i32, nGroups: i32): void {
  for (let o = 0; o < nO; o += PANEL_ROWS) {
    for (let g = 0; g < nGroups; g++) {
      memory.fill(panels, 0, Q4_GROUP_BYTES);
      for (let r = 0; r < min(PANEL_ROWS, nO - o); r++) {
        const at = <usize>(o + r) * <usize>nGroups + <usize>g;
        store<u16>(panels + ((<usize>r) << 1), load<u16>(scales + (at << 1)));
        const from = quants + (at << 4);
        const to = panels + SCALE_BYTES + ((<usize>r) << 2);
        for (let m: usize = 0; m < 4; m++) {
          const bytes = load<u64>(from + ((m & 1) << 3));
          const numbers = (m < 2 ? bytes : bytes >> 4) & 0x0f0f0f0f0f0f0f0f;
          store<u16>(to + (m << 5), evenNibbles(numbers));
          store<u16>(to + (m << 5), evenNibbles(numbers >> 8), 2);
        }
      }
      panels += Q4_GROUP_BYTES;
    }
  }
}

/** Bytes 0, 2, 4, 6, each below 16, side by side. */
function evenNibbles(bytes: u64): u16 {
  const x = bytes & 0x000f000f000f000f;
  return <u16>(x | (x >> 12) | (x >> 24) | (x >> 36));
}
