/**
 * What the build prepares for the page: the source that stands beside the figures, cut out of the code,
 * and the formulas. So the lines on the page are always those that run.
 * @module
 */

/** Symbols whose source is shown. */
export const SOURCES = [
  "tokenizer/piece-encoder.ts#PieceEncoder",
  "engine/model/model.ts#forward",
  "engine/model/layer.ts#decoderLayer",
  "engine/model/indexer.ts#indexer",
  "engine/ops/reference/index-scores.ts#indexScores",
  "engine/ops/reference/top-k.ts#topK",
  "engine/model/attention.ts#attention",
  "engine/model/moe.ts#moe",
  "engine/ops/reference/route.ts#route",
  "engine/kv/page-table.ts#PageTable.reserve",
  "engine/generate/speculate.ts#settle",
  "engine/generate/speculate.ts#replacementOf",
  "engine/model/model.ts#head",
] as const;

/** The name of a symbol in {@link SOURCES}. */
export type SourceName = (typeof SOURCES)[number];

/** Formulas in TeX. The build turns them into MathML. */
export const FORMULAS = {
  layer: String.raw`\begin{aligned} h' &= h + \text{attention}(\text{norm}(h),\ \text{topK}) \\ h'' &= h' + \text{ffn}(\text{norm}(h')) \end{aligned}`,
  indexer: String.raw`I_{t,s} = c \sum_{j} w_{t,j}\, \max(0,\ q_{t,j} \cdot k_s)`,
  attention: String.raw`p_{t,h,s} = \operatorname*{softmax}_{s\,\in\,\text{topK}_t} \frac{\tilde q_{t,h} \cdot c_s + q^{\mathrm{pe}}_{t,h} \cdot k^{\mathrm{pe}}_s}{\sqrt{d}}`,
  share: String.raw`\text{topK}^{(l)} = \begin{cases} \text{indexer}^{(l)}(x) & l \text{ full} \\ \text{topK}^{(l-1)} & l \text{ shared} \end{cases}`,
  latent: String.raw`q \cdot (W c) = (W^{\mathsf T} q) \cdot c`,
  router: String.raw`\begin{aligned} s_e &= \sigma(m \cdot r_e) \\ \text{chosen} &= \text{largest of } s_e + b_e \\ g_e &= \lambda\, s_e \Big/ \sum_{a\,\in\,\text{chosen}} s_a \end{aligned}`,
  guesses: String.raw`P(\text{keep } d) = \min\left(1,\ \frac{p_d}{q_d}\right)`,
  softmax: String.raw`p_i = \frac{e^{z_i / \tau}}{\sum_j e^{z_j / \tau}}`,
} as const;

/** The name of a formula. */
export type FormulaName = keyof typeof FORMULAS;
