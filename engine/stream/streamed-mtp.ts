/**
 * The MTP layer of a model that is larger than memory. It is read when somebody asks for it, and takes the
 * place of a main layer until the next step begins.
 *
 * Next: streamed-tables.ts
 * @module
 */
import type { ModelConfig } from "../config/model-config.ts";
import type { MtpWeights } from "../model/weights.ts";
import type { Shelf } from "../ops/ops.ts";
import { type LoadContext, loadMtp } from "../weights/load-layer.ts";
import { globalSpecs } from "../weights/names.ts";
import { originalOf } from "../weights/surplus.ts";
import type { MtpSpecs } from "../weights/table.ts";
import { WeightsError } from "../weights/weights-error.ts";
import type { Sources } from "./delivery.ts";
import type { ExpertSlots } from "./expert-slots.ts";
import { RowBlocks, rowsOfBlock } from "./row-blocks.ts";
import type { StreamedLayers } from "./streamed-layers.ts";
import type { Trunk, Trunks } from "./trunks.ts";

/** What the layer is read with. */
export interface MtpParts {
  readonly config: ModelConfig;
  readonly specs: MtpSpecs;
  readonly trunks: Trunks;
  readonly slots: ExpertSlots;
  readonly layers: StreamedLayers;
  /** Makes sure, before the layer is first used, that it can be. */
  readonly check: () => void;
}

/** Weights of the MTP layer whose fields are read when they are looked at. */
export function streamedMtp({ config, specs, trunks, slots, layers, check }: MtpParts): MtpWeights {
  let placed: { readonly trunk: Trunk; readonly weights: MtpWeights } | undefined;
  const weights = (): MtpWeights => {
    if (!layers.isMtpNext) check();
    layers.isMtpNext = true;
    const trunk = trunks.arrived(layers.length);
    if (placed?.trunk !== trunk) {
      const bankOf: LoadContext["bankOf"] = (routed) =>
        slots.bankOf(trunks.expertsOf(trunk, routed));
      const context: LoadContext = { ops: trunk.shelf, config, bankOf };
      placed = { trunk, weights: trunks.place(trunk, loadMtp(context, specs)) };
    }
    return placed.weights;
  };
  return {
    get enorm() {
      return weights().enorm;
    },
    get hnorm() {
      return weights().hnorm;
    },
    get ehProj() {
      return weights().ehProj;
    },
    get layer() {
      return weights().layer;
    },
    get sharedHeadNorm() {
      return weights().sharedHeadNorm;
    },
  };
}

/**
 * Compares the embedding and the head that some checkpoints store once more for the MTP layer with those
 * of the model, which are used for both.
 *
 * @returns how many bytes were read
 * @throws {WeightsError} when they are others
 */
export function compareStoredCopies(
  config: ModelConfig,
  sources: Sources,
  shelves: readonly [Shelf, Shelf],
  blockBytes: number,
): number {
  let bytes = 0;
  const { embedTokens, lmHead } = globalSpecs(config);
  for (const name of sources.checkpoint.tensors.keys()) {
    const spec = [embedTokens, lmHead].find((each) => each.name === originalOf(config, name));
    if (!spec) continue;
    const [copy, first] = [{ ...spec, name }, spec].map((each) => new RowBlocks(sources, each));
    const isSame = (from: number, to: number): boolean => {
      const reads = [copy, first].map((each, i) => each.begin(shelves[i], [{ from, to }]));
      bytes += reads[0].bytes + reads[1].bytes;
      const [got, want] = reads.map((read) => read.arrive());
      const isEqual = got.bytes.every((byte, i) => byte === want.bytes[i]);
      return isEqual && got.dtype === want.dtype && got.bytes.length === want.bytes.length;
    };
    const step = rowsOfBlock(first.rowBytes, blockBytes);
    for (let from = 0; from < first.nRows; from += step) {
      if (isSame(from, Math.min(first.nRows, from + step))) continue;
      throw new WeightsError(name, `expected a copy of ${spec.name}, got other numbers or dtype`);
    }
  }
  return bytes;
}
