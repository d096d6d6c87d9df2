/**
 * What happens to a text before it is split.
 * @module Next: `pre-tokenize.ts`
 */

/** GLM has none; Qwen composes accents (Unicode NFC), so `e` + U+0301 is one letter there. */
export type Normalizer = "none" | "nfc";

export function normalize(text: string, normalizer: Normalizer): string {
  return normalizer === "nfc" ? text.normalize("NFC") : text;
}

const LONE_SURROGATE = /\p{Surrogate}/gu;

/**
 * `text` with U+FFFD for each lone surrogate, which has no UTF-8.
 *
 * Not left to TextEncoder: a surrogate and U+FFFD are of different categories, so the patterns
 * would cut the one and the other differently. Both are one code unit long: offsets stay.
 */
export function wellFormed(text: string): string {
  return text.replace(LONE_SURROGATE, "\ufffd");
}
