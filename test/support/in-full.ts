/**
 * Weights in a form that can be compared: a bank of experts is a function, here are its numbers.
 * @module
 */
import type { LayerWeights, ModelWeights, MoeWeights } from "../../engine/model/weights.ts";
import type { Expert } from "../../engine/ops/ops.ts";
import { floatsOf } from "../../engine/ops/reference/memory.ts";

/** The numbers of all experts, one after the other. The reference must have placed them. */
export function everyExpert({ experts }: MoeWeights): Record<keyof Expert, number[]> {
  const all = experts.bringIn([...Array(experts.nE).keys()], 0);
  const numbers = (part: keyof Expert) => all.flatMap((expert) => [...floatsOf(expert[part])]);
  return { gate: numbers("gate"), up: numbers("up"), down: numbers("down") };
}

/** All weights. */
export function inFull({ layers, mtp, ...globals }: ModelWeights): unknown {
  const whole = ({ ffn, ...rest }: LayerWeights) => ({
    ...rest,
    ffn: ffn.kind === "sparse" ? { ...ffn, experts: everyExpert(ffn) } : ffn,
  });
  return {
    ...globals,
    layers: [...layers].map(whole),
    mtp: mtp && { ...mtp, layer: whole(mtp.layer) },
  };
}
