/**
 * Whether a value fits a shape, and whether no value fits two shapes.
 *
 * Next: vet-schema.ts
 * @module
 */
import { entriesOf, isJsonObject, type Json, JsonNumber } from "../../tokenizer/chat/json-value.ts";
import { pythonJson } from "../../tokenizer/chat/python-json.ts";
import type { Form } from "./forms.ts";
import { Machine } from "./machine.ts";
import { limitOf } from "./scalar-shapes.ts";
import type { ListShape, NumberShape, ObjectShape, Shape, StringShape } from "./shape.ts";

type References = ReadonlyMap<string, Shape>;

const encoder = new TextEncoder();

/** Whether a value fits a shape. */
export function fits(shape: Shape, value: Json, references: References): boolean {
  switch (shape.kind) {
    case "any":
      return true;
    case "values":
      return shape.values.some((one) => isSame(one, value));
    case "string":
      return typeof value === "string" && fitsString(shape, value);
    case "number":
      return fitsNumber(shape, value);
    case "list":
      return Array.isArray(value) && fitsList(shape, value, references);
    case "object":
      return isJsonObject(value) && fitsObject(shape, entriesOf(value), references);
    case "union":
      return shape.parts.some((part) => fits(part, value, references));
    case "reference": {
      const target = references.get(shape.to);
      return target !== undefined && fits(target, value, references);
    }
  }
}

/** Whether two values are equal. Numbers are compared as numbers: 8 is 8.0. */
function isSame(a: Json, b: Json): boolean {
  const number = numberOf(a);
  return number === undefined ? pythonJson(a) === pythonJson(b) : number === numberOf(b);
}

function numberOf(value: Json): number | undefined {
  if (value instanceof JsonNumber) return value.valueOf();
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : undefined;
}

function fitsString({ minLength, maxLength, form }: StringShape, value: string): boolean {
  const length = [...value].length;
  if (length < minLength || length > (maxLength ?? length)) return false;
  return form === undefined || hasForm(form, value);
}

function hasForm(form: Form, value: string): boolean {
  const machine = new Machine({ root: form, rules: new Map() }, "pattern");
  let state: ReturnType<Machine["step"]> = machine.start;
  for (const byte of encoder.encode(value)) {
    if (state !== null) state = machine.step(state, byte);
  }
  return state?.isEnd === true;
}

function fitsNumber({ isInteger, least, most }: NumberShape, value: Json): boolean {
  const number = numberOf(value);
  if (number === undefined || (isInteger && !Number.isInteger(number))) return false;
  const isAbove = !least || number > limitOf(least) || (number === limitOf(least) && !least.isOpen);
  return isAbove && (!most || number < limitOf(most) || (number === limitOf(most) && !most.isOpen));
}

function fitsList(
  { first, rest, minItems, maxItems }: ListShape,
  list: readonly Json[],
  references: References,
): boolean {
  if (list.length < minItems || list.length > (maxItems ?? list.length)) return false;
  return list.every((item, i) => {
    const shape = first[i] ?? rest;
    return shape !== undefined && fits(shape, item, references);
  });
}

function fitsObject(
  { properties, rest, minProperties, maxProperties }: ObjectShape,
  entries: readonly (readonly [string, Json])[],
  references: References,
): boolean {
  const names = entries.map(([name]) => name);
  const isComplete = properties.every(
    ({ name, isRequired }) => !isRequired || names.includes(name),
  );
  const isOfSize = names.length >= minProperties && names.length <= (maxProperties ?? names.length);
  return (
    isComplete &&
    isOfSize &&
    entries.every(([name, value]) => {
      const shape = properties.find((property) => property.name === name)?.shape ?? rest;
      return shape !== undefined && fits(shape, value, references);
    })
  );
}

/** Whether certainly no value fits both shapes. */
export function areApart(a: Shape, b: Shape, references: References): boolean {
  const [one, other] = [alternatives(a, references), alternatives(b, references)];
  return one.every((x) => other.every((y) => arePartsApart(x, y, references)));
}

/** The shapes of which one must fit, without references and unions. */
export function alternatives(
  shape: Shape,
  references: References,
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

function arePartsApart(a: Shape, b: Shape, references: References): boolean {
  if (a.kind === "any" || b.kind === "any") return false;
  if (a.kind === "values") return a.values.every((value) => !fits(b, value, references));
  if (b.kind === "values") return arePartsApart(b, a, references);
  if (a.kind !== b.kind) return true;
  if (a.kind !== "object" || b.kind !== "object") return false;
  return a.properties.some(({ name, shape, isRequired }) => {
    const same = b.properties.find((property) => property.name === name);
    return same?.isRequired && isRequired && areApart(shape, same.shape, references);
  });
}
