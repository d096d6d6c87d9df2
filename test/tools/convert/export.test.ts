import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { fromF16 } from "../../../engine/numbers/formats.ts";
import { encode } from "../../../tools/convert/gguf/encode.ts";
import { indexerCopies } from "../../../tools/convert/gguf/indexer.ts";
import { randomSource } from "../../engine/weights/fixtures.ts";
import { DEMO_MODEL, scratchFolder } from "../../support/paths.ts";
import { glm52 } from "../cli/fake-terminal.ts";

it.each(["f32", "f16", "q8_0", "q4_0"])(
  "writes a GGUF file of %s, and nothing beside it",
  async (type) => {
    const folder = scratchFolder();
    const file = join(folder, "demo.gguf");
    const { code, stderr } = await glm52(["export", DEMO_MODEL, file, "--type", type]);
    expect(code, stderr).toBe(0);
    expect(readdirSync(folder)).toEqual(["demo.gguf"]);
    const bytes = readFileSync(file);
    expect(bytes.toString("latin1", 0, 4)).toBe("GGUF");
    expect(bytes.readUInt32LE(4)).toBe(3);
    expect(bytes.length % 32).toBe(0);
    expect(stderr).toContain(`${bytes.readBigUInt64LE(8)} tensors`);
  },
);

it("keeps q8_0 within half a step of every number, and the largest at 127", () => {
  const x = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i * i) * (i < 32 ? 3 : 0.01));
  const bytes = encode("q8_0", x);
  const view = new DataView(bytes.buffer);
  for (const g of [0, 1]) {
    const scale = fromF16(view.getUint16(34 * g, true));
    const q = Array.from({ length: 32 }, (_, i) => view.getInt8(34 * g + 2 + i));
    expect(Math.max(...q.map(Math.abs))).toBe(127);
    // f16 rounds the scale by up to 2^-11 of itself, and a number is up to 127 times the scale.
    q.forEach((n, i) => {
      expect(Math.abs(n * scale - x[32 * g + i])).toBeLessThanOrEqual(
        scale * (0.5 + 127 * 2 ** -11),
      );
    });
  }
});

it("repeats narrow indexer heads up to 64 and refuses what does not fit", () => {
  expect([128, 64, 32, 8].map(indexerCopies)).toEqual([1, 1, 2, 8]);
  expect(() => indexerCopies(48)).toThrow("expected index_head_dim to fit 64, got 48");
});

/**
 * SHA-256 of the bytes that `gguf.quants.quantize` (of the Python package gguf, by ggml's authors)
 * makes of the same numbers: 20,000 groups of sizes from 2^-22 to 2^7, of which the first 500 have
 * many ties.
 */
it.each([
  ["q8_0", "83d16dd97d7d1c2f7e1dde42f507b44c923e4b24af99ab51ca163240dc6a26aa"],
  ["q4_0", "964127ccc9beed098ba5e6a1c89cf86f417451ea2def3d12904b25e50a7470e0"],
] as const)("%s has the bytes that ggml's own Python package writes", (type, sha256) => {
  const next = randomSource(12345);
  const x = Float32Array.from(
    { length: 32 * 20_000 },
    (_, i) => next() * 2 ** ((Math.floor(i / 32) % 30) - 22),
  );
  for (let i = 0; i < 32 * 500; i++) x[i] = Math.round(next() * 1016) / 8;
  expect(createHash("sha256").update(encode(type, x)).digest("hex")).toBe(sha256);
});
