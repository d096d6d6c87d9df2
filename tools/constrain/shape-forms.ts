/**
 * The forms of the JSON values that a schema allows.
 *
 * Next: call-form.ts
 * @module
 */
import { pythonJson, quote } from "../../tokenizer/chat/python-json.ts";
import {
  choice,
  type Form,
  oneOf,
  optional,
  type Rules,
  repeat,
  rule,
  sequence,
  text,
} from "./forms.ts";
import {
  ANY_RULES,
  ANY_STRING,
  ANY_VALUE,
  inString,
  items,
  list,
  quoted,
  stringForm,
} from "./json-forms.ts";
import { numberForm } from "./number-form.ts";
import type { ListShape, ObjectShape, Property, Shape, Shapes } from "./shape.ts";

/** Writes the forms of shapes, and the rules that they refer to. */
export class ShapeForms {
  readonly #rules = new Map<string, Form>(ANY_RULES);
  #nRules = 0;

  constructor(references: Shapes["references"]) {
    for (const [to, shape] of references) this.#rules.set(referenceRule(to), this.of(shape));
  }

  /** All rules so far. */
  get rules(): ReadonlyMap<string, Form> {
    return this.#rules;
  }

  /** The form of JSON values of this shape. */
  of(shape: Shape): Form {
    switch (shape.kind) {
      case "any":
        return ANY_VALUE;
      case "values":
        return oneOf(shape.values.map(pythonJson));
      case "string":
        if (shape.form !== undefined) return quoted(inString(shape.form));
        return stringForm(shape.minLength, shape.maxLength);
      case "number":
        return numberForm(shape.isInteger, shape.least, shape.most);
      case "list":
        return this.#once("list", this.#list(shape));
      case "object":
        return this.#object(shape);
      case "union":
        return choice(...shape.parts.map((part) => this.of(part)));
      case "reference":
        return rule(referenceRule(shape.to));
    }
  }

  #list({ first, rest, minItems, maxItems }: ListShape): Form {
    const most = rest === undefined ? Math.min(first.length, maxItems ?? first.length) : maxItems;
    const item = rest && this.of(rest);
    /** The items from number `i` on, with a comma before each but the first of all. */
    const from = (i: number): Form => {
      const comma = i === 0 ? "" : ", ";
      if (most !== undefined && i >= most) return i < minItems ? choice() : sequence();
      const own = first[i];
      if (own !== undefined) {
        const some = sequence(text(comma), this.of(own), from(i + 1));
        return i < minItems ? some : optional(some);
      }
      if (item === undefined) return i < minItems ? choice() : sequence();
      const [least, left] = [Math.max(0, minItems - i), most === undefined ? undefined : most - i];
      if (i === 0) return items(item, least, left);
      return repeat(sequence(text(", "), item), least, left);
    };
    return list(from(0));
  }

  /** Properties in the order of the schema, each of which may be left out unless it is required. */
  #object({ properties, rest, minProperties, maxProperties }: ObjectShape): Form {
    if (rest !== undefined) {
      const entry = sequence(ANY_STRING, text(": "), this.of(rest));
      const inside = items(this.#once("entry", entry), minProperties, maxProperties);
      return this.#once("object", sequence(text("{"), inside, text("}")));
    }
    const id = this.#nRules++;
    const name = (i: number, isFirst: boolean) =>
      `object ${id}: ${isFirst ? "first" : "after"} ${i}`;
    const entryOf = (property: Property) => {
      const value = sequence(text(`${quote(property.name)}: `), this.of(property.shape));
      return this.#once("property", value);
    };
    for (const isFirst of [false, true])
      this.#rules.set(name(properties.length, isFirst), sequence());
    // From the last one on: each rule refers to those after it.
    for (const [i, property] of [...properties.entries()].reverse()) {
      const entry = entryOf(property);
      for (const isFirst of [false, true]) {
        const some = sequence(text(isFirst ? "" : ", "), entry, rule(name(i + 1, false)));
        const form = property.isRequired ? some : choice(some, rule(name(i + 1, isFirst)));
        this.#rules.set(name(i, isFirst), form);
      }
    }
    return this.#once("object", sequence(text("{"), rule(name(0, true)), text("}")));
  }

  /** Makes a rule of a form that stands in two places, so that it is written out once. */
  #once(what: string, form: Form): Form {
    const name = `${what} ${this.#nRules++}`;
    this.#rules.set(name, form);
    return rule(name);
  }
}

/** The rules of the JSON values that a schema allows. */
export function jsonRules({ root, references }: Shapes): Rules {
  const forms = new ShapeForms(references);
  return { root: forms.of(root), rules: forms.rules };
}

function referenceRule(to: string): string {
  return `reference ${to}`;
}
