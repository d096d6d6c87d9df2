/**
 * Prepares a text before it is split.
 *
 * Next: pre-tokenize.ts
 * @module
 */

/**
 * GLM changes nothing. Qwen composes accents (Unicode NFC), so `e` + U+0301 is one letter there.
 */
export type Normalizer = "none" | "nfc";

/** Applies a normalizer to a text. */
export function normalize(text: string, normalizer: Normalizer): string {
  return normalizer === "nfc" ? text.normalize("NFC") : text;
}

const LONE_SURROGATE = /\p{Surrogate}/gu;

/**
 * Replaces each lone surrogate, which has no UTF-8, by U+FFFD.
 *
 * TextEncoder would do this too, but only after the text was split, and the patterns cut a
 * surrogate differently from U+FFFD. Both are one code unit long, so offsets stay the same.
 */
export function wellFormed(text: string): string {
  return text.replace(LONE_SURROGATE, "\ufffd");
}
