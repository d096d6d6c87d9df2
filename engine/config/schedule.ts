/**
 * Reads which layers have an indexer, and which layers have routed experts. Each schedule can be
 * written in several ways. A file may use several at once; then they must agree.
 *
 * Next: config.ts
 * @module
 */
import {
  ConfigError,
  type Fields,
  listOf,
  nonNegativeInteger,
  positiveInteger,
  type Rule,
} from "./fields.ts";
import type { IndexerType, MlpLayerType } from "./model-config.ts";

const INDEXER_TYPES = ["full", "shared"] as const;
const MLP_LAYER_TYPES = ["dense", "sparse"] as const;

/** The offset that HF transformers uses when a config names a frequency alone. GLM-5.2 says 3. */
const DEFAULT_OFFSET = 2;

/**
 * Reads whether each layer is full or shared.
 *
 * Layer `i` is full iff `max(i − index_skip_topk_offset + 1, 0) mod index_topk_freq = 0`, unless
 * `index_topk_pattern` lists the layers one by one (`"FSSF…"` or the words). With neither, all
 * layers are full, as in GLM-5. `indexer_types` states the result once more, or alone.
 *
 * Other engines take the first of the three that they find, and look in different orders. So a file
 * whose `indexer_types` differs from its rule would run differently in two of them; here it is an
 * error.
 *
 * @throws {ConfigError} when two statements disagree, or when layer 0 would have to borrow
 * @see Shen et al., IndexCache, arXiv 2603.12201 · HF `GlmMoeDsaConfig.__post_init__`
 */
export function readIndexerTypes(fields: Fields, nLayers: number): readonly IndexerType[] {
  const stated = fields.optional("indexer_types", listOf(INDEXER_TYPES, nLayers));
  const pattern = fields.optional("index_topk_pattern", patternOf(nLayers));
  const freq = fields.optional("index_topk_freq", positiveInteger);
  const offset = fields.optional("index_skip_topk_offset", nonNegativeInteger);

  const rule =
    pattern !== undefined
      ? expandPattern(pattern)
      : freq !== undefined || offset !== undefined || stated === undefined
        ? everyFreq(nLayers, freq ?? 1, offset ?? DEFAULT_OFFSET)
        : stated;
  const types = stated ?? rule;
  const at = types.findIndex((type, i) => type !== rule[i]);
  if (at >= 0) {
    const source = pattern !== undefined ? "index_topk_pattern" : "index_topk_freq/offset";
    throw fields.error("indexer_types", `${rule[at]} at layer ${at} (${source})`, types[at]);
  }
  if (types[0] !== "full") {
    throw fields.error("indexer_types", "full at layer 0 (there is none to borrow from)", types[0]);
  }
  return types;
}

/**
 * Reads whether each layer is dense or sparse: from `mlp_layer_types`, or from
 * `first_k_dense_replace`, which is the number of dense layers before the sparse ones.
 *
 * A list may alternate. Then `first_k_dense_replace` states how many dense layers it begins with.
 *
 * @throws {ConfigError} when neither key is there, or when they disagree on the leading layers
 */
export function readMlpLayerTypes(fields: Fields, nLayers: number): readonly MlpLayerType[] {
  const stated = fields.optional("mlp_layer_types", listOf(MLP_LAYER_TYPES, nLayers));
  const firstK = fields.optional("first_k_dense_replace", nonNegativeInteger);
  if (stated === undefined) {
    if (firstK === undefined) {
      throw new ConfigError(
        "config.json",
        "expected mlp_layer_types or first_k_dense_replace, got neither",
      );
    }
    return Array.from({ length: nLayers }, (_, i) => (i < firstK ? "dense" : "sparse"));
  }
  const sparse = stated.indexOf("sparse");
  const leading = sparse < 0 ? nLayers : sparse;
  if (firstK !== undefined && Math.min(firstK, nLayers) !== leading) {
    throw fields.error("first_k_dense_replace", `${leading} (mlp_layer_types)`, String(firstK));
  }
  return stated;
}

/** The schedule of a frequency and an offset. */
function everyFreq(nLayers: number, freq: number, offset: number): IndexerType[] {
  return Array.from({ length: nLayers }, (_, i) =>
    Math.max(i - offset + 1, 0) % freq === 0 ? "full" : "shared",
  );
}

/** Accepts a pattern of letters or a list of words. */
function patternOf(nLayers: number): Rule<string | readonly IndexerType[]> {
  const words = listOf(INDEXER_TYPES, nLayers);
  return {
    what: `${nLayers} letters F | S, or ${words.what}`,
    is: (v): v is string | readonly IndexerType[] =>
      typeof v === "string" ? v.length === nLayers && /^[FS]*$/.test(v) : words.is(v),
  };
}

/** The schedule of a pattern. */
function expandPattern(pattern: string | readonly IndexerType[]): readonly IndexerType[] {
  if (typeof pattern !== "string") return pattern;
  return Array.from(pattern, (letter) => (letter === "F" ? "full" : "shared"));
}
