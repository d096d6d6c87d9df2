/**
 * What an op checks of its arguments before it works. The compiler checks the names of axes; here are
 * the lengths, and the numbers that name a row or an expert. All backends use the same doors, so a
 * wrong call fails in the same way in each.
 *
 * Every function throws a {@link ShapeError} that shows both sides, and returns nothing.
 * @module
 */

import { OverflowError } from "../base/errors.ts";
import { type Dims, describe, type Indices, ShapeError, sizeOf } from "../base/tensor.ts";
import type { RawTensor } from "../numbers/raw-tensor.ts";
import type { RopeTable } from "../numbers/rope-table.ts";
import { NO_ROW } from "./no-row.ts";
import type { ExpertBank, KeyRows, LatentRows, RouteRule, Routing } from "./ops.ts";

/** A tensor, weight or list of indices, of which a door needs only the axes. */
interface Shaped {
  readonly dims: Dims;
  readonly shape: readonly number[];
}

/** A parameter that is placed whole has as many numbers as its shape says. */
export function checkPlace(dims: Dims, shape: readonly number[], raw: RawTensor): void {
  const given = sizeOf(raw.shape);
  if (given === sizeOf(shape)) return;
  throw new ShapeError(`place ${describe({ dims, shape })}: ${given} values`);
}

/** A tensor from outside has as many numbers as its shape says. */
export function checkTensor(dims: Dims, shape: readonly number[], values: ArrayLike<number>): void {
  if (values.length === sizeOf(shape)) return;
  throw new ShapeError(`tensor ${describe({ dims, shape })}: ${values.length} values`);
}

export function checkEmbed(tokens: Int32Array, { shape: [nVocab] }: Shaped): void {
  const t = tokens.findIndex((token) => !(token >= 0 && token < nVocab));
  if (t < 0) return;
  throw new ShapeError(`embed: token ${tokens[t]} at ${t} is outside 0 … ${nVocab - 1}`);
}

export function checkLinear(x: Shaped, w: Shaped): void {
  if (w.shape[1] === x.shape[1]) return;
  throw new ShapeError(`linear: x ${describe(x)} against w ${describe(w)}`);
}

export function checkPerHead(x: Shaped, w: Shaped): void {
  const [, nH, nI] = x.shape;
  if (w.shape[0] === nH && w.shape[2] === nI) return;
  throw new ShapeError(`perHead: x ${describe(x)} against w ${describe(w)}`);
}

export function checkRmsNorm(x: Shaped, gain: Shaped): void {
  if (gain.shape[0] === x.shape[1]) return;
  throw new ShapeError(`rmsNorm: x ${describe(x)} against gain ${describe(gain)}`);
}

export function checkLayerNorm(x: Shaped, gain: Shaped, bias: Shaped): void {
  const [, nC] = x.shape;
  if (gain.shape[0] === nC && bias.shape[0] === nC) return;
  const text = `gain ${describe(gain)} and bias ${describe(bias)}`;
  throw new ShapeError(`layerNorm: x ${describe(x)} against ${text}`);
}

export function checkRope(x: Shaped, { cos, nPairs }: RopeTable): void {
  const width = x.shape[x.shape.length - 1];
  if (width / 2 === nPairs && x.shape[0] * nPairs === cos.length) return;
  const table = `a table of ${cos.length / nPairs} positions, ${nPairs} pairs`;
  throw new ShapeError(`ropeInterleaved: x ${describe(x)} against ${table}`);
}

export function checkIndexScores(q: Shaped, { nS, width, nWidth }: KeyRows, w: Shaped): void {
  const [nT, nH, nD] = q.shape;
  if (nWidth === nD && w.shape[0] === nT && w.shape[1] === nH) return;
  const keys = `[S=${nS}, ${width}=${nWidth}]`;
  throw new ShapeError(`indexScores: q ${describe(q)}, k ${keys}, w ${describe(w)}`);
}

/** A row of scores with NaN in it has no order, so no top-k. Backends find it as they go. */
export function nanScore(row: number): OverflowError {
  const why = "the numbers of the model leave the range of floats";
  return new OverflowError("topK", `expected scores, got NaN in row ${row}: ${why}`);
}

export function checkLatentAttention(
  qLatent: Shaped,
  qPe: Shaped,
  { nS, nLatent, nRope }: LatentRows,
  topK: Indices,
): void {
  const [nT, , nC] = qLatent.shape;
  if (!(nLatent === nC && nRope === qPe.shape[2] && topK.shape[0] === nT)) {
    const q = `${describe(qLatent)} | ${describe(qPe)}`;
    const cache = `[S=${nS}, kvLora=${nLatent}] | [S=${nS}, rope=${nRope}]`;
    throw new ShapeError(`latentAttention: q ${q}, cache ${cache}, top-k ${describe(topK)}`);
  }
  checkChosen(topK, nS);
}

/** Chosen rows are rows of the cache, and padding stands behind all of them. */
function checkChosen({ shape: [nT, nK], data }: Indices, nS: number): void {
  for (let t = 0; t < nT; t++) {
    const end = (t + 1) * nK;
    let at = t * nK;
    while (at < end && data[at] >= 0 && data[at] < nS) at++;
    while (at < end && data[at] === NO_ROW) at++;
    if (at === end) continue;
    const what = `top-k row ${t} names ${data[at]} of ${nS} positions, in place ${at - t * nK}`;
    throw new ShapeError(`latentAttention: ${what}`);
  }
}

export function checkRoute(logits: Shaped, bias: Shaped, { nActive }: RouteRule): void {
  const [, nE] = logits.shape;
  if (bias.shape[0] === nE && nActive <= nE) return;
  const text = `bias ${describe(bias)}, ${nActive} active`;
  throw new ShapeError(`route: logits ${describe(logits)} against ${text}`);
}

export function checkExperts(x: Shaped, { experts }: Routing, bank: ExpertBank): void {
  const [nT, nHidden] = x.shape;
  const [nRouted, nA] = experts.shape;
  if (bank.nHidden !== nHidden || nRouted !== nT) {
    const text = `[moe=${bank.nMoe}, hidden=${bank.nHidden}], routing ${describe(experts)}`;
    throw new ShapeError(`experts: x ${describe(x)} against ${text}`);
  }
  const at = experts.data.findIndex((e) => !(e >= 0 && e < bank.nE));
  if (at < 0) return;
  const token = Math.floor(at / nA);
  throw new ShapeError(`experts: token ${token} names expert ${experts.data[at]}`);
}

export function checkSiluMul(gate: Shaped, up: Shaped): void {
  if (isSame(gate, up)) return;
  throw new ShapeError(`siluMul: gate ${describe(gate)} against up ${describe(up)}`);
}

export function checkAdd(a: Shaped, b: Shaped): void {
  if (isSame(a, b)) return;
  throw new ShapeError(`add: a ${describe(a)} against b ${describe(b)}`);
}

/** Both sides of a split are columns of the tensor. */
export function checkColumns(x: Shaped, from: number, to: number): void {
  if (from >= 0 && from <= to && to <= x.shape[x.shape.length - 1]) return;
  throw new ShapeError(`split: columns ${from} … ${to} of ${describe(x)}`);
}

/** Two tensors that are joined have the same number of rows. */
export function checkJoin(a: Shaped, b: Shaped): void {
  if (sizeOf(a.shape.slice(0, -1)) === sizeOf(b.shape.slice(0, -1))) return;
  throw new ShapeError(`join: a ${describe(a)} against b ${describe(b)}`);
}

function isSame({ shape: [nT, nC] }: Shaped, { shape }: Shaped): boolean {
  return shape[0] === nT && shape[1] === nC;
}
