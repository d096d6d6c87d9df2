/** Panels in files are those that the kernels make, and hold the same groups. */
import { describe, expect, it } from "vitest";
import { toF16 } from "../../../engine/numbers/formats.ts";
import { type GroupFormat, rawGroups, toGroups } from "../../../engine/numbers/groups.ts";
import {
  fromPanels,
  PANEL_ROWS,
  PanelTensor,
  panelGroupBytes,
  panelShape,
  toPanels,
} from "../../../engine/numbers/panels.ts";
import { wasmMemory } from "../../../engine/ops/wasm/memory.ts";
import { placedOf } from "../../../engine/ops/wasm/placed.ts";
import { checkFinite } from "../../../engine/weights/finite.ts";
import { gaussians } from "../../support/random.ts";
import { machine } from "../ops/wasm/wasm.ts";

const [ROWS, COLUMNS] = [24, 96];

const made = (format: GroupFormat) => toGroups(format, gaussians(ROWS * COLUMNS, 3));

describe.each(["q8", "q4"] as const)("panels of %s", (format) => {
  it("are the bytes that the kernel makes of rows", async () => {
    const groups = made(format);
    const m = await machine();
    expect(m.layout.panelRows).toBe(PANEL_ROWS);
    expect(m.layout.groupBytes[format === "q8" ? "Q8" : "Q4"]).toBe(panelGroupBytes(format));
    const raw = rawGroups(format, [ROWS, COLUMNS], groups);
    const placed = wasmMemory(m).place(["o", "i"], [ROWS, COLUMNS], raw);
    const [{ address, bank }] = placedOf(m, placed).matrices;
    const panels = toPanels(format, groups, ROWS);
    expect(m.banks[bank].arena.bytes(address, panels.length)).toEqual(panels);
    const swapped = { ...groups, scales: groups.scales.toReversed() };
    expect(toPanels(format, swapped, ROWS)).not.toEqual(panels);
  });

  it("go back to the same groups, and are placed as they are", async () => {
    const groups = made(format);
    const panels = toPanels(format, groups, ROWS);
    expect(fromPanels(format, panels, ROWS)).toEqual(groups);
    const stored = new PanelTensor(format, panelShape(format, [ROWS, COLUMNS]), panels);
    expect(stored.shape).toEqual([ROWS, COLUMNS]);
    expect(stored.bytes).toEqual(groups.quants);
    expect(stored.groupScales).toEqual(groups.scales);
    const m = await machine();
    const placed = wasmMemory(m).place(["o", "i"], [ROWS, COLUMNS], stored);
    const [{ address, bank, stride }] = placedOf(m, placed).matrices;
    expect(m.banks[bank].arena.bytes(address, panels.length)).toEqual(panels);
    expect(stride).toBe((panels.length / ROWS) * PANEL_ROWS);
  });

  it.each([
    [0, 0],
    [13, 2],
    [23, 1],
  ])("with a scale that is infinite in row %d, group %d are refused there", (row, group) => {
    const groups = made(format);
    groups.scales[(row * COLUMNS) / 32 + group] = toF16(Number.POSITIVE_INFINITY);
    const panels = toPanels(format, groups, ROWS);
    const stored = new PanelTensor(format, panelShape(format, [ROWS, COLUMNS]), panels);
    const check = () => checkFinite("w", stored, "w", () => true);
    expect(check).toThrow(
      `w: expected finite numbers, got NaN or infinity at [${row}, ${32 * group}]`,
    );
  });
});
