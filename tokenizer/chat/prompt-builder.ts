import type { ControlToken } from "./control-tokens.ts";

/** A stretch of a prompt. */
export type Segment =
  | { readonly kind: "control"; readonly text: ControlToken }
  /** `fixed` is the protocol's own text, `input` came with the messages and tools. */
  | { readonly kind: "fixed" | "input"; readonly text: string };

/** A prompt in the making. */
export class PromptBuilder {
  readonly segments: Segment[] = [];

  control(...tokens: readonly ControlToken[]): void {
    for (const text of tokens) this.segments.push({ kind: "control", text });
  }

  fixed(text: string): void {
    this.segments.push({ kind: "fixed", text });
  }

  input(text: string): void {
    if (text !== "") this.segments.push({ kind: "input", text });
  }

  text(): string {
    return this.segments.map(({ text }) => text).join("");
  }
}
