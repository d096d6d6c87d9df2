/**
 * Reads the tensors of one layer in the order of the table and places them in the backend.
 *
 * Most are placed as they are stored. Three are not: `kv_b_proj` becomes the two factors of
 * absorption, the experts become one bank, and fused experts are cut into gate and up.
 * @module
 */

import type { Shape, Weight } from "../base/tensor.ts";
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
import type { FusedExpertSpecs, MlpSpecs, Specs, StoredAttention, TensorSpec } from "./names.ts";
import { splitGateUp, splitKvB } from "./rearrange.ts";
import type { LayerSpecs, MtpSpecs, SparseSpecs } from "./table.ts";
import { WeightsError } from "./weights-error.ts";

/** Reads a tensor with its scales, by its complete name, and checks it. */
export type ReadTensor = (name: string) => Promise<RawTensor>;

/** What every function here needs: where weights go, how heads are cut, and how files are read. */
export interface LoadContext {
  readonly ops: Ops;
  readonly config: ModelConfig;
  readonly read: ReadTensor;
  /** Reads several tensors, in their order. */
  readonly readInTurn: (names: readonly string[]) => AsyncIterable<RawTensor>;
}

/** Places the tensors of `specs` one after the other, and returns them under the same fields. */
export async function placeAll<W>({ ops, readInTurn }: LoadContext, specs: Specs<W>): Promise<W> {
  const placed: Record<string, Weight> = {};
  const fields = Object.entries<TensorSpec>(specs);
  for await (const raw of readInTurn(fields.map(([, { name }]) => name))) {
    const [field, { axes, shape }] = fields[Object.keys(placed).length];
    placed[field] = ops.place(axes, shape, raw);
  }
  return placed as W; // Specs<W> has the fields of W, and the axes of each
}

/** Loads a main layer, or the MTP layer without its ends. */
export async function loadLayer(ctx: LoadContext, specs: LayerSpecs): Promise<LayerWeights> {
  const { ffn } = specs;
  const norms = await placeAll<Pick<LayerWeights, "inputNorm" | "postAttentionNorm">>(
    ctx,
    specs.norms,
  );
  const attn = await loadAttention(ctx, specs.attn);
  const indexer = specs.indexer && (await placeAll<IndexerWeights>(ctx, specs.indexer));
  return {
    ...norms,
    attn,
    indexer,
    ffn:
      ffn.kind === "dense"
        ? { kind: "dense", ...(await placeAll<MlpWeights<"ffn">>(ctx, ffn.mlp)) }
        : await loadSparse(ctx, ffn),
  };
}

/** Loads the MTP layer. */
export async function loadMtp(ctx: LoadContext, specs: MtpSpecs): Promise<MtpWeights> {
  const ends = await placeAll<Omit<MtpWeights, "layer">>(ctx, specs.ends);
  return { ...ends, layer: await loadLayer(ctx, specs.layer) };
}

async function loadAttention(
  ctx: LoadContext,
  { kvBProj, ...rest }: Specs<StoredAttention>,
): Promise<AttentionWeights> {
  const { numAttentionHeads: nH, qkNopeHeadDim: nope, vHeadDim: v, kvLoraRank } = ctx.config;
  const { kUp, vUp } = splitKvB(await ctx.read(kvBProj.name), nH, nope, v);
  return {
    ...(await placeAll<Omit<AttentionWeights, "kUp" | "vUp">>(ctx, rest)),
    kUp: ctx.ops.place(["H", "kvLora", "nope"], [nH, kvLoraRank, nope], kUp),
    vUp: ctx.ops.place(["H", "v", "kvLora"], [nH, v, kvLoraRank], vUp),
  };
}

async function loadSparse(ctx: LoadContext, specs: SparseSpecs): Promise<FfnWeights> {
  const router = await placeAll<Pick<MoeWeights, "router" | "eScoreCorrectionBias">>(
    ctx,
    specs.router,
  );
  const { experts: routed } = specs;
  const experts =
    routed.layout === "fused"
      ? await loadFusedExperts(ctx, routed)
      : await loadExperts(
          ctx,
          Array.from({ length: routed.nExperts }, (_, e) => routed.expert(e)),
        );
  const shared = await placeAll<MlpWeights<"shared">>(ctx, specs.shared);
  return { kind: "sparse", ...router, experts, shared };
}

/** Makes one bank of three tensors of each expert. Only a few matrices are held in between. */
async function loadExperts(
  ctx: LoadContext,
  experts: readonly MlpSpecs<"moe">[],
): Promise<ExpertBank> {
  const [{ gate, down }] = experts;
  const rows: Shape<["E", "moe", "hidden"]> = [experts.length, ...gate.shape];
  const columns: Shape<["E", "hidden", "moe"]> = [experts.length, ...down.shape];
  const names = (part: keyof MlpSpecs<"moe">) => experts.map((expert) => expert[part].name);
  return {
    gate: await placeStack(ctx, ["E", "moe", "hidden"], rows, names("gate")),
    up: await placeStack(ctx, ["E", "moe", "hidden"], rows, names("up")),
    down: await placeStack(ctx, ["E", "hidden", "moe"], columns, names("down")),
  };
}

/** @throws {WeightsError} when the matrices are not all in one format */
async function placeStack<const D extends readonly [string, string, string]>(
  { ops, readInTurn }: LoadContext,
  dims: D,
  shape: Shape<D>,
  names: readonly string[],
): Promise<Weight<D>> {
  const stack = ops.placeStack(dims, shape);
  let dtype: Dtype | undefined;
  let n = 0;
  for await (const raw of readInTurn(names)) {
    dtype ??= raw.dtype;
    if (raw.dtype !== dtype) {
      throw new WeightsError(names[n], `expected ${dtype}, as ${names[0]}, got ${raw.dtype}`);
    }
    stack.put(raw);
    n++;
  }
  return stack.done();
}

async function loadFusedExperts(
  { ops, read }: LoadContext,
  { gateUp, down }: FusedExpertSpecs,
): Promise<ExpertBank> {
  const { gate, up } = splitGateUp(await read(gateUp.name));
  const [nE, nHidden, nMoe] = down.shape;
  const place = (raw: RawTensor): Weight<["E", "moe", "hidden"]> =>
    ops.place(["E", "moe", "hidden"], [nE, nMoe, nHidden], raw);
  return {
    gate: place(gate),
    up: place(up),
    down: ops.place(down.axes, down.shape, await read(down.name)),
  };
}
