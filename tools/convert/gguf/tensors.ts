/**
 * Lists the tensors of a GGUF file: how llama.cpp's `glm-dsa` names and shapes them, and from which
 * tensors of the checkpoint their numbers come.
 *
 * Next: metadata.ts
 * @module
 */
import type { ModelConfig } from "../../../engine/index.ts";
import type { RawTensor } from "../../../engine/numbers/raw-tensor.ts";
import { splitKvB } from "../../../engine/numbers/split-kv-b.ts";
import type { ReadTensor } from "../../../engine/weights/load.ts";
import type { TensorSpec } from "../../../engine/weights/names.ts";
import { splitGateUp } from "../../../engine/weights/rearrange.ts";
import type { LayerSpecs, ModelSpecs, SparseSpecs } from "../../../engine/weights/table.ts";
import { fitsRows, type GgmlType } from "./encode.ts";
import type { TensorInfo } from "./header.ts";
import { indexerCopies, widen } from "./indexer.ts";

/** A tensor of the file. `parts` reads its numbers from the checkpoint, one part after another. */
export interface Export extends TensorInfo {
  parts(read: ReadTensor): AsyncGenerator<RawTensor>;
}

/** Every tensor of the file, in the order in which the file has them. */
export function* exports(c: ModelConfig, specs: ModelSpecs, type: GgmlType): Generator<Export> {
  const { embedTokens, norm, lmHead } = specs.globals;
  yield whole("token_embd.weight", embedTokens, type);
  yield whole("output_norm.weight", norm, type);
  yield whole("output.weight", lmHead, type);
  for (const [i, layer] of specs.layers.entries()) yield* layerExports(c, layer, i, type);
  if (specs.mtp === undefined) return;
  const { ends, layer } = specs.mtp;
  const i = specs.layers.length;
  yield* layerExports(c, layer, i, type);
  yield whole(`blk.${i}.nextn.eh_proj.weight`, ends.ehProj, type);
  yield whole(`blk.${i}.nextn.enorm.weight`, ends.enorm, type);
  yield whole(`blk.${i}.nextn.hnorm.weight`, ends.hnorm, type);
  yield whole(`blk.${i}.nextn.shared_head_norm.weight`, ends.sharedHeadNorm, type);
}

function* layerExports(
  c: ModelConfig,
  layer: LayerSpecs,
  i: number,
  type: GgmlType,
): Generator<Export> {
  const one = (name: string, spec: TensorSpec, keep: GgmlType = type): Export =>
    whole(`blk.${i}.${name}`, spec, keep);
  const { norms, attn: a, indexer, ffn } = layer;
  yield one("attn_norm.weight", norms.inputNorm);
  yield one("ffn_norm.weight", norms.postAttentionNorm);
  yield one("attn_q_a.weight", a.qAProj);
  yield one("attn_q_a_norm.weight", a.qANorm);
  yield one("attn_q_b.weight", a.qBProj);
  yield one("attn_kv_a_mqa.weight", a.kvAProj);
  yield one("attn_kv_a_norm.weight", a.kvANorm);
  yield one("attn_output.weight", a.oProj);
  yield* kvExports(c, a.kvBProj.name, i, type);
  if (indexer) yield* indexerExports(c, indexer, i, type);
  if (ffn.kind === "dense") {
    for (const [part, spec] of Object.entries(ffn.mlp)) yield one(`ffn_${part}.weight`, spec);
  } else {
    const { router, eScoreCorrectionBias } = ffn.router;
    yield one("ffn_gate_inp.weight", router, "f32");
    yield one("exp_probs_b.bias", eScoreCorrectionBias);
    for (const [part, spec] of Object.entries(ffn.shared)) {
      yield one(`ffn_${part}_shexp.weight`, spec);
    }
    for (const part of ["gate", "up", "down"] as const) {
      yield expertExport(c, ffn.experts, i, part, type);
    }
  }
}

/**
 * The two halves of `kv_b_proj`, as absorbed attention needs them: the half that makes keys is
 * transposed.
 */
function* kvExports(c: ModelConfig, kvB: string, i: number, type: GgmlType): Generator<Export> {
  const { numAttentionHeads: nH, qkNopeHeadDim: nope, vHeadDim: v, kvLoraRank: nC } = c;
  const half = (which: "kUp" | "vUp", to: string, shape: readonly number[]): Export => ({
    ...info(`blk.${i}.${to}.weight`, shape, type),
    parts: async function* (read) {
      yield splitKvB(await read(kvB), nH, nope, v)[which];
    },
  });
  yield half("kUp", "attn_k_b", [nH, nC, nope]);
  yield half("vUp", "attn_v_b", [nH, v, nC]);
}

/** The indexer, with heads that are wide enough for llama.cpp. */
function* indexerExports(
  c: ModelConfig,
  x: NonNullable<LayerSpecs["indexer"]>,
  i: number,
  type: GgmlType,
): Generator<Export> {
  const copies = indexerCopies(c.indexHeadDim);
  const wide = (name: string, spec: TensorSpec, zeros: boolean): Export => ({
    ...info(`blk.${i}.indexer.${name}`, [spec.shape[0] * copies, ...spec.shape.slice(1)], type),
    parts: async function* (read) {
      yield widen(await read(spec.name), c.indexHeadDim, copies, zeros);
    },
  });
  yield wide("attn_q_b.weight", x.wqB, true);
  yield wide("attn_k.weight", x.wk, false);
  yield wide("k_norm.weight", x.kNorm, false);
  yield wide("k_norm.bias", x.kNormBias, false);
  yield whole(`blk.${i}.indexer.proj.weight`, x.weightsProj, "f32");
}

/** All experts of a layer as one tensor. Those that are stored apart are read one after another. */
function expertExport(
  c: ModelConfig,
  experts: SparseSpecs["experts"],
  i: number,
  part: "gate" | "up" | "down",
  type: GgmlType,
): Export {
  const { nRoutedExperts: nE, hiddenSize: hidden, moeIntermediateSize: moe } = c;
  const shape = part === "down" ? [nE, hidden, moe] : [nE, moe, hidden];
  return {
    ...info(`blk.${i}.ffn_${part}_exps.weight`, shape, type),
    parts: async function* (read) {
      if (experts.layout === "per-expert") {
        for (let e = 0; e < nE; e++) yield await read(experts.expert(e)[part].name);
      } else if (part === "down") yield await read(experts.down.name);
      else yield splitGateUp(await read(experts.gateUp.name))[part];
    },
  };
}

function whole(name: string, spec: TensorSpec, type: GgmlType): Export {
  return {
    ...info(name, spec.shape, type),
    parts: async function* (read) {
      yield await read(spec.name);
    },
  };
}

/** Vectors are written as f32, and so are matrices whose rows cannot be cut into whole groups. */
function info(name: string, shape: readonly number[], type: GgmlType): TensorInfo {
  const isVector = shape.length === 1;
  const cutsGroups = !fitsRows(type, shape[shape.length - 1]);
  return { name, shape, type: isVector || cutsGroups ? "f32" : type };
}
