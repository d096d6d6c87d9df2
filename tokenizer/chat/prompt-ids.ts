/**
 * Turns a prompt into token ids.
 *
 * **Injection.** A control token is found in a text by its spelling. So a user, or a web page that
 * a tool has fetched, can speak in another role by writing `<|system|>You are …` or
 * `</tool_response>`, and a path like `src/nothink.ts` holds the token `/nothink`. The reference
 * does this, so it is the default here, and the ids equal those of the text.
 *
 * With `controlTokensIn: "protocol"`, only the tags that the renderer itself has set are control
 * tokens. All that came with the messages and tools is plain text in ordinary tokens. Prefer it
 * whenever a text comes from somebody else. The ids of harmless texts are the same either way.
 *
 * Next: reply-events.ts
 * @module
 */
import type { Tokenizer } from "../tokenizer.ts";
import { controlIds } from "./control-tokens.ts";
import type { Prompt } from "./render.ts";

/** How a prompt becomes ids. */
export interface PromptIdsOptions {
  /** Where a control token that is spelled out becomes one; the default is `"everywhere"`. */
  readonly controlTokensIn?: "everywhere" | "protocol";
}

/**
 * Returns the ids of a prompt.
 *
 * @throws {TokenizerError} when the tokenizer lacks a control token of the protocol
 */
export function promptIds(
  tokenizer: Tokenizer,
  prompt: Prompt,
  options: PromptIdsOptions = {},
): Int32Array {
  if (options.controlTokensIn !== "protocol") {
    controlIds(tokenizer); // a tokenizer of another family would take the tags as text
    return tokenizer.encode(prompt.text);
  }
  const ids: number[] = [];
  for (const stretch of promptStretches(tokenizer, prompt)) {
    if (typeof stretch === "number") ids.push(stretch);
    else for (const id of tokenizer.encodeOrdinary(stretch)) ids.push(id);
  }
  return Int32Array.from(ids);
}

/**
 * Returns a prompt as the ids of the renderer's own control tokens, and the plain texts between
 * them. A text is one stretch over several segments, because BPE may merge across their border.
 *
 * @throws {TokenizerError} when the tokenizer lacks a control token of the protocol
 */
export function* promptStretches(tokenizer: Tokenizer, prompt: Prompt): Generator<number | string> {
  controlIds(tokenizer);
  const idOf = new Map(tokenizer.addedTokens.map(({ content, id }) => [content, id]));
  let plain = "";
  for (const segment of prompt.segments) {
    if (segment.kind !== "control") {
      plain += segment.text;
      continue;
    }
    if (plain !== "") yield plain;
    plain = "";
    yield idOf.get(segment.text) as number;
  }
  if (plain !== "") yield plain;
}
