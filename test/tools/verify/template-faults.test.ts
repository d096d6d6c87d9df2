/**
 * Tests that mistakes change prompts as they do in servers: with the tokenizer of GLM-5.2, the numbers of
 * tokens were counted apart from this code. And that conversations tell mistakes apart.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ChatRequest } from "../../../tokenizer/chat/index.ts";
import { createTokenizer } from "../../../tokenizer/index.ts";
import { conversations } from "../../../tools/verify/conversations.ts";
import {
  faultSets,
  idsWith,
  limitsOfCounts,
  type TemplateFault,
} from "../../../tools/verify/template-faults.ts";
import { demoTokenizer } from "../../support/scripted-desk.ts";

const { GLM52_DATA: data = "" } = process.env as { readonly GLM52_DATA?: string };

function faultOf(pattern: RegExp): TemplateFault {
  const found = faultSets().find(([fault, other]) => !other && pattern.test(fault.name));
  if (!found) throw new Error(String(pattern));
  return found[0];
}

const hi: ChatRequest = { messages: [{ role: "user", content: "hi" }] };
const off: ChatRequest = { ...hi, enable_thinking: false };

describe.skipIf(!data)("with GLM-5.2's tokenizer (skipped: GLM52_DATA names no data)", () => {
  const read = () => createTokenizer(readFileSync(join(data, "glm-5.2/tokenizer.json"), "utf8"));
  it("a greeting has 13 tokens, 7 without thinking, and mistakes add what they add", () => {
    const tokenizer = read();
    const count = (chat: ChatRequest, ...faults: TemplateFault[]) =>
      idsWith(faults, chat, tokenizer, "everywhere").length;
    expect([count(hi), count(off)]).toEqual([13, 7]);
    const rows: [pattern: RegExp, hi: number, off: number][] = [
      [/lacks \[gMASK\]/, -2, -2],
      [/does not end with/, -2, -3],
      [/^\[gMASK\] stands twice/, 1, 1],
      [/newline follows <sop>/, 1, 1],
      [/line of the effort is missing/, -7, 0],
      [/You are a helpful assistant/, 7, 7],
      [/turns thinking off is ignored/, 0, 6],
      [/newline follows each role/, 3, 2],
      [/the effort is ignored/, 0, 0],
    ];
    for (const [pattern, more, moreOff] of rows) {
      const fault = faultOf(pattern);
      expect([pattern, count(hi, fault) - 13, count(off, fault) - 7]).toEqual([
        pattern,
        more,
        moreOff,
      ]);
    }
    // An old template with a prompt put in is right wherever thinking is on; where it is off, it shows.
    const both = [faultOf(/line of the effort is missing/), faultOf(/You are a helpful/)];
    expect([count(hi, ...both), count(off, ...both)]).toEqual([13, 14]);
  });
});

describe("the conversations", () => {
  /** The ids that a server with mistakes makes of each. */
  function told(faults: readonly TemplateFault[]): string {
    const ids = conversations(0).map(({ chat }) =>
      idsWith(faults, chat, demoTokenizer(), "protocol"),
    );
    return JSON.stringify(ids);
  }
  const singles = faultSets().filter(({ length }) => length === 1);

  it("tell each mistake from none, and from every other one, by ids", () => {
    const seen = new Set([told([]), ...singles.map(told)]);
    expect(seen.size).toBe(singles.length + 1);
  });

  it("tell by counts all but what limitsOfCounts lists", () => {
    const chats = conversations(0).map(({ chat }) => chat);
    const { unseen, alike, pairs } = limitsOfCounts(chats, demoTokenizer());
    expect(unseen).toEqual(["the keys of tools are sorted"]);
    expect(alike).toEqual([["[gMASK] stands twice", "a newline follows <sop>"]]);
    // Each pair of mistakes that is not listed has counts of its own, apart from those that are unseen or alike.
    const listed = new Set(pairs.flat());
    const hidden = new Set([...unseen, ...alike.flatMap(([, ...others]) => others)]);
    const named = faultSets()
      .map((faults) => ({ faults, name: faults.map(({ name }) => name).join(", and ") }))
      .filter(({ faults }) => !faults.some(({ name }) => hidden.has(name)));
    const counts = named
      .filter(({ name }) => !listed.has(name))
      .map(({ faults }) =>
        chats.map((chat) => idsWith(faults, chat, demoTokenizer(), "protocol").length).join(" "),
      );
    expect(new Set(counts).size).toBe(counts.length);
    expect(listed.size).toBeGreaterThan(10);
    expect(listed.size).toBeLessThan(named.length / 4);
  });
});
