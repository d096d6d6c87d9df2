/** Tests of which schemas and tools are held to, and of what is said about the others. */
import { describe, expect, test } from "vitest";
import { ConstraintError } from "../../../engine/index.ts";
import { callForm } from "../../../tools/constrain/call-form.ts";
import { constraintOf } from "../../../tools/constrain/constraint-of.ts";
import { checkConstraint } from "../../../tools/constrain/index.ts";
import { matchers, tokenizer } from "./replies.ts";

const check = (schema: unknown) => {
  const text = typeof schema === "string" ? schema : JSON.stringify(schema);
  checkConstraint({ kind: "text", grammar: { kind: "schema", schema: text } });
};

/** Whether a text may come, token by token, and may end. */
function takes(schema: unknown, text: string): boolean {
  const grammar = { kind: "schema", schema: JSON.stringify(schema) } as const;
  const constraint = constraintOf({ kind: "text", grammar }, matchers);
  try {
    for (const id of tokenizer.encodeOrdinary(text)) constraint.accept(id);
    constraint.accept(tokenizer.eosIds[0] as number);
    return true;
  } catch (error) {
    if (error instanceof ConstraintError && error.where.startsWith("token ")) return false;
    throw error;
  }
}

const nested = (depth: number, inner: unknown = {}): unknown =>
  depth === 0 ? inner : { type: "array", items: nested(depth - 1, inner) };
const properties = (n: number) =>
  Object.fromEntries(Array.from({ length: n }, (_, i) => [`p${i}`, { type: "string" }]));

describe("a schema that is not held to says where and why", () => {
  test.each<[unknown, string, string]>([
    [{ not: {} }, "schema.not", "cannot be held to"],
    [{ propertyNames: { maxLength: 3 } }, "schema.propertyNames", "names are listed in properties"],
    [{ properties: { a: { if: {} } } }, "schema.properties.a.if", "cannot be held to"],
    [{ items: { patternProperties: {} } }, "schema.items.patternProperties", "cannot be held to"],
    [{ type: "array", uniqueItems: true }, "schema.uniqueItems", "expected false"],
    [{ $ref: "https://x.org/s.json" }, "schema.$ref", "expected a place in the same schema"],
    [{ $ref: "#anchor" }, "schema.$ref", "expected a place in the same schema"],
    [{ $ref: "#/$defs/none" }, "schema.$ref", "expected the place of a schema"],
    [{ $ref: "#" }, "schema", "expected a form that some text has"],
    [{ $ref: "#/$defs/a", $defs: { a: { not: {} } } }, "schema/$defs/a.not", "cannot be held to"],
    [{ type: "string", pattern: "(?=a)" }, "schema.pattern: character 3", "look around"],
    [{ type: "string", pattern: "^a+$", maxLength: 3 }, "schema.pattern", "together with a length"],
    [{ type: "string", format: "regex" }, "schema.format", "expected one of date, time"],
    [{ type: "string", minLength: 3, maxLength: 2 }, "schema.maxLength", "expected at least 3"],
    [{ type: "string", minLength: -1 }, "schema.minLength", "an integer of 0 or more, got -1"],
    [{ type: "number", multipleOf: 0.1 }, "schema.multipleOf", "expected no steps"],
    [{ type: "number", minimum: 0, exclusiveMinimum: true }, "schema.exclusiveMinimum", "a number"],
    [{ type: "number", minimum: 0.1234567890123456 }, "schema.minimum", "at most 15 digits"],
    [{ type: "number", minimum: 3, maximum: 2 }, "schema", "expected a form that some text has"],
    [{ anyOf: [{ $ref: "#" }, { type: "null" }] }, "schema", "begins with itself: reference #"],
    [{ type: "text" }, "schema.type", "expected types among string"],
    [{ type: [] }, "schema.type", "one type at least"],
    [{ enum: [] }, "schema.enum", "got none"],
    [{ type: "string", enum: [1, 2] }, "schema.enum", "that the other words allow, got none"],
    [{ anyOf: [] }, "schema.anyOf", "one schema at least"],
    [{ anyOf: [{}], type: "string" }, "schema.anyOf", "cannot be held to together with type"],
    [{ allOf: [{}, {}] }, "schema.allOf", "expected one schema"],
    [{ oneOf: [{ type: "number" }, { minimum: 3 }] }, "schema.oneOf", "else write anyOf"],
    [
      { type: "object", required: ["a"], additionalProperties: false },
      "schema.required",
      "a may not",
    ],
    [{ type: "object", minProperties: 2 }, "schema.minProperties", "no more than are required"],
    [{ properties: { a: {}, b: {} }, maxProperties: 1 }, "schema.maxProperties", "as many as"],
    [{ items: [], additionalItems: 3 }, "schema.additionalItems", "expected a schema"],
    [{ properties: [] }, "schema.properties", "expected an object"],
    [nested(65), `schema${".items".repeat(65)}`, "expected at most 64 schemas in each other"],
    [{ properties: properties(257) }, "schema.properties", "expected at most 256 properties"],
    [{ enum: Array.from({ length: 4097 }, (_, i) => i) }, "schema.enum", "at most 4096 values"],
    ["{", "schema: line 1, column 2", "expected"],
    ["3", "schema", "expected a schema"],
    ["false", "schema", "expected a form that some text has"],
  ])("%j", (schema, where, what) => {
    let error: unknown;
    try {
      check(schema);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConstraintError);
    expect(error).toMatchObject({ where, what: expect.stringContaining(what) });
  });
});

test.each<[schema: unknown, good: readonly string[], bad: readonly string[]]>([
  [
    { title: "T", $comment: "", examples: [1], "x-a": 1, readOnly: true },
    ["1", '"a"', "[{}]"],
    ["a"],
  ],
  [{ type: "integer", nullable: true }, ["3", "null", "-1"], ["3.0", "-0", "01"]],
  [
    { type: "object", properties: { b: {}, a: {} }, required: ["a"] },
    ['{"b": 1, "a": 2}', '{"a": 2}'],
    ['{"a": 2, "b": 1}', '{"b": 1}', '{"a":2}'],
  ],
  [{ type: "object" }, ["{}", '{"x": [1, null]}'], ["[]", "{ }"]],
  [{ type: "object", required: ["z"] }, ['{"z": []}'], ["{}", '{"y": 1}']],
  [
    { type: "object", additionalProperties: { type: "boolean" }, minProperties: 1 },
    ['{"x": true}'],
    ["{}", '{"x": 1}'],
  ],
  [
    { items: [{ type: "null" }], additionalItems: false },
    ["[]", "[null]"],
    ["[null, null]", "[1]"],
  ],
  [
    { prefixItems: [{ type: "null" }, { const: 3 }], minItems: 1, items: { type: "boolean" } },
    ["[null]", "[null, 3, true]"],
    ["[]", "[null, true]"],
  ],
  [{ oneOf: [{ type: "string" }, { type: "null" }] }, ['"a"', "null"], ["1"]],
  [
    {
      oneOf: [
        { properties: { k: { const: 1 } }, required: ["k"] },
        { properties: { k: { const: 2 } }, required: ["k"] },
      ],
    },
    ['{"k": 1}', '{"k": 2}'],
    ['{"k": 3}', "{}"],
  ],
  [
    { $ref: "#/$defs/t", $defs: { t: { type: "array", items: { $ref: "#/$defs/t" } } } },
    ["[[], [[]]]"],
    ["[1]"],
  ],
  [
    { type: "integer", minimum: -9007199254740991, maximum: 9007199254740991 },
    ["0", "999999999999999"],
    ["9999999999999999"],
  ],
  [{ type: "number", maximum: 1.7976931348623157e308 }, ["5.5", "-3"], ["1e400"]],
  [{ type: "number" }, ["1e5", "-0.5E-3"], ["1e400", "+1", ".5", "1."]],
  [
    { type: "string", minLength: 2, maxLength: 3 },
    ['"🦙é"', '"\\n\\u00e9a"'],
    ['"a"', '"abcd"', '"\\ud83d\\ude00"', '"a\nb"'],
  ],
  [{ type: "string", format: "date" }, ['"2026-12-01"'], ['"2026-13-01"', '"2026-02-30"']],
  [{ type: "string", format: "email", pattern: "^a@b$" }, ['"a@b"'], ['"a@c"']],
  [{ enum: ['a"b', 1, { x: [1, 2] }] }, ['"a\\"b"', "1", '{"x": [1, 2]}'], ['"a"', "1.0"]],
  [{ enum: ["a", 1, null], type: "string" }, ['"a"'], ["1", "null"]],
  [true, ["{}", "true"], ["True"]],
  [{ type: "string", format: "path" }, ['"/a b"'], ["1"]],
  [
    { propertyNames: { type: "string" }, additionalProperties: { type: "null" } },
    ['{"a": null}'],
    ['{"a": 1}'],
  ],
])("the schema %j takes its values alone", (schema, good, bad) => {
  for (const text of good) expect(takes(schema, text), text).toBe(true);
  for (const text of bad) expect(takes(schema, text), text).toBe(false);
});

test("hostile schemas end in a value or in a sentence", () => {
  const chain = Object.fromEntries(
    Array.from({ length: 3000 }, (_, i) => [`d${i}`, { $ref: `#/$defs/d${i + 1}` }]),
  );
  expect(() => check({ $ref: "#/$defs/d0", $defs: chain })).toThrow("at most 64 schemas in each");
  const steps = Array.from({ length: 2500 }, (_, i) => "a".repeat(i));
  expect(takes({ enum: steps.slice(0, 300) }, `"${"a".repeat(299)}"`)).toBe(true);
  expect(() => takes({ enum: steps }, "")).toThrow("more than 200000 nodes");
  expect(() => check({ anyOf: [{ enum: steps }, { enum: steps }] })).toThrow("in the whole schema");
  let deep: unknown = { type: "null" };
  for (let i = 0; i < 15; i++) deep = { properties: { ...properties(255), z: deep } };
  expect(takes(deep, '{"z": {"p254": "", "z": {}}}')).toBe(true);
  const wide = Object.fromEntries(
    Array.from({ length: 3500 }, (_, i) => [`l${i}`, { minimum: -3.15159, maximum: 2.75828 + i }]),
  );
  expect(() => check({ anyOf: Object.values(wide) })).not.toThrow();
  expect(() => takes({ anyOf: Object.values(wide) }, "1")).toThrow("more than 200000 nodes");
  expect(() => check("[".repeat(10_000))).toThrow("at most 500 levels");
});

test("large counts cost nothing", () => {
  const long = { type: "string", maxLength: 10 ** 6 };
  const schema = {
    type: "array",
    items: { type: "array", items: long, maxItems: 10 ** 6 },
    maxItems: 10 ** 6,
  };
  expect(takes(schema, '[["ab", "c"], []]')).toBe(true);
  expect(takes({ type: "string", minLength: 10 ** 6 }, '"ab"')).toBe(false);
  expect(takes(nested(32, { type: "null" }), `${"[".repeat(32)}null${"]".repeat(32)}`)).toBe(true);
  expect(takes({}, `${"[".repeat(300)}${"]".repeat(300)}`)).toBe(true);
  expect(takes({ type: "object", properties: properties(256) }, '{"p3": "", "p200": "x"}')).toBe(
    true,
  );
});

describe("a tool", () => {
  const tool =
    (parameters: unknown, name = "f") =>
    () =>
      callForm({ name, parameters: JSON.stringify(parameters) }, "tools[0]");

  test.each<[unknown, string, string, string?]>([
    [{ type: "string" }, "tools[0].parameters", 'expected a schema of "type": "object"'],
    [
      { anyOf: [{ type: "object" }] },
      "tools[0].parameters",
      'expected a schema of "type": "object"',
    ],
    [{ properties: { " a": {} } }, "tools[0].parameters.properties. a", "without blanks around it"],
    [{ properties: {} }, "tools[0].name", "without blanks around it", " f"],
    [
      { type: "object", minProperties: 1 },
      "tools[0].parameters.minProperties",
      "declare the arguments",
    ],
    [
      { properties: { a: { anyOf: [{ type: "string", pattern: "^.+$" }, { type: "object" }] } } },
      "tools[0].parameters.properties.a",
      "beside a list or an object",
    ],
    [
      { properties: { a: { $ref: "#/properties/a" } } },
      "tools[0].parameters.properties.a",
      "none has",
    ],
  ])("with %j is refused", (parameters, where, what, name) => {
    expect(tool(parameters, name)).toThrow(ConstraintError);
    expect(tool(parameters, name)).toThrow(`${where}: `);
    expect(tool(parameters, name)).toThrow(what);
  });

  test("takes any arguments where it declares none", () => {
    expect(callForm({ name: "f", parameters: undefined }, "tools[0]").isOpen).toBe(true);
    expect(tool({ type: "object" })().isOpen).toBe(true);
    expect(tool({ type: "object", properties: {}, additionalProperties: false })().isOpen).toBe(
      false,
    );
  });
});
