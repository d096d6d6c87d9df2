/**
 * Decides what stands after `<tool_call>`: a call, or prose that speaks of the tag.
 *
 * A call needs a name: a declared one where tools are declared, else one that looks like a name. A
 * model that is told of tools may well write about them (`The tag <tool_call> opens a call.`).
 *
 * Next: call-parser.ts
 * @see vLLM issues 39757, 47190 · fw-ai/python-sdk issue 119
 * @module
 */
import type { CheckedTool } from "./check-tools.ts";
import {
  type JsonCall,
  type PlainArguments,
  parseJsonCalls,
  plainArguments,
} from "./json-calls.ts";
import type { Repair } from "./repairs.ts";
import type { ReplyTag } from "./reply-tags.ts";

/** The declared tools by name. Undefined when every name may be called. */
export type Tools = ReadonlyMap<string, CheckedTool> | undefined;

/** A call as far as it has been read. */
export interface Opening {
  readonly name: string;
  /** The first key, where `<arg_key>` is missing before it. */
  readonly key?: string;
  /** Arguments that were not written with tags. */
  readonly plain?: PlainArguments;
  /** Whole calls in JSON, instead of a name. */
  readonly calls?: readonly JsonCall[];
  readonly repairs: readonly Repair[];
}

const LETTERS = "[\\p{L}\\p{N}_.:/-]";
const NAME = new RegExp(`^(?=.*\\p{L})${LETTERS}+$`, "u");
const NAME_AND_KEY = new RegExp(`^((?=.*\\p{L})${LETTERS}+)\\s+(\\S+)$`, "u");
/** A name before arguments in braces, or before a tag that is spelled with ordinary tokens. */
const NAME_AND_SIGN = new RegExp(`^(${LETTERS}+)\\s*[{<]`, "u");
/** The beginnings of all texts that the two expressions above match. */
const MAY_BECOME_NAME = new RegExp(`^${LETTERS}*(\\s+\\S*\\s*)?$`, "u");

/** Characters that decide whether a call can begin. What follows them changes nothing. */
export const MAX_LENGTH = 500;

/** Whether a text without a tag in it can become one that names a tool. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

/**
 * Whether a call can begin with `text`, which is cut off anywhere. When this is false for a text,
 * it is false for all longer ones.
 */
export function mayOpenCall(text: string, tools: Tools): boolean {
  const start = text.slice(0, MAX_LENGTH).trimStart();
  if (/^[[{]/.test(start)) return true;
  if (text.length <= MAX_LENGTH && MAY_BECOME_NAME.test(start)) return true;
  if (start === "") return false;
  if (tools !== undefined) {
    return [...tools.keys()].some((name) => start.startsWith(name) || name.startsWith(start));
  }
  return NAME_AND_SIGN.test(start);
}

/**
 * Reads what stands between `<tool_call>` and the next tag. Returns undefined when it is prose.
 *
 * @param tag the next tag
 * @param strict whether only a name in its own form is taken
 */
export function readOpening(
  text: string,
  tag: ReplyTag,
  tools: Tools,
  strict: boolean,
): Opening | undefined {
  const name = text.trim();
  if (tools?.has(name) || (tools === undefined && isName(name))) return { name, repairs: [] };
  if (strict) return isName(name) ? { name, repairs: [] } : undefined;
  const found =
    (tag === "</arg_key>" || tag === "<arg_value>" ? nameAndKey(name, tools) : undefined) ??
    jsonCalls(name, tools) ??
    withoutTag(name, tools) ??
    nameAndArguments(name, tools);
  return found ?? (isName(name) ? { name, repairs: [] } : undefined);
}

/** Splits `weathercity` into the longest tool name that it begins with, and the rest. */
function nameAndKey(text: string, tools: Tools): Opening | undefined {
  const repairs: readonly Repair[] = []; // the missing tag is found when the key is read
  const declared = longestName(text, tools);
  const key = text.slice(declared?.length).trim();
  if (declared !== undefined) return key === "" ? undefined : { name: declared, key, repairs };
  const [, name, rest] = NAME_AND_KEY.exec(text) ?? [];
  return name === undefined || rest === undefined ? undefined : { name, key: rest, repairs };
}

function jsonCalls(text: string, tools: Tools): Opening | undefined {
  const calls = /^[[{]/.test(text) ? parseJsonCalls(text) : undefined;
  const isKnown = calls?.every(({ name }) =>
    tools ? tools.has(name) || isName(name) : isName(name),
  );
  if (!calls || !isKnown) return undefined;
  return { name: "", calls, repairs: [{ kind: "json-call", text }] };
}

/** Reads `f</arg_value>`, where the tag is spelled with ordinary tokens, as `f`. */
function withoutTag(text: string, tools: Tools): Opening | undefined {
  const at = text.indexOf("<");
  const name = text.slice(0, at).trim();
  if (at < 0 || !(tools ? tools.has(name) : isName(name))) return undefined;
  return { name, repairs: [{ kind: "tag-in-name", text: text.slice(at) }] };
}

function nameAndArguments(text: string, tools: Tools): Opening | undefined {
  const name = tools ? longestName(text, tools) : NAME_AND_SIGN.exec(text)?.[1];
  if (name === undefined || (!tools && !isName(name))) return undefined;
  const rest = text.slice(name.length);
  const plain = /^[\s({]/.test(rest) ? plainArguments(rest) : undefined;
  return plain && { name, plain, repairs: [{ kind: "plain-arguments", text: rest.trim() }] };
}

function longestName(text: string, tools: Tools): string | undefined {
  const fits = [...(tools?.keys() ?? [])].filter((name) => text.startsWith(name));
  return fits.sort((a, b) => b.length - a.length)[0];
}
