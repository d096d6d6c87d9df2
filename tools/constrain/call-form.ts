/**
 * The forms of the arguments of a tool, as the chat protocol writes them: each by itself, a string as it
 * is, and any other value as JSON.
 *
 * A parser reads each argument back with the tool's schema. Where that allows strings and other values, it
 * takes the value that is no string; so a string here is never one that would be taken for a list or an
 * object, whose insides the parser does not check.
 *
 * Next: reply.ts
 * @see typed-values.ts of the tokenizer
 * @module
 */
import { ConstraintError } from "../../engine/index.ts";
import { parseJson } from "../../tokenizer/chat/json-parse.ts";
import type { Json, JsonObject } from "../../tokenizer/chat/json-value.ts";
import { isJsonObject, pathTo } from "../../tokenizer/chat/json-value.ts";
import { pythonJson } from "../../tokenizer/chat/python-json.ts";
import { argumentType } from "../../tokenizer/chat/schemas.ts";
import { typedValue } from "../../tokenizer/chat/typed-values.ts";
import { checkRules } from "./check-rules.ts";
import { ALL, charactersOf, codePoints, without } from "./code-points.ts";
import { fits } from "./fits.ts";
import { character, choice, type Form, type Rules, repeat, sequence, text } from "./forms.ts";
import type { CallableTool } from "./grammar.ts";
import { BLANKS } from "./pattern.ts";
import type { ObjectShape, Shape, Shapes, StringShape } from "./shape.ts";
import { ShapeForms } from "./shape-forms.ts";
import { isAnyString, vetSchema } from "./vet-schema.ts";

/** The form of a value; undefined when any text is one. */
export type ValueForm = Rules | undefined;

/** What a constraint must know of a tool. */
export interface CallForm {
  readonly name: string;
  /** What tells its schema from others. */
  readonly schema: string;
  /** The declared arguments. */
  readonly keys: readonly string[];
  readonly required: readonly string[];
  /** Whether there may be other arguments. */
  readonly isOpen: boolean;
  /** The form of the value of an argument. */
  readonly valueOf: (key: string) => ValueForm;
}

/**
 * Reads a tool.
 *
 * @param where what to call it in an error
 * @throws {ConstraintError} when its arguments cannot be held to their schema
 */
export function callForm({ name, parameters }: CallableTool, where: string): CallForm {
  checkName(name, pathTo(where, "name"));
  if (parameters === undefined) {
    const rest = { keys: [], required: [], isOpen: true, valueOf: () => undefined };
    return { name, schema: "", ...rest };
  }
  const path = pathTo(where, "parameters");
  const shapes = vetSchema(parameters, path);
  const object = argumentsOf(shapes, path);
  const schema = parseJson(parameters);
  const plain: JsonObject = isJsonObject(schema) ? schema : new Map();
  for (const property of object.properties) {
    checkName(property.name, pathTo(pathTo(path, "properties"), property.name));
  }
  const formOf = (key: string, shape: Shape, where: string) =>
    valueForm(shape, { shapes, schema: plain, key, where });
  const forms = new Map(
    object.properties.map(({ name, shape }) => {
      return [name, formOf(name, shape, pathTo(pathTo(path, "properties"), name))];
    }),
  );
  // No argument is declared where others may be there, so the name of one makes no difference.
  const { rest } = object;
  const restForm = rest && formOf("", rest, pathTo(path, "additionalProperties"));
  return {
    name,
    schema: parameters,
    keys: object.properties.map((property) => property.name),
    required: object.properties.filter(({ isRequired }) => isRequired).map(({ name }) => name),
    isOpen: rest !== undefined,
    valueOf: (key) => (forms.has(key) ? forms.get(key) : restForm),
  };
}

/** A parser takes the blanks around names and keys away. */
function checkName(name: string, where: string): void {
  const isKept = name !== "" && name === name.trim() && !/\p{Surrogate}/u.test(name);
  if (isKept) return;
  const got = JSON.stringify(name);
  throw new ConstraintError(where, `expected a name without blanks around it, got ${got}`);
}

/** The shape of all arguments. */
function argumentsOf({ root, references }: Shapes, where: string): ObjectShape {
  let shape: Shape | undefined = root;
  for (let n = 0; shape?.kind === "reference" && n <= references.size; n++) {
    shape = references.get(shape.to);
  }
  if (shape?.kind === "any") {
    const sizes = { minProperties: 0, maxProperties: undefined };
    return { kind: "object", properties: [], rest: shape, ...sizes };
  }
  if (shape?.kind !== "object") {
    throw new ConstraintError(where, 'expected a schema of "type": "object" for all arguments');
  }
  const { minProperties, maxProperties, rest } = shape;
  if (rest !== undefined && (minProperties > 0 || maxProperties !== undefined)) {
    const text = "cannot be held to where no argument is declared; declare the arguments";
    throw new ConstraintError(
      pathTo(where, maxProperties === undefined ? "minProperties" : "maxProperties"),
      text,
    );
  }
  return shape;
}

/** An argument, and the schema that a parser will read it with. */
interface Argument {
  readonly shapes: Shapes;
  readonly schema: JsonObject;
  readonly key: string;
  readonly where: string;
}

function valueForm(shape: Shape, argument: Argument): ValueForm {
  const { references } = argument.shapes;
  const parts = alternatives(shape, references);
  const takesAnyText = parts.some(isAnyString);
  const hasInside = parts.some(({ kind }) => kind === "list" || kind === "object");
  const takesAll = parts.some(({ kind }) => kind === "any");
  if (takesAll || (takesAnyText && !hasInside)) return undefined;
  const forms = new ShapeForms(references);
  const root = choice(
    ...parts.map((part) => {
      if (part.kind === "values")
        return choice(...part.values.flatMap((v) => spelled(v, argument)));
      if (part.kind !== "string") return forms.of(part);
      return hasInside ? stringBeside(part, argument) : rawString(part);
    }),
  );
  return checkRules({ root, rules: forms.rules }, argument.where);
}

/** The shapes of which one must fit, without references and unions. */
function alternatives(
  shape: Shape,
  references: Shapes["references"],
  seen: readonly string[] = [],
): Shape[] {
  if (shape.kind === "union") {
    return shape.parts.flatMap((part) => alternatives(part, references, seen));
  }
  if (shape.kind !== "reference") return [shape];
  const target = references.get(shape.to);
  if (target === undefined || seen.includes(shape.to)) return [];
  return alternatives(target, references, [...seen, shape.to]);
}

function rawString({ form, minLength, maxLength }: StringShape): Form {
  return form ?? repeat(character(ALL), minLength, maxLength);
}

/** Strings that nobody takes for a list or an object. */
function stringBeside({ form, minLength, maxLength }: StringShape, { where }: Argument): Form {
  if (form !== undefined) {
    const text =
      "cannot be held to beside a list or an object; leave out the pattern or the format";
    throw new ConstraintError(where, text);
  }
  const first = character(without(ALL, codePoints(...BLANKS, ...charactersOf("[{"))));
  const most = maxLength === undefined ? undefined : maxLength - 1;
  if (maxLength === 0) return text("");
  const some = sequence(first, repeat(character(ALL), Math.max(0, minLength - 1), most));
  return minLength === 0 ? choice(text(""), some) : some;
}

/** The text of a listed value; none when a parser would read another value in it. */
function spelled(value: Json, { schema, key, shapes }: Argument): Form[] {
  const written = typeof value === "string" ? value : pythonJson(value);
  if (/\p{Surrogate}/u.test(written)) return [];
  const read = typedValue(written, argumentType(schema, key));
  return fits({ kind: "values", values: [value] }, read, shapes.references) ? [text(written)] : [];
}
