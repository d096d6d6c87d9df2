/** Tests the reply parser with random streams of tokens. */
import { beforeAll, describe, expect, it } from "vitest";
import type { ReplyEvent } from "../../../tokenizer/chat/index.ts";
import type { Tokenizer } from "../../../tokenizer/index.ts";
import { officialTokenizer, SKIP_TOKENIZER, titled } from "./chat-data.ts";
import { ReplyFuzz } from "./reply-fuzz.ts";
import { tinyTokenizer } from "./tiny-chat.ts";

describe("random streams", () => {
  it("2,000 of them lose nothing, give valid JSON, and may be cut anywhere, by ids and by text", () => {
    const seen = new ReplyFuzz(tinyTokenizer, 54).try(2000);
    for (const type of ["call", "argument", "call-end", "unknown-tool", "arguments", "repair"]) {
      expect(seen.get(type)).toBeGreaterThan(50);
    }
  });
});

describe("the check of a stream fails", () => {
  const spoilt = (spoil: (event: ReplyEvent) => ReplyEvent[]) => () =>
    new ReplyFuzz(tinyTokenizer, 56, (events) => events.flatMap(spoil)).try(200);

  it("where a repair, or the last character of a text, is kept from it", () => {
    expect(spoilt((event) => [event])).not.toThrow();
    expect(spoilt((event) => (event.type === "repair" ? [] : [event]))).toThrow("stream");
    const cut = (event: ReplyEvent) =>
      event.type === "content" ? [{ ...event, text: event.text.replace("x", "") }] : [event];
    expect(spoilt(cut)).toThrow("stream");
  });

  it("where JSON breaks", () => {
    const broken = (event: ReplyEvent) =>
      event.type === "arguments" ? [{ ...event, json: event.json.replace('"', "'") }] : [event];
    expect(spoilt(broken)).toThrow("stream");
  });
});

describe.skipIf(SKIP_TOKENIZER !== undefined)(titled("GLM-5.2", SKIP_TOKENIZER), () => {
  let tokenizer: Tokenizer;
  beforeAll(() => {
    tokenizer = officialTokenizer();
  });

  it("500 of its streams do not either", () => {
    expect(new ReplyFuzz(tokenizer, 55).try(500).get("call")).toBeGreaterThan(25);
  });
});
