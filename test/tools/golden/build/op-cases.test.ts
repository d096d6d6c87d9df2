/** Tests of the cases for single operations: every backend passes, and each naive code fails. */

import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Ops, referenceOps } from "../../../../engine/index.ts";
import type { ExpertBank } from "../../../../engine/ops/ops.ts";
import { floatsOf } from "../../../../engine/ops/reference/memory.ts";
import { storedLatents } from "../../../../engine/ops/stored-rows.ts";
import { wasmOps } from "../../../../engine/ops/wasm/index.ts";
import { allowedError, OP_CASES } from "../../../../tools/golden/build/op-file.ts";
import { readDump } from "../../../../tools/golden/case/case.ts";
import { bf16 } from "../../../../tools/golden/case/rounding.ts";
import { distanceOf } from "../../../../tools/golden/judge/distance.ts";
import {
  halfSplitRope,
  largestFirst,
  mapped,
  scoresBy,
  topKBy,
} from "../../../../tools/golden/mutants/wrong-ops.ts";
import { kernels } from "../../../../tools/node/node-host.ts";
import { ROOT } from "../../../support/paths.ts";

const stored = await readDump(join(ROOT, "golden/ops.safetensors"));
const wasm = await wasmOps(await kernels());
const caseOf = (name: string) => {
  const found = OP_CASES.find((one) => one.name === name);
  if (!found) throw new Error(`no case ${name}`);
  return found;
};

/** What the pack alone finds wrong in an engine's answer. */
function complaint(name: string, ops: Ops): string | undefined {
  const one = caseOf(name);
  for (const [key, { data, shape }] of Object.entries(one.run(ops))) {
    const want = stored.get(`${name}/${key}`);
    if (!want || String(shape) !== String(want.shape)) return `${key}: shape`;
    if (want.data instanceof Int32Array) {
      if (String(data) !== String(want.data)) return `${key}: ${data}, not ${want.data}`;
    } else {
      const { largest } = distanceOf(data, want.data, want.data.length);
      if (!(largest <= allowedError(one))) return `${key}: off by ${largest}`;
    }
  }
  return undefined;
}

const NAMES = OP_CASES.map(({ name }) => name);
describe.each([
  ["reference f32", referenceOps("f32")],
  ["wasm", wasm],
] as const)("%s", (_backend, ops) => {
  it.each(NAMES)("%s", (name) => {
    expect(complaint(name, ops)).toBeUndefined();
  });
});

const right = referenceOps("f32");

/** Exponentials in f32, without care for overflow. */
const naiveAttention: Ops["latentAttention"] = (qLatent, qPe, past, rows, scale) => {
  const { latent, kPe } = storedLatents(past);
  const [, nH, nC] = qLatent.shape;
  const nR = qPe.shape[2];
  const dot = (a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number, n: number) =>
    Array.from({ length: n }, (_, c) => (a[i + c] ?? 0) * (b[j + c] ?? 0)).reduce((x, y) => x + y);
  return mapped(qLatent, (_q, c, row) => {
    const nK = rows.shape[1];
    const t = Math.floor(row / nH);
    const chosen = [...rows.data.subarray(t * nK, (t + 1) * nK)].filter((s) => s >= 0);
    let [sum, mix] = [0, 0];
    for (const s of chosen) {
      const score =
        dot(qLatent.data, row * nC, latent.data, s * nC, nC) +
        dot(qPe.data, row * nR, kPe.data, s * nR, nR);
      const e = Math.fround(Math.exp(scale * score));
      sum += e;
      mix += e * (latent.data[s * nC + c] ?? 0);
    }
    return mix / sum;
  });
};

const wrong: [string, string, Partial<Ops>][] = [
  ["rms-norm-tiny", "eps 1e-5", { rmsNorm: (x, g) => right.rmsNorm(x, g, 1e-5) }],
  [
    "rms-norm-huge",
    "squares that end at the largest f16",
    {
      rmsNorm: (x, g, eps) =>
        right.rmsNorm(
          mapped(x, (v) => Math.max(-255, Math.min(255, v))),
          g,
          eps,
        ),
    },
  ],
  ["layer-norm-flat", "no mean", { layerNorm: (x, g, _b, eps) => right.rmsNorm(x, g, eps) }],
  ["layer-norm-flat", "eps 1e-5", { layerNorm: (x, g, b) => right.layerNorm(x, g, b, 1e-5) }],
  ["rope-far", "halves", { ropeInterleaved: halfSplitRope }],
  [
    "rope-far",
    "the other way round",
    {
      ropeInterleaved: (x, table) =>
        right.ropeInterleaved(x, { ...table, sin: table.sin.map((s) => -s) }),
    },
  ],
  ["index-scores-plateau", "no ReLU", { indexScores: scoresBy((w, dot) => w * dot) }],
  [
    "index-scores-plateau",
    "votes made positive",
    { indexScores: scoresBy((w, dot) => Math.abs(w) * Math.max(dot, 0)) },
  ],
  [
    "index-scores-plateau",
    "one position too many",
    { indexScores: (q, k, w, start, scale) => right.indexScores(q, k, w, start + 1, scale) },
  ],
  [
    "top-k-ties",
    "ties to the last",
    {
      topK: topKBy((visible, score, k) =>
        visible.sort((a, b) => score(b) - score(a) || b - a).slice(0, k),
      ),
    },
  ],
  [
    "top-k-ties",
    "zeros never chosen",
    {
      topK: topKBy((visible, score, k) =>
        largestFirst(visible, score, k).filter((s) => score(s) !== 0),
      ),
    },
  ],
  [
    "attention-steep",
    "exp without the largest score taken off",
    { latentAttention: naiveAttention },
  ],
  [
    "attention-steep",
    "−1 read as row 0",
    {
      latentAttention: (qLatent, qPe, past, rows, scale) => {
        const data = rows.data.map((s) => Math.max(s, 0));
        return right.latentAttention(qLatent, qPe, past, { ...rows, data }, scale);
      },
    },
  ],
  [
    "route-near-equal",
    "the bias in bf16",
    {
      route: (logits, bias, rule) => {
        const rounded = { ...bias, home: floatsOf(bias).map(bf16) };
        return right.route(logits, rounded, rule);
      },
    },
  ],
  [
    "route-near-equal",
    "the scale forgotten",
    { route: (logits, bias, rule) => right.route(logits, bias, { ...rule, scale: 1 }) },
  ],
  [
    "route-groups",
    "groups forgotten",
    { route: (logits, bias, rule) => right.route(logits, bias, { ...rule, nGroup: 1 }) },
  ],
  [
    "silu-steep",
    "exp(−gate) that overflows",
    {
      siluMul: (gate, up) =>
        mapped(gate, (g, c) => {
          const e = Math.fround(Math.exp(g));
          return ((g * e) / (1 + e)) * (up.data[c] ?? 0);
        }),
    },
  ],
  [
    "experts-lopsided",
    "gate and up swapped",
    {
      experts: (x, routing, bank) => {
        const bringIn: ExpertBank["bringIn"] = (wanted, from) =>
          bank.bringIn(wanted, from).map(({ gate, up, down }) => ({ gate: up, up: gate, down }));
        return right.experts(x, routing, { ...bank, bringIn });
      },
    },
  ],
];

describe("naive code is caught", () => {
  it.each(wrong)("%s: %s", (name, _what, change) => {
    expect(complaint(name, { ...right, ...change })).toBeDefined();
  });

  it("fp8-partial-blocks: partial blocks scaled like the block before", () => {
    const name = "fp8-partial-blocks";
    const want = stored.get(`${name}/y`);
    const at = 129 * 131 + 5; // a row of the partial block
    const other = want?.data.map((x, i) => (Math.floor(i / 131) >= 128 ? x / 7 : x)) ?? [];
    expect(other[at]).not.toBe(want?.data[at]);
    expect(distanceOf(other, want?.data ?? [], other.length).largest).toBeGreaterThan(
      allowedError(caseOf(name)),
    );
  });

  it("each case but one of fp8 is there for some of it", () => {
    const used = new Set([...wrong.map(([name]) => name), "fp8-partial-blocks"]);
    expect(NAMES.filter((name) => !used.has(name))).toEqual([]);
  });
});
