/**
 * The machine of a form that somebody asks for.
 *
 * Next: reply.ts
 * @module
 */

import { checkRules } from "./check-rules.ts";
import type { Rules } from "./forms.ts";
import { gbnfRules } from "./gbnf.ts";
import type { Grammar } from "./grammar.ts";
import { ANY_RULES, OBJECT } from "./json-forms.ts";
import type { Machine } from "./machine.ts";
import type { Matchers } from "./matchers.ts";
import { patternForm } from "./pattern.ts";
import { jsonRules } from "./shape-forms.ts";
import { vetSchema } from "./vet-schema.ts";

/**
 * The machine that texts of this form go through.
 *
 * @param where what to call the form in an error
 * @throws {ConstraintError} when it cannot be read, or no text can have it
 */
export function grammarMachine(grammar: Grammar, where: string, matchers: Matchers): Machine {
  return matchers.machine(JSON.stringify(grammar), where, () => readGrammar(grammar, where));
}

/**
 * Reads a form.
 *
 * @param where what to call the form in an error
 * @throws {ConstraintError} when it cannot be read, or no text can have it
 */
export function readGrammar(grammar: Grammar, where: string): Rules {
  return checkRules(rulesOf(grammar, where), where);
}

function rulesOf(grammar: Grammar, where: string): Rules {
  switch (grammar.kind) {
    case "json":
      return { root: OBJECT, rules: ANY_RULES };
    case "schema":
      return jsonRules(vetSchema(grammar.schema, where));
    case "regex":
      return { root: patternForm(grammar.pattern, where), rules: new Map() };
    case "ebnf":
      return gbnfRules(grammar.grammar, where);
  }
}
