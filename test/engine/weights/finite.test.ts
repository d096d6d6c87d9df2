import { describe, expect, it } from "vitest";
import { decode } from "../../../engine/numbers/formats.ts";
import { checkFinite } from "../../../engine/weights/finite.ts";
import { randomSource } from "./fixtures.ts";

/** Bytes whose bits are nearly all ones, or are those that decide. */
const DECISIVE = [0xff, 0x7f, 0x80, 0x7e, 0xf0, 0x7c, 0xfc];

describe.each([
  ["F64", 8],
  ["F32", 4],
  ["BF16", 2],
  ["F16", 2],
  ["F8_E4M3", 1],
] as const)("checkFinite in %s", (dtype, width) => {
  it("finds what decoding finds, in tensors of every length that begin at any byte", () => {
    const next = randomSource(7);
    const below = (n: number): number => Math.floor(((next() + 1) / 2) * n);
    let nRefused = 0;
    for (let round = 0; round < 2000; round++) {
      const [n, start] = [1 + (round % 9), round % 4];
      const all = Uint8Array.from({ length: start + n * width }, () =>
        below(2) === 0 ? below(256) : DECISIVE[below(DECISIVE.length)],
      );
      const raw = { dtype, shape: [n], bytes: all.subarray(start) };
      const at = [...decode(raw)].findIndex((x) => !Number.isFinite(x));
      const check = () => checkFinite("w", raw, "scales");
      if (at < 0) expect(check).not.toThrow();
      else expect(check).toThrow(`got NaN or infinity at [${at}]`);
      if (at >= 0) nRefused++;
    }
    expect(nRefused).toBeGreaterThan(50);
    expect(nRefused).toBeLessThan(1950);
  });
});
