/**
 * The two halves of a `kv_b_proj` in groups, q8 or q4. The values are placed as any matrix in groups. The keys
 * are turned, which would cut their groups, so they become f32: packed, widened and turned by kernels, head
 * by head.
 *
 * Next: kv-halves.ts
 * @module
 */
import { GROUP, type RawTensor } from "../../numbers/raw-tensor.ts";
import { valueRows } from "../../numbers/split-kv-b.ts";
import type { KvUpWeights } from "../ops.ts";
import type { Machine } from "./machine.ts";
import { type Ground, type Matrix, type Placed, padded, place } from "./placed.ts";

/** Which heads, and how they are cut. */
export interface Heads {
  readonly nH: number;
  /** Rows of a head that are keys. */
  readonly nope: number;
  /** Rows of a head that are values. */
  readonly v: number;
  readonly kvLora: number;
}

/** Places both halves; undefined where rows would have to be filled up. */
export function placeGroups(
  machine: Machine,
  ground: Ground,
  raw: RawTensor,
  heads: Heads,
): KvUpWeights | undefined {
  const { nH, nope, v, kvLora } = heads;
  const isWhole = [nope, kvLora].every((n) => padded(machine, n) === n);
  if (!isWhole || nope % machine.layout.panelRows !== 0) return undefined;
  const keyBytes = 4 * nope * kvLora;
  const bank = ground.bankFor(nH * keyBytes);
  const keys = ground.take(bank, nH * keyBytes);
  const matrices = Array.from({ length: nH }, (_, h): Matrix => {
    const address = keys + h * keyBytes;
    turnKeysOf(machine, raw, heads, { h, bank, address });
    return {
      ...{ format: "F32", bank, address, stride: 4 * nope },
      ...{ scales: 0, firstRow: 0, firstColumn: 0 },
    };
  });
  const home: Placed = { machine, matrices };
  return {
    kUp: { dims: ["H", "kvLora", "nope"], shape: [nH, kvLora, nope], home },
    vUp: place(machine, ground)(["H", "v", "kvLora"], [nH, v, kvLora], valueRows(raw, nH, nope, v)),
  };
}

/** Widens and turns the keys of one head. */
function turnKeysOf(
  { banks, layout }: Machine,
  { dtype, bytes, groupScales = new Uint16Array() }: RawTensor,
  { nH, nope, v, kvLora }: Heads,
  { h, bank, address }: { readonly h: number; readonly bank: number; readonly address: number },
): void {
  const { arena, kernels } = banks[bank];
  const isQ8 = dtype === "Q8";
  const nGroups = kvLora / GROUP;
  const rowBytes = bytes.length / (nH * (nope + v));
  const first = h * (nope + v);
  const mark = arena.mark();
  const quants = arena.scratch(nope * rowBytes);
  arena
    .bytes(quants, nope * rowBytes)
    .set(bytes.subarray(first * rowBytes, (first + nope) * rowBytes));
  const scales = arena.scratch(2 * nope * nGroups);
  arena
    .halfs(scales, nope * nGroups)
    .set(groupScales.subarray(first * nGroups, (first + nope) * nGroups));
  const panelBytes = nGroups * layout.groupBytes[isQ8 ? "Q8" : "Q4"];
  const nPanels = nope / layout.panelRows;
  const panels = arena.scratch(nPanels * panelBytes);
  const wide = arena.scratch(4 * nope * kvLora);
  const scratch = arena.scratch(4 * layout.panelRows);
  kernels[isQ8 ? "packQ8" : "packQ4"](panels, quants, scales, nope, nGroups);
  const widen = isQ8 ? kernels.widenQ8 : kernels.widenQ4;
  for (let p = 0; p < nPanels; p++) {
    const to = wide + 4 * p * layout.panelRows * kvLora;
    widen(to, 4 * kvLora, panels + p * panelBytes, nGroups, scratch);
  }
  kernels.turn32(address, wide, 4 * kvLora, nope, kvLora);
  arena.release(mark);
}
