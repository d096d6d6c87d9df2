/**
 * Puts stages of a dump into a run of the model.
 * @module
 */
import type { Indices, Tensor } from "../../../engine/base/tensor.ts";
import { MASKED } from "../judge/distance.ts";
import { usable } from "../judge/forced.ts";
import { type Site, type Stages, shownBy } from "./roles.ts";

/** The result of a site, with the numbers of the seeds where they have its stages. */
export function seeded(seeds: Stages, site: Site, made: unknown, isDraft: boolean): unknown {
  if (seeds.size === 0) return made;
  const shown = shownBy(site, made, isDraft).filter(([name]) => seeds.has(name));
  const other = new Map(shown.map(([name, value]) => [value as unknown, put(seeds, name, value)]));
  if (other.size === 0) return made;
  if (other.has(made)) return other.get(made);
  if (Array.isArray(made)) return made.map((part) => other.get(part) ?? part);
  const parts = Object.entries(made as object).map(([key, part]) => [key, other.get(part) ?? part]);
  return Object.fromEntries(parts);
}

function put(seeds: Stages, name: string, value: Tensor | Indices): Tensor | Indices {
  const seed = seeds.get(name);
  if (!seed) return value;
  if (value.data instanceof Int32Array) {
    const [nRows, width] = value.shape;
    const choice = usable(seed, value as Indices, Number.POSITIVE_INFINITY);
    return choice && choice.shape[0] === nRows && choice.shape[1] === width
      ? ({ ...value, ...choice } as Indices)
      : value;
  }
  const data = Float64Array.from(seed.data, (x) => (x < MASKED ? Number.NEGATIVE_INFINITY : x));
  return { ...value, data } as Tensor;
}
