/**
 * How large an expert is on disk.
 * @module
 */
import type { ModelConfig } from "../../engine/config/model-config.ts";
import { openPart } from "../../engine/weights/part.ts";
import { layerOf } from "../../engine/weights/surplus.ts";
import { withFiles } from "../node/file-source.ts";

/** Bytes of one routed expert in the files of a folder, its scales included. Only headers are read. */
export async function storedExpertBytes(folder: string, config: ModelConfig): Promise<number> {
  const layer = config.mlpLayerTypes.indexOf("sparse");
  return withFiles(folder, async (files) => {
    const { tensors } = await openPart(files, config);
    let bytes = 0;
    for (const [name, { length }] of tensors) {
      if (layerOf(name) === layer && name.includes(".mlp.experts.")) bytes += length;
    }
    return bytes / config.nRoutedExperts;
  });
}
