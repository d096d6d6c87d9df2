/** Tests that what is drawn under a constraint is what was asked for: random schemas, tools and choices. */
import { expect, test } from "vitest";
import type { Constraint } from "../../../engine/index.ts";
import { type Trial, tokenizer, tryReply, tryText } from "./replies.ts";

const { GLM52_FULL } = process.env;
/** With GLM52_FULL=1, there are 20,000 in all. */
const N = GLM52_FULL ? 10_000 : 150;

/** Runs many seeds, and expects no fault. Most of them must be drawn to their end. */
function tryAll(one: (seed: number) => Trial): Trial[] {
  const trials: Trial[] = [];
  for (let seed = 0; seed < N; seed++) trials.push(one(seed));
  expect(trials.flatMap(({ wrong }) => wrong ?? []).slice(0, 3)).toEqual([]);
  const share = (outcome: Trial["outcome"]) =>
    trials.filter((trial) => trial.outcome === outcome).length / N;
  expect(share("whole")).toBeGreaterThan(0.6);
  expect(share("refused")).toBeLessThan(0.1);
  return trials;
}

test(`${N} texts of random schemas are JSON that fits`, () => {
  tryAll(tryText);
});

test(`${N} replies with random tools are read without a repair, and their calls fit`, () => {
  const trials = tryAll((seed) => tryReply(seed));
  expect(trials.reduce((sum, { nCalls }) => sum + nCalls, 0)).toBeGreaterThan(N / 2);
});

test("a constraint that allows everything is found", () => {
  const all = new Uint32Array(Math.ceil(tokenizer.vocabSize / 32));
  for (let id = 0; id < tokenizer.vocabSize; id++) all[id >> 5] |= 1 << (id & 31);
  const free: Constraint = {
    allowed: () => all,
    accept: () => {},
    undo: () => {},
    fork: () => free,
    close: () => {},
  };
  const found = Array.from({ length: 20 }, (_, seed) => tryReply(seed, () => free).wrong);
  expect(found.filter((wrong) => wrong !== undefined).length).toBeGreaterThan(5);
});
