/**
 * The atlas of mistakes: every known bug with its number and its title.
 *
 * They come from the issue trackers of the engines that run this model. MODEL.md tells where each was
 * seen, test/README.md which test catches it; tests compare both with this table. The mutants beside
 * this file put most of them into the engine, each in one or several forms.
 * @module
 */

/** Titles by number. `D6` and `D9` are no bugs that were seen, but controls. */
export const BUGS = {
  G01: "`head_dim` 192 sizes the rope or the scale",
  G02: "the default of 256 experts wins over the config",
  G03: "`rope_theta` not found, so 10000",
  G04: "wrong full/shared schedule",
  G05: "indexers on shared layers",
  G06: "the typo `indexers_proj` believed",
  G07: "an MTP head or embedding expected",
  G08: "correction bias in bf16",
  G09: "partial fp8 blocks",
  G10: "bias or mean of `k_norm` dropped",
  G11: "published parameter counts believed",
  G12: "tokens masked because pad is an eos id",
  G13: "attention rotates halves",
  G14: "indexer rotates halves, invisible in short texts",
  G15: "indexer's rotary channels taken from the end",
  G16: "indexer's query before the norm",
  G17: "eps of the latent norms",
  G18: "eps of `k_norm`",
  G19: "softmax scale of another width",
  G20: "masked or empty places of a short row used",
  G21: "NaN from masks; a mask of ones and zeros added",
  G22: "shared layer recomputes, or uses a stale choice",
  G23: "short prefill writes no index keys",
  G24: "index keys forgotten by a step of several tokens",
  G25: "index keys not saved with the rest",
  G26: "index caches on shared layers",
  G27: "ties dropped, or broken by chance",
  G28: "negative head weights",
  G29: "large reductions return zeros",
  G30: "lengths near 4096 or not a multiple of 4",
  G31: "a pipeline stage begins inside a share group",
  G32: "index_topk so high that nothing is dropped",
  G33: "corruption in long prompts",
  G34: "NaN at large scores",
  G35: "router in bf16",
  G36: "biased weights; scale twice, never, or on the shared expert",
  G37: "near ties make a test of routed output flap",
  G38: "MXFP4 path",
  G39: "gate and up swapped",
  G40: "MTP recycles the hidden state before its norm, or norms twice",
  G41: "halves of `eh_proj` swapped",
  G42: "draft steps reuse the wrong rows, or none",
  G43: "embedding of slot 0 zeroed",
  G44: "draft rows not written, or not rolled back",
  G45: "few guesses kept",
  G46: "guessing changes the greedy text",
  D6: "a control that no comparison may miss",
  D9: "a control for routers of other configs than the released one",
} as const;

/** The number of a bug. */
export type Bug = keyof typeof BUGS;
