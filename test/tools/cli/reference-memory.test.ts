/** The memory that the reference backend needs is said before, and bounded. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { sayMemory } from "../../../tools/cli/reference-memory.ts";
import { GLM52 } from "../../engine/weights/configs.ts";
import { DEMO_MODEL, scratchFolder } from "../../support/paths.ts";
import { glm52 } from "./fake-terminal.ts";

const large = join(scratchFolder(), "large");
mkdirSync(large);
writeFileSync(join(large, "config.json"), JSON.stringify(GLM52));

type Opening = Parameters<typeof sayMemory>[1];

async function said(folder: string, opening: Opening, memory?: number): Promise<string> {
  const written: string[] = [];
  await sayMemory(folder, opening, { write: (text) => written.push(text) }, memory);
  return written.join("");
}

it("is said for a large model, in the numbers of the reference", async () => {
  expect(await said(large, { backend: "reference" }, 1e15)).toBe(
    "the reference keeps the weights in f32, about 3.01 TB in memory; --backend wasm keeps them as they are stored\n",
  );
  expect(await said(large, { backend: "reference", precision: "f64" }, 1e15)).toContain("6.03 TB");
});

it("is not said for a small one, and not for the kernels", async () => {
  expect(await said(DEMO_MODEL, { backend: "reference" })).toBe("");
  expect(await said(large, { backend: "wasm" })).toBe("");
});

it("is refused where the machine has less", async () => {
  await expect(said(large, { backend: "reference" }, 24e9)).rejects.toThrow(
    "about 3.01 TB, and this machine has 24.00 GB; --backend wasm",
  );
  const out = ["--out", join(large, "t.safetensors")];
  for (const argv of [
    ["trace", "--model", large, "--tokens", "1", ...out],
    ["run", "--model", large, "--backend", "reference", "--tokens", "1"],
  ]) {
    const { code, stderr } = await glm52(argv);
    expect([code, stderr]).toEqual([1, expect.stringContaining("and this machine has")]);
  }
});
