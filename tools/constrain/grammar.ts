/**
 * What a reply or a text must look like, as plain data: it can be sent to a worker.
 *
 * Next: constraint-of.ts
 * @module
 */

/** The form of a text. */
export type Grammar = SchemaGrammar | JsonGrammar | RegexGrammar | EbnfGrammar;

/** JSON that a schema describes. */
export interface SchemaGrammar {
  /** Names this kind of form. */
  readonly kind: "schema";
  /** The schema as JSON text, because the order of its keys counts. */
  readonly schema: string;
}

/** Any JSON object. */
export interface JsonGrammar {
  /** Names this kind of form. */
  readonly kind: "json";
}

/** A text that a regular expression matches from its beginning to its end. */
export interface RegexGrammar {
  /** Names this kind of form. */
  readonly kind: "regex";
  /** The expression, in JavaScript's syntax, without look-around, `\b`, `\1` and `\p`. */
  readonly pattern: string;
}

/** A text of a grammar. */
export interface EbnfGrammar {
  /** Names this kind of form. */
  readonly kind: "ebnf";
  /** The grammar in GBNF, as llama.cpp and xgrammar write it. It begins with the rule `root`. */
  readonly grammar: string;
}

/** Which tools a reply may, or must, call. */
export type ToolChoice = FreeChoice | NamedChoice;

/** `none`: no tool; `auto`: tools or none; `required`: one tool at least. */
export interface FreeChoice {
  /** Which of the three it is. */
  readonly kind: "none" | "auto" | "required";
}

/** A reply must call this tool, and no other one. */
export interface NamedChoice {
  /** Names this kind of choice. */
  readonly kind: "named";
  /** The name of the tool. */
  readonly name: string;
}

/** What a whole text is held to. */
export type ConstraintSpec = TextSpec | ScriptSpec | ReplySpec;

/** The whole text is of one form. */
export interface TextSpec {
  /** Names this kind of constraint. */
  readonly kind: "text";
  /** The form of the text. */
  readonly grammar: Grammar;
}

/** The text is this one, whatever the model would say. */
export interface ScriptSpec {
  /** Names this kind of constraint. */
  readonly kind: "script";
  /** The ids of the text. After them a stop id comes, unless one is among them. */
  readonly ids: readonly number[];
}

/** A reply of the chat protocol: which tools it calls, and the form of its content. */
export interface ReplySpec {
  /** Names this kind of constraint. */
  readonly kind: "reply";
  /** Whether the prompt ends inside the reasoning or behind it. */
  readonly startsIn: "reasoning" | "content";
  /** The tools that were declared. */
  readonly tools: readonly CallableTool[];
  /** Which of them the reply may, or must, call. */
  readonly toolChoice: ToolChoice;
  /** Whether there may be more than one call. */
  readonly parallel: boolean;
  /** The form of the content. Where no tool may be called, the content is there and has this form. */
  readonly content?: Grammar | undefined;
}

/** A tool as a constraint sees it. */
export interface CallableTool {
  /** The name by which it is called. */
  readonly name: string;
  /** The JSON schema of its arguments, as JSON text; undefined when it takes any. */
  readonly parameters: string | undefined;
}
