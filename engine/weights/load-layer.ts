/**
 * Reads the tensors of one layer in the order of the table and places them in the backend.
 *
 * Most are placed as they are stored. Three are not: `kv_b_proj` becomes the two factors of
 * absorption, the experts become one bank, and fused experts are cut into gate and up.
 * @module
 */

import type { Weight } from "../base/tensor.ts";
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
import type { RawTensor } from "../numbers/raw-tensor.ts";
import { splitKvB } from "../numbers/split-kv-b.ts";
import { placeBank, residentBank } from "../ops/expert-bank.ts";
import type { Expert, ExpertBank, KvUpWeights, Ops } from "../ops/ops.ts";
import type { Asking } from "./asking.ts";
import type { Specs, StoredAttention, TensorSpec } from "./names.ts";
import { splitGateUp } from "./rearrange.ts";
import type { LayerSpecs, MtpSpecs, RoutedSpecs, SparseSpecs } from "./table.ts";

/** Asks for one tensor after the other, and is given each with its scales, checked. */
type Loading<W> = Asking<RawTensor, W>;

/** Where weights go, and how heads are cut. */
export interface LoadContext {
  readonly ops: Pick<Ops, "place" | "placeKvB">;
  readonly config: ModelConfig;
  /** Makes the bank of the routed experts of a layer. By default, all of them are loaded. */
  readonly bankOf?: (specs: RoutedSpecs) => ExpertBank;
}

/** Places the tensors of `specs` one after the other, and returns them under the same fields. */
export function* placeAll<W>({ ops }: LoadContext, specs: Specs<W>): Loading<W> {
  const placed: Record<string, Weight> = {};
  for (const [field, { name, axes, shape }] of Object.entries<TensorSpec>(specs)) {
    placed[field] = ops.place(axes, shape, yield name);
  }
  return placed as W; // Specs<W> has the fields of W, and the axes of each
}

/** Loads a main layer, or the MTP layer without its ends. */
export function* loadLayer(ctx: LoadContext, specs: LayerSpecs): Loading<LayerWeights> {
  const { ffn } = specs;
  const norms = yield* placeAll<Pick<LayerWeights, "inputNorm" | "postAttentionNorm">>(
    ctx,
    specs.norms,
  );
  const attn = yield* loadAttention(ctx, specs.attn);
  const indexer = specs.indexer && (yield* placeAll<IndexerWeights>(ctx, specs.indexer));
  return {
    ...norms,
    attn,
    indexer,
    ffn:
      ffn.kind === "dense"
        ? { kind: "dense", ...(yield* placeAll<MlpWeights<"ffn">>(ctx, ffn.mlp)) }
        : yield* loadSparse(ctx, ffn),
  };
}

/** Loads the MTP layer. */
export function* loadMtp(ctx: LoadContext, specs: MtpSpecs): Loading<MtpWeights> {
  const ends = yield* placeAll<Omit<MtpWeights, "layer">>(ctx, specs.ends);
  return { ...ends, layer: yield* loadLayer(ctx, specs.layer) };
}

function* loadAttention(
  ctx: LoadContext,
  { kvBProj, ...rest }: Specs<StoredAttention>,
): Loading<AttentionWeights> {
  const { numAttentionHeads: nH, qkNopeHeadDim: nope, vHeadDim: v, kvLoraRank } = ctx.config;
  const kvB = yield kvBProj.name;
  const halves = ctx.ops.placeKvB?.(kvB, nH, nope, v) ?? placeHalves();
  return { ...halves, ...(yield* placeAll<Omit<AttentionWeights, "kUp" | "vUp">>(ctx, rest)) };

  function placeHalves(): KvUpWeights {
    const { kUp, vUp } = splitKvB(kvB, nH, nope, v);
    return {
      kUp: ctx.ops.place(["H", "kvLora", "nope"], [nH, kvLoraRank, nope], kUp),
      vUp: ctx.ops.place(["H", "v", "kvLora"], [nH, v, kvLoraRank], vUp),
    };
  }
}

function* loadSparse(ctx: LoadContext, specs: SparseSpecs): Loading<FfnWeights> {
  const router = yield* placeAll<Pick<MoeWeights, "router" | "eScoreCorrectionBias">>(
    ctx,
    specs.router,
  );
  const experts = ctx.bankOf?.(specs.experts) ?? (yield* loadExperts(ctx, specs.experts));
  const shared = yield* placeAll<MlpWeights<"shared">>(ctx, specs.shared);
  return { kind: "sparse", ...router, experts, shared };
}

function* loadExperts(ctx: LoadContext, routed: RoutedSpecs): Loading<ExpertBank> {
  if (routed.layout === "fused") {
    const { gate, up } = splitGateUp(yield routed.gateUp.name);
    return placeBank(ctx.ops, gate, up, yield routed.down.name);
  }
  const experts: Expert[] = [];
  for (let e = 0; e < routed.nExperts; e++) {
    experts.push(yield* placeAll<Expert>(ctx, routed.expert(e)));
  }
  return residentBank(experts);
}
