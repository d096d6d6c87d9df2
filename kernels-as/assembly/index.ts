// The exports of kernels.wasm. Every argument is a byte address, a stride in bytes, a length or a
// number that the equation names; engine/ops/wasm/kernels.ts types them.
export { add } from "./add";
export { allFinite } from "./all-finite";
export { widenBf16 } from "./embed";
export { exp } from "./exp";
export { addScaled } from "./experts";
export { indexScores, indexScoresScratchBytes } from "./index-scores";
export {
  latentAttention,
  latentAttentionQueries,
  latentAttentionScratchBytes,
} from "./latent-attention";
export { layerNorm } from "./layer-norm";
export {
  COLUMNS,
  ENCODING_BF16,
  ENCODING_F32,
  ENCODING_INT8,
  ENCODING_INT8_X64,
  FP8_BLOCK,
  FP8_SCALE_LIMIT,
  GROUP,
  PANEL_ROWS,
  Q4_GROUP_BYTES,
  Q8_GROUP_BYTES,
  X_GROUP_BYTES,
} from "./layout";
export { linearF32, linearScratchBytes } from "./linear";
export { linearBf16 } from "./linear-bf16";
export { linearF16, widenRowF16 } from "./linear-f16";
export { linearFp8, widenFp8 } from "./linear-fp8";
export { linearQ4, linearQ8 } from "./linear-groups";
export { linearQ4Int8, linearQ8Int8 } from "./linear-groups-int8";
export { packQ4, packQ8 } from "./pack-panels";
export { quantizeRowsQ4, quantizeRowsQ8 } from "./quantize-rows";
export { rmsNorm } from "./rms-norm";
export { ropeInterleaved } from "./rope-interleaved";
export { route, routeScratchBytes } from "./route";
export { siluMul } from "./silu-mul";
export { topK, topKScratchBytes } from "./top-k";
export { widenQ4, widenQ8 } from "./widen-panels";
export { copyRows, gatherRows, padRows, turn8, turn16, turn32 } from "./wiring";

/** First address that JavaScript may use: below it stand the constants. */
export function heapBase(): usize {
  return __heap_base;
}
