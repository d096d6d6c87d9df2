/**
 * Rotations by position: other pairs, angles, positions, channels.
 * @module
 */
import type { Floats, Tensor } from "../../../../engine/base/tensor.ts";
import { positionsFrom, type RopeTable, ropeTable } from "../../../../engine/numbers/rope-table.ts";
import { bf16 } from "../../case/rounding.ts";
import type { Bug } from "../../mutants/bugs.ts";
import { halfSplitRope } from "../../mutants/wrong-ops.ts";
import { ROLES, type Role } from "../roles.ts";
import {
  type At,
  type Change,
  inputOf,
  numbers,
  onInput,
  rightOf,
  type Variant,
} from "../variant.ts";

const tableOf = (at: At): RopeTable => at.args[1] as RopeTable;

const rotate = (at: At, table: RopeTable, x = inputOf(at)): Tensor => at.right(x, table) as Tensor;

/** Numbers of the table that has other positions or other angles. */
const withAngles =
  (angle: (at: At, position: number, pair: number) => number): Change =>
  (at) => {
    const { nPairs, cos } = tableOf(at);
    const angles = Float64Array.from(cos, (_, i) =>
      angle(at, at.start + Math.floor(i / nPairs), i % nPairs),
    );
    return rotate(at, { nPairs, cos: angles.map(Math.cos), sin: angles.map(Math.sin) });
  };

/** The angle of a pair, for other bases, widths and positions than the model's. */
const rightAngle = (
  { model: { config } }: At,
  position: number,
  pair: number,
  { theta = config.ropeTheta, width = config.qkRopeHeadDim, step = 2 } = {},
): number => position * theta ** ((-step * pair) / width);

const atPositions =
  (change: (position: number, at: At) => number): Change =>
  (at) => {
    const { nPairs } = tableOf(at);
    const nT = inputOf(at).shape[0];
    const { ropeTheta, qkRopeHeadDim } = at.model.config;
    const positions = positionsFrom(at.start, nT).map((p) => change(p, at));
    return rotate(at, { ...ropeTable(positions, qkRopeHeadDim, ropeTheta, "f64"), nPairs });
  };

/** A rotation with another base than the model's. */
export const withBase = (base: (right: number) => number): Change =>
  withAngles((at, position, pair) =>
    rightAngle(at, position, pair, { theta: base(at.model.config.ropeTheta) }),
  );

/** The same numbers with the channels of each row in another order. */
function reordered(x: Tensor, from: (channel: number, n: number) => number): Tensor {
  const n = x.shape[x.shape.length - 1];
  return numbers(
    x,
    x.data.map((_, i) => x.data[i - (i % n) + from(i % n, n)]),
  );
}

/** The place in [even | odd] order of what stands in pairs. */
const evenOdd = (c: number, n: number): number => (c < n / 2 ? 2 * c : 2 * (c - n / 2) + 1);
/** The place in pairs of what stands in [even | odd] order. */
const paired = (c: number, n: number): number => (c % 2 === 0 ? c / 2 : n / 2 + (c - 1) / 2);

const onlyPairs =
  (isTurned: (pair: number, nPairs: number) => boolean): Change =>
  (at) => {
    const x = inputOf(at);
    const y = rightOf(at);
    const { nPairs } = tableOf(at);
    const keep = (i: number): boolean => !isTurned(Math.floor((i % (2 * nPairs)) / 2), nPairs);
    return numbers(
      y,
      y.data.map((v, i) => (keep(i) ? x.data[i] : v)),
    );
  };

const withTable =
  (change: (table: RopeTable) => RopeTable): Change =>
  (at) =>
    rotate(at, change(tableOf(at)));

/** The half-split rotation with the channels in [even | odd] order first. */
const halves: Change = (at) => halfSplitRope(inputOf(at) as Tensor<[string, "rope"]>, tableOf(at));

const rounded =
  (round: (x: number) => number): Change =>
  (at) => {
    const { nPairs, cos, sin } = tableOf(at);
    return rotate(at, { nPairs, cos: cos.map(round) as Floats, sin: sin.map(round) as Floats });
  };

const THETAS = [100, 1e3, 1e4, 1e5, 5e5, 8e5, 1e6, 5e6, 1e7, 8e7] as const;
const FACTORS = [0.125, 0.25, 0.5, 2, 4, 8] as const;

type Form = readonly [what: string, change: Change, bug?: Bug | undefined];

const FORMS: readonly Form[] = [
  ["is left out", inputOf],
  ["rotates halves instead of neighbours", halves],
  ["turns the other way round", withTable((t) => ({ ...t, sin: t.sin.map((s) => -s) }))],
  ["is done twice", (at) => onInput(at, rightOf(at))],
  ["exchanges cosine and sine", withTable((t) => ({ ...t, cos: t.sin, sin: t.cos }))],
  ["leaves its channels in the order [even | odd]", (at) => reordered(rightOf(at), evenOdd)],
  [
    "reads its channels in the order [even | odd]",
    (at) => rotate(at, tableOf(at), reordered(inputOf(at), paired)),
  ],
  [
    "rotates halves of what is sorted into [even | odd], and does not sort back",
    (at) => {
      const sorted = reordered(inputOf(at), evenOdd);
      return halves({ ...at, args: [sorted, ...at.args.slice(1)] });
    },
  ],
  [
    "rotates halves and then sorts the channels into pairs",
    (at) => reordered(halves(at) as Tensor, paired),
  ],
  ["begins at position 1", atPositions((p) => p + 1)],
  ["is one position late", atPositions((p) => Math.max(0, p - 1))],
  ["is one position behind", atPositions((p) => p - 1)],
  ["takes position 0 for every row", atPositions(() => 0)],
  ["takes the last position for every row", atPositions((_, { tokens }) => tokens.length - 1)],
  ["counts positions from the end", atPositions((p, { tokens }) => tokens.length - 1 - p)],
  ...([2, 4, 8, 16] as const).map(
    (n): Form => [`begins again at 0 every ${n} positions`, atPositions((p) => p % n)],
  ),
  [
    "has its frequencies in reversed order",
    withAngles((at, p, j) => rightAngle(at, p, tableOf(at).nPairs - 1 - j)),
  ],
  [
    "has the exponent j/n instead of 2j/n",
    withAngles((at, p, j) => rightAngle(at, p, j, { step: 1 })),
  ],
  [
    "has the exponent 4j/n instead of 2j/n",
    withAngles((at, p, j) => rightAngle(at, p, j, { step: 4 })),
  ],
  ["begins its frequencies with j = 1", withAngles((at, p, j) => rightAngle(at, p, j + 1))],
  ...(
    [
      ["the whole head", (at: At) => at.model.config.qkHeadDim],
      ["the plain channels", (at: At) => at.model.config.qkNopeHeadDim],
      ["the indexer's head", (at: At) => at.model.config.indexHeadDim],
      ["the latent", (at: At) => at.model.config.kvLoraRank],
    ] as const
  ).map(
    ([name, width]): Form => [
      `has frequencies of the width of ${name}`,
      withAngles((at, p, j) => rightAngle(at, p, j, { width: width(at) })),
      "G01",
    ],
  ),
  ["rotates only the first half of its channels", onlyPairs((j, n) => j < n / 2)],
  ["rotates only the second half of its channels", onlyPairs((j, n) => j >= n / 2)],
  ["rotates only the first pair of channels", onlyPairs((j) => j === 0)],
  ["has another angle for each head", (at) => byHead(at)],
  ...THETAS.map(
    (theta): Form => [
      `has the base ${theta}`,
      withBase(() => theta),
      theta === 1e4 ? "G03" : undefined,
    ],
  ),
  ...FACTORS.map(
    (factor): Form => [
      `multiplies positions by ${factor}`,
      withAngles((at, p, j) => rightAngle(at, p * factor, j)),
    ],
  ),
  ["has cosines and sines in bf16", rounded(bf16)],
];

/** Multiplies positions by the number of the head. */
function byHead(at: At): Tensor {
  const x = inputOf(at);
  const [nT, nH] = x.shape;
  if (x.shape.length < 3) return rightOf(at);
  const n = x.shape[2];
  const y = x.data.slice();
  for (let t = 0; t < nT; t++) {
    for (let h = 0; h < nH; h++) {
      for (let j = 0; j < n / 2; j++) {
        const angle = rightAngle(at, (at.start + t) * (h + 1), j);
        const i = (t * nH + h) * n + 2 * j;
        y[i] = x.data[i] * Math.cos(angle) - x.data[i + 1] * Math.sin(angle);
        y[i + 1] = x.data[i + 1] * Math.cos(angle) + x.data[i] * Math.sin(angle);
      }
    }
  }
  return numbers(x, y);
}

/** Which rotations an engine does with the same code. */
const GROUPS: readonly (readonly [name: string, roles: readonly Role[], bug?: Bug | undefined])[] =
  [
    ["the rotation of the attention's queries and keys", ["qRope", "kRope"], "G13"],
    ["the rotation of the indexer's queries and keys", ["idxQRope", "idxKRope"], "G14"],
    ["every rotation", ["qRope", "kRope", "idxQRope", "idxKRope"]],
    [ROLES.qRope, ["qRope"]],
    [ROLES.kRope, ["kRope"]],
    [ROLES.idxQRope, ["idxQRope"]],
    [ROLES.idxKRope, ["idxKRope"]],
  ];

const bugOf = (form: string, own: Bug | undefined, group: Bug | undefined): Bug | undefined =>
  form.startsWith("rotates halves instead") ? group : own;

export const rotationVariants: readonly Variant[] = GROUPS.flatMap(([name, roles, group]) =>
  FORMS.map(([form, change, own]): Variant => {
    const bug = bugOf(form, own, group);
    return {
      relation: "op",
      what: `${name} ${form}`,
      changes: Object.fromEntries(roles.map((role) => [role, change])),
      ...(bug && { bug }),
    };
  }),
);
