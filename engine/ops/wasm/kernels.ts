/**
 * The functions that `kernels-as/assembly/index.ts` exports, typed: one line per kernel. The equations
 * and the conditions stand at the head of each file there.
 * @module
 */
/** Byte address in the memory that the kernels share with JavaScript. */
type Address = number;

// biome-ignore format: one kernel per line
/** Strides count bytes, everything that begins with `n` counts elements. */
export interface Kernels {
  heapBase(): Address;
  linearF32(y: Address, yStride: number, x: Address, xStride: number, w: Address, wStride: number, nT: number, nI: number, nO: number, scratch: Address): void;
  linearBf16(y: Address, yStride: number, x: Address, xStride: number, w: Address, wStride: number, nT: number, nI: number, nO: number, scratch: Address): void;
  linearF16(y: Address, yStride: number, x: Address, xStride: number, w: Address, wStride: number, nT: number, nI: number, nO: number, scratch: Address): void;
  linearFp8(y: Address, yStride: number, x: Address, xStride: number, w: Address, wStride: number, scales: Address, firstRow: number, firstColumn: number, nT: number, nI: number, nO: number, scratch: Address): void;
  linearQ8(y: Address, yStride: number, x: Address, xStride: number, w: Address, nT: number, nGroups: number, nO: number, scratch: Address): void;
  linearQ4(y: Address, yStride: number, x: Address, xStride: number, w: Address, nT: number, nGroups: number, nO: number, scratch: Address): void;
  linearQ8Int8(y: Address, yStride: number, x: Address, xStride: number, w: Address, nT: number, nGroups: number, nO: number, scratch: Address): void;
  linearQ4Int8(y: Address, yStride: number, x: Address, xStride: number, w: Address, nT: number, nGroups: number, nO: number, scratch: Address): void;
  quantizeRowsQ8(y: Address, yStride: number, x: Address, xStride: number, nT: number, nGroups: number): void;
  quantizeRowsQ4(y: Address, yStride: number, x: Address, xStride: number, nT: number, nGroups: number): void;
  packQ8(panels: Address, quants: Address, scales: Address, nO: number, nGroups: number): void;
  packQ4(panels: Address, quants: Address, scales: Address, nO: number, nGroups: number): void;
  allFinite(at: Address, nBytes: number, mask: number, one: number): number;
  linearScratchBytes(nT: number, nI: number): number;
  widenBf16(y: Address, x: Address, n: number): void;
  widenRowF16(y: Address, x: Address, n: number): void;
  widenQ8(y: Address, yStride: number, w: Address, nGroups: number, scratch: Address): void;
  widenQ4(y: Address, yStride: number, w: Address, nGroups: number, scratch: Address): void;
  widenFp8(y: Address, e: Address, scale: Address, first: number, n: number): void;
  rmsNorm(y: Address, x: Address, gain: Address, nT: number, nC: number, eps: number): void;
  layerNorm(y: Address, x: Address, gain: Address, bias: Address, nT: number, nC: number, eps: number): void;
  ropeInterleaved(y: Address, x: Address, cos: Address, sin: Address, nT: number, nH: number, nPairs: number): void;
  indexScores(scores: Address, scoresStride: number, q: Address, blocks: Address, pageRows: number, offset: number, stride: number, encoding: number, nKey: number, first: number, end: number, w: Address, nT: number, nH: number, nC: number, seen: number, scale: number, scratch: Address): void;
  indexScoresScratchBytes(nH: number, nC: number): number;
  topKScratchBytes(nS: number, k: number): number;
  topK(out: Address, nChosen: Address, scores: Address, nT: number, nS: number, k: number, scratch: Address): void;
  latentAttention(y: Address, qLatent: Address, qPe: Address, rows: Address, nK: number, nRows: Address, nT: number, latentEncoding: number, nLatent: number, kPeAt: number, kPeEncoding: number, nRope: number, nH: number, nC: number, nR: number, scale: number, scratch: Address): void;
  latentAttentionQueries(nK: number, nH: number): number;
  latentAttentionScratchBytes(nT: number, nK: number, nH: number, nC: number, nR: number): number;
  routeScratchBytes(nE: number, nGroup: number): number;
  route(experts: Address, weights: Address, logits: Address, bias: Address, nT: number, nE: number, nActive: number, nGroup: number, topkGroup: number, isNormed: number, scale: number, scratch: Address): void;
  addScaled(y: Address, x: Address, n: number, weight: number): void;
  siluMul(y: Address, gate: Address, up: Address, n: number): void;
  exp(y: Address, x: Address, n: number): void;
  add(y: Address, a: Address, b: Address, n: number): void;
  copyRows(y: Address, yStride: number, x: Address, xStride: number, bytes: number, nRows: number): void;
  padRows(y: Address, yStride: number, x: Address, bytes: number, nRows: number): void;
  turn8(y: Address, x: Address, xStride: number, nRows: number, nColumns: number): void;
  turn16(y: Address, x: Address, xStride: number, nRows: number, nColumns: number): void;
  turn32(y: Address, x: Address, xStride: number, nRows: number, nColumns: number): void;
  gatherRows(y: Address, x: Address, rowBytes: number, rows: Address, nRows: number): void;
}
