/**
 * The table of `names.ts` for a whole model: one value that names every tensor of a checkpoint.
 *
 * It is made once. `match-tensors.ts` compares it with what the files hold, and `load.ts` reads the
 * files by it.
 *
 * Next: match-tensors.ts
 * @module
 */
import type { ModelConfig } from "../config/model-config.ts";
import type {
  IndexerWeights,
  LayerWeights,
  ModelWeights,
  MoeWeights,
  MtpWeights,
} from "../model/weights.ts";
import {
  attentionSpecs,
  denseSpecs,
  type ExpertLayout,
  expertSpecs,
  type FusedExpertSpecs,
  fusedExpertSpecs,
  globalSpecs,
  indexerSpecs,
  type MlpSpecs,
  mtpSpecs,
  normSpecs,
  routerSpecs,
  type Specs,
  type StoredAttention,
  sharedSpecs,
  type TensorSpec,
} from "./names.ts";

/** All tensors of a model, arranged as `ModelWeights` is, under their complete names. */
export interface ModelSpecs {
  readonly globals: Specs<Pick<ModelWeights, "embedTokens" | "norm" | "lmHead">>;
  /** The main layers. */
  readonly layers: readonly LayerSpecs[];
  /** Undefined where the model has no MTP layer. */
  readonly mtp: MtpSpecs | undefined;
}

/** The tensors of one layer. */
export interface LayerSpecs {
  readonly norms: Specs<Pick<LayerWeights, "inputNorm" | "postAttentionNorm">>;
  readonly attn: Specs<StoredAttention>;
  /** Undefined on shared layers. */
  readonly indexer: Specs<IndexerWeights> | undefined;
  readonly ffn: DenseSpecs | SparseSpecs;
}

/** The feed-forward block of a dense layer. */
export interface DenseSpecs {
  readonly kind: "dense";
  readonly mlp: MlpSpecs<"ffn">;
}

/** Router and experts of a sparse layer. */
export interface SparseSpecs {
  readonly kind: "sparse";
  readonly router: Specs<Pick<MoeWeights, "router" | "eScoreCorrectionBias">>;
  readonly shared: MlpSpecs<"shared">;
  readonly experts: RoutedSpecs;
}

/**
 * The routed experts of a layer. Those stored one by one are made when they are asked for, because
 * a hostile config may name more of them than fit in memory.
 */
export type RoutedSpecs =
  | ({ readonly layout: "fused"; readonly nExperts: number } & FusedExpertSpecs)
  | {
      readonly layout: "per-expert";
      readonly nExperts: number;
      expert(e: number): MlpSpecs<"moe">;
    };

/** The MTP layer: a layer that is sparse and full, with an entrance and an exit of its own. */
export interface MtpSpecs {
  readonly ends: Specs<Omit<MtpWeights, "layer">>;
  readonly layer: LayerSpecs;
}

/** What the files decide, and no config. */
export interface TableOptions {
  /** Whether there is an MTP layer. By default, the config says it. */
  readonly hasMtp?: boolean;
  /** How layer `i` stores its experts. By default, one by one. */
  readonly layoutOf?: (layer: number) => ExpertLayout;
}

/** The beginning of every name in layer `i`. */
export function layerPrefix(i: number): string {
  return `model.layers.${i}.`;
}

/** The table of a model. */
export function modelSpecs(c: ModelConfig, options: TableOptions = {}): ModelSpecs {
  const { hasMtp = c.numNextnPredictLayers === 1, layoutOf = () => "per-expert" } = options;
  const nMain = c.numHiddenLayers;
  return {
    globals: globalSpecs(c),
    layers: Array.from({ length: nMain }, (_, i) => layerSpecs(c, i, layoutOf(i))),
    mtp: hasMtp ? mtpLayerSpecs(c, layoutOf(nMain)) : undefined,
  };
}

/** The MTP layer. Its experts are as many as `c` says, which may be more than in the main layers. */
export function mtpLayerSpecs(c: ModelConfig, layout: ExpertLayout): MtpSpecs {
  const i = c.numHiddenLayers;
  return { ends: mtpSpecs(c, layerPrefix(i)), layer: layerSpecs(c, i, layout) };
}

/** Layer `i`. The one after the main layers is the MTP layer. */
function layerSpecs(c: ModelConfig, i: number, layout: ExpertLayout): LayerSpecs {
  const isMtp = i === c.numHiddenLayers;
  const layer = layerPrefix(i);
  const isFull = isMtp || c.indexerTypes[i] === "full";
  const isSparse = isMtp || c.mlpLayerTypes[i] === "sparse";
  return {
    norms: normSpecs(c, layer),
    attn: attentionSpecs(c, layer),
    indexer: isFull ? indexerSpecs(c, layer) : undefined,
    ffn: isSparse ? sparseSpecs(c, layer, layout) : { kind: "dense", mlp: denseSpecs(c, layer) },
  };
}

function sparseSpecs(c: ModelConfig, layer: string, layout: ExpertLayout): SparseSpecs {
  const nExperts = c.nRoutedExperts;
  return {
    kind: "sparse",
    router: routerSpecs(c, layer),
    shared: sharedSpecs(c, layer),
    experts:
      layout === "fused"
        ? { layout, nExperts, ...fusedExpertSpecs(c, layer) }
        : { layout, nExperts, expert: (e) => expertSpecs(c, e, layer) },
  };
}

/** All tensors of a layer except the routed experts. */
export function fixedSpecs({ norms, attn, indexer, ffn }: LayerSpecs): TensorSpec[] {
  const parts = ffn.kind === "dense" ? [ffn.mlp] : [ffn.router, ffn.shared];
  return [norms, attn, indexer ?? {}, ...parts].flatMap((part) => Object.values(part));
}

/** The routed experts of a layer; a dense layer has none. */
export function* routedSpecs({ ffn }: LayerSpecs): Generator<TensorSpec> {
  if (ffn.kind === "dense") return;
  const { experts } = ffn;
  if (experts.layout === "fused") {
    yield experts.gateUp;
    yield experts.down;
  } else {
    for (let e = 0; e < experts.nExperts; e++) yield* Object.values(experts.expert(e));
  }
}

/** Every tensor of a model, layer after layer. */
export function* everySpec({
  globals,
  layers,
  mtp,
}: Omit<ModelSpecs, "globals"> & {
  readonly globals: Partial<ModelSpecs["globals"]>;
}): Generator<TensorSpec> {
  yield* Object.values(globals);
  for (const layer of layers) {
    yield* fixedSpecs(layer);
    yield* routedSpecs(layer);
  }
  if (mtp) yield* everyMtpSpec(mtp);
}

/** Every tensor of the MTP layer. */
export function* everyMtpSpec({ ends, layer }: MtpSpecs): Generator<TensorSpec> {
  yield* Object.values(ends);
  yield* fixedSpecs(layer);
  yield* routedSpecs(layer);
}
