/**
 * The ops that treat each token, or each number, by itself: embedding, norms, rotation, router, SwiGLU
 * and sums.
 * @module
 */

import { FP8_BLOCK, GROUP } from "../../numbers/raw-tensor.ts";
import {
  checkAdd,
  checkEmbed,
  checkLayerNorm,
  checkRmsNorm,
  checkRope,
  checkRoute,
  checkSiluMul,
} from "../doors.ts";
import type { Ops } from "../ops.ts";
import type { Machine } from "./machine.ts";
import { type Matrix, padded, placedOf, vectorOf } from "./placed.ts";
import { share } from "./team.ts";

/** One sigmoid takes about as long as so many multiplications. */
const PRODUCTS_OF_SIGMOID = 32;

/** {@link Ops.embed} */
export const embed =
  (machine: Machine): Ops["embed"] =>
  (tokens, table) => {
    checkEmbed(tokens, table);
    const [, nHidden] = table.shape;
    const [matrix] = placedOf(machine, table).matrices;
    const data = machine.arena.newFloats(tokens.length * nHidden);
    const { arena } = machine.banks[matrix.bank];
    const mark = arena.mark();
    // The kernels write whole padded rows, and of a panel all its rows at once.
    const row = arena.scratch(4 * machine.layout.panelRows * padded(machine, nHidden));
    tokens.forEach((token, t) => {
      const at = widenRow(machine, matrix, token, nHidden, row);
      data.set(arena.floats(at, nHidden), t * nHidden);
    });
    arena.release(mark);
    return { dims: ["T", "hidden"], shape: [tokens.length, nHidden], data };
  };

/** Where one row of a matrix stands in f32: at `to`, or in the matrix itself. */
function widenRow(
  machine: Machine,
  { format, bank, address, stride, scales }: Matrix,
  row: number,
  nColumns: number,
  to: number,
): number {
  const { arena, kernels } = machine.banks[bank];
  const at = address + row * stride;
  switch (format) {
    case "F32":
      return at;
    case "BF16":
      kernels.widenBf16(to, at, padded(machine, nColumns));
      return to;
    case "F16":
      kernels.widenRowF16(to, at, padded(machine, nColumns));
      return to;
    case "FP8": {
      const block = Math.floor(row / FP8_BLOCK) * Math.ceil(nColumns / FP8_BLOCK);
      kernels.widenFp8(to, at, scales + 4 * block, 0, padded(machine, nColumns));
      return to;
    }
    case "Q8":
    case "Q4": {
      const { panelRows } = machine.layout;
      const widen = format === "Q8" ? kernels.widenQ8 : kernels.widenQ4;
      const panel = address + Math.floor(row / panelRows) * stride;
      widen(to, 4 * nColumns, panel, nColumns / GROUP, arena.scratch(4 * panelRows));
      return to + 4 * (row % panelRows) * nColumns;
    }
    default:
      return format satisfies never;
  }
}

/** {@link Ops.rmsNorm} */
export const rmsNorm =
  (machine: Machine): Ops["rmsNorm"] =>
  (x, gain, eps) => {
    checkRmsNorm(x, gain);
    const { arena, kernels } = machine;
    const [nT, nC] = x.shape;
    const g = vectorOf(machine, gain);
    const data = arena.newFloats(nT * nC);
    kernels.rmsNorm(data.byteOffset, arena.addressOf(x.data), g.byteOffset, nT, nC, eps);
    return { dims: x.dims, shape: x.shape, data };
  };

/** {@link Ops.layerNorm} */
export const layerNorm =
  (machine: Machine): Ops["layerNorm"] =>
  (x, gain, bias, eps) => {
    checkLayerNorm(x, gain, bias);
    const { arena, kernels } = machine;
    const [nT, nC] = x.shape;
    const g = vectorOf(machine, gain).byteOffset;
    const b = vectorOf(machine, bias).byteOffset;
    const data = arena.newFloats(nT * nC);
    kernels.layerNorm(data.byteOffset, arena.addressOf(x.data), g, b, nT, nC, eps);
    return { dims: x.dims, shape: x.shape, data };
  };

/** {@link Ops.ropeInterleaved} */
export const ropeInterleaved =
  ({ arena, kernels }: Machine): Ops["ropeInterleaved"] =>
  (x, table) => {
    checkRope(x, table);
    const { nPairs } = table;
    const nT = x.shape[0];
    const nH = x.shape.length === 3 ? x.shape[1] : 1;
    const data = arena.newFloats(x.data.length);
    const mark = arena.mark();
    const from = arena.addressOf(x.data);
    const cos = arena.addressOf(table.cos);
    const sin = arena.addressOf(table.sin);
    kernels.ropeInterleaved(data.byteOffset, from, cos, sin, nT, nH, nPairs);
    arena.release(mark);
    return { dims: x.dims, shape: x.shape, data };
  };

/** {@link Ops.route} */
export const route =
  (machine: Machine): Ops["route"] =>
  (logits, bias, rule) => {
    checkRoute(logits, bias, rule);
    const { arena, team } = machine;
    const [nT, nE] = logits.shape;
    const { nActive, nGroup, topkGroup, normTopkProb, scale } = rule;
    const experts = arena.newInts(nT * nActive).fill(0);
    const weights = arena.newFloats(nT * nActive).fill(0);
    const mark = arena.mark();
    const from = arena.addressOf(logits.data);
    const b = vectorOf(machine, bias).byteOffset;
    const scratchBytes = machine.kernels.routeScratchBytes(nE, nGroup);
    team.run(nT * nE * PRODUCTS_OF_SIGMOID, (kernels, part, parts) => {
      const [first, end] = share(nT, 1, part, parts);
      if (first === end) return;
      const scratch = arena.scratch(scratchBytes);
      const to = 4 * first * nActive;
      // biome-ignore format: one line per call
      kernels.route(experts.byteOffset + to, weights.byteOffset + to, from + 4 * first * nE, b, end - first, nE, nActive, nGroup, topkGroup, Number(normTopkProb), scale, scratch);
    });
    arena.release(mark);
    const shape = [nT, nActive] as const;
    return {
      experts: { dims: ["T", "A"], shape, data: experts },
      weights: { dims: ["T", "A"], shape, data: weights },
    };
  };

/** {@link Ops.siluMul} */
export const siluMul =
  ({ arena, kernels }: Machine): Ops["siluMul"] =>
  (gate, up) => {
    checkSiluMul(gate, up);
    const n = gate.data.length;
    const data = arena.newFloats(n);
    const [g, u] = [arena.addressOf(gate.data), arena.addressOf(up.data)];
    kernels.siluMul(data.byteOffset, g, u, n);
    return { dims: gate.dims, shape: gate.shape, data };
  };

/** {@link Ops.add} */
export const add =
  ({ arena, kernels }: Machine): Ops["add"] =>
  (a, b) => {
    checkAdd(a, b);
    const n = a.data.length;
    const data = arena.newFloats(n);
    kernels.add(data.byteOffset, arena.addressOf(a.data), arena.addressOf(b.data), n);
    return { dims: a.dims, shape: a.shape, data };
  };
