/** Tests of generation, token by token, and of every way in which it can end. */
import { describe, expect, test } from "vitest";
import { ArgumentError } from "../../../engine/base/errors.ts";
import { TokenError } from "../../../engine/generate/check-tokens.ts";
import { generate } from "../../../engine/generate/generate.ts";
import { SamplingError } from "../../../engine/generate/sampler.ts";
import { Session } from "../../../engine/generate/session.ts";
import { CacheFullError } from "../../../engine/kv/cache-error.ts";
import { referenceOps } from "../../../engine/ops/reference/index.ts";
import { generateAll } from "../../support/generate-all.ts";
import { randomTokens } from "../../support/random.ts";
import { tinyModel } from "../../support/tiny-model.ts";

const model = tinyModel({}, referenceOps("f32"));
const prompt = randomTokens(8, 32, 6);
const newSession = (maxContext = 64) => new Session(model, { maxContext });
const SAMPLED = { temperature: 1.5, topP: 0.95 };

describe("greedy generation", () => {
  test("each token is the argmax after all tokens before it", async () => {
    const { ids } = await generateAll(newSession(), prompt, { maxTokens: 12 });
    const text = [...prompt];
    for (const id of ids) {
      const { logits } = newSession().sync(text);
      expect(id).toBe(logits.indexOf(Math.max(...logits)));
      text.push(id);
    }
  });

  test("a session that has seen other texts generates the same", async () => {
    const session = newSession();
    const first = await generateAll(session, prompt, { maxTokens: 9 });
    await generateAll(session, prompt.slice(2), { maxTokens: 5 });
    expect((await generateAll(session, prompt, { maxTokens: 9 })).ids).toEqual(first.ids);
  });

  test("after generating, the timeline begins with the prompt and all tokens but the newest", async () => {
    const session = newSession();
    const { ids } = await generateAll(session, prompt, { maxTokens: 5 });
    expect(session.tokens).toEqual([...prompt, ...ids.slice(0, -1)]);
  });
});

describe("sampled generation", () => {
  test("the same seed gives the same 20 tokens, another seed others", async () => {
    const ids = async (seed: number) =>
      (await generateAll(newSession(), prompt, { maxTokens: 20, sampling: SAMPLED, seed })).ids;
    expect(await ids(1)).toEqual(await ids(1));
    expect(await ids(1)).not.toEqual(await ids(2));
  });

  test("padding ids are never sampled: 60 tokens below vocabLimit 4", async () => {
    const sampling = { temperature: 10, vocabLimit: 4 };
    const { ids } = await generateAll(newSession(80), prompt, { maxTokens: 60, sampling });
    expect(Math.max(...ids)).toBeLessThan(4);
    expect(new Set(ids).size).toBe(4);
  });

  test("a forbidden id never comes", async () => {
    const logitBias = new Map([[7, Number.NEGATIVE_INFINITY]]);
    const sampling = { temperature: 10, logitBias };
    const { ids } = await generateAll(newSession(300), prompt, { maxTokens: 200, sampling });
    expect(ids).not.toContain(7);
    expect(ids).toContain(8);
  });

  test("the repetition penalty counts generated tokens too: with 1e9, none of 12 comes twice", async () => {
    const sampling = { repetitionPenalty: 1e9 };
    const positive = tinyModel({}, referenceOps("f32"), 2);
    const session = new Session(positive, { maxContext: 64 });
    const { ids } = await generateAll(session, [0], { maxTokens: 12, sampling });
    expect(new Set(ids).size).toBe(12);
  });
});

describe("what is reported", () => {
  test("log-probabilities of all 32 ids sum to 1 within 1e-12, best first, at any temperature", async () => {
    const { tokens } = await generateAll(newSession(), prompt, {
      maxTokens: 5,
      topLogProbs: 32,
      sampling: { temperature: 3 },
    });
    for (const { id, logProb, top } of tokens) {
      const logs = top.map((entry) => entry.logProb);
      expect(Math.abs(logs.reduce((sum, x) => sum + Math.exp(x), 0) - 1)).toBeLessThanOrEqual(
        1e-12,
      );
      expect(logs).toEqual([...logs].sort((a, b) => b - a));
      expect(top.find((entry) => entry.id === id)?.logProb).toBe(logProb);
    }
  });

  test("topLogProbs 0 reports none, and the token's own all the same", async () => {
    const { tokens } = await generateAll(newSession(), prompt, { maxTokens: 2 });
    expect(tokens.map(({ top }) => top)).toEqual([[], []]);
    expect(tokens.every(({ logProb }) => logProb < 0)).toBe(true);
  });
});

describe("the end", () => {
  test("maxTokens: exactly that many, reason length", async () => {
    for (const maxTokens of [0, 1, 7]) {
      const { ids, reason } = await generateAll(newSession(), prompt, { maxTokens });
      expect([ids.length, reason]).toEqual([maxTokens, "length"]);
    }
  });

  test("a stop id ends the text, is not part of it, and what was before stays", async () => {
    const free = await generateAll(newSession(), prompt, { maxTokens: 12 });
    const stop = free.ids[5];
    const { ids, reason } = await generateAll(newSession(), prompt, {
      maxTokens: 12,
      stopIds: [99, stop],
    });
    expect(ids).toEqual(free.ids.slice(0, free.ids.indexOf(stop)));
    expect(reason).toBe("stop");
  });

  test("a full context: all 12 positions are used, the last token is not run, reason context", async () => {
    const session = newSession(12);
    const free = await generateAll(newSession(), prompt, { maxTokens: 5 });
    const { ids, reason } = await generateAll(session, prompt, { maxTokens: 50 });
    expect([ids, reason]).toEqual([free.ids, "context"]);
    expect(session.tokens.length).toBe(12);
  });

  test("an abort before the start: no token", async () => {
    const signal = AbortSignal.abort();
    const { ids, reason } = await generateAll(newSession(), prompt, { maxTokens: 5, signal });
    expect([ids, reason]).toEqual([[], "aborted"]);
  });

  test("an abort after the third token: three tokens", async () => {
    const abort = new AbortController();
    const run = generate(newSession(), prompt, { maxTokens: 50, signal: abort.signal });
    const ids: number[] = [];
    for (let next = await run.next(); ; next = await run.next()) {
      if (next.done) {
        expect(next.value).toBe("aborted");
        break;
      }
      ids.push(next.value.id);
      if (ids.length === 3) abort.abort();
    }
    expect(ids.length).toBe(3);
  });

  test("an abort from a timer arrives while tokens are made", async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 5);
    const { reason } = await generateAll(newSession(4096), prompt, {
      maxTokens: 4000,
      signal: abort.signal,
    });
    expect(reason).toBe("aborted");
  });

  test("a caller who stops asking leaves a session that can go on", async () => {
    const session = newSession();
    const run = generate(session, prompt, { maxTokens: 50 });
    await run.next();
    await run.next();
    await run.return("aborted");
    const again = await generateAll(session, prompt, { maxTokens: 6 });
    expect(again.ids).toEqual((await generateAll(newSession(), prompt, { maxTokens: 6 })).ids);
  });
});

describe("at the door", () => {
  const first = (options: Parameters<typeof generate>[2], text: readonly number[] = prompt) =>
    generate(newSession(), text, options).next();

  test("wrong sampling options are refused before anything runs", async () => {
    await expect(first({ maxTokens: 1, sampling: { topP: 2 } })).rejects.toThrow(SamplingError);
  });

  test.each([-1, 1.5, Number.NaN])("maxTokens %d is refused", async (maxTokens) => {
    await expect(first({ maxTokens })).rejects.toThrow(ArgumentError);
  });

  test("draft steps without a draft head are refused", async () => {
    await expect(first({ maxTokens: 1, draftSteps: 2 })).rejects.toThrow(ArgumentError);
  });

  test("an empty prompt, an unknown id and too long a prompt are refused", async () => {
    await expect(first({ maxTokens: 1 }, [])).rejects.toThrow(TokenError);
    await expect(first({ maxTokens: 1 }, [32])).rejects.toThrow(TokenError);
    await expect(first({ maxTokens: 1 }, new Array(65).fill(0))).rejects.toThrow(CacheFullError);
  });
});
