/**
 * A second reading of JSON schemas, which shares nothing with the one that is tested: it takes plain values,
 * and says where they break a schema.
 * @module
 */

/** A schema as `JSON.parse` reads it. */
export type PlainSchema = boolean | Words;

interface Words {
  readonly type?: unknown;
  readonly nullable?: unknown;
  readonly const?: unknown;
  readonly $ref?: string;
  readonly oneOf?: readonly unknown[];
  readonly [word: string]: unknown;
}

/** Where `value` breaks `schema`; undefined where it does not. */
export function violation(
  schema: unknown,
  value: unknown,
  root: unknown = schema,
): string | undefined {
  return check(schema as PlainSchema, value, "$", root);
}

function check(schema: PlainSchema, value: unknown, at: string, root: unknown): string | undefined {
  if (typeof schema === "boolean") return schema ? undefined : `${at}: nothing is allowed`;
  const fails = (word: string, holds: boolean) =>
    holds
      ? undefined
      : `${at}: ${word} ${JSON.stringify(schema[word])} of ${JSON.stringify(value)}`;
  const fits = (inner: unknown) => check(inner as PlainSchema, value, at, root) === undefined;
  const list = (word: string) => schema[word] as readonly unknown[] | undefined;
  return (
    fails("type", schema.type === undefined || hasType(schema, value)) ??
    fails("enum", list("enum")?.some((one) => same(one, value)) ?? true) ??
    fails("const", !("const" in schema) || same(schema.const, value)) ??
    fails("$ref", schema.$ref === undefined || fits(lookUp(schema.$ref, root))) ??
    fails("allOf", list("allOf")?.every(fits) ?? true) ??
    fails("anyOf", list("anyOf")?.some(fits) ?? true) ??
    fails("oneOf", !schema.oneOf || list("oneOf")?.filter(fits).length === 1) ??
    checkText(schema, value, fails) ??
    checkNumber(schema, value, fails) ??
    checkList(schema, value, at, root) ??
    checkObject(schema, value, at, root)
  );
}

type Fails = (word: string, holds: boolean) => string | undefined;

function hasType(schema: Words, value: unknown): boolean {
  if (value === null && schema.nullable === true) return true;
  const type = value === null ? "null" : Array.isArray(value) ? "array" : (typeof value as string);
  const isInteger = typeof value === "number" && Number.isInteger(value);
  return [schema.type].flat().some((name) => name === type || (name === "integer" && isInteger));
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function lookUp(ref: string, root: unknown): unknown {
  let at = root;
  for (const key of ref.split("/").slice(1)) at = (at as Words)[key];
  return at;
}

function checkText(schema: Words, value: unknown, fails: Fails): string | undefined {
  if (typeof value !== "string") return undefined;
  const length = [...value].length;
  const { minLength = 0, maxLength = length, pattern = "", format } = schema;
  return (
    fails("minLength", length >= (minLength as number)) ??
    fails("maxLength", length <= (maxLength as number)) ??
    fails("pattern", new RegExp(pattern as string, "u").test(value)) ??
    fails("format", format !== "date" || !Number.isNaN(Date.parse(`${value}T00:00:00Z`))) ??
    fails("format", format !== "date-time" || !Number.isNaN(Date.parse(value)))
  );
}

function checkNumber(schema: Words, value: unknown, fails: Fails): string | undefined {
  if (typeof value !== "number") return undefined;
  const limit = (word: string, none: number) => (schema[word] as number | undefined) ?? none;
  return (
    fails("minimum", value >= limit("minimum", -Infinity)) ??
    fails("maximum", value <= limit("maximum", Infinity)) ??
    fails("exclusiveMinimum", value > limit("exclusiveMinimum", -Infinity)) ??
    fails("exclusiveMaximum", value < limit("exclusiveMaximum", Infinity))
  );
}

function checkList(schema: Words, value: unknown, at: string, root: unknown): string | undefined {
  if (!Array.isArray(value)) return undefined;
  const { minItems = 0, maxItems = value.length, prefixItems = [], items = true } = schema;
  if (value.length < (minItems as number)) return `${at}: fewer than ${minItems}`;
  if (value.length > (maxItems as number)) return `${at}: more than ${maxItems}`;
  const first = prefixItems as readonly PlainSchema[];
  return value
    .map((item, i) => check(first[i] ?? (items as PlainSchema), item, `${at}[${i}]`, root))
    .find((found) => found !== undefined);
}

function checkObject(schema: Words, value: unknown, at: string, root: unknown): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { properties = {}, required = [], additionalProperties = true } = schema;
  const keys = Object.keys(value);
  const missing = (required as readonly string[]).find((key) => !keys.includes(key));
  if (missing !== undefined) return `${at}: no ${missing}`;
  const { minProperties = 0, maxProperties = keys.length } = schema;
  if (keys.length < (minProperties as number)) return `${at}: too few properties`;
  if (keys.length > (maxProperties as number)) return `${at}: too many properties`;
  return keys
    .map((key) => {
      const own = (properties as Record<string, PlainSchema>)[key];
      const inner = (own ?? additionalProperties) as PlainSchema;
      return check(inner, (value as Words)[key], `${at}.${key}`, root);
    })
    .find((found) => found !== undefined);
}
