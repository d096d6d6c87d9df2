/**
 * All relations that are fitted to a stage, as variants of the operation that makes it, so that they can be
 * put beside the rest of the dump, too.
 *
 * Next: relation.ts
 * @module
 */
import type { Floats, Indices, Tensor } from "../../../../engine/base/tensor.ts";
import { type Role, shownBy } from "../roles.ts";
import type { Runner } from "../runner.ts";
import type { Found } from "../search.ts";
import { isGood, matchOf, type Target } from "../target.ts";
import { type Change, numbers, type Variant } from "../variant.ts";
import { cuts } from "./cuts.ts";
import { factors } from "./factors.ts";
import { functions } from "./functions.ts";
import { orders } from "./orders.ts";
import { type Fit, gridOf, sound } from "./relation.ts";
import { terms } from "./terms.ts";

/** Relations between the two sides of a stage of numbers that explain what came. */
export function fitted(runner: Runner, target: Target): Found[] {
  const { stage, want } = target;
  const made = runner.base[runner.indexOf(stage)];
  if (want.data instanceof Int32Array || !made || target.off.length === 0) return [];
  const grid = gridOf(target);
  const { config } = runner.right;
  const fits: readonly Fit[] = [
    ...factors(grid, config),
    ...functions(grid),
    ...orders(grid),
    ...cuts(grid),
    ...terms(grid, runner, stage),
  ];
  return fits
    .filter((fit) => sound(fit, grid))
    .map(({ relation, what, make }) => {
      const variant: Variant = {
        relation,
        what: `${stage} ${what}`,
        changes: { [made.role]: onShown(stage, make) } as Partial<Record<Role, Change>>,
      };
      const data = make(grid.e, grid.nT);
      const match = matchOf(target, { shape: [grid.nT, ...want.shape.slice(1)], data });
      return { variant, layer: undefined, match };
    })
    .filter(({ match }) => isGood(match));
}

/** Changes the part of a result that a stage shows. */
const onShown =
  (stage: string, make: (e: Floats, nT: number) => Floats): Change =>
  (at) => {
    const result = at.right(...at.args);
    const isDraft = at.layer >= at.model.config.numHiddenLayers;
    const prefix = stage.replace(/-\d+$/, "");
    const shown = shownBy({ ...at, step: 0 }, result, isDraft).find(
      ([name]) => name.replace(/-\d+$/, "") === prefix,
    );
    const part = shown?.[1] as Tensor | Indices | undefined;
    if (!part || part.data instanceof Int32Array) return result;
    const other = numbers(part as Tensor, make(part.data, part.shape[0]));
    if (result === part) return other;
    if (Array.isArray(result)) return result.map((one) => (one === part ? other : one));
    const parts = Object.entries(result as object).map(([key, one]) => [
      key,
      one === part ? other : one,
    ]);
    return Object.fromEntries(parts);
  };
