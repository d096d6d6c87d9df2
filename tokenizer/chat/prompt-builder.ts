/**
 * Collects a prompt, part by part.
 * @module
 */
import type { ControlToken } from "./control-tokens.ts";

/** A part of a prompt. */
export type Segment = ControlSegment | TextSegment;

/** A control token. */
export interface ControlSegment {
  /** Names this kind of part. */
  readonly kind: "control";
  /** How the token is spelled; one of the tokenizer's added tokens. */
  readonly text: string;
}

/** A text between control tokens. */
export interface TextSegment {
  /** `fixed` is the protocol's own text; `input` came with the messages and tools. */
  readonly kind: "fixed" | "input";
  /** The text, never empty. */
  readonly text: string;
}

/** A prompt that grows. */
export class PromptBuilder {
  /** The parts so far. */
  readonly segments: Segment[] = [];

  /** Adds control tokens. */
  control(...tokens: readonly ControlToken[]): void {
    for (const text of tokens) this.segments.push({ kind: "control", text });
  }

  /** Adds text of the protocol. */
  fixed(text: string): void {
    this.segments.push({ kind: "fixed", text });
  }

  /** Adds text that came with the messages and tools. */
  input(text: string): void {
    if (text !== "") this.segments.push({ kind: "input", text });
  }

  /** Returns the prompt as one text. */
  text(): string {
    return this.segments.map(({ text }) => text).join("");
  }
}
