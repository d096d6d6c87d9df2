/**
 * Reads the body of a request: JSON, whatever its content type, whose fields are checked one by one.
 *
 * Fields that are null count as absent. Fields that are not known are ignored and named in a header of
 * the answer, or are an error where the server is strict.
 *
 * Next: fields.ts
 * @module
 */
import * as v from "valibot";
import { type Json, parseJson, toPlain } from "../../tokenizer/chat/index.ts";
import { entriesOf, isJsonObject, kindOf } from "../../tokenizer/chat/json-value.ts";
import { wellFormed } from "../../tokenizer/normalize.ts";
import { othersTurn } from "./prompt-tokens.ts";
import { ServeError } from "./serve-error.ts";
import type { BodySchema, ServeContext, Service } from "./service.ts";

/** The header that names the fields that were ignored. */
export const IGNORED_HEADER = "x-glm52-ignored";

/** Most bytes of a body. */
export const MAX_BODY = 10 * 2 ** 20;

/** A body, twice: with every digit and the order of keys, and checked. */
export interface Body<T> {
  /** The fields that are not null, as they were written. */
  readonly json: ReadonlyMap<string, Json>;
  /** The known ones, of the types that the schema says. */
  readonly fields: T;
}

/** How a body is checked. */
export interface BodyRules<S extends BodySchema> {
  readonly schema: S;
  /** Fields that clients send and that change nothing. */
  readonly ignored?: readonly string[];
  /** Fields that would change the answer, if they had another value than these. */
  readonly refused?: ReadonlyMap<string, readonly unknown[]>;
}

/**
 * Reads and checks the body of a request.
 *
 * @throws {ServeError} that says where, what was expected, and what is there
 */
export async function readBody<S extends BodySchema>(
  c: ServeContext,
  service: Service,
  rules: BodyRules<S>,
): Promise<Body<v.InferOutput<S>>> {
  const text = await bodyText(c);
  const whole = parseJson(text, "body");
  await othersTurn(text.length);
  if (!isJsonObject(whole)) wrong("body", "an object", kindOf(whole));
  const json = new Map(entriesOf(whole).filter(([, value]) => value !== null));
  refuse(json, rules.refused ?? new Map());
  const plain = toPlain(json);
  const result = v.safeParse(rules.schema, plain, { abortEarly: true });
  if (!result.success) throw asError(result.issues[0]);
  const known = [...Object.keys(rules.schema.entries), ...(rules.ignored ?? [])];
  const unknown = [...json.keys()].filter(
    (key) => !known.includes(key) && !rules.refused?.has(key),
  );
  ignore(c, service, unknown);
  return { json, fields: result.output };
}

/**
 * Ignores fields, and says so in the answer.
 *
 * @throws {ServeError} where the server is strict
 */
export function ignore(c: ServeContext, { options }: Service, paths: readonly string[]): void {
  const [first] = paths;
  if (first === undefined) return;
  if (options.strict) wrong(first.slice(0, SHOWN), "no such field, as --strict is on", "it");
  const named = [
    c.res.headers.get(IGNORED_HEADER),
    ...paths.map((path) => encodeURIComponent(wellFormed(path))),
  ];
  c.header(IGNORED_HEADER, named.filter(Boolean).join(", ").slice(0, 1000));
}

/** Characters of a value or a key that an error shows. */
const SHOWN = 60;

/** @throws {ServeError} always */
export function wrong(path: string, expected: string, got: string): never {
  const what = `expected ${expected}, got ${got}`;
  throw new ServeError("request", path, what, path);
}

/** A value as an error shows it. */
export function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? "nothing";
  return json.length > SHOWN ? `${json.slice(0, SHOWN)}…` : json;
}

function refuse(
  json: ReadonlyMap<string, Json>,
  refused: ReadonlyMap<string, readonly unknown[]>,
): void {
  for (const [key, neutral] of refused) {
    if (!json.has(key)) continue;
    const got = shown(toPlain(json.get(key) as Json));
    const legal = neutral.map(shown);
    if (legal.includes(got)) continue;
    const what = ["no such field, which is not built here", ...legal].join(", or ");
    wrong(key, what, got);
  }
}

function asError(issue: v.BaseIssue<unknown>): ServeError {
  const path = (issue.path ?? [])
    .map(({ key }) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
    .join("")
    .replace(/^\./, "");
  // A schema with words of its own says them; the words of the library begin so.
  const isOwn = !/^Invalid /.test(issue.message);
  const expected = isOwn ? issue.message : issue.expected;
  const what = `expected ${expected}, got ${issue.received.slice(0, SHOWN)}`;
  return new ServeError("request", path.slice(0, 200) || "body", what, path.slice(0, 200));
}

/** @throws {ServeError} when it is too long, or no UTF-8 */
async function bodyText(c: ServeContext): Promise<string> {
  const told = Number(c.req.header("content-length") ?? 0);
  if (told > MAX_BODY) tooLarge(told);
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = c.req.raw.body?.getReader();
  for (let step = await reader?.read(); step && !step.done; step = await reader?.read()) {
    length += step.value.byteLength;
    if (length > MAX_BODY) {
      await reader?.cancel();
      tooLarge(length);
    }
    chunks.push(step.value);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return wrong("body", "JSON in UTF-8", "bytes that are no UTF-8");
  }
}

/** @throws {ServeError} always */
function tooLarge(length: number): never {
  const what = `expected at most ${MAX_BODY} bytes, got ${length} or more`;
  throw new ServeError("too-large", "body", what);
}
