/**
 * What treats each token or each number alone: embedding, norms, rotation, router, SwiGLU, sums.
 * @module
 */
import { FP8_BLOCK, GROUP } from "../../numbers/raw-tensor.ts";
import { describe, ShapeError } from "../../tensor.ts";
import type { Ops } from "../ops.ts";
import type { Machine } from "./machine.ts";
import { type Matrix, PANEL, padded, placedOf, vectorOf } from "./placed.ts";
import { share } from "./team.ts";

/** A sigmoid costs about as much as so many multiplications. */
const PRODUCTS_OF_SIGMOID = 32;

/** {@link Ops.embed} */
export const embed =
  (machine: Machine): Ops["embed"] =>
  (tokens, table) => {
    const [nVocab, nHidden] = table.shape;
    const [matrix] = placedOf(machine, table).matrices;
    const data = machine.arena.newFloats(tokens.length * nHidden);
    const { arena } = machine.banks[matrix.bank];
    const mark = arena.mark();
    // The kernels write whole padded rows, and of panels eight rows at once.
    const row = arena.scratch(4 * PANEL * padded(nHidden));
    tokens.forEach((token, t) => {
      if (!(token >= 0 && token < nVocab)) {
        throw new ShapeError(`embed: token ${token} at ${t} is outside 0 … ${nVocab - 1}`);
      }
      const at = widenRow(machine, matrix, token, nHidden, row);
      data.set(arena.floats(at, nHidden), t * nHidden);
    });
    arena.release(mark);
    return { dims: ["T", "hidden"], shape: [tokens.length, nHidden], data };
  };

/** Where one row of a matrix stands in f32: at `to`, or in the matrix itself. */
function widenRow(
  { banks }: Machine,
  { format, bank, address, stride, scales }: Matrix,
  row: number,
  nColumns: number,
  to: number,
): number {
  const { arena, kernels } = banks[bank];
  const at = address + row * stride;
  switch (format) {
    case "F32":
      return at;
    case "BF16":
      kernels.widenBf16(to, at, padded(nColumns));
      return to;
    case "F16":
      kernels.widenRowF16(to, at, padded(nColumns));
      return to;
    case "FP8": {
      const block = Math.floor(row / FP8_BLOCK) * Math.ceil(nColumns / FP8_BLOCK);
      kernels.widenFp8(to, at, scales + 4 * block, padded(nColumns));
      return to;
    }
    case "Q8":
    case "Q4": {
      const widen = format === "Q8" ? kernels.widenQ8 : kernels.widenQ4;
      const panel = address + Math.floor(row / PANEL) * stride;
      widen(to, 4 * nColumns, panel, nColumns / GROUP, arena.scratch(4 * PANEL));
      return to + 4 * (row % PANEL) * nColumns;
    }
    default:
      return format satisfies never;
  }
}

/** {@link Ops.rmsNorm} */
export const rmsNorm =
  (machine: Machine): Ops["rmsNorm"] =>
  (x, gain, eps) => {
    const { arena, kernels } = machine;
    const [nT, nC] = x.shape;
    if (gain.shape[0] !== nC) {
      throw new ShapeError(`rmsNorm: x ${describe(x)} against gain ${describe(gain)}`);
    }
    const g = vectorOf(machine, gain);
    const data = arena.newFloats(nT * nC);
    kernels.rmsNorm(data.byteOffset, arena.addressOf(x.data), g.byteOffset, nT, nC, eps);
    return { dims: x.dims, shape: x.shape, data };
  };

/** {@link Ops.layerNorm} */
export const layerNorm =
  (machine: Machine): Ops["layerNorm"] =>
  (x, gain, bias, eps) => {
    const { arena, kernels } = machine;
    const [nT, nC] = x.shape;
    if (gain.shape[0] !== nC || bias.shape[0] !== nC) {
      throw new ShapeError(
        `layerNorm: x ${describe(x)} against gain ${describe(gain)} and bias ${describe(bias)}`,
      );
    }
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
    const shape: readonly number[] = x.shape;
    const nT = shape[0];
    const nH = shape.length === 3 ? shape[1] : 1;
    const nPairs = shape[shape.length - 1] / 2;
    if (nPairs !== table.nPairs || nT * nPairs !== table.cos.length) {
      throw new ShapeError(
        `ropeInterleaved: x ${describe(x)} against a table of ${table.cos.length / table.nPairs} positions, ${table.nPairs} pairs`,
      );
    }
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
    const { arena, team } = machine;
    const [nT, nE] = logits.shape;
    const { nActive, nGroup, topkGroup, normTopkProb, scale } = rule;
    if (bias.shape[0] !== nE || nActive > nE) {
      throw new ShapeError(
        `route: logits ${describe(logits)} against bias ${describe(bias)}, ${nActive} active`,
      );
    }
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
    if (gate.shape[0] !== up.shape[0] || gate.shape[1] !== up.shape[1]) {
      throw new ShapeError(`siluMul: gate ${describe(gate)} against up ${describe(up)}`);
    }
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
    if (a.shape[0] !== b.shape[0] || a.shape[1] !== b.shape[1]) {
      throw new ShapeError(`add: a ${describe(a)} against b ${describe(b)}`);
    }
    const n = a.data.length;
    const data = arena.newFloats(n);
    kernels.add(data.byteOffset, arena.addressOf(a.data), arena.addressOf(b.data), n);
    return { dims: a.dims, shape: a.shape, data };
  };
