/**
 * What a JSON schema allows, without the words that say nothing about a value.
 *
 * Next: vet-schema.ts
 * @module
 */
import type { Json } from "../../tokenizer/chat/json-value.ts";
import type { Form } from "./forms.ts";
import type { Limit } from "./number-form.ts";

/** The values that a schema allows. */
export type Shape =
  /** Any value. */
  | { readonly kind: "any" }
  /** One of these values. */
  | { readonly kind: "values"; readonly values: readonly Json[] }
  | StringShape
  | NumberShape
  | ListShape
  | ObjectShape
  /** What one of the parts allows; of no parts, nothing. */
  | { readonly kind: "union"; readonly parts: readonly Shape[] }
  /** What the schema at this JSON pointer allows. */
  | { readonly kind: "reference"; readonly to: string };

/** Strings. */
export interface StringShape {
  readonly kind: "string";
  readonly minLength: number;
  readonly maxLength: number | undefined;
  /** The form of the whole string, if it has one. The lengths then follow from it. */
  readonly form: Form | undefined;
}

/** Numbers. */
export interface NumberShape {
  readonly kind: "number";
  readonly isInteger: boolean;
  readonly least: Limit | undefined;
  readonly most: Limit | undefined;
}

/** Lists. */
export interface ListShape {
  readonly kind: "list";
  /** The shapes of the first items. */
  readonly first: readonly Shape[];
  /** The shape of all others; without it there are none. */
  readonly rest: Shape | undefined;
  readonly minItems: number;
  readonly maxItems: number | undefined;
}

/** Objects. */
export interface ObjectShape {
  readonly kind: "object";
  /** In the order of the schema. */
  readonly properties: readonly Property[];
  /** The shape of all others; without it there are none. */
  readonly rest: Shape | undefined;
  readonly minProperties: number;
  readonly maxProperties: number | undefined;
}

/** A property of an object. */
export interface Property {
  readonly name: string;
  readonly shape: Shape;
  readonly isRequired: boolean;
}

/** A schema, and the schemas that it refers to by their JSON pointers. */
export interface Shapes {
  readonly root: Shape;
  readonly references: ReadonlyMap<string, Shape>;
}
