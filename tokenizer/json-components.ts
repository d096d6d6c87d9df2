/**
 * Reads the four stages that a tokenizer.json puts around its BPE model.
 *
 * | stage            | accepted                                                            |
 * |------------------|--------------------------------------------------------------------|
 * | `normalizer`     | nothing, or `NFC`                                                  |
 * | `pre_tokenizer`  | any number of isolating `Split`s, then `ByteLevel`                 |
 * | `post_processor` | nothing, `ByteLevel` (offsets only), or a template of fixed ids    |
 * | `decoder`        | `ByteLevel`                                                        |
 *
 * Next: oniguruma.ts
 * @see HF tokenizers `normalizers`, `pre_tokenizers`, `processors`, `decoders`
 * @module
 */
import {
  at,
  Fields,
  isArray,
  isBoolean,
  isId,
  isObject,
  isOneOf,
  isString,
} from "./json-fields.ts";
import { LinearPattern } from "./linear-pattern.ts";
import type { Normalizer } from "./normalize.ts";
import { translateOniguruma } from "./oniguruma.ts";
import { parsePattern } from "./pattern-tree.ts";
import type { Splitter } from "./pre-tokenize.ts";
import { isQuick } from "./quick-pattern.ts";
import { show, TokenizerError } from "./tokenizer-error.ts";

/**
 * The pattern of a `ByteLevel` with `use_regex`.
 * @see HF tokenizers `pre_tokenizers/byte_level.rs` `RE`
 */
export const GPT2_PATTERN: string =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** Reads the normalizer: `null`, `NFC`, or a `Sequence` of these. */
export function parseNormalizer(value: unknown, path: string): Normalizer {
  if (value === null || value === undefined) return "none";
  const fields = new Fields(value, path);
  const type = fields.take("type", '"NFC" or "Sequence"', isOneOf("NFC", "Sequence"));
  let normalizer: Normalizer = "nfc";
  if (type === "Sequence") {
    const parts = fields
      .take("normalizers", "an array", isArray)
      .map((part, i) => parseNormalizer(part, at(at(path, "normalizers"), i)));
    normalizer = parts.includes("nfc") ? "nfc" : "none"; // NFC twice is NFC
  }
  fields.end();
  return normalizer;
}

/**
 * Reads the splits, in order. The last stage must be `ByteLevel`: it turns the pieces into bytes.
 */
export function parsePreTokenizer(value: unknown, path: string): Splitter[] {
  const fields = new Fields(value, path);
  const type = fields.take("type", '"Sequence" or "ByteLevel"', isOneOf("Sequence", "ByteLevel"));
  if (type === "ByteLevel") return parseByteLevel(fields);

  const stages = fields.take("pretokenizers", "an array", isArray);
  fields.end();
  const pathOf = (i: number) => at(at(path, "pretokenizers"), i);
  if (stages.length === 0) throw new TokenizerError(path, "a last ByteLevel stage", "no stage");
  return stages.flatMap((stage, i) => {
    const isLast = i === stages.length - 1;
    const part = new Fields(stage, pathOf(i));
    const expected = isLast ? '"ByteLevel"' : '"Split"';
    const partType = part.take("type", expected, isOneOf(isLast ? "ByteLevel" : "Split"));
    return partType === "ByteLevel" ? parseByteLevel(part) : [parseSplit(part)];
  });
}

function parseByteLevel(fields: Fields): Splitter[] {
  fields.take("add_prefix_space", "false (not supported)", isOneOf(false));
  fields.waive("only shifts reported offsets", "trim_offsets");
  const usesRegex = fields.take("use_regex", "a boolean", isOneOf(true, false, undefined));
  fields.end();
  // Absent means true: the field is younger than the format.
  return usesRegex === false ? [] : [compile(GPT2_PATTERN, fields.path)];
}

function parseSplit(fields: Fields): Splitter {
  fields.take("behavior", '"Isolated"', isOneOf("Isolated"));
  fields.take("invert", "false (not supported)", isOneOf(false));
  const patternPath = at(fields.path, "pattern");
  const pattern = new Fields(fields.take("pattern", "an object", isObject), patternPath);
  const regex = pattern.take("Regex", "a string", isString);
  pattern.end();
  fields.end();
  return compile(regex, at(patternPath, "Regex"));
}

/** The pattern for the runtime's regular expressions if they are quick with it, else for our own. */
function compile(pattern: string, path: string): Splitter {
  const source = translateOniguruma(pattern, path);
  const tree = parsePattern(source, path);
  try {
    const splitter = new RegExp(source, "gu");
    return isQuick(tree) ? splitter : new LinearPattern(source, tree, path);
  } catch (cause) {
    if (cause instanceof TokenizerError) throw cause;
    throw new TokenizerError(path, "a well-formed pattern", show(pattern), { cause });
  }
}

/** Reads the fixed ids around a text. `ByteLevel` only trims offsets here, which changes no id. */
export function parsePostProcessor(
  value: unknown,
  path: string,
): { readonly prefixIds: readonly number[]; readonly suffixIds: readonly number[] } {
  const none = { prefixIds: [], suffixIds: [] };
  if (value === null || value === undefined) return none;
  const fields = new Fields(value, path);
  const type = fields.take(
    "type",
    '"ByteLevel", "TemplateProcessing" or "Sequence"',
    isOneOf("ByteLevel", "TemplateProcessing", "Sequence"),
  );
  if (type === "ByteLevel") return none;
  if (type === "TemplateProcessing") return parseTemplate(fields);

  const parts = fields
    .take("processors", "an array", isArray)
    .map((part, i) => parsePostProcessor(part, at(at(path, "processors"), i)));
  // Each processor wraps what the ones before it made.
  return {
    prefixIds: parts.toReversed().flatMap((part) => part.prefixIds),
    suffixIds: parts.flatMap((part) => part.suffixIds),
  };
}

/**
 * Reads `single: [SpecialToken…, Sequence "A", SpecialToken…]`. The key `pair`, for two texts, is
 * not read.
 */
function parseTemplate(fields: Fields): {
  readonly prefixIds: readonly number[];
  readonly suffixIds: readonly number[];
} {
  const specialPath = at(fields.path, "special_tokens");
  const special = new Fields(fields.take("special_tokens", "an object", isObject), specialPath);
  const prefixIds: number[] = [];
  const suffixIds: number[] = [];
  let side = prefixIds;
  fields.take("single", "an array", isArray).forEach((item, i) => {
    const path = at(at(fields.path, "single"), i);
    if (isObject(item) && "Sequence" in item) {
      side = suffixIds;
      return;
    }
    const token = new Fields(item, path).take("SpecialToken", "an object", isObject);
    const name = new Fields(token, path).take("id", "a string", isString);
    const entry = special.take(name, "the ids of this token", isObject);
    side.push(...new Fields(entry, at(specialPath, name)).take("ids", "ids", isIds));
  });
  return { prefixIds, suffixIds };
}

function isIds(value: unknown): value is readonly number[] {
  return isArray(value) && value.every(isId);
}

/** Checks that the decoder is `ByteLevel`. Its options act on encoding only. */
export function parseDecoder(value: unknown, path: string): void {
  const fields = new Fields(value, path);
  fields.take("type", '"ByteLevel"', isOneOf("ByteLevel"));
  for (const key of ["add_prefix_space", "trim_offsets", "use_regex"]) {
    fields.take(key, "a boolean", (v): v is unknown => v === undefined || isBoolean(v));
  }
  fields.end();
}
