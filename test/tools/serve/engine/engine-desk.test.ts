/** Tests of the desk before a real engine: the demo model, on this thread. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { open } from "../../../../tools/node/open.ts";
import { serveApp } from "../../../../tools/serve/app.ts";
import type { Happening, Order } from "../../../../tools/serve/desk.ts";
import { type ServedFolder, serveFolder } from "../../../../tools/serve/engine/serve-folder.ts";

let served: ServedFolder;
beforeAll(async () => {
  served = await serveFolder(undefined, { open: { threads: 1 }, rows: {}, name: "demo" });
});
afterAll(() => served.desk.close(0));

function orderOf(ids: readonly number[], more: Partial<Order> = {}): Order {
  const { sampling } = served.desk.model;
  const stopIds = served.desk.model.eosTokenIds;
  return {
    ...{ ids, maxTokens: 12, sampling, seed: 0, stopIds, minTokens: 0 },
    ...{ topLogProbs: 0, promptLogProbs: false, n: 1, ...more },
  };
}

async function all(happenings: AsyncIterable<Happening>): Promise<Happening[]> {
  const list: Happening[] = [];
  for await (const happening of happenings) list.push(happening);
  return list;
}

const encode = (text: string) => [...served.desk.model.tokenizer.encode(text)];

describe("a desk before an engine", () => {
  it("gives the tokens that the library gives", async () => {
    await using glm = await open(undefined, { threads: 1 });
    const ids = encode("Once upon a time");
    const happenings = await all(served.desk.submit(orderOf(ids, { topLogProbs: 2 })).happenings);
    const want: unknown[] = [];
    for await (const piece of glm.generate(ids, { maxTokens: 12, topLogProbs: 2 })) {
      want.push(...piece.tokens.map(({ id, logProb, top }) => ({ id, logProb, top })));
    }
    const got = happenings.flatMap((h) => (h.type === "token" ? [h.token] : []));
    expect(got).toMatchObject(want);
    expect(got).toHaveLength(12);
    expect(happenings[0]).toEqual({ type: "admitted", cachedTokens: 0 });
    expect(happenings.at(-1)).toEqual({ type: "end", choice: 0, reason: "length" });
  });

  it("answers with the same bytes alone and among others, kept pages or not", async () => {
    const app = serveApp(served.desk, { clock: false, anyModel: true, think: "off" });
    const ask = async (text: string, stream: boolean) => {
      const answer = await app.request("/v1/chat/completions", {
        method: "POST",
        body: JSON.stringify({
          messages: [{ role: "user", content: text }],
          max_tokens: 10,
          logprobs: true,
          top_logprobs: 2,
          temperature: 1,
          stream,
        }),
      });
      return (await answer.text())
        .replaceAll(/"id":"chatcmpl-\w+"/g, "")
        .replaceAll(/"cached_tokens":\d+/g, "");
    };
    const texts = Array.from(
      { length: 10 },
      (_, i) => `Tell me of ${i} ${"and one more ".repeat(i)}`,
    );
    const alone: string[] = [];
    for (const [i, text] of texts.entries()) alone.push(await ask(text, i % 2 === 0));
    const together = await Promise.all(texts.map((text, i) => ask(text, i % 2 === 0)));
    expect(together).toEqual(alone);
    expect(alone[0]).toContain("data: [DONE]");
  });

  it("waits for a slow reader, and loses nothing", async () => {
    const ids = encode("The fox");
    const order = orderOf(ids, { maxTokens: 700, stopIds: [] });
    const { happenings } = served.desk.submit(order);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const fast = await all(served.desk.submit(orderOf(ids)).happenings);
    expect(fast.at(-1)).toMatchObject({ type: "end" });
    const before = served.desk.load().steps;
    const slow = await all(happenings);
    expect(slow.filter(({ type }) => type === "token")).toHaveLength(700);
    expect(served.desk.load().steps).toBeGreaterThan(before);
  });

  it("frees everything of orders that are given up, ended, or out of time", async () => {
    const many = Array.from({ length: 30 }, (_, i) =>
      served.desk.submit(
        orderOf(encode(`A story of ${i} foxes and of the wolf`), {
          maxTokens: 400,
          stopIds: [],
          n: 1 + (i % 2),
          ...(i % 3 === 0 && { timeout: 5 }),
        }),
      ),
    );
    const told = many.map(({ happenings }) => all(happenings));
    await new Promise((resolve) => setTimeout(resolve, 30));
    many.forEach((ticket, i) => {
      if (i % 3 === 1) ticket.cancel();
      if (i % 3 === 2) for (let choice = 0; choice < 2; choice++) ticket.end(choice);
    });
    const lists = await Promise.all(told);
    lists.forEach((list, i) => {
      const ends = list.flatMap((h) => (h.type === "end" ? [h.reason] : []));
      const reason = i % 3 === 0 ? "timeout" : "aborted";
      expect(ends).toEqual(i % 3 === 1 ? [] : new Array(1 + (i % 2)).fill(reason));
    });
    await all(served.desk.submit(orderOf(encode("End"), { maxTokens: 1 })).happenings);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(served.desk.load()).toMatchObject({ running: 0, waiting: 0, pagesInUse: 0 });
  });

  it("says why an order cannot be run", async () => {
    const tooLong = orderOf(new Array(9000).fill(1));
    await expect(all(served.desk.submit(tooLong).happenings)).rejects.toMatchObject({
      kind: "context-length",
    });
    const wrong = orderOf([1], { sampling: { topP: 7 } });
    await expect(all(served.desk.submit(wrong).happenings)).rejects.toThrow("topP: expected");
  });
});
