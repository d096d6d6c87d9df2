/**
 * What a text may go on with, token by token: JSON of a schema, a regular expression, a grammar, the calls
 * of declared tools, or a text that is given.
 *
 * ```ts
 * import { open } from "glm52.ts/node";
 * import { constraintOf, openMatchers } from "glm52.ts/constrain";
 *
 * const glm = await open();
 * const matchers = openMatchers(glm.tokenizer, glm.config.eosTokenIds);
 * const schema = JSON.stringify({ type: "object", properties: { name: { type: "string" } } });
 * const constraint = constraintOf({ kind: "text", grammar: { kind: "schema", schema } }, matchers);
 * for await (const { text } of glm.generate("A cat: ", { constraint })) process.stdout.write(text);
 * ```
 *
 * A form becomes a network that is walked byte by byte, and the tokens a tree of bytes; so which tokens may
 * come is exact, and going back or on in two ways costs nothing. There is no worker and no native code,
 * and it needs no Node, so it runs in a browser, too.
 * @module glm52.ts/constrain
 */
export { type Constraint, ConstraintError, isAllowed } from "../../engine/index.ts";
export { checkConstraint, constraintOf } from "./constraint-of.ts";
export type {
  CallableTool,
  ConstraintSpec,
  EbnfGrammar,
  FreeChoice,
  Grammar,
  JsonGrammar,
  NamedChoice,
  RegexGrammar,
  ReplySpec,
  SchemaGrammar,
  ScriptSpec,
  TextSpec,
  ToolChoice,
} from "./grammar.ts";
export { type Matchers, openMatchers } from "./matchers.ts";
