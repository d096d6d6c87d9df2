/**
 * Norms: left out, done twice, of another kind, with another eps or gain.
 * @module
 */
import type { Tensor, Weight } from "../../../../engine/base/tensor.ts";
import type { Ops } from "../../../../engine/ops/ops.ts";
import { floatsOf } from "../../../../engine/ops/reference/memory.ts";
import type { Bug } from "../../mutants/bugs.ts";
import { ROLES, type Role } from "../roles.ts";
import {
  type At,
  type Change,
  inputOf,
  numbers,
  onInput,
  rightOf,
  type Variant,
  weightLike,
  weightOf,
  withWeight,
} from "../variant.ts";

/** The norms by the root of the mean square. */
const RMS = [
  "inputNorm",
  "qANorm",
  "kvANorm",
  "postNorm",
  "norm",
  "enorm",
  "hnorm",
  "sharedHeadNorm",
] as const satisfies readonly Role[];

type Rows = Tensor<[string, string]>;
type Gain = Weight<[string]>;

/** The eps of a norm, as its arguments have it. */
const epsOf = (at: At): number => at.args[at.args.length - 1] as number;

const withEps =
  (eps: (right: number) => number): Change =>
  (at) =>
    at.right(...at.args.slice(0, -1), eps(epsOf(at)));

/** A norm by hand: `unit` gives what a row is divided by. */
const by =
  (unit: (row: Float64Array, eps: number) => number, isCentred = false): Change =>
  (at) => {
    const x = inputOf(at);
    const gain = floatsOf(weightOf(at));
    const bias =
      at.role === "kNorm" ? floatsOf(at.args[2] as Parameters<Ops["layerNorm"]>[2]) : undefined;
    const nC = gain.length;
    const y = new Float64Array(x.data.length);
    for (let r = 0; r < y.length; r += nC) {
      const row = Float64Array.from(x.data.subarray(r, r + nC));
      const mean = isCentred ? row.reduce((a, b) => a + b, 0) / nC : 0;
      const centred = row.map((v) => v - mean);
      const size = unit(centred, epsOf(at));
      centred.forEach((v, c) => {
        y[r + c] = (v / size) * gain[c] + (bias?.[c] ?? 0);
      });
    }
    return numbers(x, y);
  };

const meanSquare = (row: Float64Array): number => sumSquare(row) / row.length;
const sumSquare = (row: Float64Array): number => row.reduce((sum, v) => sum + v * v, 0);

/** The norm over all tokens of each channel: the wrong axis. */
const overTokens: Change = (at) => {
  const x = inputOf(at);
  const [nT, nC] = x.shape;
  const gain = floatsOf(weightOf(at));
  const sizes = Array.from({ length: nC }, (_, c) => {
    let sum = 0;
    for (let t = 0; t < nT; t++) sum += x.data[t * nC + c] ** 2;
    return Math.sqrt(sum / nT + epsOf(at));
  });
  return numbers(
    x,
    x.data.map((v, i) => (v / sizes[i % nC]) * gain[i % nC]),
  );
};

const gainBy =
  (change: (g: number) => number): Change =>
  (at) =>
    withWeight(at, weightLike(at.model, weightOf(at), floatsOf(weightOf(at)).map(change)));

/** All numbers of latent and rotary key normed together. */
const overBoth: Change = (at) => {
  const whole = at.result("kvAProj");
  if (!whole) return rightOf(at);
  const x = inputOf(at);
  const [, nC] = x.shape;
  const nAll = whole.shape[1];
  const gain = floatsOf(weightOf(at));
  const y = x.data.map((v, i) => {
    const row = Math.floor(i / nC);
    const all = Float64Array.from(whole.data.subarray(row * nAll, (row + 1) * nAll));
    return (v / Math.sqrt(meanSquare(all) + epsOf(at))) * gain[i % nC];
  });
  return numbers(x, y);
};

/** Only the first half of a row is normed, or each half by itself. */
const byHalves: Change = (at) => {
  const x = inputOf(at);
  const gain = floatsOf(weightOf(at));
  const nC = gain.length;
  const half = nC / 2;
  const y = x.data.map((v, i) => {
    const from = i - (i % nC) + (i % nC < half ? 0 : half);
    const part = Float64Array.from(x.data.subarray(from, from + half));
    return (v / Math.sqrt(meanSquare(part) + epsOf(at))) * gain[i % nC];
  });
  return numbers(x, y);
};

const EPS = [0, 1e-12, 1e-8, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2];

const forms = (
  role: Role,
): [what: string, change: Change, relation?: Variant["relation"], bug?: Bug | undefined][] => [
  ["is left out", inputOf],
  ["is done twice", (at) => onInput(at, rightOf(at))],
  ["has no gain", gainBy(() => 1)],
  ["has its gain plus 1", gainBy((g) => g + 1)],
  ["has its gain twice", gainBy((g) => g * g)],
  ["multiplies with the gain before it divides by the size", (at) => scaledFirst(at)],
  [
    "takes the mean away first, as a LayerNorm does",
    by((x, eps) => Math.sqrt(meanSquare(x) + eps), true),
  ],
  [
    "divides by the root of the sum of squares, not of their mean",
    by((x, eps) => Math.sqrt(sumSquare(x) + eps)),
  ],
  ["adds eps outside the root", by((x, eps) => Math.sqrt(meanSquare(x)) + eps)],
  ["does not take the root", by((x, eps) => meanSquare(x) + eps)],
  [
    "divides by the mean magnitude",
    by((x, eps) => x.reduce((s, v) => s + Math.abs(v), 0) / x.length + eps),
  ],
  ["divides by the largest magnitude", by((x) => Math.max(...x.map(Math.abs)))],
  ["divides by n − 1 in its mean", by((x, eps) => Math.sqrt(sumSquare(x) / (x.length - 1) + eps))],
  ["norms each half of a row by itself", byHalves],
  ["is taken over the tokens, not over the channels", overTokens],
  ...EPS.map((eps): [string, Change, Variant["relation"], Bug | undefined] => [
    `has eps ${eps}`,
    withEps(() => eps),
    "op",
    role === "qANorm" || role === "kvANorm" ? "G17" : role === "kNorm" ? "G18" : undefined,
  ]),
];

function scaledFirst(at: At): Tensor {
  const gain = floatsOf(weightOf(at));
  const x = inputOf(at);
  const scaled = numbers(
    x,
    x.data.map((v, i) => v * gain[i % gain.length]),
  );
  return withWeight(
    { ...at, args: [scaled, ...at.args.slice(1)] },
    weightLike(
      at.model,
      weightOf(at),
      gain.map(() => 1),
    ),
  );
}

/** The same mistake in several norms, as in an engine that has one function for them. */
const together = (roles: readonly Role[], name: string): Variant[] =>
  forms(roles[0]).map(
    ([form, change, relation = "op", bug]): Variant => ({
      relation,
      what: `${name}: each ${form}`,
      changes: Object.fromEntries(roles.map((role) => [role, change])),
      ...(bug && { bug }),
    }),
  );

const kNormForms: [what: string, change: Change, bug?: Bug | undefined][] = [
  ["is left out", inputOf],
  ["is done twice", (at) => onInput(at, rightOf(at))],
  ["has no bias", (at) => at.right(...at.args.slice(0, 2), zeros(at), epsOf(at)), "G10"],
  ["has its bias twice", (at) => addBias(at, 1)],
  ["takes its bias away", (at) => addBias(at, -2)],
  ["has no gain", gainBy(() => 1)],
  ["has its gain plus 1", gainBy((g) => g + 1)],
  [
    "does not take the mean away, but has a bias (an RMSNorm)",
    by((x, eps) => Math.sqrt(meanSquare(x) + eps)),
    "G10",
  ],
  [
    "is an RMSNorm without mean and bias",
    (at) => at.model.ops.rmsNorm(inputOf(at) as Rows, weightOf(at) as Gain, epsOf(at)),
    "G10",
  ],
  [
    "divides by n − 1 in its variance",
    by((x, eps) => Math.sqrt(sumSquare(x) / (x.length - 1) + eps), true),
  ],
  [
    "divides by the root of the sum of squares",
    by((x, eps) => Math.sqrt(sumSquare(x) + eps), true),
  ],
  ["adds eps outside the root", by((x, eps) => Math.sqrt(meanSquare(x)) + eps, true)],
  ["only takes the mean away", by(() => 1, true)],
  ...EPS.map((eps): [string, Change, Bug] => [`has eps ${eps}`, withEps(() => eps), "G18"]),
];

const zeros = (at: At) =>
  weightLike(at.model, weightOf(at), new Float32Array(weightOf(at).shape[0]));

function addBias(at: At, times: number): Tensor {
  const y = rightOf(at);
  const bias = floatsOf(at.args[2] as Parameters<Ops["layerNorm"]>[2]);
  return numbers(
    y,
    y.data.map((v, i) => v + times * bias[i % bias.length]),
  );
}

/** The norm of the indexer's key after its rotation. */
const afterRotation: Variant = {
  relation: "op",
  what: `${ROLES.kNorm} comes after the rotation of the key`,
  changes: {
    kNorm: inputOf,
    idxKJoin: (at) => {
      const [, gain, bias, eps] = (at.find("kNorm")?.args ?? []) as Parameters<Ops["layerNorm"]>;
      return at.model.ops.layerNorm(rightOf(at) as Tensor<[string, string]>, gain, bias, eps);
    },
  },
};

export const normVariants: readonly Variant[] = [
  ...RMS.flatMap((role) =>
    forms(role).map(
      ([form, change, relation = "op", bug]): Variant => ({
        relation,
        what: `${ROLES[role]} ${form}`,
        changes: { [role]: change },
        ...(bug && { bug }),
      }),
    ),
  ),
  ...kNormForms.map(
    ([form, change, bug]): Variant => ({
      relation: "op",
      what: `${ROLES.kNorm} ${form}`,
      changes: { kNorm: change },
      ...(bug && { bug }),
    }),
  ),
  afterRotation,
  {
    relation: "op",
    what: `${ROLES.kvANorm} norms latent and rotary key together`,
    changes: { kvANorm: overBoth },
  },
  ...together(["qANorm", "kvANorm"], "the latent norms (q_a_layernorm, kv_a_layernorm)"),
  ...together(
    ["inputNorm", "postNorm", "norm", "enorm", "hnorm", "sharedHeadNorm"],
    "all norms but the latent ones",
  ),
  ...together(RMS, "all RMSNorms"),
];
