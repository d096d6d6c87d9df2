/**
 * The names of what a parser of replies does to a malformed reply.
 *
 * A model sometimes leaves out a tag, writes it twice, or writes a call in another form. Most of
 * this can be understood. Nothing is repaired in silence: each repair is an event, and `repairs` of
 * the whole reply lists them all. With the option `strict` there are none, and what is malformed is
 * content or reasoning, to the letter.
 *
 * Next: reply-events.ts
 * @module
 */

/** What was done. The text of the repair is what was left out or read in another way. */
export type RepairKind =
  /** A tag means nothing where it stands, and was left out. */
  | "stray-tag"
  /** Text between two arguments belongs to neither of them, and was left out. */
  | "stray-text"
  /** `<tool_call>` ended the reasoning, because `</think>` was missing. */
  | "call-in-reasoning"
  /** A call lacks this tag, which was added. */
  | "missing-tag"
  /** This tag stands in the place of another one, as which it was read. */
  | "wrong-tag"
  /** A name ends with the spelling of a tag, which was cut off. */
  | "tag-in-name"
  /** A call was written as JSON, and was read as a call. */
  | "json-call"
  /** The arguments after a name were written as JSON or as `key=value`, and were read. */
  | "plain-arguments"
  /** A key has no value, and was left out. */
  | "key-without-value"
  /** A value has no key, and was left out. */
  | "value-without-key"
  /** An argument was given again. The text is the value that it had first, as JSON. */
  | "repeated-argument"
  /** The reply broke off inside a tag or a call. The text is what came of it. */
  | "cut-off";

/** One repair. */
export interface Repair {
  /** What was done. */
  readonly kind: RepairKind;
  /** The text that it was done to. */
  readonly text: string;
}
