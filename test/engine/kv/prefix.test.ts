/**
 * Tests that sessions over one pool share the pages of an equal beginning, and change no result.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Session } from "../../../engine/generate/session.ts";
import { NO_PAGE, PrefixIndex } from "../../../engine/kv/prefix-index.ts";
import type { Ops } from "../../../engine/ops/ops.ts";
import { randomTokens } from "../../support/random.ts";
import { tinyModel } from "../../support/tiny-model.ts";
import { REFERENCES } from "../ops/backends.ts";
import { fastOps } from "../ops/wasm/wasm.ts";

const backends: readonly [string, Ops][] = [
  ["reference", REFERENCES[0].ops],
  ["wasm", await fastOps()],
];
const text = randomTokens(40, 32, 3);

describe.each(backends)("a session over a shared pool (%s)", (_name, ops) => {
  const model = tinyModel({}, ops);
  const cold = (tokens: readonly number[]) => new Session(model).sync(tokens).logits;

  it.each([1, 3, 16])(
    "with pages of %d takes over an equal beginning, page by page",
    (pageRows) => {
      const first = new Session(model, { rows: { pageRows } });
      first.sync(text);
      const second = new Session(model, { pool: first.pool });
      const other = [...text.slice(0, 33), 9, 9, 9];
      const { kept, logits, kind } = second.sync(other);
      expect(kept).toBe(pageRows * Math.floor(33 / pageRows));
      expect(kind).toBe("extended");
      expect(logits).toEqual(cold(other));
      expect(second.tokens).toEqual(other);
      // What one of them does next does not change the other.
      expect(first.append([4, 5])).toEqual(cold([...text, 4, 5]));
      expect(second.append([6, 7])).toEqual(cold([...other, 6, 7]));
      first.close();
      expect(second.append([8])).toEqual(cold([...other, 6, 7, 8]));
      second.close();
      expect(first.pool.nLive).toBe(0);
    },
  );

  it("always runs the last token, and takes nothing over with a draft head", () => {
    const first = new Session(model, { rows: { pageRows: 4 } });
    first.sync(text);
    const same = new Session(model, { pool: first.pool }).sync(text);
    expect(same.kept).toBe(36);
    expect(same.logits).toEqual(cold(text));
    expect(new Session(model, { pool: first.pool, draft: true }).sync(text).kept).toBe(0);
  });

  it("takes no pool of another model, and none beside formats of its own", () => {
    const { pool } = new Session(model);
    const other = tinyModel({}, ops, 2);
    expect(() => new Session(other, { pool })).toThrow("pool: expected one of this model");
    expect(() => new Session(model, { pool, rows: { pageRows: 2 } })).toThrow("pool: brings");
  });

  it("does not take over a page that was written anew after a truncate", () => {
    const first = new Session(model, { rows: { pageRows: 4 } });
    first.sync(text);
    first.truncate(6);
    first.append([1]);
    const { kept, logits } = new Session(model, { pool: first.pool }).sync(text);
    expect(kept).toBe(4);
    expect(logits).toEqual(cold(text));
  });

  it("and where the index forgets to forget, the stale page is seen", () => {
    const first = new Session(model, { rows: { pageRows: 4 } });
    first.pool.prefixes.remove = () => {};
    first.sync(text);
    first.truncate(6);
    first.append([1, 2]);
    const begun = text.slice(0, 9);
    const { kept, logits } = new Session(model, { pool: first.pool }).sync(begun);
    expect(kept).toBe(8);
    expect(logits).not.toEqual(cold(begun));
  });

  it("equals cold runs in random programs of sync, truncate, fork and close", () => {
    const command = fc.record({
      kind: fc.constantFrom("sync", "sync", "sync", "truncate", "fork", "close", "new"),
      pick: fc.nat(99),
      cut: fc.nat(20),
      tail: fc.array(fc.nat(1), { maxLength: 6 }),
    });
    const known = new Map<string, unknown>();
    const want = (tokens: readonly number[]) => {
      const key = tokens.join();
      if (!known.has(key)) known.set(key, cold(tokens));
      return known.get(key);
    };
    let taken = 0;
    const program = (
      commands: readonly (typeof command extends fc.Arbitrary<infer T> ? T : never)[],
      pageRows: number,
    ): void => {
      const sessions = [new Session(model, { rows: { pageRows } })];
      const { pool } = sessions[0];
      for (const { kind, pick, cut, tail } of commands) {
        const one = sessions[pick % sessions.length];
        if (kind === "new") sessions.push(new Session(model, { pool }));
        else if (kind === "fork") sessions.push(one.fork());
        else if (kind === "truncate") one.truncate(cut);
        else if (kind === "close" && sessions.length > 1) {
          one.close();
          sessions.splice(sessions.indexOf(one), 1);
        } else if (kind === "sync") {
          const tokens = [...text.slice(0, cut), ...tail, 3];
          const before = one.tokens.length;
          const { kept, logits } = one.sync(tokens);
          taken += Math.max(0, kept - before);
          expect(logits).toEqual(want(tokens));
        }
      }
      for (const session of sessions) session.close();
      expect(pool.nLive).toBe(0);
    };
    const commands = fc.array(command, { minLength: 1, maxLength: 12 });
    const pages = fc.constantFrom(1, 2, 3, 7);
    fc.assert(fc.property(commands, pages, program), { seed: 5, numRuns: 60 });
    expect(taken).toBeGreaterThan(30);
  });
});

describe("the index of prefixes", () => {
  it("tells equal hashes apart by their tokens, and equal tokens by what stands before", () => {
    const index = new PrefixIndex();
    index.add(0, NO_PAGE, [1, 2]);
    index.add(1, 0, [3, 4]);
    expect(index.find(NO_PAGE, [1, 2])).toBe(0);
    expect(index.find(0, [3, 4])).toBe(1);
    expect(index.find(NO_PAGE, [3, 4])).toBeUndefined();
    expect(index.find(NO_PAGE, [1, 3])).toBeUndefined();
    index.remove(0);
    expect(index.find(NO_PAGE, [1, 2])).toBeUndefined();
  });

  it("does not believe the hash: with one that is always the same, nothing else is found", () => {
    const imul = Math.imul;
    Math.imul = () => 0;
    try {
      const index = new PrefixIndex();
      index.add(0, NO_PAGE, [1, 2]);
      index.add(1, NO_PAGE, [1, 3]);
      index.add(2, 0, [1, 3]);
      expect(index.find(NO_PAGE, [1, 3])).toBe(1);
      expect(index.find(0, [1, 3])).toBe(2);
      expect(index.find(1, [1, 3])).toBeUndefined();
    } finally {
      Math.imul = imul;
    }
  });
});
