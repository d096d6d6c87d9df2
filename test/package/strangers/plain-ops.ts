/**
 * A backend of somebody else: thirteen ops and the placing of weights, on plain arrays of numbers. The
 * memory of caches and the wiring are those of the reference.
 *
 * A test compiles it against the installed package.
 * @module
 */
import {
  decodeTensor,
  type Mark,
  type Ops,
  type RawTensor,
  referenceOps,
  type Shape,
  storedKeys,
  storedLatents,
  type Tensor,
  visitsOf,
  type Weight,
} from "glm52.ts";

const base = referenceOps("f32");

/** Where this backend keeps a weight. */
interface Home {
  readonly numbers: number[];
}

const numbersOf = (w: Weight): number[] => (w.home as Home).numbers;
const plain = (raw: RawTensor): number[] => Array.from(decodeTensor(raw));
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Row `r` of numbers that are `n` wide. */
const row = (x: ArrayLike<number>, r: number, n: number): number[] =>
  Array.from({ length: n }, (_, i) => x[r * n + i]);

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * b[i], 0);

/** `w · x` for the matrix `w` that begins with row `first`. */
const times = (w: number[], first: number, nRows: number, x: readonly number[]): number[] =>
  Array.from({ length: nRows }, (_, o) => dot(x, row(w, first + o, x.length)));

/** A tensor like `x` with other numbers. */
const like = <D extends readonly string[]>(x: Tensor<D>, values: number[]): Tensor<D> => ({
  dims: x.dims,
  shape: x.shape,
  data: Float32Array.from(values),
});

/** The `k` best of some scores, equal ones by the smaller number, in ascending order. */
function best(scores: readonly number[], k: number): number[] {
  const seen = scores.map((_, i) => i).filter((i) => scores[i] > Number.NEGATIVE_INFINITY);
  const ranked = seen.sort((a, b) => scores[b] - scores[a] || a - b);
  return ranked.slice(0, k).sort((a, b) => a - b);
}

/** The backend. */
export const plainOps: Ops = {
  ...base,
  backend: "plain arrays",

  place<const D extends readonly string[]>(dims: D, shape: Shape<D>, raw: RawTensor): Weight<D> {
    const home: Home = { numbers: plain(raw) };
    return { dims, shape, home };
  },

  // The numbers of an op are its own: nothing is freed but by the garbage collector.
  mark: (): Mark => 0,
  keep: (_mark, a, b) => [a, b],
  release: () => {},

  embed(tokens, table) {
    const nHidden = table.shape[1];
    const values = Array.from(tokens, (id) => row(numbersOf(table), id, nHidden)).flat();
    return base.tensor(["T", "hidden"], [tokens.length, nHidden], values);
  },

  linear(x, w) {
    const [nT, nI] = x.shape;
    const [nO] = w.shape;
    const rows = Array.from({ length: nT }, (_, t) => row(x.data, t, nI));
    const values = rows.flatMap((r) => times(numbersOf(w), 0, nO, r));
    return base.tensor([x.dims[0], w.dims[0]], [nT, nO], values);
  },

  perHead(x, w) {
    const [nT, nH, nI] = x.shape;
    const nO = w.shape[1];
    const values = Array.from({ length: nT * nH }, (_, r) =>
      times(numbersOf(w), (r % nH) * nO, nO, row(x.data, r, nI)),
    ).flat();
    return base.tensor([x.dims[0], x.dims[1], w.dims[1]], [nT, nH, nO], values);
  },

  rmsNorm(x, gain, eps) {
    const [nT, nC] = x.shape;
    const values = Array.from({ length: nT }, (_, t) => {
      const r = row(x.data, t, nC);
      const scale = 1 / Math.sqrt(dot(r, r) / nC + eps);
      return r.map((value, c) => value * scale * numbersOf(gain)[c]);
    });
    return like(x, values.flat());
  },

  layerNorm(x, gain, bias, eps) {
    const [nT, nC] = x.shape;
    const values = Array.from({ length: nT }, (_, t) => {
      const r = row(x.data, t, nC);
      const mean = r.reduce((sum, value) => sum + value, 0) / nC;
      const centred = r.map((value) => value - mean);
      const scale = 1 / Math.sqrt(dot(centred, centred) / nC + eps);
      return centred.map((value, c) => value * scale * numbersOf(gain)[c] + numbersOf(bias)[c]);
    });
    return like(x, values.flat());
  },

  ropeInterleaved(x, { nPairs, cos, sin }) {
    const rowsPerToken = x.data.length / x.shape[0] / (2 * nPairs);
    const values = Array.from(x.data, (value, i) => {
      const pair = Math.floor(i / 2) % nPairs;
      const at = Math.floor(i / (2 * nPairs * rowsPerToken)) * nPairs + pair;
      return i % 2 === 0
        ? value * cos[at] - x.data[i + 1] * sin[at]
        : x.data[i - 1] * sin[at] + value * cos[at];
    });
    return like(x, values);
  },

  indexScores(idxQ, idxK, idxW, start, scale) {
    const [nT, nH, nD] = idxQ.shape;
    const keys = storedKeys(idxK).data;
    const values: number[] = [];
    for (let t = 0; t < nT; t++) {
      for (let s = 0; s < idxK.nS; s++) {
        const key = row(keys, s, nD);
        const heads = Array.from({ length: nH }, (_, j) => t * nH + j);
        const sum = heads.map((h) => idxW.data[h] * Math.max(0, dot(row(idxQ.data, h, nD), key)));
        const score = sum.reduce((a, b) => a + b, 0) * scale;
        values.push(s > start + t ? Number.NEGATIVE_INFINITY : score);
      }
    }
    return base.tensor([idxQ.dims[0], "S"], [nT, idxK.nS], values);
  },

  topK(scores, k) {
    const [nT, nS] = scores.shape;
    const nK = Math.min(k, nS);
    const data = new Int32Array(nT * nK).fill(-1);
    for (let t = 0; t < nT; t++) data.set(best(row(scores.data, t, nS), nK), t * nK);
    return { dims: [scores.dims[0], "K"], shape: [nT, nK], data };
  },

  latentAttention(qLatent, qPe, past, topK, scale) {
    const [nT, nH, nC] = qLatent.shape;
    const [nR, nK] = [qPe.shape[2], topK.shape[1]];
    const { latent, kPe } = storedLatents(past);
    const values: number[] = [];
    for (let h = 0; h < nT * nH; h++) {
      const chosen = row(topK.data, Math.floor(h / nH), nK).filter((s) => s >= 0);
      const rows = chosen.map((s) => row(latent.data, s, nC));
      const z = chosen.map(
        (s, i) =>
          scale *
          (dot(row(qLatent.data, h, nC), rows[i]) +
            dot(row(qPe.data, h, nR), row(kPe.data, s, nR))),
      );
      const max = Math.max(...z);
      const p = z.map((value) => Math.exp(value - max));
      const total = p.reduce((a, b) => a + b, 0);
      for (let c = 0; c < nC; c++)
        values.push(p.reduce((a, w, i) => a + w * rows[i][c], 0) / total);
    }
    return like(qLatent, values);
  },

  route(logits, bias, { nActive, nGroup, normTopkProb, scale }) {
    if (nGroup !== 1) throw new Error("this backend has no groups of experts");
    const [nT, nE] = logits.shape;
    const experts: number[] = [];
    const weights: number[] = [];
    for (let t = 0; t < nT; t++) {
      const scores = row(logits.data, t, nE).map(sigmoid);
      const chosen = best(
        scores.map((score, e) => score + numbersOf(bias)[e]),
        nActive,
      );
      const sum = normTopkProb ? chosen.reduce((a, e) => a + scores[e], 0) + 1e-20 : 1;
      experts.push(...chosen);
      weights.push(...chosen.map((e) => (scores[e] / sum) * scale));
    }
    const shape = [nT, nActive] as const;
    return {
      experts: { dims: ["T", "A"], shape, data: Int32Array.from(experts) },
      weights: base.tensor(["T", "A"], shape, weights),
    };
  },

  experts(x, routing, bank) {
    const { nMoe, nHidden } = bank;
    const values = new Array<number>(x.data.length).fill(0);
    for (const { expert, tokens, weights } of visitsOf(routing, bank)) {
      const [gate, up, down] = [expert.gate, expert.up, expert.down].map(numbersOf);
      tokens.forEach((t, i) => {
        const g = times(gate, 0, nMoe, row(x.data, t, nHidden));
        const u = times(up, 0, nMoe, row(x.data, t, nHidden));
        const inner = g.map((value, m) => value * sigmoid(value) * u[m]);
        times(down, 0, nHidden, inner).forEach((value, o) => {
          values[t * nHidden + o] += weights[i] * value;
        });
      });
    }
    return like(x, values);
  },

  siluMul: (gate, up) =>
    like(
      gate,
      Array.from(gate.data, (value, i) => value * sigmoid(value) * up.data[i]),
    ),

  add: (a, b) =>
    like(
      a,
      Array.from(a.data, (value, i) => value + b.data[i]),
    ),
};
