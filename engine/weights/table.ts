/**
 * The table of `names.ts`, listed: which tensors does a whole checkpoint of this config hold?
 * @module
 */
import type { IndexerType, MlpLayerType, ModelConfig } from "../config/model-config.ts";
import {
  attentionSpecs,
  denseSpecs,
  type ExpertLayout,
  expertSpecs,
  fusedExpertSpecs,
  globalSpecs,
  indexerSpecs,
  mtpSpecs,
  normSpecs,
  routerSpecs,
  sharedSpecs,
  type TensorSpec,
} from "./names.ts";

/** What decides the tensors of a layer. */
export interface LayerKind {
  readonly indexer: IndexerType;
  readonly mlp: MlpLayerType;
  /** Whether it has the entrance and the exit of the MTP layer. */
  readonly mtp: boolean;
}

/** The kind of layer `i`; the one after the last is the MTP layer. */
export function layerKind(c: ModelConfig, i: number): LayerKind {
  return i < c.numHiddenLayers
    ? { indexer: c.indexerTypes[i], mlp: c.mlpLayerTypes[i], mtp: false }
    : { indexer: "full", mlp: "sparse", mtp: true };
}

/** The beginning of every name in layer `i`. */
export function layerPrefix(i: number): string {
  return `model.layers.${i}.`;
}

/** All tensors of a layer but the routed experts, under names relative to the layer. */
export function layerSpecs(c: ModelConfig, kind: LayerKind): TensorSpec[] {
  return [
    ...(kind.mtp ? Object.values(mtpSpecs(c)) : []),
    ...Object.values(normSpecs(c)),
    ...Object.values(attentionSpecs(c)),
    ...(kind.indexer === "full" ? Object.values(indexerSpecs(c)) : []),
    ...(kind.mlp === "dense"
      ? Object.values(denseSpecs(c))
      : [...Object.values(routerSpecs(c)), ...Object.values(sharedSpecs(c))]),
  ];
}

/** The routed experts of a layer, none if it is dense. */
export function* routedSpecs(
  c: ModelConfig,
  kind: LayerKind,
  layout: ExpertLayout,
): Generator<TensorSpec> {
  if (kind.mlp === "dense") return;
  if (layout === "fused") {
    yield* Object.values(fusedExpertSpecs(c));
  } else {
    for (let e = 0; e < c.nRoutedExperts; e++) yield* Object.values(expertSpecs(c, e));
  }
}

/** Every tensor of a checkpoint under its complete name, layers `0 … nLayers − 1`. */
export function* checkpointSpecs(
  c: ModelConfig,
  nLayers: number,
  layoutOf: (layer: number) => ExpertLayout,
): Generator<TensorSpec> {
  yield* Object.values(globalSpecs(c));
  for (let i = 0; i < nLayers; i++) {
    const kind = layerKind(c, i);
    for (const spec of layerSpecs(c, kind)) yield { ...spec, name: layerPrefix(i) + spec.name };
    for (const spec of routedSpecs(c, kind, layoutOf(i))) {
      yield { ...spec, name: layerPrefix(i) + spec.name };
    }
  }
}
