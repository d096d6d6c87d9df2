import { describe, expect, it } from "vitest";
import { type Json, parseJson, pythonJson } from "../../../tokenizer/chat/index.ts";
import { typeOf } from "../../../tokenizer/chat/schemas.ts";
import { typedValue } from "../../../tokenizer/chat/typed-values.ts";

/** The value of `text` for a schema, as JSON. */
const read = (text: string, schema: Json | undefined, root: Json = {}): string =>
  pythonJson(typedValue(text, typeOf(schema, root)));

const declaredTypes = (schema: Json | undefined, root: Json) => typeOf(schema, root).types;

const STRING = { type: "string" };
const INTEGER = { type: "integer" };

describe("a string", () => {
  it.each([["5"], ["true"], [" a \n"], ['"quoted"'], ["'quoted'"], ["null"], [""], ['{"a": 1}']])(
    "stays %j",
    (text) => {
      expect(typedValue(text, typeOf(STRING, {}))).toBe(text);
    },
  );

  it.each([
    ["$ref", { $ref: "#/$defs/a~1b" }],
    ["oneOf", { oneOf: [STRING, { type: ["null", "string"] }] }],
    ["allOf", { allOf: [STRING, { minLength: 1 }] }],
    ["a list of types", { type: ["string", "null"] }],
    ["enum", { enum: ["a", "5"] }],
    ["const", { const: "5" }],
  ])("may be declared by %s", (_how, schema) => {
    expect(read("5", schema, { $defs: { "a/b": STRING } })).toBe('"5"');
  });

  it("that may be null is null when it says so", () => {
    expect(read(" null ", { type: ["string", "null"] })).toBe("null");
  });

  it("that may be a list or object is one when it looks like one", () => {
    const schema = { anyOf: [STRING, { type: "array" }] };
    expect(read('["a", 1]', schema)).toBe('["a", 1]');
    expect(read('["a", 1', schema)).toBe('"[\\"a\\", 1"');
    expect(read('{"a": 1}', schema)).toBe('"{\\"a\\": 1}"');
  });
});

describe("any other type", () => {
  it.each([
    ["5", "5"],
    [" 5\n", "5"],
    ["1.50", "1.5"],
    ["12345678901234567890", "12345678901234567890"],
    ["true", "true"],
    ["True", "true"],
    ["None", "null"],
    ["'it'", '"it"'],
    ['"it"', '"it"'],
    [
      "{'a': [True, None, (1, 2),], \"b\": 'c\\'d\\x41\\q'}",
      '{"a": [true, null, [1, 2]], "b": "c\'dA\\\\q"}',
    ],
    ['{"10": 1, "9": 2, "10": 3}', '{"10": 3, "9": 2}'],
    ["hello world", '"hello world"'],
    [" {broken ", '" {broken "'],
    ["", '""'],
    ["NaN", '"NaN"'],
    ["01", '"01"'],
  ])("reads %j as %s", (text, json) => {
    expect(read(text, { type: "object" })).toBe(json);
    expect(read(text, undefined)).toBe(json);
  });

  it("takes a number out of quotes only when one is declared", () => {
    expect(read('"5"', INTEGER)).toBe("5");
    expect(read("'2.5'", { type: "number" })).toBe("2.5");
    expect(read('"5"', undefined)).toBe('"5"');
    expect(read('"five"', INTEGER)).toBe('"five"');
  });

  it("stays a text when it is nested too deep", () => {
    const deep = "[".repeat(100_000);
    expect(typedValue(deep, typeOf(undefined, {}))).toBe(deep);
  });
});

describe("declared types", () => {
  it("are unknown for a schema that does not say, or goes in circles", () => {
    const circle = { $ref: "#" };
    for (const schema of [undefined, true, {}, circle, { $ref: "other.json" }, { $ref: "#/no" }]) {
      expect(declaredTypes(schema, circle)).toBeUndefined();
    }
    expect(declaredTypes({ anyOf: [STRING, {}] }, {})).toBeUndefined();
  });

  it("are found in a schema from JSON text too", () => {
    const root = parseJson('{"$defs": {"x": {"type": "integer"}}, "properties": {}}');
    expect([...(declaredTypes({ $ref: "#/$defs/x" }, root) ?? [])]).toEqual(["integer"]);
    expect([...(declaredTypes(root, root) ?? [])]).toEqual(["object"]);
    expect([...(declaredTypes({ items: STRING }, root) ?? [])]).toEqual(["array"]);
  });
});
