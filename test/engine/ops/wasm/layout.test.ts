/**
 * Compares what the kernels say about the layout of numbers with the definitions of the formats.
 */
import { expect, it } from "vitest";
import { BYTES_PER_ELEMENT, FP8_BLOCK, GROUP } from "../../../../engine/numbers/raw-tensor.ts";
import { kernelBytes, machine } from "./wasm.ts";

it("the kernels count the same numbers under one scale as the formats", async () => {
  const { kernels } = await machine();
  const { GROUP: group, FP8_BLOCK: block } = kernels as unknown as Record<
    "GROUP" | "FP8_BLOCK",
    WebAssembly.Global
  >;
  expect([group.value, block.value]).toEqual([GROUP, FP8_BLOCK]);
});

it("a group of a panel has room for the numbers and the f16 scale of each of its rows", async () => {
  const { layout } = await machine();
  const { panelRows, groupBytes } = layout;
  for (const format of ["Q8", "Q4"] as const) {
    expect(groupBytes[format]).toBe(panelRows * (GROUP * BYTES_PER_ELEMENT[format] + 2));
  }
});

it("everything that the layout is read from is a whole number, and no number stands for two encodings", async () => {
  const { layout } = await machine();
  const { columns, panelRows, int8GroupBytes, fp8ScaleLimit, encodings } = layout;
  for (const n of [columns, panelRows, int8GroupBytes, fp8ScaleLimit]) {
    expect(Number.isInteger(n) && n > 0).toBe(true);
  }
  expect(new Set(Object.values(encodings)).size).toBe(4);
});

it("the module exports nothing but kernels and constants", async () => {
  const exported = WebAssembly.Module.exports(await WebAssembly.compile(kernelBytes()));
  const constants = exported.filter(({ kind }) => kind === "global").map(({ name }) => name);
  expect(exported.every(({ kind }) => kind === "function" || kind === "global")).toBe(true);
  expect(constants.every((name) => /^[A-Z0-9_]+$/.test(name))).toBe(true);
  expect(constants).toContain("PANEL_ROWS");
});
