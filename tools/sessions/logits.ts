/**
 * Logits in a record.
 *
 * Next: saved-session.ts
 * @module
 */
import type { Floats } from "../../engine/index.ts";
import type { KeptLogits } from "./record.ts";
import { SavedSessionError } from "./session-error.ts";

/**
 * Encodes logits. Those with a NaN are not kept: they could not be read again, and the model makes
 * them anew from the last token.
 */
export function encodeLogits(logits: Floats): KeptLogits | undefined {
  if (logits.some(Number.isNaN)) return undefined;
  const bytes = new Uint8Array(logits.slice().buffer);
  const type = logits.BYTES_PER_ELEMENT === 8 ? "f64" : "f32";
  return { type, base64: Buffer.from(bytes).toString("base64") };
}

/** What the logits of a model are like. */
export interface LogitsOf {
  readonly config: { readonly vocabSize: number };
  readonly ops: { readonly precision: "f32" | "f64" };
}

/**
 * Decodes logits.
 *
 * @throws {SavedSessionError} when they are not logits of this model: of another type or number, or
 *   no numbers
 */
export function decodeLogits(
  where: string,
  { type, base64 }: KeptLogits,
  { config, ops }: LogitsOf,
): Floats {
  const expected = `${config.vocabSize} logits of type ${ops.precision}`;
  const bytes = Buffer.from(base64, "base64");
  const nBytes = type === "f64" ? 8 : 4;
  const isOurs = type === ops.precision && bytes.length === nBytes * config.vocabSize;
  if (!isOurs || bytes.toString("base64") !== base64) {
    const got = `${bytes.length / nBytes} of type ${type}`;
    throw new SavedSessionError(where, `expected ${expected}, got ${got}`);
  }
  const { buffer } = Uint8Array.from(bytes);
  const logits = type === "f64" ? new Float64Array(buffer) : new Float32Array(buffer);
  if (!logits.some(Number.isNaN)) return logits;
  throw new SavedSessionError(where, `expected ${expected}, got NaN among them`);
}
