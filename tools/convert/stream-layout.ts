/**
 * Where tensors stand in files that are made for streaming: one file for each layer, in which everything that is
 * read at once is one run of bytes from a multiple of 4096 bytes on.
 *
 * ```text
 * header │ all but the routed experts, with fp8 scales of these │ expert 0 │ expert 1 │ …
 *        4096                                                   4096       4096
 * ```
 *
 * A safetensors file has no holes, so what is missing to a multiple is a tensor of its own, of zeros, with a name
 * that loading leaves aside: `model.layers.3.padding.0`. With the dimensions of GLM-5.2 an expert in q8, q4 or bf16
 * is a multiple anyway.
 *
 * Next: plan.ts
 * @module
 */
import { READ_BLOCK } from "../../engine/stream/read-store.ts";
import type { TensorSpec } from "../../engine/weights/names.ts";
import { formBytes } from "../../engine/weights/safetensors.ts";
import {
  fixedSpecs,
  type LayerSpecs,
  layerPrefix,
  type ModelSpecs,
} from "../../engine/weights/table.ts";
import { type NamedForm, usualOrder } from "../../engine/weights/write-safetensors.ts";
import { filesInOrder, type NewFile } from "./shards.ts";

/** The tensors of the new files that a tensor of the model becomes. */
type PartsOf = (tensor: { readonly name: string }) => readonly NamedForm[];

/** The files: embedding, last norm and head; then the layers, the one for guessing ahead last. */
export function filesForStreaming(specs: ModelSpecs, partsOf: PartsOf): readonly NewFile[] {
  const { globals, layers, mtp } = specs;
  const files = layers.map((layer, i) => inBlocks(layer, fixedSpecs(layer), i, partsOf));
  if (mtp) {
    const trunk = [...Object.values(mtp.ends), ...fixedSpecs(mtp.layer)];
    files.push(inBlocks(mtp.layer, trunk, layers.length, partsOf));
  }
  const first = usualOrder(Object.values(globals).flatMap(partsOf));
  return filesInOrder([first, ...files], READ_BLOCK);
}

/** The tensors of a layer, and what fills them up to whole blocks. */
function inBlocks(
  layer: LayerSpecs,
  fixed: readonly TensorSpec[],
  index: number,
  partsOf: PartsOf,
): NamedForm[] {
  const trunk = fixed.flatMap(partsOf);
  const experts = expertsOf(layer, partsOf).map((parts) => {
    // A layer that is streamed reads the fp8 scales of all its experts at once.
    const isFp8 = parts.some(([, { dtype }]) => dtype === "F8_E4M3");
    const scales = isFp8 ? parts.filter(([, { dtype }]) => dtype !== "F8_E4M3") : [];
    trunk.push(...scales);
    return parts.filter((part) => !scales.includes(part));
  });
  const tensors: NamedForm[] = [];
  let [end, nPaddings] = [0, 0];
  for (const run of [trunk, ...experts]) {
    const missing = -end & (READ_BLOCK - 1);
    if (missing > 0) {
      const name = `${layerPrefix(index)}padding.${nPaddings++}`;
      tensors.push([name, { dtype: "U8", shape: [missing] }]);
    }
    tensors.push(...usualOrder(run));
    end = run.reduce((sum, [, form]) => sum + formBytes(form), 0); // it begins at a multiple
  }
  return tensors;
}

/** What each routed expert becomes. */
function expertsOf({ ffn }: LayerSpecs, partsOf: PartsOf): (readonly NamedForm[])[] {
  if (ffn.kind === "dense") return [];
  const { experts } = ffn;
  if (experts.layout === "fused") return [[experts.gateUp, experts.down].flatMap(partsOf)];
  return Array.from({ length: experts.nExperts }, (_, e) =>
    Object.values(experts.expert(e)).flatMap(partsOf),
  );
}
