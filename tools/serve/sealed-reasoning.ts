/**
 * Reasoning in a form that clients keep and send back without reading it.
 *
 * The APIs have a field for it that is meant to be encrypted. Here nothing is secret: it is the text in
 * base64, behind a mark that tells it from what other servers put there.
 * @module
 */

const MARK = "glm52.reasoning:";

/** Writes a reasoning so that {@link unsealed} reads it. */
export function sealed(reasoning: string): string {
  const bytes = new TextEncoder().encode(MARK + reasoning);
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** Reads what {@link sealed} wrote. Undefined for anything else, such as another server's. */
export function unsealed(text: string): string | undefined {
  try {
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    const read = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return read.startsWith(MARK) ? read.slice(MARK.length) : undefined;
  } catch {
    return undefined; // neither base64 nor text: not ours
  }
}
