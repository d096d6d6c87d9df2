/**
 * What a timeline needs of an open model.
 *
 * Next: text-session.ts
 * @module
 */
import type { Model, SamplingOptions } from "../../engine/index.ts";
import type { DecodeOptions, Tokenizer } from "../../tokenizer/index.ts";
import type { ChatTemplate } from "./chat-template.ts";

/** A prompt: a text, which begins as the model is used to, or ids, which stand alone. */
export type Prompt = string | readonly number[];

/** How a prompt becomes ids. */
export interface PromptOptions {
  /** Whether a text begins here, or goes on; true by default. */
  readonly isStart?: boolean;
}

/** A model that reads and writes texts; `Glm` is one. */
export interface Speaker {
  /** What runs. */
  readonly model: Model;
  /** Undefined for a model without a tokenizer.json: its texts are lists of ids. */
  readonly tokenizer: Tokenizer | undefined;
  /** How tokens are chosen when nobody says it. */
  readonly sampling: SamplingOptions;
  /** How conversations become prompts. */
  readonly template: ChatTemplate;
  /** The ids of a prompt. */
  promptIds(prompt: Prompt, options?: PromptOptions): number[];
  /** Ids → text. */
  decode(ids: readonly number[], options?: DecodeOptions): string;
}
