/** The line between page and worker: the newest request wins, all can be stopped, and nothing throws at the page. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Line, newClient, Stopped } from "../../../tools/explorer/live/client.ts";
import { type Answers, Desk } from "../../../tools/explorer/live/desk.ts";
import { Study } from "../../../tools/explorer/live/study.ts";
import type { ExampleFacts, FromWorker } from "../../../tools/explorer/messages.ts";
import { type Live, NOWHERE, STORY, startLive } from "./support.ts";

const TEXT = STORY.slice(0, 260);
const EXAMPLES: readonly ExampleFacts[] = [
  { id: "short", text: STORY, fact: "The secret word of Mia is window" },
];

let live: Live;
beforeAll(async () => {
  live = startLive(EXAMPLES);
  await live.ask("open", NOWHERE);
});
afterAll(() => live.close());

/** A client of answers of one's own. */
function clientOf(answers: Partial<Answers>) {
  const line: Line = { onmessage: null, postMessage: (message) => void desk.hear(message) };
  const desk = new Desk(answers as Answers, (message: FromWorker) => {
    line.onmessage?.({ data: message });
  });
  return newClient(line);
}

describe("requests", () => {
  it("of one name: the newest wins, and those before end as stopped", async () => {
    const asked: number[] = [];
    const { ask } = clientOf({
      look: async ({ t }) => {
        asked.push(t);
        return { t } as never;
      },
    });
    const all = [1, 2, 3].map((t) => ask("look", { t }));
    const ended = await Promise.allSettled(all);
    expect(
      ended.map((one) => (one.status === "fulfilled" ? one.value.t : one.reason.name)),
    ).toEqual(["Stopped", "Stopped", 3]);
    expect(asked).toEqual([3]);
  });

  it("of other names run side by side", async () => {
    let endOfWhatIf: (x: never) => void = () => {};
    const { ask } = clientOf({
      whatIf: () => new Promise((resolve) => (endOfWhatIf = resolve)),
      look: async ({ t }) => ({ t }) as never,
    });
    const slow = ask("whatIf", { switches: [], count: 0 });
    expect(await ask("look", { t: 5 })).toMatchObject({ t: 5 });
    endOfWhatIf({ read: 1 } as never);
    expect(await slow).toMatchObject({ read: 1 });
  });

  it("are stopped by their signal, also while a text is read", async () => {
    const abort = new AbortController();
    const read = live.ask(
      "read",
      { text: STORY },
      { signal: abort.signal, onProgress: () => abort.abort() },
    );
    await expect(read).rejects.toThrow(Stopped);
    await expect(live.ask("look", { t: 0 })).rejects.toThrow("text: expected one that was read");
    const { tokens, ran } = await live.ask("read", { text: STORY.slice(0, 100) });
    expect(ran).toBeLessThan(tokens.length);
  });

  it("fail with a sentence; a mistake of the program is told as one", async () => {
    const { ask } = clientOf({
      look: () => {
        throw new TypeError("x is undefined");
      },
    });
    await expect(ask("look", { t: 0 })).rejects.toMatchObject({ isBug: true });
    await expect(live.ask("votes", { t: 0, layer: 3 })).rejects.toMatchObject({
      message: "layer 3: expected one with an indexer of its own",
      isBug: false,
    });
  });
});

describe("a text", () => {
  it("is its tokens, whatever its script, and pieces part at words", async () => {
    for (const text of [
      "Once upon a time",
      "索引器选择 🦙 naïve",
      "<script>alert(1)</script>",
      " ",
    ]) {
      const tokens = await live.ask("tokens", { text });
      const own = tokens.filter(({ isControl }) => !isControl);
      expect(own.map((token) => token.text).join("")).toBe(text);
      const bytes = own.flatMap((token) => [...token.bytes]);
      expect(new TextDecoder().decode(Uint8Array.from(bytes))).toBe(text);
      expect(new Set(tokens.map(({ piece }) => piece)).size).toBeGreaterThan(0);
    }
    const words = await live.ask("tokens", { text: "Once upon" });
    expect(words.at(-1)?.piece).toBeGreaterThan(words.at(-2)?.piece ?? 9);
  });

  it("that is read again costs what is new alone, and gives the same look", async () => {
    const first = await live.ask("read", { text: TEXT });
    const t = first.tokens.length - 1;
    const look = await live.ask("look", { t });
    const longer = await live.ask("read", { text: `${TEXT} They were happy.` });
    expect(longer.ran).toBeLessThan(20);
    const again = await live.ask("look", { t });
    expect(again.layers.map(({ scores }) => scores)).toEqual(
      look.layers.map(({ scores }) => scores),
    );
    expect((await live.ask("experts", {})).chosen[1]?.length).toBe(longer.tokens.length * 6);
  });

  it.each([
    [{ text: "" }, /tokens|position/],
    [{}, /^text: expected either a text or ids$/],
    [{ text: "a", ids: [1] }, /^text: expected either a text or ids$/],
    [{ ids: [1e9] }, /token|id/],
    [{ ids: [] }, /^text: expected 1 … \d+ tokens, got 0$/],
    [{ text: "one two ".repeat(60_000) }, /^text: expected 1 … 8192 tokens, got \d+$/],
  ])("%# that cannot be read is answered with a sentence", async (ask, sentence) => {
    const result = live.ask("read", ask);
    if ("text" in ask && ask.text === "") await expect(result).resolves.toMatchObject({ ran: 1 });
    else
      await expect(result).rejects.toMatchObject({
        isBug: false,
        message: expect.stringMatching(sentence),
      });
  });

  it("with a lone surrogate reads it as U+FFFD", async () => {
    const { tokens } = await live.ask("read", { text: "a\ud800b" });
    expect(
      tokens
        .filter(({ isControl }) => !isControl)
        .map(({ text }) => text)
        .join(""),
    ).toBe("a\ufffdb");
  });

  it.each([-1, 1.5, 1e9, Number.NaN])("has no position %s", async (t) => {
    await live.ask("read", { text: TEXT });
    for (const name of ["look", "overlaps"] as const) {
      await expect(live.ask(name, { t })).rejects.toMatchObject({
        isBug: false,
        message: expect.stringMatching(/^position: expected 0 … \d+, got/),
      });
    }
    await expect(live.ask("dense", { t: 0, layer: 99 })).rejects.toThrow(
      "layer: expected 0 … 7, got 99",
    );
  });
});

describe("an example", () => {
  it("says where its word stands", async () => {
    const { examples } = await live.ask("open", NOWHERE);
    const tokens = await live.ask("tokens", { text: STORY });
    expect(tokens[examples[0].wordAt ?? -1].text).toBe(" window");
  });
});

describe("before anything is open", () => {
  it("every request says what is missing", async () => {
    const { answers } = new Study(() => Promise.reject(new Error("not asked")));
    const { ask } = clientOf(answers);
    const requests = [
      ask("read", { text: "a" }),
      ask("look", { t: 0 }),
      ask("write", { count: 1, temperature: 0, topP: 1, seed: 0 }),
      ask("whatIf", { switches: [], count: 1 }),
    ];
    for (const request of requests) {
      await expect(request).rejects.toMatchObject({
        isBug: false,
        message: expect.stringContaining("model: expected"),
      });
    }
    await expect(ask("traceLook", { t: 0 })).rejects.toThrow("trace: expected an open file");
  });
});

describe("pages", () => {
  it("are shared by a fork up to where it differs", async () => {
    const { tokens } = await live.ask("read", { text: TEXT });
    const before = await live.ask("pages", {});
    expect(before.text.at(-1)?.to).toBe(tokens.length);
    expect(before.text.map(({ count }) => count)).toEqual(before.text.map(() => 1));
    const { text, fork, differsAt, forkRan } = await live.ask("pages", {
      fork: `${TEXT.slice(0, -8)} sun`,
    });
    expect(fork?.[0]).toEqual({ ...text[0], count: 2 });
    expect(fork?.at(-1)?.count).toBe(1);
    expect(forkRan).toBe((fork?.at(-1)?.to ?? 0) - (differsAt ?? 0));
    const after = await live.ask("pages", {});
    expect(after.liveBytes).toBe(before.liveBytes);
  });

  it("whose rows are in a store are read again where they are chosen", async () => {
    await live.ask("read", { text: STORY.slice(0, 700) });
    const { leastHotBytes } = await live.ask("pages", {});
    const { tier } = await live.ask("pages", { hotBytes: leastHotBytes });
    expect(tier?.misses).toBeGreaterThan(0);
    expect(tier?.bytesRead).toBeGreaterThan(0);
    await expect(live.ask("pages", { hotBytes: 1 })).rejects.toThrow("memory for rows: expected");
  });
});

describe("going on", () => {
  it("with guesses writes the text that it writes without", async () => {
    await live.ask("read", { text: TEXT });
    const said: string[] = [];
    const { tokens } = await live.ask(
      "write",
      { count: 8, temperature: 0, topP: 1, seed: 0 },
      { onToken: ({ text }) => said.push(text) },
    );
    expect(said).toEqual(tokens.map(({ text }) => text));
    const drafts = await live.ask("draft", { steps: 3, rounds: 8, temperature: 0, seed: 0 });
    expect(drafts.tokens.slice(0, 8).map(({ id }) => id)).toEqual(tokens.map(({ id }) => id));
    expect(drafts.rounds).toHaveLength(8);
    for (const { guesses, tokens: given } of drafts.rounds) {
      const kept = guesses.filter(({ fate }) => fate === "kept").length;
      expect(given.length).toBe(kept + 1);
      expect(guesses.find(({ fate }) => fate === "replaced")?.by?.id).toBe(
        kept < guesses.length ? given[kept].id : undefined,
      );
    }
  });
});
