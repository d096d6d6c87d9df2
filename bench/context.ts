/**
 * What a token costs at 2K … 32K positions, and where its time goes.
 *
 *     node dist/bench/context.js MODEL [threads] [activations] [context,…]
 *
 * The cache is filled with random rows: what a step costs does not depend on what they say. Prints
 * milliseconds per token and the shares of its parts.
 * @module
 */
import { argv, stdout, versions } from "node:process";
import type { Ops } from "../engine/index.ts";
import { newModelCache } from "../engine/kv/model-cache.ts";
import { forward, head, type Model } from "../engine/model/model.ts";
import { noTaps } from "../engine/tap.ts";
import { openModel } from "../tools/open-model.ts";
import { fill } from "./kv/fill.ts";

/** Steps at each context; the fastest counts, so that an interruption does not. */
const STEPS = 12;

/** Parts of a step, and the ops of each. What is in none of them is the rest. */
const PARTS: Readonly<Record<string, readonly (keyof Ops)[]>> = {
  indexer: ["indexScores", "topK"],
  attention: ["latentAttention", "perHead"],
  experts: ["route", "experts"],
  "other products": ["linear"],
};

const [, , folder, threads = "1", activations = "int8", contexts = "2048,8192,32768"] = argv;
const { model, arithmetic } = await openModel(folder, {
  backend: "wasm",
  threads: Number(threads),
  activations: activations === "int8" ? "int8" : "f32",
});

const spent = new Map<string, number>();

/** The same ops, which write down how long they take. */
function timed(ops: Ops): Ops {
  const wrapped = Object.entries(PARTS).flatMap(([part, names]) =>
    names.map((name) => {
      const op = ops[name] as (...args: unknown[]) => unknown;
      const run = (...args: unknown[]): unknown => {
        const start = performance.now();
        const result = op(...args);
        spent.set(part, (spent.get(part) ?? 0) + performance.now() - start);
        return result;
      };
      return [name, run];
    }),
  );
  return { ...ops, ...Object.fromEntries(wrapped) };
}

const timedModel: Model = { ...model, ops: timed(model.ops) };
const cache = newModelCache(model.ops, model.config);
stdout.write(`Node ${versions.node}: ${arithmetic}\n`);
stdout.write(`${["context", "ms/token", ...Object.keys(PARTS), "rest"].join("  ")}\n`);
for (const n of contexts.split(",").map(Number)) {
  fill(model.ops, cache, n);
  let [best, shares] = [Number.POSITIVE_INFINITY, ""];
  for (let step = 0; step < STEPS; step++) {
    const mark = model.ops.mark();
    spent.clear();
    const start = performance.now();
    const hidden = forward(timedModel, Int32Array.of(5 + step), n + step, cache, noTaps);
    head(timedModel, hidden, noTaps);
    const time = performance.now() - start;
    model.ops.release(mark);
    if (time >= best) continue;
    const parts = Object.keys(PARTS).map((part) => spent.get(part) ?? 0);
    const rest = time - parts.reduce((sum, part) => sum + part, 0);
    best = time;
    shares = [...parts, rest].map((part) => `${((100 * part) / time).toFixed(1)} %`).join("  ");
  }
  stdout.write(`${n}  ${best.toFixed(1)}  ${shares}\n`);
  cache.truncate(n);
}
(model.ops as { close?: () => void }).close?.();
