/**
 * Tests against the conformance pack: prompts of Python's jinja2, and ids of the Rust tokenizers.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import {
  type JsonObject,
  parseJson,
  promptIds,
  renderChat,
} from "../../../tokenizer/chat/index.ts";
import type { Tokenizer } from "../../../tokenizer/index.ts";
import { officialTokenizer, SKIP_TOKENIZER, titled } from "./chat-data.ts";

const GOLDEN = join(import.meta.dirname, "../../../golden");

const filesOf = (folder: string): string[] =>
  readdirSync(join(GOLDEN, folder)).filter((file) => file.endsWith(".json"));
const CHATS = filesOf("chat");
const TEXTS = filesOf("tokenizer").filter((file) => file !== "decode.json");

interface ChatCase {
  readonly request: JsonObject;
  readonly text: string;
  readonly ids: readonly number[];
}

/** The requests with numbers as written, the rest plain. */
function readChats(file: string): ChatCase[] {
  const source = readFileSync(join(GOLDEN, "chat", file), "utf8");
  const exact = parseJson(source) as ReadonlyMap<
    string,
    readonly ReadonlyMap<string, JsonObject>[]
  >;
  const { cases } = JSON.parse(source) as { cases: readonly ChatCase[] };
  return cases.map((plain, i) => ({
    ...plain,
    request: exact.get("cases")?.[i]?.get("request") as JsonObject,
  }));
}

interface TextCase {
  readonly text: string;
  readonly ids: readonly number[];
  readonly ordinary_ids?: readonly number[];
  readonly text_without_special?: string;
}

function readTexts(file: string): readonly TextCase[] {
  return JSON.parse(readFileSync(join(GOLDEN, "tokenizer", file), "utf8")).cases;
}

describe("prompts", () => {
  it.each(CHATS)("of %s are those of jinja2", (file) => {
    for (const { request, text } of readChats(file)) expect(renderChat(request).text).toBe(text);
  });

  it("are 400 or more, and the pack is below 1.5 MB", () => {
    const n = CHATS.reduce((sum, file) => sum + readChats(file).length, 0);
    expect(n).toBeGreaterThanOrEqual(400);
    const paths = ["chat", "tokenizer"].flatMap((dir) => filesOf(dir).map((f) => join(dir, f)));
    const nBytes = paths.reduce((sum, path) => sum + readFileSync(join(GOLDEN, path)).length, 0);
    expect(nBytes).toBeLessThan(1_500_000);
  });
});

describe.skipIf(SKIP_TOKENIZER !== undefined)(titled("GLM-5.2", SKIP_TOKENIZER), () => {
  let tokenizer: Tokenizer;
  beforeAll(() => {
    tokenizer = officialTokenizer();
  });

  it.each(CHATS)("has the ids of %s", (file) => {
    for (const { request, ids } of readChats(file)) {
      expect([...promptIds(tokenizer, renderChat(request))]).toEqual(ids);
    }
  });

  it.each(TEXTS)("has the ids of %s, and its texts", (file) => {
    for (const { text, ids, ordinary_ids = ids } of readTexts(file)) {
      expect([...tokenizer.encode(text)]).toEqual(ids);
      expect([...tokenizer.encodeOrdinary(text)]).toEqual(ordinary_ids);
      expect(tokenizer.decode(ids)).toBe(text);
    }
  });

  it("decodes the ids of decode.json", () => {
    for (const { text, ids, text_without_special } of readTexts("decode.json")) {
      expect(tokenizer.decode(ids)).toBe(text);
      expect(tokenizer.decode(ids, { skipSpecial: true })).toBe(text_without_special);
    }
  });
});
