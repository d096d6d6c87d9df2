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
import { type Json, pathTo } from "../../tokenizer/chat/json-value.ts";
import { pythonJson } from "../../tokenizer/chat/python-json.ts";
import { CheckedRules } from "./check-rules.ts";
import { ALL, charactersOf, codePoints, without } from "./code-points.ts";
import { alternatives } from "./fits.ts";
import {
  character,
  choice,
  type Form,
  oneOf,
  type Rules,
  repeat,
  sequence,
  text,
} from "./forms.ts";
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
  const { properties, rest } = argumentsOf(shapes, path);
  const values = new ValueForms(shapes, path);
  for (const property of properties) {
    const at = pathTo(pathTo(path, "properties"), property.name);
    checkName(property.name, at);
    values.add(property.name, property.shape, at);
  }
  if (rest) values.add(OTHERS, rest, pathTo(path, "additionalProperties"));
  const forms = values.all();
  return {
    name,
    schema: parameters,
    keys: properties.map((property) => property.name),
    required: properties.filter(({ isRequired }) => isRequired).map((property) => property.name),
    isOpen: rest !== undefined,
    valueOf: (key) => forms.get(forms.has(key) ? key : OTHERS),
  };
}

/** Stands for the arguments that are not declared. No argument has this name. */
export const OTHERS = "";

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

/** Makes the forms of the values of one tool, which share their rules. */
class ValueForms {
  readonly #references: Shapes["references"];
  readonly #forms: ShapeForms;
  readonly #path: string;
  readonly #roots = new Map<string, { readonly form: Form; readonly where: string } | undefined>();

  constructor({ references }: Shapes, path: string) {
    this.#references = references;
    this.#forms = new ShapeForms(references);
    this.#path = path;
  }

  add(key: string, shape: Shape, where: string): void {
    const parts = alternatives(shape, this.#references);
    const hasInside = parts.some(({ kind }) => kind === "list" || kind === "object");
    const takesAll = parts.some(({ kind }) => kind === "any");
    if (takesAll || (parts.some(isAnyString) && !hasInside)) {
      this.#roots.set(key, undefined);
      return;
    }
    const forms = parts.map((part) => {
      if (part.kind === "values") return oneOf(part.values.flatMap(spelled));
      if (part.kind !== "string") return this.#forms.of(part);
      return hasInside ? stringBeside(part, where) : rawString(part);
    });
    this.#roots.set(key, { form: choice(...forms), where });
  }

  /** @throws {ConstraintError} when an argument can have no value */
  all(): ReadonlyMap<string, ValueForm> {
    const rules = new CheckedRules(this.#forms.rules, this.#path);
    return new Map(
      Array.from(this.#roots, ([key, root]) => [key, root && rules.from(root.form, root.where)]),
    );
  }
}

function rawString({ form, minLength, maxLength }: StringShape): Form {
  return form ?? repeat(character(ALL), minLength, maxLength);
}

/** Strings that nobody takes for a list or an object. */
function stringBeside({ form, minLength, maxLength }: StringShape, where: string): Form {
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

/**
 * The text of a listed value. A string that reads as another value may be taken for that one, but only if
 * it is listed, too. A text has no halves of characters.
 */
function spelled(value: Json): string[] {
  const written = typeof value === "string" ? value : pythonJson(value);
  return /\p{Surrogate}/u.test(written) ? [] : [written];
}
