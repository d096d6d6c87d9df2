/**
 * A known tensor in place of what should have come, or a term too much or too little: the residual stream,
 * a bias, another stage, another layer's.
 * @module
 */
import type { Floats, Tensor, Weight } from "../../../../engine/base/tensor.ts";
import { floatsOf } from "../../../../engine/ops/reference/memory.ts";
import { ROLES, type Role } from "../roles.ts";
import type { Runner } from "../runner.ts";
import type { Done } from "../variant.ts";
import { type Fit, factorOf, type Grid, plain } from "./relation.ts";

/** A tensor of the run as long as the stage. */
interface Known {
  readonly name: string;
  readonly data: Floats;
  /** Whether every row of it is the same. */
  readonly isEachRow?: boolean;
}

const isTensor = (x: unknown): x is Tensor =>
  typeof x === "object" &&
  x !== null &&
  "data" in x &&
  "dims" in x &&
  !(x.data instanceof Int32Array);

const placeOf = ({ layer, step }: Done): string =>
  layer < 0 ? "" : ` in layer ${layer}${step > 0 ? ` (draft step ${step})` : ""}`;

/** Results and inputs of all operations that are as long as the stage, the nearest before it first. */
function knownOf(runner: Runner, stage: string, { e, nT, nH, nC }: Grid): Known[] {
  const at = runner.indexOf(stage);
  const known: Known[] = [];
  const add = (name: string, data: Floats): void => {
    if (!known.some((one) => one.data === data)) known.push({ name, data });
  };
  const order = [...runner.base.keys()].sort(
    (i, j) => Math.abs(i - at) - Math.abs(j - at) || i - j,
  );
  for (const i of order) {
    const done = runner.base[i];
    const results: readonly unknown[] = Array.isArray(done.result) ? done.result : [done.result];
    for (const result of results) {
      if (i === at || !isTensor(result) || result.data.length < e.length) continue;
      if (result.data.length / result.shape[0] !== nH * nC || result.shape[0] < nT) continue;
      add(`what ${ROLES[done.role]} makes${placeOf(done)}`, result.data.subarray(0, e.length));
    }
  }
  return known;
}

/** Vectors of weights as wide as a row, repeated for all rows. */
function vectorsOf(runner: Runner, { e, nH, nC }: Grid): Known[] {
  const width = nH * nC;
  const vectors: Known[] = [];
  for (const { role, layer, args, step } of runner.base) {
    if (step > 0) continue;
    args.slice(1, 3).forEach((arg, i) => {
      if (!isWeight(arg) || arg.shape.length !== 1 || arg.shape[0] !== width) return;
      const w = floatsOf(arg);
      const name = `${i === 0 ? "the gain" : "the bias"} of ${ROLES[role as Role]}${layer < 0 ? "" : ` in layer ${layer}`}`;
      vectors.push({ name, data: Float64Array.from(e, (_, at) => w[at % width]), isEachRow: true });
    });
  }
  vectors.push({ name: "a constant", data: Float64Array.from(e, () => 1), isEachRow: true });
  return vectors;
}

const isWeight = (x: unknown): x is Weight => typeof x === "object" && x !== null && "home" in x;

const times = (factor: number): string =>
  Math.abs(factor - 1) < 1e-4 ? "" : `${plain(factor)} times `;

/** `a` is a known tensor, perhaps times a number. */
function replaced({ a }: Grid, { name, data }: Known): Fit {
  const factor = factorOf({ a, e: data });
  const isOne = Math.abs(factor - 1) < 1e-4;
  return {
    relation: "input",
    what: `is ${isOne ? "" : `${plain(factor)} times `}${name}`,
    nFree: 1,
    make: (e) => (e.length === data.length ? data.map((x) => x * (isOne ? 1 : factor)) : e),
  };
}

/** `a` is what should have come, and a known tensor times a number. */
function added({ a, e }: Grid, { name, data, isEachRow = false }: Known): Fit {
  const difference = a.map((x, i) => x - e[i]);
  const factor = factorOf({ a: difference, e: data });
  const size = times(Math.abs(factor));
  return {
    relation: "term",
    what:
      name === "a constant"
        ? `has ${plain(factor)} added to it`
        : `${factor > 0 ? "has" : "lacks"} ${size}${name}${factor > 0 ? " added to it" : ""}`,
    nFree: 1,
    make: (x) =>
      isEachRow || x.length === data.length
        ? x.map((v, i) => v + factor * data[i % data.length])
        : x,
  };
}

export function terms(grid: Grid, runner: Runner, stage: string): Fit[] {
  const known = knownOf(runner, stage, grid);
  const tensors = [...known, ...vectorsOf(runner, grid)];
  return [...known.map((one) => replaced(grid, one)), ...tensors.map((one) => added(grid, one))];
}
