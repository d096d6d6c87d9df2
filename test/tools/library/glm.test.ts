/** Tests of everything that a user of the library can do with an open model. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { logProbs, referenceOps, Session, trace } from "../../../engine/index.ts";
import { createTokenizer } from "../../../tokenizer/index.ts";
import { open as openBytes, openFiles } from "../../../tools/library/open.ts";
import { fileCheckpoint } from "../../../tools/node/file-source.ts";
import { nodeHost } from "../../../tools/node/node-host.ts";
import { open } from "../../../tools/node/open.ts";
import { drain, glmOf } from "../../support/glm.ts";
import { DEMO_MODEL, TINY_MODEL } from "../../support/paths.ts";
import { tinyModel } from "../../support/tiny-model.ts";

const demo = await open(DEMO_MODEL, { threads: 2 });
afterAll(() => demo.close());

/** A model without a tokenizer and without stop ids: its texts are ids. */
const bare = glmOf(tinyModel({ eos_token_id: [] }, referenceOps()));
const PROMPT = [3, 14, 15, 9, 26, 5, 8];

const idsOf = async (steps: ReturnType<typeof demo.generate>): Promise<number[]> =>
  (await drain(steps))[1].tokens.map(({ id }) => id);

describe("generate", () => {
  it("gives pieces that make up the text, and why it ended on the last one alone", async () => {
    const [pieces, result] = await drain(demo.generate("Once upon a time", { maxTokens: 12 }));
    expect(pieces.map(({ text }) => text).join("")).toBe(result.text);
    expect(pieces.map(({ finishReason }) => finishReason)).toEqual([
      ...Array(12).fill(undefined),
      "length",
    ]);
    expect(result.promptIds).toEqual([...demo.textStart, ...demo.encode("Once upon a time")]);
    expect(demo.decode(result.tokens.map(({ id }) => id))).toBe(result.text);
  });

  it("takes ids as they are, and a text with what stands before texts", async () => {
    const ids = demo.promptIds("The dog");
    const want = await idsOf(demo.generate("The dog", { maxTokens: 8 }));
    expect(await idsOf(demo.generate(ids, { maxTokens: 8 }))).toEqual(want);
    expect(ids.slice(0, demo.textStart.length)).toEqual(demo.textStart);
    expect(demo.textStart.length).toBeGreaterThan(0);
  });

  it("gives each of two texts at once what it would have got alone", async () => {
    const alone = [];
    for (const prompt of ["A cat", "The sun"]) {
      alone.push(await idsOf(demo.generate(prompt, { maxTokens: 10 })));
    }
    const together = ["A cat", "The sun"].map((prompt) =>
      idsOf(demo.generate(prompt, { maxTokens: 10 })),
    );
    expect(await Promise.all(together)).toEqual(alone);
  });

  it("refuses a text for a model without a tokenizer, and takes ids", async () => {
    await expect(drain(bare.generate("x"))).rejects.toThrow("no tokenizer.json");
    await expect(drain(bare.generate(PROMPT, { stop: ["."] }))).rejects.toThrow(
      "no tokenizer.json",
    );
    const [, { text }] = await drain(bare.generate(PROMPT, { maxTokens: 3 }));
    expect(text).toMatch(/^\d+ \d+ \d+$/);
  });
});

describe("a session", () => {
  it("goes on as one text would, without reading anything again", async () => {
    const session = demo.session();
    await drain(session.generate("Lily", { maxTokens: 5 }));
    const before = session.tokens;
    const [, second] = await drain(session.generate(" and Tom", { maxTokens: 5 }));
    const whole = [...before, ...demo.encode(" and Tom")];
    expect(second.promptIds).toEqual(whole);
    expect(second.timing.prefillTokens).toBeLessThan(whole.length - before.length + 2);
    expect(second.tokens.map(({ id }) => id)).toEqual(
      await idsOf(demo.generate(whole, { maxTokens: 5 })),
    );
    expect(session.text.startsWith("Lily")).toBe(true);
    session.close();
  });

  it("forks: what one does after is not seen by the other", async () => {
    const first = bare.session();
    await drain(first.generate(PROMPT, { maxTokens: 4 }));
    const second = first.fork();
    await drain(second.generate([1, 2], { maxTokens: 4 }));
    const want = await idsOf(bare.generate([...first.tokens, 7], { maxTokens: 4 }));
    expect(await idsOf(first.generate([7], { maxTokens: 4 }))).toEqual(want);
  });

  it("holds what it held when a prompt cannot be run", async () => {
    const session = bare.session();
    await drain(session.generate(PROMPT, { maxTokens: 2 }));
    const before = session.tokens;
    await expect(drain(session.generate([32]))).rejects.toThrow("expected an id of 0 … 31");
    expect(session.tokens).toEqual(before);
  });
});

describe("score", () => {
  it("is the log-probability of each token after those before it", async () => {
    const { tokens, logProb, perplexity } = await bare.score(PROMPT, { topLogProbs: 2 });
    const rows = new Session(bare.model).appendAll(PROMPT);
    const want = PROMPT.slice(1).map((id, t) => logProbs(rows[t], [id])[0]);
    expect(tokens.map((token) => token.logProb)).toEqual([undefined, ...want]);
    const sum = want.reduce((a, b) => a + b, 0);
    expect(logProb).toBeCloseTo(sum, 12);
    expect(perplexity).toBeCloseTo(Math.exp(-sum / want.length), 12);
    expect(tokens[1].top[0].logProb).toBeGreaterThanOrEqual(tokens[1].top[1].logProb);
  });

  it("scores every token of a text whose start the model is used to", async () => {
    const { tokens } = await demo.score("The dog ran.");
    expect(tokens.map(({ id }) => id)).toEqual(demo.encode("The dog ran."));
    expect(tokens.every((token) => (token.logProb ?? 1) < 0)).toBe(true);
    const nonsense = await demo.score("ran dog The.");
    expect(nonsense.perplexity).toBeGreaterThan((await demo.score("The dog ran.")).perplexity);
  });

  it("refuses a text of nothing", async () => {
    await expect(bare.score([])).rejects.toThrow("text: expected one token at least");
  });
});

describe("trace", () => {
  it("is that of the engine, in steps of any length", async () => {
    const options = { stages: ["top_k", "q_pe"], layers: [1, 2], mtpSteps: 1 };
    const want = trace(bare.model, { tokens: PROMPT, ...options });
    for (const chunk of [1, 3, 64]) {
      expect(await bare.trace(PROMPT, { ...options, chunk })).toEqual(want);
    }
  });
});

describe("opening", () => {
  it("from bytes gives the bits of opening a folder", async () => {
    const names = ["config.json", "model.safetensors"];
    const files = Object.fromEntries(
      names.map((name) => [name, new Uint8Array(readFileSync(join(TINY_MODEL, name)))]),
    );
    const kernels = await nodeHost.kernels();
    const fromBytes = await openBytes(files, { kernels });
    const fromFolder = await open(TINY_MODEL, { threads: 1 });
    const [a, b] = await Promise.all([fromBytes, fromFolder].map((glm) => glm.trace(PROMPT)));
    expect(a).toEqual(b);
    await Promise.all([fromBytes.close(), fromFolder.close()]);
  });

  it("fails for files that are not a model, with a sentence", async () => {
    await expect(openBytes({ "a.txt": new Uint8Array() })).rejects.toMatchObject({
      code: "argument",
      where: "config.json",
      what: "expected it beside the weights, found none",
    });
  });

  it("takes the host that it is given: without threads, one", async () => {
    const { startThread: _, ...alone } = nodeHost;
    const files = fileCheckpoint(TINY_MODEL);
    const glm = await openFiles(files, { name: "tiny" }, { threads: 4 }, alone);
    await files.close();
    expect(glm.arithmetic).toBe("wasm, 1 thread, 256-bit vectors off");
    await glm.close();
  });

  it("sets no flag of the process unless it is asked to", async () => {
    const asked: string[] = [];
    const host = {
      ...nodeHost,
      turnTurboOn: async () => {
        asked.push("turbo");
        return "off: a test";
      },
    };
    for (const turbo of [undefined, true]) {
      const files = fileCheckpoint(TINY_MODEL);
      const glm = await openFiles(files, { name: "tiny" }, { threads: 1, turbo }, host);
      await files.close();
      await glm.close();
    }
    expect(asked).toEqual(["turbo"]);
  });

  it("ends with close: nothing can be asked of it after", async () => {
    const glm = await open(TINY_MODEL, { threads: 2 });
    await glm.close();
    await glm.close();
    await expect(drain(glm.generate(PROMPT))).rejects.toThrow("this one was closed");
  });
});

describe("chat", () => {
  it("says what messages say, and tells the model of its tools", async () => {
    const tokenizer = createTokenizer(readFileSync(join(DEMO_MODEL, "tokenizer.json"), "utf8"));
    const model = tinyModel({ vocab_size: 2048, eos_token_id: [2011] }, referenceOps());
    const glm = glmOf(model, tokenizer);
    const tools = [{ name: "add", parameters: { type: "object", properties: {} } }];
    const plain = await glm.chat({ maxTokens: 2 }).say("Hi.");
    const armed = await glm.chat({ maxTokens: 2, tools }).say([{ role: "user", content: "Hi." }]);
    expect(armed.promptTokens).toBeGreaterThan(plain.promptTokens + 20);
    const chat = glm.chat({ maxTokens: 2, tools });
    await chat.say("Add.");
    await chat.say({ role: "tool", content: "3" });
    expect(chat.messages.map(({ role }) => role)).toEqual([
      "user",
      "assistant",
      "tool",
      "assistant",
    ]);
  });

  it("streams the events that say collects", async () => {
    const [events, turn] = await drain(demo.chat({ maxTokens: 8 }).stream("Hello."));
    const text = events.map((event) => (event.type === "content" ? event.text : "")).join("");
    expect(turn.content).toBe(text);
    expect(events.at(-1)?.type).toBe("finish");
    expect((await demo.chat({ maxTokens: 8 }).say("Hello.")).content).toBe(text);
  });
});
