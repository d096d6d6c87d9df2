/**
 * Ids of answers and of calls. They are derived from what was asked, so that every run of the same
 * requests gives the same bytes.
 * @module
 */
import { createHash } from "node:crypto";
import { type Json, pythonJson } from "../../tokenizer/chat/index.ts";

/** Requests whose number of repetitions is remembered. The oldest are forgotten first. */
const REMEMBERED = 65_536;

/** Makes the ids of answers. */
export class RequestIds {
  readonly #fingerprint: string;
  readonly #timesSeen = new Map<string, number>();

  /** @param fingerprint that of the model */
  constructor(fingerprint: string) {
    this.#fingerprint = fingerprint;
  }

  /** What tells answers of different models apart, as OpenAI's `system_fingerprint`. */
  get systemFingerprint(): string {
    return `fp_${hash(this.#fingerprint)}`;
  }

  /** Returns a new id: a request that comes again gets another one. */
  next(prefix: string, path: string, body: Json): string {
    const request = hash(this.#fingerprint, path, pythonJson(body));
    const times = this.#timesSeen.get(request) ?? 0;
    this.#timesSeen.delete(request);
    this.#timesSeen.set(request, times + 1);
    const [oldest] = this.#timesSeen.keys();
    if (this.#timesSeen.size > REMEMBERED && oldest !== undefined) this.#timesSeen.delete(oldest);
    return `${prefix}${hash(request, String(times))}`;
  }
}

/**
 * Returns what makes the ids of the calls of a turn. The prompt of a later turn is another one, so no two
 * calls of a conversation have the same id.
 */
export function callIds(promptIds: readonly number[]): (choice: number, call: number) => string {
  let prompt: string | undefined; // most turns have no call, and a long prompt takes its time
  return (choice, call) => {
    prompt ??= createHash("sha256").update(Int32Array.from(promptIds)).digest("hex");
    return `call_${hash(prompt, String(choice), String(call))}`;
  };
}

/** 24 hexadecimal digits of the SHA-256 of some texts. */
export function hash(...texts: readonly string[]): string {
  const sha = createHash("sha256");
  for (const text of texts) sha.update(`${text.length}:${text}`);
  return sha.digest("hex").slice(0, 24);
}
