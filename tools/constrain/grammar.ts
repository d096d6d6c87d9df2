/**
 * What a reply or a text must look like, as plain data: it can be sent to a worker.
 *
 * Next: code-points.ts
 * @module
 */

/** The form of a text. */
export type Grammar =
  /** JSON that a schema describes. The schema is JSON text, because the order of its keys counts. */
  | { readonly kind: "schema"; readonly schema: string }
  /** Any JSON object. */
  | { readonly kind: "json" }
  /** A text that a regular expression matches from its beginning to its end. */
  | { readonly kind: "regex"; readonly pattern: string }
  /** A text of a grammar in GBNF, as llama.cpp and xgrammar write it; it begins with `root`. */
  | { readonly kind: "ebnf"; readonly grammar: string };

/** Which tools a reply may, or must, call. */
export type ToolChoice =
  | { readonly kind: "none" | "auto" | "required" }
  | { readonly kind: "named"; readonly name: string };

/** What a whole text is held to. */
export type ConstraintSpec =
  /** The whole text is of this form. */
  | { readonly kind: "text"; readonly grammar: Grammar }
  /** The text is this one, whatever the model would say. */
  | { readonly kind: "script"; readonly ids: readonly number[] }
  /** A reply of the chat protocol. */
  | ReplySpec;

/** A reply of the chat protocol: which tools it calls, and the form of its content. */
export interface ReplySpec {
  readonly kind: "reply";
  /** Whether the prompt ends inside the reasoning or behind it. */
  readonly startsIn: "reasoning" | "content";
  readonly tools: readonly CallableTool[];
  readonly toolChoice: ToolChoice;
  /** Whether there may be more than one call. */
  readonly parallel: boolean;
  /** The form of the content. Without tools, the content is there and has this form. */
  readonly content?: Grammar | undefined;
}

/** A tool as a constraint sees it. */
export interface CallableTool {
  readonly name: string;
  /** The JSON schema of its arguments, as JSON text; undefined when it takes any. */
  readonly parameters: string | undefined;
}
