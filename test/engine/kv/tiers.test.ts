/**
 * Tests of cold rows in a store: results have the same bits as in memory, and the counters add up.
 */
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  CacheError,
  type Ops,
  Session,
  type SessionOptions,
  StoreError,
} from "../../../engine/index.ts";
import { Recorder } from "../../../engine/trace/recorder.ts";
import { rowFile } from "../../../tools/node/row-file.ts";
import { randomTokens } from "../../support/random.ts";
import { tinyModel } from "../../support/tiny-model.ts";
import { REFERENCES } from "../ops/backends.ts";
import { fastOps } from "../ops/wasm/wasm.ts";
import { FaultyStore, ShufflingStore } from "./faulty-store.ts";

const backends: readonly [string, Ops][] = [
  ["reference", REFERENCES[0].ops],
  ["wasm", await fastOps()],
];
const text = randomTokens(150, 32, 6);

/** Bytes of one position in f32: five layers of 8 + 4 numbers. */
const ROW_BYTES = 4 * 5 * (8 + 4);

describe.each(backends)("cold rows (%s)", (_name, ops) => {
  const model = tinyModel({}, ops);
  /** The logits after every token, and the choices of every layer. */
  const run = (options: SessionOptions) => {
    const recorder = new Recorder((stage) => stage === "top_k");
    const session = new Session(model, { ...options, taps: recorder });
    return { logits: session.appendAll(text), selections: recorder.tensors() };
  };
  const both = run({});
  const whole = both.logits;
  const tierOf = (nHot: number, store = new FaultyStore()) => ({
    store,
    hotBytes: nHot * ROW_BYTES,
  });

  it.each([5, 6, 20, 1000])(
    "with room for %d hot rows: the same bits and selections in pages and steps of any size",
    (nHot) => {
      for (const [pageRows, chunk] of [
        [1, 7],
        [3, 1],
        [16, 64],
        [64, 7],
        [64, 1],
      ]) {
        expect(run({ chunk, rows: { pageRows }, tier: tierOf(nHot) })).toEqual(both);
      }
    },
  );

  it.each([5, 6, 20])("read ahead, in any order, with room for %d: the same bits", (nHot) => {
    let ahead = 0;
    for (const chunk of [1, 7, 64]) {
      const store = new ShufflingStore();
      const session = new Session(model, {
        chunk,
        rows: { pageRows: 4 },
        tier: tierOf(nHot, store),
      });
      for (let at = 0; at < text.length; at += 9) {
        store.failsAfter = at % 4 === 0 ? 30 : Number.POSITIVE_INFINITY;
        const before = session.tokens.length;
        let logits: readonly unknown[] = [];
        try {
          logits = session.appendAll(text.slice(at, at + 9));
        } catch (error) {
          expect(error).toBeInstanceOf(StoreError);
          store.failsAfter = Number.POSITIVE_INFINITY;
          session.truncate(before);
          logits = session.appendAll(text.slice(at, at + 9));
        }
        expect(logits).toEqual(whole.slice(at, at + 9));
      }
      const { counts } = session.pool.hotRows ?? {};
      ahead += counts?.ahead ?? 0;
      expect((counts?.inTime ?? 0) + (counts?.late ?? 0)).toBeLessThanOrEqual(counts?.ahead ?? 0);
    }
    expect(ahead).toBeGreaterThan(0);
  });

  it("in a file too, read ahead or not, and nothing of it is left behind", async () => {
    const folder = mkdtempSync(join(tmpdir(), "rows-"));
    const path = join(folder, "cold");
    for (const readsAhead of [true, false]) {
      const store = await rowFile(path, readsAhead);
      const tier = { store, hotBytes: 6 * ROW_BYTES };
      expect(readdirSync(folder)).toEqual([]);
      const session = new Session(model, { rows: { pageRows: 4 }, tier, chunk: 1 });
      expect(session.appendAll(text)).toEqual(whole);
      const { ahead = 0 } = session.pool.hotRows?.counts ?? {};
      expect(ahead > 0).toBe(readsAhead && ops.backend === "wasm");
      session.close();
      await store.close();
      expect(() => store.read(0, new Uint8Array(4))).toThrow("EBADF");
    }
    writeFileSync(path, "mine");
    await expect(rowFile(path)).rejects.toThrow("EEXIST");
    expect(readFileSync(path, "utf8")).toBe("mine");
  });

  it("rows in int8 are those of a run in memory", () => {
    const rows = { latent: "int8", index: "bf16", pageRows: 4 } as const;
    expect(run({ rows, tier: { store: new FaultyStore(), hotBytes: 1000 } })).toEqual(
      run({ rows }),
    );
  });

  it("forks and truncated sessions read the same rows back", () => {
    const session = new Session(model, { rows: { pageRows: 4 }, tier: tierOf(7) });
    session.append(text.slice(0, 50));
    const fork = session.fork();
    fork.truncate(30);
    expect(fork.append(text.slice(30))).toEqual(whole.at(-1));
    expect(session.append(text.slice(50))).toEqual(whole.at(-1));
    session.truncate(21);
    expect(session.append([5])).toEqual(new Session(model).append([...text.slice(0, 21), 5]));
    session.close();
    fork.close();
    expect(session.pool.liveBytes).toBe(0);
  });

  it("a store that fails is an error of the step; asked again, it gives the same bits", () => {
    const store = new FaultyStore();
    const session = new Session(model, { rows: { pageRows: 4 }, tier: tierOf(6, store), chunk: 5 });
    let [attempts, failures] = [0, 0];
    let logits: unknown;
    for (let at = 0; at < text.length; ) {
      store.failsAfter = (17 * ++attempts) % 131;
      const part = text.slice(at, at + 5);
      try {
        logits = session.append(part);
        at += 5;
      } catch (error) {
        expect(error).toBeInstanceOf(StoreError);
        failures++;
      }
    }
    expect(logits).toEqual(whole.at(-1));
    expect(failures).toBeGreaterThan(10);
  });

  it("every row asked for was a hit or a miss; every byte read is a miss; pages leave memory", () => {
    const session = new Session(model, { rows: { pageRows: 4 }, tier: tierOf(8), chunk: 1 });
    const { pool } = session;
    for (const token of text.slice(0, 100)) session.append([token]);
    const { hits, misses, bytesRead, bytesWritten } = pool.hotRows?.counts ?? {};
    // From position 8 on, each of five layers chooses five rows, and some of these are not cold
    // yet.
    expect((hits ?? 0) + (misses ?? 0)).toBeGreaterThan(80 * 3 * 5);
    expect((hits ?? 0) + (misses ?? 0)).toBeLessThan(100 * 5 * 5);
    expect(hits).toBeGreaterThan(misses ?? 0);
    // Groups of one and two layers: rows of 48 and 96 bytes.
    expect(bytesRead).toBeGreaterThanOrEqual(48 * (misses ?? 0));
    expect(bytesRead).toBeLessThanOrEqual(96 * (misses ?? 0));
    expect(bytesWritten).toBe(24 * 4 * ROW_BYTES);
    const keyBytes = 25 * 4 * 3 * 8 * 4;
    expect(pool.liveBytes).toBe(keyBytes + 4 * ROW_BYTES);
  });

  it("with room for all rows, nothing is ever read", () => {
    const session = new Session(model, { rows: { pageRows: 4 }, tier: tierOf(200) });
    session.append(text);
    expect(session.pool.hotRows?.counts.misses).toBe(0);
    expect(session.pool.hotRows?.counts.hits).toBeGreaterThan(0);
  });

  it("less room than one query needs is refused", () => {
    expect(() => new Session(model, { tier: tierOf(4) })).toThrow(
      new CacheError(
        "hot rows",
        `expected at least ${5 * ROW_BYTES} bytes, room for what one query may choose, got ${4 * ROW_BYTES}`,
      ),
    );
  });
});
