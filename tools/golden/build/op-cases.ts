/**
 * Single operations with inputs that break naive code: means that cancel, positions near a million,
 * softmaxes that need their largest score taken off, partial blocks.
 *
 * Next: choice-cases.ts, op-file.ts
 * @module
 */

import { seededRandom } from "../../../engine/generate/random.ts";
import { decode, encodeF32 } from "../../../engine/numbers/formats.ts";
import { positionsFrom, ropeTable } from "../../../engine/numbers/rope-table.ts";
import { placeBank } from "../../../engine/ops/expert-bank.ts";
import { latentRows } from "./cached.ts";
import {
  type Dims2,
  type Input,
  list,
  numbers,
  type OpCase,
  tensor,
  weight,
} from "./op-numbers.ts";

function rmsNorm(name: string, breaks: string, size: (row: number) => number): OpCase {
  const x = numbers([3, 16], 1, (v, i) => v * size(Math.floor(i / 16)));
  const gain = numbers([16], 2, (v) => 1 + v / 2);
  const eps = 1e-6;
  return {
    name,
    equation: "y[t,c] = gain[c] · x[t,c] / √(mean_c x[t,c]² + eps)",
    breaks,
    numbers: { eps },
    inputs: { x, gain },
    run: (ops) => ({
      y: ops.rmsNorm(tensor(ops, ["T", "C"] as Dims2, x), weight(ops, ["C"], gain), eps),
    }),
  };
}

function layerNorm(): OpCase {
  const x = numbers([3, 16], 3, (v, i) => [30, -3, 0][Math.floor(i / 16)] + v / 10);
  const gain = numbers([16], 4, (v) => 1 + v / 2);
  const bias = numbers([16], 5);
  const eps = 1e-6;
  return {
    name: "layer-norm-flat",
    equation: "y[t,c] = gain[c] · (x[t,c] − mean) / √(variance + eps) + bias[c]",
    breaks: "variance as mean of squares minus square of mean; the bias left out; eps 1e-5",
    numbers: { eps },
    inputs: { x, gain, bias },
    run: (ops) => {
      const [g, b] = [weight(ops, ["C"], gain), weight(ops, ["C"], bias)];
      return { y: ops.layerNorm(tensor(ops, ["T", "C"] as Dims2, x), g, b, eps) };
    },
  };
}

function rope(): OpCase {
  const [start, theta] = [1_048_573, 8e6];
  const table = ropeTable(positionsFrom(start, 3), 8, theta, "f32");
  const shape = [3, table.nPairs];
  const [cos, sin] = [list(shape, [...table.cos]), list(shape, [...table.sin])];
  const x = numbers([3, 2, 8], 6);
  return {
    name: "rope-far",
    equation:
      "y[t,h,2j] = x[2j]·cos[t,j] − x[2j+1]·sin[t,j]; y[t,h,2j+1] = x[2j+1]·cos[t,j] + x[2j]·sin[t,j]",
    breaks: "halves instead of neighbours; the table of another head; the other way round",
    numbers: { start, theta },
    inputs: { x, cos, sin },
    run: (ops) => {
      const exact = {
        ...table,
        cos: Float64Array.from(cos.data),
        sin: Float64Array.from(sin.data),
      };
      const rotated = ops.ropeInterleaved(
        tensor(ops, ["T", "H", "rope"] as [string, string, "rope"], x),
        exact,
      );
      return { y: rotated };
    },
  };
}

function attention(): OpCase {
  // The second query is flat, so that every row counts, also one that is taken by mistake.
  const steep = (i: number, perQuery: number) => (Math.floor(i / perQuery) === 1 ? 1e-3 : 30);
  const qLatent = numbers([3, 2, 4], 10, (v, i) => v * steep(i, 8));
  const qPe = numbers([3, 2, 2], 11, (v, i) => v * steep(i, 4));
  const latent = numbers([5, 4], 12, (v) => v * 30);
  const kPe = numbers([5, 2], 13, (v) => v * 30);
  const rows: Input = { shape: [3, 3], data: Int32Array.of(0, -1, -1, 1, 3, -1, 0, 2, 4) };
  const scale = 0.25;
  return {
    name: "attention-steep",
    equation:
      "p = softmax_{s in rows[t], s ≥ 0}(scale · (qLatent[t,h]·latent[s] + qPe[t,h]·kPe[s])); y[t,h] = Σ_s p[s] latent[s]",
    breaks: "exp without the largest score taken off (NaN); −1 read as row 0; rope part left out",
    numbers: { scale },
    inputs: { qLatent, qPe, latent, kPe, rows },
    run: (ops) => {
      const past = latentRows(
        ops,
        tensor(ops, ["S", "kvLora"] as ["S", "kvLora"], latent),
        tensor(ops, ["S", "rope"] as ["S", "rope"], kPe),
      );
      return {
        y: ops.latentAttention(
          tensor(ops, ["T", "H", "kvLora"] as [string, "H", "kvLora"], qLatent),
          tensor(ops, ["T", "H", "rope"] as [string, "H", "rope"], qPe),
          past,
          { dims: ["T", "K"], shape: [3, 3], data: Int32Array.from(rows.data) },
          scale,
        ),
      };
    },
  };
}

function experts(): OpCase {
  const x = numbers([3, 6], 15, (v) => 4 * v);
  const gate = numbers([4, 5, 6], 16, (v) => 3 * v);
  const up = numbers([4, 5, 6], 17);
  const down = numbers([4, 6, 5], 18);
  const chosen: Input = { shape: [3, 2], data: Int32Array.of(0, 3, 1, 2, 0, 1) };
  const weights = list([3, 2], [2.5, 0, 1, 1.5, 0.125, 2.375]);
  return {
    name: "experts-lopsided",
    equation: "y[t] = Σ_a weights[t,a] · down[e] (silu(gate[e] x) ⊙ up[e] x), e = experts[t,a]",
    breaks: "gate and up swapped; weights of another place; silu on the product",
    numbers: {},
    inputs: { x, gate, up, down, experts: chosen, weights },
    run: (ops) => {
      const routing = {
        experts: {
          dims: ["T", "A"] as ["T", "A"],
          shape: [3, 2] as const,
          data: Int32Array.from(chosen.data),
        },
        weights: tensor(ops, ["T", "A"] as ["T", "A"], weights),
      };
      const raw = ({ shape, data }: Input) => encodeF32(shape, Float32Array.from(data));
      const bank = placeBank(ops, raw(gate), raw(up), raw(down));
      return { y: ops.experts(tensor(ops, ["T", "hidden"] as ["T", "hidden"], x), routing, bank) };
    },
  };
}

function siluMul(): OpCase {
  const gate = list([1, 10], [0, -0, 1e-30, -1, 1, -20, 88.8, -88.8, 1000, -1000]);
  const up = list([1, 10], [1, 1, 1e30, 2, -2, 3, 1, 1, 1, 1]);
  return {
    name: "silu-steep",
    equation: "y = gate / (1 + exp(−gate)) · up",
    breaks: "exp(−gate) overflows to NaN; another gate function",
    numbers: {},
    inputs: { gate, up },
    run: (ops) => ({
      y: ops.siluMul(tensor(ops, ["T", "C"] as Dims2, gate), tensor(ops, ["T", "C"] as Dims2, up)),
    }),
  };
}

function fp8Blocks(): OpCase {
  const shape = [130, 131];
  const codes = seededRandom(21);
  // Every code but the two of NaN, then any of them.
  const w = Uint8Array.from({ length: 130 * 131 }, (_, i) => {
    const code = i < 256 ? i : Math.floor(256 * codes());
    return (code & 127) === 127 ? 0 : code;
  });
  const scales = list([2, 2], [1, 0.25, 7, 1e-3]);
  const floats = Float32Array.from(scales.data);
  return {
    name: "fp8-partial-blocks",
    equation: "y[i,j] = f32(w[i,j] · scale[⌊i/128⌋, ⌊j/128⌋])",
    breaks: "partial blocks left out, or scaled like the block before; divided by the scale",
    numbers: { block: 128 },
    inputs: { w: { shape, data: w }, scale: scales },
    run: () => ({
      y: { shape, data: decode({ dtype: "F8_E4M3", shape, bytes: w, scales: floats }) },
    }),
  };
}

/** All of them. */
export const NUMBER_CASES: readonly OpCase[] = [
  rmsNorm("rms-norm-tiny", "eps 1e-5 for 1e-6; eps outside the root", (row) => 10 ** (-2 - row)),
  rmsNorm("rms-norm-huge", "squares in f16", (row) => 10 ** (6 * row + 5)),
  layerNorm(),
  rope(),
  attention(),
  siluMul(),
  experts(),
  fp8Blocks(),
];
