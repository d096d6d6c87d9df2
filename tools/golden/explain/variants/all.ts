/**
 * All variants, the likelier and simpler ones first. Where two give the same numbers, the earlier one is
 * named first.
 * @module
 */
import type { Variant } from "../variant.ts";
import { activationVariants } from "./activations.ts";
import { attentionVariants } from "./attention.ts";
import { expertVariants } from "./experts.ts";
import { inputVariants } from "./inputs.ts";
import { kvBVariants } from "./kv-b.ts";
import { normVariants } from "./norms.ts";
import { rotationVariants } from "./rotations.ts";
import { routingVariants } from "./routing.ts";
import { rowVariants } from "./rows.ts";
import { ruleVariants } from "./rules.ts";
import { scoreVariants } from "./scores.ts";
import { tableVariants } from "./tables.ts";
import { cacheVariants, valueVariants } from "./values.ts";
import { weightVariants } from "./weights.ts";
import { wiringVariants } from "./wiring.ts";

export const VARIANTS: readonly Variant[] = [
  ...normVariants,
  ...rotationVariants,
  ...wiringVariants,
  ...activationVariants,
  ...attentionVariants,
  ...scoreVariants,
  ...ruleVariants,
  ...rowVariants,
  ...routingVariants,
  ...expertVariants,
  ...inputVariants,
  ...kvBVariants,
  ...tableVariants,
  ...weightVariants,
  ...cacheVariants,
  ...valueVariants,
];
