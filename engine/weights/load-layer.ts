/**
 * One layer's tensors, read in the order of the table and placed in the backend.
 *
 * Most are placed as they stand. Three are not: `kv_b_proj` becomes the two factors of absorption,
 * the experts become one bank, and fused experts are cut into gate and up.
 * @module
 */

import type { ModelConfig } from "../config/model-config.ts";
import type {
  AttentionWeights,
  FfnWeights,
  IndexerWeights,
  LayerWeights,
  MlpWeights,
  MoeWeights,
  MtpWeights,
} from "../model/weights.ts";
import type { Dtype, RawTensor } from "../numbers/raw-tensor.ts";
import type { ExpertBank, Ops } from "../ops/ops.ts";
import type { Shape, Weight } from "../tensor.ts";
import {
  attentionSpecs,
  denseSpecs,
  type ExpertLayout,
  expertSpecs,
  fusedExpertSpecs,
  indexerSpecs,
  type MlpSpecs,
  mtpSpecs,
  normSpecs,
  routerSpecs,
  type Specs,
  sharedSpecs,
  type TensorSpec,
} from "./names.ts";
import { splitGateUp, splitKvB } from "./rearrange.ts";
import { layerKind, layerPrefix } from "./table.ts";
import { WeightsError } from "./weights-error.ts";

/** Gives a tensor by its complete name, with its scales, checked. */
export type ReadTensor = (name: string) => Promise<RawTensor>;

/** What loading needs everywhere. */
export interface LoadContext {
  readonly ops: Ops;
  readonly config: ModelConfig;
  readonly read: ReadTensor;
}

/** Places every weight of a group under the field it has in the table. */
export async function placeAll<W>(ctx: LoadContext, prefix: string, specs: Specs<W>): Promise<W> {
  const placed: Record<string, Weight> = {};
  for (const [field, { name, axes, shape }] of Object.entries<TensorSpec>(specs)) {
    placed[field] = ctx.ops.place(axes, shape, await ctx.read(prefix + name));
  }
  return placed as W; // Specs<W> has the fields of W, and the axes of each
}

/** Layer `i`, or the ordinary part of the MTP layer. */
export async function loadLayer(
  ctx: LoadContext,
  i: number,
  layout: ExpertLayout,
): Promise<LayerWeights> {
  const { config } = ctx;
  const prefix = layerPrefix(i);
  const kind = layerKind(config, i);
  const norms = await placeAll<Pick<LayerWeights, "inputNorm" | "postAttentionNorm">>(
    ctx,
    prefix,
    normSpecs(config),
  );
  const attn = await loadAttention(ctx, prefix);
  const indexer =
    kind.indexer === "full"
      ? await placeAll<IndexerWeights>(ctx, prefix, indexerSpecs(config))
      : undefined;
  const ffn =
    kind.mlp === "dense" ? await loadDense(ctx, prefix) : await loadSparse(ctx, prefix, layout);
  return { ...norms, attn, indexer, ffn };
}

/** The MTP layer, stored as layer `i`. */
export async function loadMtp(
  ctx: LoadContext,
  i: number,
  layout: ExpertLayout,
): Promise<MtpWeights> {
  const ends = await placeAll<Omit<MtpWeights, "layer">>(ctx, layerPrefix(i), mtpSpecs(ctx.config));
  return { ...ends, layer: await loadLayer(ctx, i, layout) };
}

async function loadAttention(ctx: LoadContext, prefix: string): Promise<AttentionWeights> {
  const { numAttentionHeads: nH, qkNopeHeadDim: nope, vHeadDim: v, kvLoraRank } = ctx.config;
  const { kvBProj, ...rest } = attentionSpecs(ctx.config);
  const { kUp, vUp } = splitKvB(await ctx.read(prefix + kvBProj.name), nH, nope, v);
  return {
    ...(await placeAll<Omit<AttentionWeights, "kUp" | "vUp">>(ctx, prefix, rest)),
    kUp: ctx.ops.place(["H", "kvLora", "nope"], [nH, kvLoraRank, nope], kUp),
    vUp: ctx.ops.place(["H", "v", "kvLora"], [nH, v, kvLoraRank], vUp),
  };
}

async function loadDense(ctx: LoadContext, prefix: string): Promise<FfnWeights> {
  const mlp = await placeAll<MlpWeights<"ffn">>(ctx, prefix, denseSpecs(ctx.config));
  return { kind: "dense", ...mlp };
}

async function loadSparse(
  ctx: LoadContext,
  prefix: string,
  layout: ExpertLayout,
): Promise<FfnWeights> {
  const router = await placeAll<Pick<MoeWeights, "router" | "eScoreCorrectionBias">>(
    ctx,
    prefix,
    routerSpecs(ctx.config),
  );
  const bank = layout === "fused" ? loadFusedExperts : loadExperts;
  const experts = await bank(ctx, prefix);
  const shared = await placeAll<MlpWeights<"shared">>(ctx, prefix, sharedSpecs(ctx.config));
  return { kind: "sparse", ...router, experts, shared };
}

/** Three tensors of each expert, into one bank; one matrix at a time is held. */
async function loadExperts(ctx: LoadContext, prefix: string): Promise<ExpertBank> {
  const { nRoutedExperts: nE, moeIntermediateSize: nMoe, hiddenSize: nHidden } = ctx.config;
  const experts = Array.from({ length: nE }, (_, e) => expertSpecs(ctx.config, e));
  const names = (part: keyof MlpSpecs<"moe">) =>
    experts.map((expert) => prefix + expert[part].name);
  return {
    gate: await placeStack(ctx, ["E", "moe", "hidden"], [nE, nMoe, nHidden], names("gate")),
    up: await placeStack(ctx, ["E", "moe", "hidden"], [nE, nMoe, nHidden], names("up")),
    down: await placeStack(ctx, ["E", "hidden", "moe"], [nE, nHidden, nMoe], names("down")),
  };
}

/** @throws {WeightsError} when the matrices are not all in one format */
async function placeStack<const D extends readonly [string, string, string]>(
  { ops, read }: LoadContext,
  dims: D,
  shape: Shape<D>,
  names: readonly string[],
): Promise<Weight<D>> {
  const stack = ops.placeStack(dims, shape);
  let dtype: Dtype | undefined;
  for (const name of names) {
    const raw = await read(name);
    dtype ??= raw.dtype;
    if (raw.dtype !== dtype) {
      throw new WeightsError(name, `expected ${dtype}, as ${names[0]}, got ${raw.dtype}`);
    }
    stack.put(raw);
  }
  return stack.done();
}

async function loadFusedExperts(ctx: LoadContext, prefix: string): Promise<ExpertBank> {
  const { gateUp, down } = fusedExpertSpecs(ctx.config);
  const { gate, up } = splitGateUp(await ctx.read(prefix + gateUp.name));
  return {
    gate: placeGateOrUp(ctx, gate),
    up: placeGateOrUp(ctx, up),
    down: placeDown(ctx, await ctx.read(prefix + down.name)),
  };
}

function placeGateOrUp(ctx: LoadContext, raw: RawTensor): Weight<["E", "moe", "hidden"]> {
  const { nRoutedExperts, moeIntermediateSize, hiddenSize } = ctx.config;
  const shape: Shape<["E", "moe", "hidden"]> = [nRoutedExperts, moeIntermediateSize, hiddenSize];
  return ctx.ops.place(["E", "moe", "hidden"], shape, raw);
}

function placeDown(ctx: LoadContext, raw: RawTensor): Weight<["E", "hidden", "moe"]> {
  const { nRoutedExperts, moeIntermediateSize, hiddenSize } = ctx.config;
  const shape: Shape<["E", "hidden", "moe"]> = [nRoutedExperts, hiddenSize, moeIntermediateSize];
  return ctx.ops.place(["E", "hidden", "moe"], shape, raw);
}
