/**
 * Tests of sessions over pages: only the format of rows may change a result. The size of pages and
 * steps, forks, the threads of the backend and the earlier use of a page may not.
 */
import { describe, expect, it } from "vitest";
import { type Ops, Session, type SessionOptions } from "../../../engine/index.ts";
import type { RowFormat } from "../../../engine/kv/geometry.ts";
import { wasmOps } from "../../../engine/ops/wasm/index.ts";
import { nodeThreads } from "../../../tools/node/threads.ts";
import { randomTokens } from "../../support/random.ts";
import { tinyModel } from "../../support/tiny-model.ts";
import { REFERENCES } from "../ops/backends.ts";
import { fastOps, kernelBytes } from "../ops/wasm/wasm.ts";

const FORMATS: readonly RowFormat[] = ["f32", "bf16", "int8"];
const backends: readonly [string, Ops][] = [
  ["reference", REFERENCES[0].ops],
  ["wasm", await fastOps()],
];
const text = randomTokens(90, 32, 6);

/** Returns the logits after every token. */
function logits(ops: Ops, options: SessionOptions): readonly ArrayLike<number>[] {
  const session = new Session(tinyModel({}, ops), options);
  const rows = session.appendAll(text);
  session.close();
  return rows;
}

describe.each(backends)("rows in pages (%s)", (_name, ops) => {
  it.each(FORMATS)("in %s: pages of 1 … 256, steps of 1 … 90, all the same bits", (format) => {
    const run = (pageRows: number, chunk: number) =>
      logits(ops, { chunk, rows: { latent: format, index: format, pageRows } });
    const want = run(64, 64);
    for (const pageRows of [1, 2, 3, 7, 16, 256]) expect(run(pageRows, 64)).toEqual(want);
    for (const chunk of [1, 3, 17, 90]) expect(run(7, chunk)).toEqual(want);
  });

  it("in another format the logits are others: the format is used", () => {
    const runs = FORMATS.map((format) => logits(ops, { rows: { latent: format } }));
    const keys = FORMATS.map((format) => logits(ops, { rows: { index: format } }));
    for (const [a, b, c] of [runs, keys]) {
      expect(a).not.toEqual(b);
      expect(b).not.toEqual(c);
    }
  });

  it("a fork goes on as the session would, whatever the other does", () => {
    const model = tinyModel({}, ops);
    const others = randomTokens(30, 32, 8);
    for (const pageRows of [1, 7, 64]) {
      const session = new Session(model, { rows: { pageRows }, draft: true });
      session.append(text.slice(0, 40));
      const fork = session.fork();
      const first = session.append(text.slice(40));
      const second = fork.append(others);
      fork.truncate(33);
      const third = fork.append(text.slice(33));
      expect(first).toEqual(new Session(model).append(text));
      expect(second).toEqual(new Session(model).append([...text.slice(0, 40), ...others]));
      expect(third).toEqual(first);
      session.close();
      expect(fork.append([3])).toEqual(new Session(model).append([...text, 3]));
      fork.close();
      expect(session.pool.nLive).toBe(0);
    }
  });

  it("a fork's draft head guesses as the session's would", () => {
    const session = new Session(tinyModel({}, ops), { draft: true });
    session.append(text.slice(0, 20));
    const fork = session.fork();
    const guess = (one: Session) => one.draft?.propose(5, 3, () => 7).map(({ logits: l }) => l);
    fork.append(text.slice(20, 30));
    expect(guess(session)).toHaveLength(3);
    const fresh = new Session(tinyModel({}, ops), { draft: true });
    fresh.append(text.slice(0, 30));
    expect(guess(fork)).toEqual(guess(fresh));
  });
});

describe("the wasm backend", () => {
  it.each(FORMATS)("in %s gives the bits of one thread with 3", async (format) => {
    const threads = { ...nodeThreads(3), shareFrom: 0 };
    const many = await wasmOps(kernelBytes(), { memoryBytes: 2 ** 26, threads });
    const options: SessionOptions = { rows: { latent: format, index: format, pageRows: 5 } };
    expect(logits(many, options)).toEqual(logits(await fastOps(), options));
    many.close();
  });

  it("holds 2^20 scores at a time in a prefill, however many queries there are", async () => {
    const ops = await fastOps();
    const sizes: number[] = [];
    const indexScores: Ops["indexScores"] = (...args) => {
      const scores = ops.indexScores(...args);
      sizes.push(scores.data.length);
      return scores;
    };
    const model = tinyModel({}, { ...ops, indexScores });
    const long = randomTokens(2600, 32, 1);
    const wide = new Session(model, { chunk: 650 }).append(long);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2 ** 20);
    expect(Math.max(...sizes)).toBeGreaterThan(2 ** 19);
    expect(wide).toEqual(new Session(tinyModel({}, ops)).append(long));
  });
});
