/**
 * Converts models: into other number formats, and into files for other engines.
 *
 * ```ts
 * import { exportModel, quantize } from "glm52.ts/convert";
 *
 * await quantize("model", "model-q8", { to: "q8" });
 * await exportModel("model", "model.gguf", { type: "q8_0" });
 * ```
 * @module glm52.ts/convert
 */
export { type CompareOptions, type Divergence, divergence } from "./divergence.ts";
export {
  EXPORT_FORMATS,
  type Exported,
  type ExportFormat,
  type ExportOptions,
  exportModel,
} from "./export-model.ts";
export { GGML_TYPES, type GgmlType } from "./gguf/encode.ts";
export { WEIGHT_FORMATS, type WeightFormat } from "./quantize.ts";
export type { Written } from "./quantize-folder.ts";
export { type QuantizeOptions, type QuantizeReport, quantize } from "./quantize-model.ts";
export type { TensorError } from "./round-tensor.ts";
