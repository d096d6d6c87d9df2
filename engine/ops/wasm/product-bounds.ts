/**
 * Bounds of products with matrices, and of the experts, which are three products.
 *
 * Next: bounds.ts
 * @module
 */

import type { Floats, Tensor, Weight } from "../../base/tensor.ts";
import { F32_ROUNDING, F32_TINY } from "../../numbers/formats.ts";
import { sigmoid } from "../../numbers/math.ts";
import { GROUP } from "../../numbers/raw-tensor.ts";
import type { Bound } from "../checked.ts";
import { visitsOf } from "../expert-bank.ts";
import type { Activations, ExpertBank, Routing } from "../ops.ts";
import { int8Rows } from "../reference/int8-rows.ts";
import { floatsOf, isGrouped } from "../reference/memory.ts";
import { dotGamma, dots, gamma, siluMulOff } from "./error-terms.ts";

/** Rows as a product with `w` sees them, and how many roundings its sum has. */
interface Seen {
  readonly rows: Floats;
  readonly gamma: number;
}

type See = (x: Tensor, w: Weight) => Seen;

/** All products in f32. */
const inF32: See = (x) => ({ rows: x.data, gamma: dotGamma(x.shape[x.shape.length - 1]) });

/** Products with groups in int8: exact inside a group, then d · s, the product, and the sum. */
const inInt8: See = (x, w) => {
  if (!isGrouped(w)) return inF32(x, w);
  const nGroups = x.shape[x.shape.length - 1] / GROUP;
  return { rows: int8Rows(x).data, gamma: gamma(nGroups + 2) };
};

const linear =
  (see: See): Bound =>
  (args, want) => {
    const [x, w] = args as [Tensor<["T", "I"]>, Weight];
    const [nT, nI] = x.shape;
    const nO = w.shape[0];
    const weights = floatsOf(w);
    const { rows, gamma } = see(x, w);
    return Float64Array.from(want.data, (_, at) => {
      const [t, o] = [Math.floor(at / nO) % nT, at % nO];
      const [, size] = dots(rows, t * nI, weights, o * nI, nI);
      return gamma * size + nI * F32_TINY;
    });
  };

const perHead =
  (see: See): Bound =>
  (args, want) => {
    const [x, w] = args as [Tensor<["T", "H", "I"]>, Weight];
    const [, nH, nI] = x.shape;
    const nO = w.shape[1];
    const weights = floatsOf(w);
    const { rows, gamma } = see(x, w);
    return Float64Array.from(want.data, (_, at) => {
      const row = Math.floor(at / nO); // t * nH + h
      const [, size] = dots(rows, row * nI, weights, ((row % nH) * nO + (at % nO)) * nI, nI);
      return gamma * size + nI * F32_TINY;
    });
  };

/** Gate, up, SwiGLU and down one after the other; the slope of silu is below 1.1. */
const experts =
  (see: See): Bound =>
  (args, want) => {
    const [x, routing, bank] = args as [Tensor<["T", "hidden"]>, Routing, ExpertBank];
    const { nMoe, nHidden } = bank;
    const [, nA] = routing.experts.shape;
    const limit = new Float64Array(want.data.length);
    const inner = new Float64Array(nMoe);
    const innerOff = new Float64Array(nMoe);
    for (const { expert, tokens, weights } of visitsOf(routing, bank)) {
      const [gate, up, down] = [expert.gate, expert.up, expert.down].map(floatsOf);
      const [seenByGate, seenByUp] = [see(x, expert.gate), see(x, expert.up)];
      tokens.forEach((t, i) => {
        for (let m = 0; m < nMoe; m++) {
          const at = m * nHidden;
          const [g, sizeG] = dots(seenByGate.rows, t * nHidden, gate, at, nHidden);
          const [v, sizeV] = dots(seenByUp.rows, t * nHidden, up, at, nHidden);
          const dg = seenByGate.gamma * sizeG + nHidden * F32_TINY;
          const dv = seenByUp.gamma * sizeV + nHidden * F32_TINY;
          const silu = g * sigmoid(g);
          const moved = 1.1 * dg * (Math.abs(v) + dv) + Math.abs(silu) * dv;
          inner[m] = silu * v;
          innerOff[m] =
            moved + siluMulOff(Math.abs(inner[m]) + moved, Math.abs(g) + dg, Math.abs(v) + dv);
        }
        const row: Tensor = { dims: ["moe"], shape: [nMoe], data: inner };
        const seen = see(row, expert.down);
        const seenOff = seen.rows === inner ? innerOff : int8Off(inner, innerOff);
        const weight = Math.abs(weights[i]);
        for (let o = 0; o < nHidden; o++) {
          const at = o * nMoe;
          const [d, size] = dots(seen.rows, 0, down, at, nMoe);
          let moved = 0;
          for (let m = 0; m < nMoe; m++) moved += Math.abs(down[at + m]) * seenOff[m];
          const off = moved + seen.gamma * (size + moved) + nMoe * F32_TINY;
          const sums = gamma(nA + 1) * (Math.abs(d) + off);
          limit[t * nHidden + o] += weight * (off + sums) + F32_TINY;
        }
      });
    }
    return limit;
  };

/**
 * How far `int8Rows` of `x` may move when `x` moves by `off`. The scale moves with the largest
 * number; a quotient that comes near enough to a half may be rounded to the other side.
 */
function int8Off(x: Float64Array, off: Float64Array): Float64Array {
  const result = new Float64Array(x.length);
  for (let from = 0; from < x.length; from += GROUP) {
    const group = x.subarray(from, from + GROUP);
    const offs = off.subarray(from, from + GROUP);
    const d = group.reduce((m, v) => Math.max(m, Math.abs(v)), 0) / 127;
    const dOff = offs.reduce((m, v) => Math.max(m, v), 0) / 127 + F32_ROUNDING * d + F32_TINY;
    if (d === 0) continue;
    group.forEach((v, i) => {
      const q = v / d;
      const qOff = (offs[i] + Math.abs(q) * dOff) / (d - dOff) + 3 * F32_ROUNDING * Math.abs(q);
      const toHalf = Math.abs(Math.abs(q - Math.trunc(q)) - 0.5);
      const flips = qOff >= toHalf ? Math.floor(qOff - toHalf) + 1 : 0;
      result[from + i] = flips * (d + dOff) + (Math.abs(q) + 0.5) * dOff;
    });
  }
  return result;
}

/** The bounds of products, with activations as they are. */
export function productBounds(
  activations: Activations,
): Readonly<Record<"linear" | "perHead" | "experts", Bound>> {
  const see = activations === "int8" ? inInt8 : inF32;
  return { linear: linear(see), perHead: perHead(see), experts: experts(see) };
}
