/**
 * The tensors of a checkpoint under the names and in the form of llama.cpp's `glm-dsa`.
 *
 * Next: metadata.ts
 * @module
 */
import type { ModelConfig } from "../../../engine/index.ts";
import type { RawTensor } from "../../../engine/numbers/raw-tensor.ts";
import type { Binding } from "../../../engine/weights/bind.ts";
import type { ReadTensor } from "../../../engine/weights/load-layer.ts";
import {
  attentionSpecs,
  denseSpecs,
  expertSpecs,
  fusedExpertSpecs,
  globalSpecs,
  indexerSpecs,
  mtpSpecs,
  normSpecs,
  routerSpecs,
  sharedSpecs,
  type TensorSpec,
} from "../../../engine/weights/names.ts";
import { splitGateUp, splitKvB } from "../../../engine/weights/rearrange.ts";
import { layerKind, layerPrefix } from "../../../engine/weights/table.ts";
import { fitsRows, type GgmlType } from "./encode.ts";
import type { TensorInfo } from "./header.ts";
import { indexerCopies, widen } from "./indexer.ts";

/** A tensor of the file, and how to get its numbers, part after part. */
export interface Export extends TensorInfo {
  parts(read: ReadTensor): AsyncGenerator<RawTensor>;
}

/** Every tensor of the file, in its order. */
export function* exports(c: ModelConfig, binding: Binding, type: GgmlType): Generator<Export> {
  const { embedTokens, norm, lmHead } = globalSpecs(c);
  yield whole("token_embd.weight", embedTokens, type);
  yield whole("output_norm.weight", norm, type);
  yield whole("output.weight", lmHead, type);
  for (let i = 0; i < binding.nLayers; i++) yield* layerExports(c, binding, i, type);
}

function* layerExports(c: ModelConfig, b: Binding, i: number, type: GgmlType): Generator<Export> {
  const kind = layerKind(c, i);
  const one = (name: string, spec: TensorSpec, keep: GgmlType = type): Export =>
    whole(`blk.${i}.${name}`, { ...spec, name: layerPrefix(i) + spec.name }, keep);
  const norms = normSpecs(c);
  const a = attentionSpecs(c);
  yield one("attn_norm.weight", norms.inputNorm);
  yield one("ffn_norm.weight", norms.postAttentionNorm);
  yield one("attn_q_a.weight", a.qAProj);
  yield one("attn_q_a_norm.weight", a.qANorm);
  yield one("attn_q_b.weight", a.qBProj);
  yield one("attn_kv_a_mqa.weight", a.kvAProj);
  yield one("attn_kv_a_norm.weight", a.kvANorm);
  yield one("attn_output.weight", a.oProj);
  yield* kvExports(c, i, type);
  if (kind.indexer === "full") {
    yield* indexerExports(c, i, type);
  }
  if (kind.mlp === "dense") {
    for (const [part, spec] of Object.entries(denseSpecs(c))) yield one(`ffn_${part}.weight`, spec);
  } else {
    const { router, eScoreCorrectionBias } = routerSpecs(c);
    yield one("ffn_gate_inp.weight", router, "f32");
    yield one("exp_probs_b.bias", eScoreCorrectionBias);
    for (const [part, spec] of Object.entries(sharedSpecs(c))) {
      yield one(`ffn_${part}_shexp.weight`, spec);
    }
    for (const part of ["gate", "up", "down"] as const) yield expertExport(c, b, i, part, type);
  }
  if (kind.mtp) {
    const m = mtpSpecs(c);
    yield one("nextn.eh_proj.weight", m.ehProj);
    yield one("nextn.enorm.weight", m.enorm);
    yield one("nextn.hnorm.weight", m.hnorm);
    yield one("nextn.shared_head_norm.weight", m.sharedHeadNorm);
  }
}

/** `kv_b_proj` in two, the key half turned: the file holds the factors of absorption. */
function* kvExports(c: ModelConfig, i: number, type: GgmlType): Generator<Export> {
  const { numAttentionHeads: nH, qkNopeHeadDim: nope, vHeadDim: v, kvLoraRank: nC } = c;
  const name = layerPrefix(i) + attentionSpecs(c).kvBProj.name;
  const half = (which: "kUp" | "vUp", to: string, shape: readonly number[]): Export => ({
    ...info(`blk.${i}.${to}.weight`, shape, type),
    parts: async function* (read) {
      yield splitKvB(await read(name), nH, nope, v)[which];
    },
  });
  yield half("kUp", "attn_k_b", [nH, nC, nope]);
  yield half("vUp", "attn_v_b", [nH, v, nC]);
}

/** The indexer, its heads made wide enough. */
function* indexerExports(c: ModelConfig, i: number, type: GgmlType): Generator<Export> {
  const x = indexerSpecs(c);
  const copies = indexerCopies(c.indexHeadDim);
  const wide = (name: string, spec: TensorSpec, zeros: boolean): Export => ({
    ...info(`blk.${i}.indexer.${name}`, [spec.shape[0] * copies, ...spec.shape.slice(1)], type),
    parts: async function* (read) {
      yield widen(await read(layerPrefix(i) + spec.name), c.indexHeadDim, copies, zeros);
    },
  });
  yield wide("attn_q_b.weight", x.wqB, true);
  yield wide("attn_k.weight", x.wk, false);
  yield wide("k_norm.weight", x.kNorm, false);
  yield wide("k_norm.bias", x.kNormBias, false);
  const { weightsProj } = x;
  const spec = { ...weightsProj, name: layerPrefix(i) + weightsProj.name };
  yield whole(`blk.${i}.indexer.proj.weight`, spec, "f32");
}

/** All experts of a layer in one tensor, read one after the other unless they are stored fused. */
function expertExport(
  c: ModelConfig,
  binding: Binding,
  i: number,
  part: "gate" | "up" | "down",
  type: GgmlType,
): Export {
  const prefix = layerPrefix(i);
  const { gateUp, down } = fusedExpertSpecs(c);
  const shape = [c.nRoutedExperts, ...expertSpecs(c, 0)[part].shape];
  return {
    ...info(`blk.${i}.ffn_${part}_exps.weight`, shape, type),
    parts: async function* (read) {
      if (binding.layoutOf(i) === "per-expert") {
        for (let e = 0; e < c.nRoutedExperts; e++) {
          yield await read(prefix + expertSpecs(c, e)[part].name);
        }
      } else if (part === "down") yield await read(prefix + down.name);
      else yield splitGateUp(await read(prefix + gateUp.name))[part];
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

/** Vectors stay f32, and so do matrices whose rows are no whole groups. */
function info(name: string, shape: readonly number[], type: GgmlType): TensorInfo {
  const isVector = shape.length === 1;
  const cutsGroups = !fitsRows(type, shape[shape.length - 1]);
  return { name, shape, type: isVector || cutsGroups ? "f32" : type };
}
