/** Tests of the checksum: it has the published values, and every bit changes it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checksum } from "../../../engine/kv/checksum.ts";

function of(bytes: Uint8Array): number {
  return checksum(new DataView(bytes.buffer, bytes.byteOffset), 0, bytes.length);
}

describe("checksum", () => {
  // Values of the xxHash project's own tool, `xxh32sum`.
  it.each([
    ["", 0x02cc5d05],
    ["a", 0x550d7456],
    ["abc", 0x32d153ff],
    ["Nobody inspects the spammish repetition", 0xe2293b2f],
  ])("of %j is that of xxHash32", (text, want) => {
    expect(of(new TextEncoder().encode(text))).toBe(want);
  });

  it("sees every flipped bit, wherever the bytes lie", () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 70 });
    const check = (all: Uint8Array, at: number, bit: number): void => {
      const moved = new Uint8Array(all.length + 3);
      moved.set(all, 3);
      const want = of(all);
      expect(checksum(new DataView(moved.buffer), 3, all.length)).toBe(want);
      all[at % all.length] ^= 1 << bit;
      expect(of(all)).not.toBe(want);
    };
    fc.assert(fc.property(bytes, fc.nat(), fc.nat(7), check));
  });
});
