/**
 * The fields that say which form a text shall have.
 * @module
 */
import * as v from "valibot";
import { type Json, pythonJson } from "../../tokenizer/chat/index.ts";
import type { Grammar } from "../constrain/grammar.ts";
import { wrong } from "./body.ts";
import type { Fields } from "./fields.ts";
import { jsonAt } from "./json-at.ts";

/** The form of a text. */
export const formatFields = {
  response_format: v.optional(
    v.variant("type", [
      v.object({ type: v.literal("text") }),
      v.object({ type: v.literal("json_object") }),
      v.object({
        type: v.literal("json_schema"),
        json_schema: v.looseObject({
          name: v.optional(v.string()),
          schema: v.optional(v.looseObject({})),
          strict: v.optional(v.nullable(v.boolean())),
        }),
      }),
    ]),
  ),
  structured_outputs: v.optional(
    v.object({
      json: v.optional(v.union([v.string(), v.looseObject({})])),
      regex: v.optional(v.string()),
      grammar: v.optional(v.string()),
    }),
  ),
} as const;

/** The form that a text shall have: OpenAI's `response_format`, or vLLM's `structured_outputs`. */
export function formatOf(
  json: ReadonlyMap<string, Json>,
  fields: Fields<typeof formatFields>,
): Grammar | undefined {
  const found = [...openAIFormat(json, fields), ...structured(json, fields)];
  if (found.length > 1) wrong("structured_outputs", "one form of the text", "several");
  return found[0];
}

function openAIFormat(
  json: ReadonlyMap<string, Json>,
  { response_format: format }: Fields<typeof formatFields>,
): Grammar[] {
  if (format === undefined || format.type === "text") return [];
  if (format.type === "json_object" || format.json_schema.schema === undefined) {
    return [{ kind: "json" }];
  }
  const schema = jsonAt(json, "response_format", "json_schema", "schema");
  return [{ kind: "schema", schema: pythonJson(schema ?? {}) }];
}

function structured(
  json: ReadonlyMap<string, Json>,
  { structured_outputs: given = {} }: Fields<typeof formatFields>,
): Grammar[] {
  const schema = jsonAt(json, "structured_outputs", "json");
  const text = schema === undefined || typeof schema === "string" ? schema : pythonJson(schema);
  return [
    ...(text === undefined ? [] : [{ kind: "schema", schema: text } as const]),
    ...(given.regex === undefined ? [] : [{ kind: "regex", pattern: given.regex } as const]),
    ...(given.grammar === undefined ? [] : [{ kind: "ebnf", grammar: given.grammar } as const]),
  ];
}
