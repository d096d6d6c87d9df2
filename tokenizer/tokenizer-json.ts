/**
 * Reads a `tokenizer.json` (the format of Hugging Face) strictly.
 *
 * It accepts byte-level BPE only. Anything that could change an id and is not built here is an
 * error that names the field. So a file that loads is a file whose ids are exact.
 *
 * Next: json-components.ts
 * @see HF tokenizers `tokenizer/serialization.rs`, `models/bpe/serialization.rs`
 * @module
 */
import {
  parseDecoder,
  parseNormalizer,
  parsePostProcessor,
  parsePreTokenizer,
} from "./json-components.ts";
import {
  at,
  Fields,
  isArray,
  isBoolean,
  isId,
  isObject,
  isOneOf,
  isString,
  ROOT,
} from "./json-fields.ts";
import { repeatedKey } from "./json-keys.ts";
import type { Normalizer } from "./normalize.ts";
import type { Splitter } from "./pre-tokenize.ts";
import { show, TokenizerError } from "./tokenizer-error.ts";

/** A token that is found by its spelling before the text is split: `<|user|>`, `<think>`, … */
export interface AddedToken {
  /** The id of the token. */
  readonly id: number;
  /** Its spelling. */
  readonly content: string;
  /** Whether `decode` with `skipSpecial` leaves it out. Tags like `<think>` are not special. */
  readonly special: boolean;
  /** Whether it is looked for after the normalizer has run, instead of before. */
  readonly normalized: boolean;
}

/** Something in the file that changes no id of a text, and was left aside. */
export interface TokenizerAside {
  /** Its place in the file. */
  readonly what: string;
  /** Why it changes nothing. */
  readonly why: string;
}

/** Everything in a tokenizer.json that decides ids and texts. */
export interface TokenizerSpec {
  readonly normalizer: Normalizer;
  /** Patterns that cut a text; each is applied inside the pieces of the one before. */
  readonly splits: readonly Splitter[];
  /** Ids by token, in the spelling of `byte-level.ts`. */
  readonly vocab: ReadonlyMap<string, number>;
  /** Pairs of spellings. The index of a pair is its rank; lower ranks merge first. */
  readonly merges: readonly (readonly [left: string, right: string])[];
  /** Whether a piece that is a token becomes that token, whatever the merges would make of it. */
  readonly ignoreMerges: boolean;
  /** Tokens that are found by their spelling. */
  readonly addedTokens: readonly AddedToken[];
  /** Number of ids. `vocab` and `addedTokens` together use each of `0..size-1`. */
  readonly size: number;
  /** The ids that the file's post-processor would put before a text. */
  readonly prefixIds: readonly number[];
  /** The ids that it would put after a text. */
  readonly suffixIds: readonly number[];
  /** What was left aside. */
  readonly asides: readonly TokenizerAside[];
}

/**
 * Reads a tokenizer.json, as text or already parsed.
 *
 * @throws {TokenizerError} that names the field, when the file asks for something not built here
 */
export function parseTokenizerJson(source: string | object): TokenizerSpec {
  const root = new Fields(typeof source === "string" ? parseJson(source) : source, ROOT);
  root.take("version", '"1.0"', isOneOf("1.0"));
  const asides = ["truncation", "padding"].flatMap((key) => {
    const isSet = root.take(key, "null or an object", isObjectOrNone);
    const why = "left by whoever saved the file; HF transformers sets it anew for each call";
    return isSet ? [{ what: at(ROOT, key), why }] : [];
  });

  const model = new Fields(root.take("model", "an object", isObject), at(ROOT, "model"));
  const { vocab, merges, ignoreMerges } = parseModel(model);
  const addedTokens = root
    .take("added_tokens", "an array", isArray)
    .map((token, i) => parseAddedToken(token, at(at(ROOT, "added_tokens"), i)));
  const size = checkIds(vocab, addedTokens);

  const normalizer = parseNormalizer(root.take("normalizer", "any", isAny), at(ROOT, "normalizer"));
  const splits = parsePreTokenizer(
    root.take("pre_tokenizer", "an object", isObject),
    at(ROOT, "pre_tokenizer"),
  );
  const around = parsePostProcessor(
    root.take("post_processor", "any", isAny),
    at(ROOT, "post_processor"),
  );
  parseDecoder(root.take("decoder", "an object", isObject), at(ROOT, "decoder"));
  root.end();
  return { normalizer, splits, vocab, merges, ignoreMerges, addedTokens, size, ...around, asides };
}

function parseJson(text: string): unknown {
  const parsed = tryParse(text);
  const repeated = repeatedKey(text, parsed);
  if (repeated !== undefined) {
    throw new TokenizerError(ROOT, "each key once in its object", `${show(repeated)} twice`);
  }
  return parsed;
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const got = `${text.length} characters that end in ${show(text.slice(-20))}`;
    throw new TokenizerError(ROOT, "a complete JSON text", got, { cause });
  }
}

/** Reads the BPE model. */
function parseModel(model: Fields): Pick<TokenizerSpec, "vocab" | "merges" | "ignoreMerges"> {
  model.take("type", '"BPE"', isOneOf("BPE"));
  model.take("dropout", "null: encoding is deterministic", isOneOf(null, undefined));
  model.take("continuing_subword_prefix", "null", isOneOf(null, "", undefined));
  model.take("end_of_word_suffix", "null", isOneOf(null, "", undefined));
  model.take("byte_fallback", "false: the alphabet is bytes", isOneOf(false, undefined));
  model.waive("every byte is a token, so nothing is unknown", "unk_token", "fuse_unk");
  const ignoreMerges = model.take("ignore_merges", "a boolean", isOneOf(true, false, undefined));

  const vocabPath = at(model.path, "vocab");
  const ids = model.take("vocab", "an object", isObject);
  const vocab = new Map<string, number>();
  for (const token of Object.keys(ids)) {
    const id = ids[token];
    if (!isId(id)) throw new TokenizerError(`${vocabPath}[${show(token)}]`, "an id", show(id));
    vocab.set(token, id);
  }
  const mergesPath = at(model.path, "merges");
  const merges = model
    .take("merges", "an array", isArray)
    .map((merge, rank) => parseMerge(merge, mergesPath, rank));
  model.end();
  return { vocab, merges, ignoreMerges: ignoreMerges === true };
}

/**
 * Reads `["a", "b"]`, or `"a b"` in older files: no spelling holds a space, so the cut is unique.
 */
function parseMerge(merge: unknown, path: string, rank: number): [string, string] {
  const parts = isString(merge) ? merge.split(" ") : merge;
  if (isArray(parts) && parts.length === 2) {
    if (isString(parts[0]) && isString(parts[1])) return parts as [string, string];
  }
  throw new TokenizerError(at(path, rank), 'two tokens, ["a", "b"] or "a b"', show(merge));
}

function parseAddedToken(value: unknown, path: string): AddedToken {
  const token = new Fields(value, path);
  for (const flag of ["single_word", "lstrip", "rstrip"]) {
    token.take(flag, "false (not supported)", isOneOf(false));
  }
  const added: AddedToken = {
    id: token.take("id", "an id", isId),
    content: token.take("content", "a non-empty string", isNonEmpty),
    special: token.take("special", "a boolean", isBoolean),
    normalized: token.take("normalized", "a boolean", isBoolean),
  };
  token.end();
  return added;
}

/** Checks that each id of `0..n-1` names exactly one token, and returns `n`. */
function checkIds(vocab: ReadonlyMap<string, number>, added: readonly AddedToken[]): number {
  const owner: (string | undefined)[] = [];
  let nOwned = 0;
  // Paths are made only for an error: there are 150,000 tokens.
  const claim = (id: number, token: string, path: () => string) => {
    const other = owner[id];
    if (other !== undefined) {
      throw new TokenizerError(path(), "an id of its own", `${id}, the id of ${show(other)}`);
    }
    owner[id] = token;
    nOwned++;
  };
  const vocabPath = at(at(ROOT, "model"), "vocab");
  for (const [token, id] of vocab) claim(id, token, () => `${vocabPath}[${show(token)}]`);

  const contents = new Set<string>();
  added.forEach(({ id, content }, i) => {
    const path = at(at(ROOT, "added_tokens"), i);
    if (contents.has(content)) {
      throw new TokenizerError(at(path, "content"), "a content of its own", show(content));
    }
    contents.add(content);
    // Some families list their control tokens in both places; then the ids must agree.
    const known = vocab.get(content);
    if (known === undefined) claim(id, content, () => at(path, "id"));
    else if (known !== id) throw new TokenizerError(at(path, "id"), `${known}`, `${id}`);
  });

  for (let id = 0; id < nOwned; id++) {
    if (owner[id] === undefined) {
      throw new TokenizerError(vocabPath, `a token for id ${id}`, "none");
    }
  }
  return nOwned;
}

function isNonEmpty(value: unknown): value is string {
  return isString(value) && value !== "";
}

function isObjectOrNone(value: unknown): value is object | null | undefined {
  return value === null || value === undefined || isObject(value);
}

function isAny(_value: unknown): _value is unknown {
  return true;
}
