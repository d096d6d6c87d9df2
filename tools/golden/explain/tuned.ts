/**
 * Variants with a number in them that nobody can guess: what an operation makes times a factor, another
 * softmax scale, another base of the rotation. The number is taken from the wrong stage, by Newton's
 * method: how the stage changes with the number is measured by a second run.
 * @module
 */
import type { GoldenTensor } from "../case/case.ts";
import { MASKED } from "../judge/distance.ts";
import { plain as inShort } from "./fitted/relation.ts";
import { ROLES, type Role } from "./roles.ts";
import type { Field, Found } from "./search.ts";
import { isGood, matchOf } from "./target.ts";
import { type Change, numbers, rightOf, type Variant } from "./variant.ts";
import { withBase } from "./variants/rotations.ts";
import { MAKERS } from "./variants/values.ts";

/** A variant for each number. */
interface Family {
  readonly roles: readonly Role[];
  readonly variant: (x: number) => Variant;
}

const onAll = (roles: readonly Role[], change: Change): Variant["changes"] =>
  Object.fromEntries(roles.map((role) => [role, change]));

/** The number is a factor; at 1 each variant is the model. */
const FAMILIES: readonly Family[] = [
  {
    roles: ["latentAttention"],
    variant: (x) => ({
      relation: "factor",
      what: `${ROLES.latentAttention} multiplies its scores by ${inShort(x)} before the softmax`,
      changes: {
        latentAttention: (at) => at.right(...at.args.slice(0, 4), x * (at.args[4] as number)),
      },
    }),
  },
  ...MAKERS.map(
    (role): Family => ({
      roles: [role],
      variant: (x) => ({
        relation: "factor",
        what: `what ${ROLES[role]} makes is multiplied by ${inShort(x)}`,
        changes: {
          [role]: ((at) => {
            const y = rightOf(at);
            return numbers(
              y,
              y.data.map((v) => v * x),
            );
          }) as Change,
        },
      }),
    }),
  ),
  ...(
    [
      ["the rotation of the attention's queries and keys", ["qRope", "kRope"]],
      ["the rotation of the indexer's queries and keys", ["idxQRope", "idxKRope"]],
      ["every rotation", ["qRope", "kRope", "idxQRope", "idxKRope"]],
    ] as const
  ).map(
    ([name, roles]): Family => ({
      roles,
      variant: (x) => ({
        relation: "op",
        what: `${name} has its base multiplied by ${inShort(x)}`,
        changes: onAll(
          roles,
          withBase((theta) => theta * x),
        ),
      }),
    }),
  ),
];

/** Newton's method has converged by then, or never does. */
const MOST_STEPS = 6;
/** How far the number is moved to see what follows. */
const STEP = 1e-4;

/** The variants that explain the target with a number taken from it. */
export function tuned({ runner, target, begin }: Field): Found[] {
  if (target.want.data instanceof Int32Array) return [];
  const { stage } = target;
  const inSpan = new Set(
    runner.base.slice(begin, runner.indexOf(stage) + 1).map(({ role }) => role),
  );
  const made = ({ variant }: Family, x: number): GoldenTensor | undefined =>
    runner.run(variant(x).changes, (_, index) => index >= begin, stage)?.get(stage);
  return FAMILIES.filter(({ roles }) => roles.some((role) => inSpan.has(role))).flatMap(
    (family) => {
      let x = 1;
      for (let step = 0; step < MOST_STEPS; step++) {
        const here = made(family, x);
        const match = matchOf(target, here);
        if (match.isExact && isGood(match)) {
          return [{ variant: family.variant(x), layer: undefined, match }];
        }
        const there = made(family, x * (1 + STEP));
        if (!here || !there) return [];
        const move = newtonStep(target.got, here, there) * STEP * x;
        if (!Number.isFinite(move) || move === 0) return [];
        x += move;
      }
      return [];
    },
  );
}

/** By how many steps from `here` to `there` one comes the nearest to `got`. */
function newtonStep(got: GoldenTensor, here: GoldenTensor, there: GoldenTensor): number {
  let [along, square] = [0, 0];
  const n = Math.min(got.data.length, here.data.length);
  for (let i = 0; i < n; i++) {
    if (got.data[i] < MASKED || here.data[i] < MASKED) continue;
    const slope = there.data[i] - here.data[i];
    along += slope * (got.data[i] - here.data[i]);
    square += slope * slope;
  }
  return square > 0 ? along / square : 0;
}
