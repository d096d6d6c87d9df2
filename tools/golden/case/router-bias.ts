/**
 * The correction biases that a router adds to its scores before it chooses experts.
 * @module
 */

import type { Floats } from "../../../engine/base/tensor.ts";
import type { ModelWeights } from "../../../engine/index.ts";
import { floatsOf } from "../../../engine/ops/reference/memory.ts";

/** Biases of a layer's router; none for a dense layer. The MTP layer has the number after the last. */
export function routerBias({ layers, mtp }: ModelWeights, layer: number): Floats | undefined {
  const ffn = [...layers, mtp?.layer][layer]?.ffn;
  return ffn?.kind === "sparse" ? floatsOf(ffn.eScoreCorrectionBias) : undefined;
}
