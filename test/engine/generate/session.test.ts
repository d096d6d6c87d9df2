/** Tests that a session gives the same results as a new one, whatever was done with it before. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ArgumentError } from "../../../engine/base/errors.ts";
import { newTap, noTaps, type Taps } from "../../../engine/base/tap.ts";
import { TokenError } from "../../../engine/generate/check-tokens.ts";
import { Session } from "../../../engine/generate/session.ts";
import { CacheFullError } from "../../../engine/kv/cache-error.ts";
import type { Ops } from "../../../engine/ops/ops.ts";
import { keyAddress } from "../../../engine/ops/stored-rows.ts";
import { randomTokens } from "../../support/random.ts";
import { tinyModel } from "../../support/tiny-model.ts";
import { BACKENDS } from "../ops/backends.ts";

const text = randomTokens(24, 32, 4);

/** Taps that count how many steps were run. */
function counting(): { taps: Taps; steps: () => number } {
  let steps = 0;
  return {
    taps: {
      ...noTaps,
      model: newTap((stage) => {
        if (stage === "inp_embd") steps++;
      }),
    },
    steps: () => steps,
  };
}

for (const { name, ops } of BACKENDS) {
  const model = tinyModel({}, ops);
  const fresh = (tokens: readonly number[]) =>
    new Session(model, { maxContext: 64 }).sync(tokens).logits;

  describe(`sync (${name})`, () => {
    test("new tokens after the old ones: extended, the old ones kept", () => {
      const session = new Session(model, { maxContext: 64 });
      session.sync(text.slice(0, 10));
      const { kind, kept, logits } = session.sync(text);
      expect([kind, kept]).toEqual(["extended", 10]);
      expect(logits).toEqual(fresh(text));
      expect(session.tokens).toEqual(text);
    });

    test("the same tokens again: reused, all kept, with the logits that are known", () => {
      const session = new Session(model, { maxContext: 64 });
      session.sync(text);
      const { kind, kept, logits } = session.sync(text);
      expect([kind, kept]).toEqual(["reused", 24]);
      expect(logits).toEqual(fresh(text));
    });

    test("a beginning of the old tokens: reused", () => {
      const session = new Session(model, { maxContext: 64 });
      session.sync(text);
      const { kind, kept, logits } = session.sync(text.slice(0, 9));
      expect([kind, kept]).toEqual(["reused", 8]);
      expect(logits).toEqual(fresh(text.slice(0, 9)));
      expect(session.tokens).toEqual(text.slice(0, 9));
    });

    test("another token in the middle: rebuilt from there", () => {
      const session = new Session(model, { maxContext: 64 });
      session.sync(text);
      const other = text.with(7, (text[7] + 1) % 32);
      const { kind, kept, logits } = session.sync(other);
      expect([kind, kept]).toEqual(["rebuilt", 7]);
      expect(logits).toEqual(fresh(other));
    });

    test("only the new tokens are run: 1 step for 3 tokens after 21", () => {
      const { taps, steps } = counting();
      const session = new Session(model, { maxContext: 64, taps, chunk: 8 });
      session.sync(text.slice(0, 21));
      expect(steps()).toBe(3);
      session.sync(text);
      expect(steps()).toBe(4);
    });

    test("any history of sync, append and truncate ends in the logits of a fresh run, bit for bit", () => {
      const step = fc.oneof(
        fc.record({ sync: fc.array(fc.nat(3), { minLength: 1, maxLength: 12 }) }),
        fc.record({ append: fc.array(fc.nat(3), { minLength: 1, maxLength: 5 }) }),
        fc.record({ truncate: fc.nat(12) }),
      );
      fc.assert(
        fc.property(
          fc.array(step, { maxLength: 6 }),
          fc.integer({ min: 1, max: 5 }),
          (steps, chunk) => {
            const session = new Session(model, { maxContext: 64, chunk });
            for (const s of steps) {
              if ("sync" in s) session.sync(s.sync);
              else if ("append" in s) session.append(s.append);
              else session.truncate(s.truncate);
            }
            const now = [...session.tokens, 2];
            expect(session.append([2])).toEqual(fresh(now));
          },
        ),
        { numRuns: 40, seed: 1 },
      );
    });
  });

  describe(`append and truncate (${name})`, () => {
    test("appendAll gives one row of logits per token, as single appends do", () => {
      const session = new Session(model, { maxContext: 64, chunk: 7 });
      const single = new Session(model, { maxContext: 64 });
      expect(session.appendAll(text)).toEqual(text.map((token) => single.append([token])));
    });

    test.each([0, 1, 5, 6, 23])(
      "truncate to %d, go on with other tokens = a fresh run, bit for bit",
      (n) => {
        const session = new Session(model, { maxContext: 64 });
        session.sync(text);
        session.truncate(n);
        const tail = randomTokens(9, 32, 40 + n);
        expect(session.append(tail)).toEqual(fresh([...text.slice(0, n), ...tail]));
      },
    );

    test("one stale index key after truncate is seen (D6)", () => {
      expect(continueWithStale("keys")).not.toEqual(continueWithStale(undefined));
    });

    test("one stale latent after truncate is seen (D6)", () => {
      expect(continueWithStale("latents")).not.toEqual(continueWithStale(undefined));
    });

    /**
     * Truncates and runs other tokens, while row 12 of one kind of cache keeps its old bytes.
     * Returns the logits.
     */
    function continueWithStale(what: "keys" | "latents" | undefined): unknown {
      const old: Uint8Array[] = []; // of each layer, in their order
      const meet = (nS: number, view: DataView, at: number, bytes: number): void => {
        const row = new Uint8Array(view.buffer, at, bytes);
        if (nS === text.length) old.push(row.slice());
        if (nS === 13) row.set(old.shift() ?? []);
      };
      const stale: Ops = {
        ...ops,
        indexScores: (q, keys, w, start, scale) => {
          if (what === "keys") meet(keys.nS, keys.view, keyAddress(keys, 12), keys.stride);
          return ops.indexScores(q, keys, w, start, scale);
        },
        latentAttention: (qLatent, qPe, past, topK, scale) => {
          const at = new Uint32Array(1);
          past.bringIn({ dims: ["T", "K"], shape: [1, 1], data: Int32Array.of(12) }, 0, at);
          if (what === "latents") meet(past.nS, past.view, at[0], past.kPeAt);
          return ops.latentAttention(qLatent, qPe, past, topK, scale);
        },
      };
      const session = new Session({ ...model, ops: stale }, { maxContext: 64 });
      session.append(text);
      session.truncate(12);
      session.append([(text[12] + 1) % 32]);
      return session.appendAll(text.slice(0, 8));
    }
  });

  describe(`at the door (${name})`, () => {
    test("tokens past the context are refused before any is run", () => {
      const { taps, steps } = counting();
      const session = new Session(model, { maxContext: 20, taps });
      expect(() => session.sync(text)).toThrow(
        new CacheFullError("context", "room for 20 positions, 24 wanted; nothing was run"),
      );
      session.sync(text.slice(0, 20));
      const before = steps();
      expect(() => session.append([1])).toThrow(CacheFullError);
      expect(steps()).toBe(before);
      expect(session.tokens).toEqual(text.slice(0, 20));
    });

    test("the last position of the context can be used", () => {
      const session = new Session(model, { maxContext: 24 });
      expect(session.sync(text).logits).toEqual(fresh(text));
    });

    test.each([-1, 32, 1.5, Number.NaN])("token id %d is refused, and names its place", (token) => {
      const session = new Session(model, { maxContext: 64 });
      session.sync([1, 2]);
      expect(() => session.append([3, token])).toThrow(
        new TokenError("token at position 3", `expected an id of 0 … 31, got ${token}`),
      );
      expect(session.tokens).toEqual([1, 2]);
    });

    test("a refused sync leaves the timeline as it was", () => {
      const session = new Session(model, { maxContext: 64 });
      session.sync([1, 2, 3]);
      expect(() => session.sync([1, 99])).toThrow(TokenError);
      expect(session.tokens).toEqual([1, 2, 3]);
    });

    test("no tokens at all are refused", () => {
      const session = new Session(model, { maxContext: 64 });
      expect(() => session.sync([])).toThrow(new TokenError("sync", "no tokens"));
      expect(() => session.append([])).toThrow(new TokenError("append", "no tokens"));
    });

    test.each([0, 4097, 1.5])("maxContext %d is refused", (maxContext) => {
      expect(() => new Session(model, { maxContext })).toThrow(
        new ArgumentError("maxContext", `expected 1 … 4096, got ${maxContext}`),
      );
    });

    test.each([0, -1, 0.5])("chunk %d is refused", (chunk) => {
      expect(() => new Session(model, { chunk })).toThrow(
        new ArgumentError("chunk", `expected a positive integer, got ${chunk}`),
      );
    });

    test.each([-1, 0.5])("truncate to %d is refused", (length) => {
      const session = new Session(model, { maxContext: 64 });
      expect(() => session.truncate(length)).toThrow(ArgumentError);
    });
  });

  test(`progress is told after each step: 10, 20, 24 of 24 (${name})`, () => {
    const told: number[][] = [];
    const onProgress = (done: number, total: number) => told.push([done, total]);
    new Session(model, { maxContext: 64, chunk: 10, onProgress }).sync(text);
    expect(told).toEqual([
      [10, 24],
      [20, 24],
      [24, 24],
    ]);
  });

  test(`a pad id inside the prompt is a token like any other: it changes what follows (G12, ${name})`, () => {
    const model = tinyModel({ pad_token_id: 1 }, ops);
    const logits = (token: number) =>
      new Session(model, { maxContext: 64 }).sync(text.with(5, token)).logits;
    expect(logits(1)).not.toEqual(logits(3));
  });
}
