/**
 * Makes constraints of what is asked for.
 * @module
 */
import { type Constraint, ConstraintError } from "../../engine/index.ts";
import type { ConstraintSpec, Grammar } from "./grammar.ts";
import { grammarMachine, readGrammar } from "./grammar-machine.ts";
import type { Matchers } from "./matchers.ts";
import { callableTools, replyStart } from "./reply.ts";
import { scriptStart } from "./script.ts";
import { ending, formedText, type Spot } from "./spot.ts";
import { Walk } from "./walk.ts";

/** What forms of texts are called in errors. */
const NAMES = {
  schema: "schema",
  json: "json",
  regex: "regex",
  ebnf: "grammar",
} as const satisfies Readonly<Record<Grammar["kind"], string>>;

/**
 * A constraint for one text, which begins after the prompt.
 *
 * @throws {ConstraintError} when the form cannot be held to: with the path of the word that is not
 * @throws {TokenizerError} for a reply, when the tokenizer lacks the tags of the protocol
 */
export function constraintOf(spec: ConstraintSpec, matchers: Matchers): Constraint {
  if (spec.kind !== "script" && matchers.stopIds.length === 0) {
    throw new ConstraintError("eosIds", "expected an id that ends a text, got none");
  }
  return new Walk(startOf(spec, matchers));
}

/**
 * Finds out whether a form can be held to, without a model: what `constraintOf` would throw about it is
 * thrown here, but for what becomes too large.
 *
 * @throws {ConstraintError} when it cannot, with the path of the word that is not held to
 */
export function checkConstraint(spec: ConstraintSpec): void {
  if (spec.kind === "text") readGrammar(spec.grammar, NAMES[spec.grammar.kind]);
  if (spec.kind !== "reply") return;
  callableTools(spec);
  if (spec.content !== undefined) readGrammar(spec.content, "content");
}

function startOf(spec: ConstraintSpec, matchers: Matchers): Spot {
  switch (spec.kind) {
    case "reply":
      return replyStart(spec, matchers);
    case "script":
      return scriptStart(spec.ids, matchers);
    case "text": {
      const machine = grammarMachine(spec.grammar, NAMES[spec.grammar.kind], matchers);
      return formedText(matchers.tree, machine, ending(matchers.tree, matchers.stopIds));
    }
  }
}
