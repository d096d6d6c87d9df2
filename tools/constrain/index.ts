/**
 * What a text may go on with, token by token: JSON of a schema, a regular expression, a grammar, the calls
 * of declared tools, or a text that is given.
 *
 * ```ts
 * import { open } from "glm52.ts/node";
 * import { constraintOf, openMatchers } from "glm52.ts/constrain";
 *
 * const glm = await open();
 * const matchers = openMatchers(glm.tokenizer, glm.eosTokenIds);
 * const schema = JSON.stringify({ type: "object", properties: { name: { type: "string" } } });
 * const constraint = constraintOf({ kind: "text", grammar: { kind: "schema", schema } }, matchers);
 * ```
 *
 * It needs no Node, so it runs in a browser, too. Nothing here waits for anything.
 * @module glm52.ts/constrain
 */
export { type Constraint, ConstraintError, isAllowed } from "../../engine/index.ts";
export { constraintOf } from "./constraint-of.ts";
export type { CallableTool, ConstraintSpec, Grammar, ReplySpec, ToolChoice } from "./grammar.ts";
export { type Matchers, openMatchers } from "./matchers.ts";
