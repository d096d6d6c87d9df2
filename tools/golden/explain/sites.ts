/**
 * Runs the model with somebody between it and its operations, who knows for each call which part of
 * which layer it is (roles.ts), and may give another result.
 *
 * Next: runner.ts
 * @module
 */
import type { Dims, Indices, Tensor, Weight } from "../../../engine/base/tensor.ts";
import type { Model } from "../../../engine/index.ts";
import type { LayerWeights } from "../../../engine/model/weights.ts";
import type { Ops } from "../../../engine/ops/ops.ts";
import type { Role, Site } from "./roles.ts";

/** One call of an operation. */
export interface Call extends Site {
  readonly args: readonly unknown[];
  /** What the right operation makes of these arguments. */
  readonly right: (...args: readonly unknown[]) => unknown;
}

type AnyOp = (...args: readonly unknown[]) => unknown;

/** The operations that are sites. The others store, read and cut. */
const SEEN = [
  "embed",
  "linear",
  "perHead",
  "rmsNorm",
  "layerNorm",
  "ropeInterleaved",
  "indexScores",
  "topK",
  "latentAttention",
  "route",
  "experts",
  "siluMul",
  "add",
  "split",
  "splitEach",
  "join",
  "joinEach",
  "splitHeads",
  "joinHeads",
] as const satisfies readonly (keyof Ops)[];

type Seen = (typeof SEEN)[number];

/** The part and the layer that each weight belongs to. */
export type WeightRoles = ReadonlyMap<Weight, readonly [Role, number]>;

/** Finds them. */
export function rolesOfWeights({ weights, config }: Model): WeightRoles {
  const roles = new Map<Weight, readonly [Role, number]>();
  const ofLayer = (
    { inputNorm, attn, indexer, postAttentionNorm, ffn }: LayerWeights,
    l: number,
  ) => {
    const put = (role: Role, w: Weight): unknown => roles.set(w, [role, l]);
    put("inputNorm", inputNorm);
    put("postNorm", postAttentionNorm);
    for (const role of [
      "qAProj",
      "qANorm",
      "qBProj",
      "kvAProj",
      "kvANorm",
      "kUp",
      "vUp",
      "oProj",
    ] as const)
      put(role, attn[role]);
    if (indexer) {
      for (const role of ["wqB", "wk", "kNorm", "weightsProj"] as const) put(role, indexer[role]);
    }
    if (ffn.kind === "dense") {
      for (const role of ["gate", "up", "down"] as const) put(role, ffn[role]);
    } else {
      put("router", ffn.router);
      put("sharedGate", ffn.shared.gate);
      put("sharedUp", ffn.shared.up);
      put("sharedDown", ffn.shared.down);
    }
  };
  [...weights.layers].forEach(ofLayer);
  roles.set(weights.norm, ["norm", -1]);
  const { mtp } = weights;
  if (mtp) {
    const n = config.numHiddenLayers;
    ofLayer(mtp.layer, n);
    for (const role of ["enorm", "hnorm", "ehProj", "sharedHeadNorm"] as const)
      roles.set(mtp[role], [role, n]);
  }
  return roles;
}

/** Where a run is: what the next call without weights of its own belongs to. */
interface Place {
  layer: number;
  step: number;
  /** Calls of embed so far. */
  nEmbed: number;
  /** Whether the layer's indexer has rotated its queries, and then its key. */
  nIndexerRope: number;
  /** Sums of the layer so far. */
  nAdd: number;
}

/** `model` with its operations seen by `onCall`, whose result is taken in place of theirs. */
export function withSites(
  model: Model,
  roles: WeightRoles,
  onCall: (call: Call) => unknown,
): Model {
  const nLayers = model.config.numHiddenLayers;
  const place: Place = { layer: -1, step: 0, nEmbed: 0, nIndexerRope: 0, nAdd: 0 };
  const isSparse = (): boolean => {
    const types = model.config.mlpLayerTypes;
    return place.layer >= types.length || types[place.layer] === "sparse";
  };
  const byWeight = (w: unknown): Role => {
    if (w === model.weights.lmHead) {
      if (place.layer < nLayers) place.layer = -1;
      return "lmHead";
    }
    const [role, layer] = roles.get(w as Weight) ?? [];
    if (role === undefined || layer === undefined) throw new Error("a weight that is no model's");
    if (role === "inputNorm") Object.assign(place, { nIndexerRope: 0, nAdd: 0 });
    place.layer = layer;
    return role;
  };
  const dimsOf = (x: unknown): Dims => (x as Tensor).dims;
  const find: Record<Seen, (args: readonly unknown[]) => Role> = {
    embed: () => {
      place.layer = place.nEmbed > 0 ? nLayers : -1;
      place.step = Math.max(0, place.nEmbed - 1);
      place.nEmbed++;
      return "embed";
    },
    linear: ([, w]) => byWeight(w),
    perHead: ([, w]) => byWeight(w),
    rmsNorm: ([, w]) => byWeight(w),
    layerNorm: ([, w]) => byWeight(w),
    ropeInterleaved: ([x]) => {
      const dims = dimsOf(x);
      if (dims.length === 3 && dims[1] === "H") return "qRope";
      const isIndexer = dims.length === 3 || place.nIndexerRope === 1;
      if (!isIndexer) return "kRope";
      place.nIndexerRope++;
      return dims.length === 3 ? "idxQRope" : "idxKRope";
    },
    indexScores: () => "indexScores",
    topK: () => "topK",
    latentAttention: () => "latentAttention",
    route: () => "route",
    experts: () => "experts",
    siluMul: ([x]) => (dimsOf(x)[1] === "shared" ? "sharedAct" : "act"),
    add: () => {
      place.nAdd++;
      if (place.nAdd === 1) return "attnAdd";
      return place.nAdd === 2 && isSparse() ? "moeAdd" : "ffnAdd";
    },
    split: ([, a]) => (a === "kvLora" ? "kvSplit" : "idxKSplit"),
    splitEach: ([, a]) => (a === "rope" ? "idxQSplit" : "qSplit"),
    join: ([x]) => (dimsOf(x)[1] === "hidden" ? "mtpJoin" : "idxKJoin"),
    joinEach: () => "idxQJoin",
    splitHeads: ([, h]) => (h === "idxH" ? "idxQHeads" : "qHeads"),
    joinHeads: () => "oHeads",
  };
  const seen = SEEN.map((name) => {
    const op = model.ops[name] as AnyOp;
    const right: AnyOp = (...args) => op(...args);
    const wrapped: AnyOp = (...args) => {
      const role = find[name](args);
      const call = (of: Role, given: readonly unknown[], run: AnyOp): unknown =>
        onCall({ role: of, layer: place.layer, step: place.step, args: given, right: run });
      if (name !== "latentAttention") return call(role, args, right);
      // The rows are a site of their own: what the attention is told to read.
      const [q, qPe, past, topK, scale] = args;
      const rows = call("rows", [topK, past], () => topK) as Indices;
      return call(role, [q, qPe, past, rows, scale], right);
    };
    return [name, wrapped] as const;
  });
  return { ...model, ops: { ...model.ops, ...Object.fromEntries(seen) } };
}
