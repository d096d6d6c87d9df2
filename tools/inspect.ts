/**
 * What a model is, from its `config.json` and, if there are any, from the headers of its weights:
 * counts, sizes, the IndexShare schedule, and the memory that one token of context costs.
 *
 * Numbers come from the table of names and from headers, never from what a file claims about
 * itself: published totals are wrong as often as not.
 * @module
 */
import type { ModelConfig } from "../engine/model-config.ts";
import { sizeOf } from "../engine/tensor.ts";
import { bind, SCALE_SUFFIX } from "../engine/weights/bind.ts";
import type { Checkpoint } from "../engine/weights/checkpoint.ts";
import {
  attentionSpecs,
  expertSpecs,
  globalSpecs,
  indexerSpecs,
  type TensorSpec,
} from "../engine/weights/names.ts";
import { type LayerKind, layerKind, layerSpecs, routedSpecs } from "../engine/weights/table.ts";

/** Parameters; fp8 scales are not parameters. */
export interface ParameterCounts {
  /** All of the table, or all that the headers hold. */
  readonly stored: number;
  readonly main: number;
  readonly mainWithoutEmbedAndHead: number;
  readonly mtp: number;
  /** What one token passes through in the main layers. */
  readonly active: number;
  readonly activeWithHead: number;
  readonly activeWithEmbedAndHead: number;
  /** Of one layer. */
  readonly attention: number;
  readonly indexer: number;
  readonly expert: number;
}

/** Bytes of cache that one token of context costs in the main layers. */
export interface CacheBytes {
  readonly latent: number;
  readonly index: number;
  /** What `index` would be if no layer shared. */
  readonly indexIfAllFull: number;
}

/** Headers counted by number format. */
export interface DtypeCount {
  readonly tensors: number;
  readonly elements: number;
  readonly bytes: number;
}

/** The result of {@link inspectCheckpoint}: plain data, ready for JSON. */
export interface Inspection {
  readonly parameters: ParameterCounts;
  /** How many layers of each kind, e.g. `"sparse + shared": 57`. */
  readonly layers: Readonly<Record<string, number>>;
  /** One letter per main layer: `F` has an indexer, `s` borrows. */
  readonly schedule: string;
  /** One letter per main layer: `d` dense, `m` mixture of experts. */
  readonly mlpSchedule: string;
  /** Whether the MTP layer is counted in: configured, and in the files if there are files. */
  readonly mtp: boolean;
  /** Tensors in the per-expert layout, or in the files. Scales are counted apart. */
  readonly tensors: number;
  readonly scales: number;
  readonly cacheBytesPerToken: Readonly<Record<"bf16" | "f32" | "fp8", CacheBytes>>;
  /** Only with files. */
  readonly files?: {
    readonly bytes: number;
    readonly dtypes: Readonly<Record<string, DtypeCount>>;
  };
}

/**
 * Counts a model.
 *
 * @param checkpoint  without it, the numbers are those of the per-expert layout in the config
 * @throws {WeightsError} when the checkpoint does not hold what the config implies
 */
export function inspectCheckpoint(config: ModelConfig, checkpoint?: Checkpoint): Inspection {
  const nLayers = checkpoint
    ? bind(config, checkpoint).nLayers
    : config.numHiddenLayers + config.numNextnPredictLayers;
  const { embedTokens, norm, lmHead } = globalSpecs(config);
  const [embed, head] = [sizeOf(embedTokens.shape), sizeOf(lmHead.shape)];
  let inner = sizeOf(norm.shape);
  let active = inner;
  let mtp = 0;
  let tensors = 3;
  let scales = 0;
  const layers: Record<string, number> = {};
  for (let i = 0; i < nLayers; i++) {
    const kind = layerKind(config, i);
    const count = countLayer(config, kind);
    tensors += count.tensors;
    scales += count.scales;
    const name = kind.mtp ? "mtp" : `${kind.mlp} + ${kind.indexer}`;
    layers[name] = (layers[name] ?? 0) + 1;
    if (kind.mtp) {
      mtp = count.all;
    } else {
      inner += count.all;
      active += count.active;
    }
  }
  const parameters: ParameterCounts = {
    stored: inner + embed + head + mtp,
    main: inner + embed + head,
    mainWithoutEmbedAndHead: inner,
    mtp,
    active,
    activeWithHead: active + head,
    activeWithEmbedAndHead: active + head + embed,
    attention: total(Object.values(attentionSpecs(config))),
    indexer: total(Object.values(indexerSpecs(config))),
    expert: total(Object.values(expertSpecs(config, 0))),
  };
  const common = {
    layers,
    schedule: config.indexerTypes.map((type) => (type === "full" ? "F" : "s")).join(""),
    mlpSchedule: config.mlpLayerTypes.map((type) => (type === "dense" ? "d" : "m")).join(""),
    mtp: nLayers > config.numHiddenLayers,
    cacheBytesPerToken: cacheBytes(config),
  };
  if (checkpoint === undefined) return { parameters, ...common, tensors, scales: 0 };
  return { parameters, ...common, ...countHeaders(checkpoint) };
}
