/**
 * The routed experts. Every expert's matrices are read once per step, and every token's sum has the
 * order of the reference: ascending experts.
 * @module
 */
import { describe, ShapeError } from "../../tensor.ts";
import type { Ops, Routing } from "../ops.ts";
import type { Machine } from "./kernels.ts";
import { multiply, PANEL_ROWS, type PaddedRows, paddedRows, scratchFor } from "./matrix.ts";
import { type Placed, placedOf } from "./placed.ts";
import { share } from "./team.ts";

/** Experts are gone through in batches of about this many rows: what their scratch must hold. */
const BATCH_ROWS = 64;

/** One expert and the tokens that visit it. */
interface Visits {
  readonly expert: number;
  readonly tokens: number[];
  readonly weights: number[];
}

/** Where the matrices of the experts stand. */
interface Bank {
  readonly gate: Placed;
  readonly up: Placed;
  readonly down: Placed;
  readonly nMoe: number;
  readonly nHidden: number;
}

/** {@link Ops.experts} */
export const experts =
  (machine: Machine): Ops["experts"] =>
  (x, routing, bank) => {
    const { arena } = machine;
    const [nT, nHidden] = x.shape;
    const [nE, nMoe, nIn] = bank.gate.shape;
    if (nIn !== nHidden || routing.experts.shape[0] !== nT) {
      throw new ShapeError(
        `experts: x ${describe(x)} against ${describe(bank.gate)}, routing ${describe(routing.experts)}`,
      );
    }
    const placed: Bank = {
      gate: placedOf(machine, bank.gate),
      up: placedOf(machine, bank.up),
      down: placedOf(machine, bank.down),
      nMoe,
      nHidden,
    };
    const data = arena.newFloats(nT * nHidden).fill(0);
    const mark = arena.mark();
    const all = paddedRows(machine, x.data, nT, nHidden);
    const markEach = arena.mark();
    for (const batch of batchesOf(visitsOf(routing, nE))) {
      addBatch(machine, data.byteOffset, all, batch, placed);
      arena.release(markEach);
    }
    arena.release(mark);
    return { dims: x.dims, shape: x.shape, data };
  };

/** Adds to `y` what these experts say: gate and up together, then SwiGLU, then down, then the sum. */
function addBatch(
  machine: Machine,
  y: number,
  all: PaddedRows,
  batch: readonly Visits[],
  { gate, up, down, nMoe, nHidden }: Bank,
): void {
  const { arena, kernels, team } = machine;
  const most = Math.max(...batch.map(({ tokens }) => tokens.length));
  const nRows = batch.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const jobs = batch.map((visits) => {
    const n = visits.tokens.length;
    const rows = { ...all, address: arena.scratch(n * all.stride) };
    const which = arena.addressOf(Int32Array.from(visits.tokens));
    kernels.gatherRows(rows.address, all.address, all.stride, which, n);
    const [g, u] = [arena.newFloats(n * nMoe), arena.newFloats(n * nMoe)];
    return { ...visits, n, rows, g, u, out: arena.newFloats(n * nHidden).byteOffset };
  });
  team.run(2 * nRows * nMoe * nHidden, (thread, part, parts) => {
    const [from, to] = share(nMoe, PANEL_ROWS, part, parts);
    const scratch = scratchFor(machine, most, all.nColumns);
    for (const { expert: m, n, rows, g, u } of jobs) {
      const yStride = 4 * nMoe;
      multiply(thread, { y: g.byteOffset, yStride }, rows, n, { w: gate, m, from, to }, scratch);
      multiply(thread, { y: u.byteOffset, yStride }, rows, n, { w: up, m, from, to }, scratch);
    }
  });
  const inner = jobs.map(({ g, u, n }) => {
    kernels.siluMul(g.byteOffset, g.byteOffset, u.byteOffset, n * nMoe);
    return paddedRows(machine, g, n, nMoe);
  });
  team.run(nRows * nMoe * nHidden, (thread, part, parts) => {
    const [from, to] = share(nHidden, PANEL_ROWS, part, parts);
    const scratch = scratchFor(machine, most, inner[0].nColumns);
    jobs.forEach(({ expert: m, n, out }, i) => {
      const target = { y: out, yStride: 4 * nHidden };
      multiply(thread, target, inner[i], n, { w: down, m, from, to }, scratch);
    });
  });
  for (const { tokens, weights, out } of jobs) {
    tokens.forEach((t, i) => {
      kernels.addScaled(y + 4 * t * nHidden, out + 4 * i * nHidden, nHidden, weights[i]);
    });
  }
}

/** Neighbours together, until they are {@link BATCH_ROWS} rows. */
function batchesOf(visits: readonly Visits[]): Visits[][] {
  const batches: Visits[][] = [];
  let room = 0;
  for (const one of visits) {
    if (room <= 0) {
      batches.push([]);
      room = BATCH_ROWS;
    }
    batches[batches.length - 1].push(one);
    room -= one.tokens.length;
  }
  return batches;
}

/** The experts that any token names, ascending. */
function visitsOf({ experts, weights }: Routing, nE: number): Visits[] {
  const [, nA] = experts.shape;
  const byExpert = new Map<number, Visits>();
  experts.data.forEach((expert, at) => {
    const t = Math.floor(at / nA);
    if (!(expert >= 0 && expert < nE)) {
      throw new ShapeError(`experts: token ${t} names expert ${expert}`);
    }
    const visits = byExpert.get(expert) ?? { expert, tokens: [], weights: [] };
    byExpert.set(expert, visits);
    visits.tokens.push(t);
    visits.weights.push(weights.data[at]);
  });
  return [...byExpert.values()].sort((a, b) => a.expert - b.expert);
}
