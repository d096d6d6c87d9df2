/**
 * Random JSON schemas of the words that are held to.
 * @module
 */
import type { Random } from "../../../engine/index.ts";

type Schema = Record<string, unknown>;

const PATTERNS = [
  "^[a-z]{2,4}$",
  "^(?:yes|no|maybe)$",
  "^\\d{1,3}(\\.\\d)?$",
  '^[^\\s"]+$',
  "^.{1,5}$",
  "^é[à-ÿ]?\\W$",
  "^\\S\\s?\\w*$",
  '^[\\\\"\\n/]{1,3}$',
  "^a|b$",
];
const FORMATS = [
  "date",
  "time",
  "date-time",
  "email",
  "ipv4",
  "ipv6",
  "duration",
  "path",
  "uuid",
  "uri",
  "hostname",
];
const NAMES = ["a", "name", "city", "née", "x-y", "a b", "10", '"q"', "__proto__", "toString"];
const VALUES = [
  "red",
  "a b",
  "5",
  "null",
  "true",
  "{}",
  "é",
  "",
  5,
  -1.5,
  0,
  true,
  false,
  null,
  [1, "a"],
  { k: null },
];

/** Chooses among things. */
export function pick<T>(from: readonly T[], random: Random): T {
  return from[Math.floor(random() * from.length)] as T;
}

function some<T>(from: readonly T[], random: Random): T[] {
  return from.filter(() => random() < 0.4);
}

/** A schema that refers to definitions of {@link definitions}. */
export function randomSchema(random: Random, depth = 2): Schema | boolean {
  const inner = () => randomSchema(random, depth - 1);
  const notes = random() < 0.2 ? { title: "T", description: "D", default: 1, "x-order": 2 } : {};
  const kinds = [string, string, number, number, plain, listed];
  const nested = [list, list, object, object, union, reference];
  const kind = pick(depth > 0 ? [...kinds, ...nested] : kinds, random);
  return { ...notes, ...kind(random, inner) };
}

/** What `$ref` refers to: a list of itself, and an object that may end. */
export function definitions(random: Random): Schema {
  return {
    tree: { type: "array", items: { $ref: "#/$defs/tree" }, maxItems: 2 },
    node: {
      type: "object",
      properties: { value: randomSchema(random, 0), next: { $ref: "#/$defs/node" } },
      required: ["value"],
    },
  };
}

type Make = (random: Random, inner: () => unknown) => Schema;

const string: Make = (random) => {
  const min = Math.floor(random() * 3);
  return pick<Schema>(
    [
      { type: "string" },
      { type: "string", minLength: min, maxLength: min + Math.floor(random() * 5) },
      { type: "string", minLength: min },
      { maxLength: 3, type: ["string", "null"] },
      { type: "string", pattern: pick(PATTERNS, random) },
      { type: "string", format: pick(FORMATS, random) },
      { type: "string", nullable: true },
    ],
    random,
  );
};

const number: Make = (random) => {
  const digits = 10 ** Math.floor(random() * 4);
  const low = Math.round((random() - 0.5) * 2000) / digits;
  const width = Math.round(random() * 3000 + 2) / digits + (random() < 0.5 ? 2 : 0);
  const type = pick<unknown>(["integer", "number", ["number", "null"]], random);
  const high = Math.round((low + width + 1) * 1e4) / 1e4;
  const lower = pick<Schema>([{}, { minimum: low }, { exclusiveMinimum: low }], random);
  const upper = pick<Schema>([{}, { maximum: high }, { exclusiveMaximum: high }], random);
  return { type, ...lower, ...upper };
};

const plain: Make = (random) =>
  pick<Schema>(
    [{ type: "boolean" }, { type: "null" }, {}, { type: ["boolean", "string"] }],
    random,
  );

const listed: Make = (random) => {
  const values = some(VALUES, random);
  return random() < 0.3
    ? { const: pick(VALUES, random) }
    : { enum: [...values, pick(VALUES, random)] };
};

const list: Make = (random, inner) => {
  const minItems = Math.floor(random() * 3);
  const sizes = pick<Schema>([{}, { minItems }, { minItems, maxItems: minItems + 2 }], random);
  const first = [inner(), inner()];
  return pick<Schema>(
    [
      { type: "array", items: inner(), ...sizes },
      { type: "array", prefixItems: first, items: false },
      { type: "array", prefixItems: first, items: inner(), minItems },
      { type: ["array", "string"], items: inner() },
      { items: inner(), maxItems: 2 },
    ],
    random,
  );
};

const object: Make = (random, inner) => {
  if (random() < 0.2) return { type: "object", additionalProperties: inner(), maxProperties: 2 };
  return objectSchema(random, inner);
};

/** An object with declared properties. */
export function objectSchema(random: Random, inner: () => unknown): Schema {
  const names = [...new Set([...some(NAMES, random), pick(NAMES, random)])].slice(0, 4);
  const properties = Object.fromEntries(names.map((name) => [name, inner()]));
  // `__proto__` as a key of a literal would set no property.
  const declared = JSON.parse(
    `{${names.map((name) => `${JSON.stringify(name)}: ${JSON.stringify(properties[name] ?? {})}`).join()}}`,
  );
  const additional = pick<Schema>([{}, { additionalProperties: false }], random);
  return { type: "object", properties: declared, required: some(names, random), ...additional };
}

const union: Make = (random, inner) =>
  pick<Schema>(
    [
      { anyOf: [inner(), inner()] },
      { anyOf: [string(random, inner), { type: "null" }] },
      { oneOf: [{ type: "integer" }, { type: "array", items: inner() }] },
      {
        oneOf: ["a", "b"].map((kind) => ({
          type: "object",
          properties: { kind: { const: kind }, [kind]: inner() },
          required: ["kind", kind],
        })),
      },
      { allOf: [inner()] },
    ],
    random,
  );

const reference: Make = (random) => ({ $ref: pick(["#/$defs/tree", "#/$defs/node"], random) });
