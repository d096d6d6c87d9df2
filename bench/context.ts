/**
 * Measures what a token costs after 2K … 32K positions, in decode and in prefill, and which parts of a
 * step take how much of it.
 *
 *     npm run bench:context -- MODEL [threads] [activations] [context,…]
 *
 * The cache is filled with random rows. Prints milliseconds per token, the shares of the blocks of a step,
 * and the shares of its ops: first for one token at a time, then for 512 tokens at once. The last column
 * says how many times as long the step would take if every layer had an indexer, instead of those that
 * IndexShare gives one. With one thread, times are those of the processor.
 * @module
 */

import { argv, cpuUsage, stdout } from "node:process";
import { newTap, type Stage, type Taps } from "../engine/base/tap.ts";
import type { Ops } from "../engine/index.ts";
import { newModelCache } from "../engine/kv/model-cache.ts";
import { forward, head, type Model } from "../engine/model/model.ts";
import { positionsFrom } from "../engine/numbers/rope-table.ts";
import { openModel } from "../tools/node/open.ts";
import { fill } from "./kv/fill.ts";
import { circumstances } from "./peers/versions.ts";
import { printRow } from "./support.ts";

/** A way to run tokens: how many at once, and how often. The fastest step counts, since others may be interrupted. */
interface Phase {
  readonly name: string;
  readonly tokens: number;
  readonly steps: number;
}

const PHASES: readonly Phase[] = [
  { name: "decode", tokens: 1, steps: 12 },
  { name: "prefill", tokens: 512, steps: 4 },
];

/** The blocks of a step, and the stages of each. The time before a stage counts for its block. */
const BLOCKS: Readonly<Record<string, readonly Stage[]>> = {
  attention: ["qr", "q_nope", "q_pe", "kv_cmpr", "k_pe", "q_nope_absorbed", "attn_out"],
  indexer: ["indexer_q", "indexer_k", "indexer_weights", "top_k"],
  MoE: ["ffn_moe_logits", "ffn_moe_topk", "ffn_moe_weights", "ffn_moe_out", "ffn_shexp"],
  "dense MLP": ["ffn_out"],
  head: ["result_output"],
};

/** The parts of a step that have kernels of their own, and the ops of each part. */
const OPS: Readonly<Record<string, readonly (keyof Ops)[]>> = {
  "op scores": ["indexScores"],
  "op top-k": ["topK"],
  "op attention": ["latentAttention", "perHead"],
  "op experts": ["route", "experts"],
  "op linear": ["linear"],
};

const [, , folder, threads = "1", activations = "int8", contexts = "2048,8192,32768"] = argv;
const { model, arithmetic, close } = await openModel(folder, {
  turbo: true,
  threads: Number(threads),
  activations: activations === "int8" ? "int8" : "f32",
});

/** Milliseconds: those of the processor where one thread computes, so that other work hardly disturbs. */
function now(): number {
  if (threads !== "1") return performance.now();
  const { user, system } = cpuUsage();
  return (user + system) / 1000;
}

const spent = new Map<string, number>();

function spend(part: string, time: number): void {
  spent.set(part, (spent.get(part) ?? 0) + time);
}

/** The same ops, which also record how long they take. */
function timed(ops: Ops): Ops {
  const wrapped = Object.entries(OPS).flatMap(([part, names]) =>
    names.map((name) => {
      const op = ops[name] as (...args: unknown[]) => unknown;
      const run = (...args: unknown[]): unknown => {
        const start = now();
        const result = op(...args);
        spend(part, now() - start);
        return result;
      };
      return [name, run];
    }),
  );
  return { ...ops, ...Object.fromEntries(wrapped) };
}

let lastStage = 0;

/** Adds the time since the last stage to the block of this one. A tap that wants all scores would cost memory. */
const timedTap = newTap(
  (stage) => {
    const time = now();
    const block = Object.entries(BLOCKS).find(([, stages]) => stages.includes(stage));
    if (block !== undefined) spend(block[0], time - lastStage);
    lastStage = time;
  },
  (stage) => stage !== "indexer_score",
);
const timedTaps: Taps = { model: timedTap, layer: () => timedTap };

const timedModel: Model = { ...model, ops: timed(model.ops) };
const cache = newModelCache(model.ops, model.config);
const [blocks, ops] = [Object.keys(BLOCKS), Object.keys(OPS)];

const layers = [...model.weights.layers];
const timesLayers = layers.length / layers.filter(({ indexer }) => indexer !== undefined).length;

/** Runs one step after `n` positions, and forgets its rows. Returns its milliseconds, and adds up the parts. */
function step(tokens: Int32Array, n: number): number {
  const mark = model.ops.mark();
  spent.clear();
  const start = now();
  lastStage = start;
  const hidden = forward(timedModel, tokens, positionsFrom(n, tokens.length), cache, timedTaps);
  head(timedModel, model.ops.slice(hidden, tokens.length - 1, tokens.length), timedTaps);
  const time = now() - start;
  model.ops.release(mark);
  cache.truncate(n);
  return time;
}

/** Milliseconds per token after `n` positions, and the shares of blocks, rest and ops. */
function measure({ tokens, steps }: Phase, n: number): string[] {
  let [best, shares]: [number, string[]] = [Number.POSITIVE_INFINITY, []];
  for (let i = 0; i < steps; i++) {
    const time = step(
      Int32Array.from({ length: tokens }, (_, t) => 5 + i + 3 * t),
      n,
    );
    if (time >= best) continue;
    best = time;
    const [inBlocks, inOps] = [blocks, ops].map((names) => names.map((x) => spent.get(x) ?? 0));
    const rest = time - inBlocks.reduce((sum, part) => sum + part, 0);
    shares = [...inBlocks, rest, ...inOps].map((part) => `${((100 * part) / time).toFixed(1)} %`);
    const everyLayer = 1 + ((timesLayers - 1) * (spent.get("indexer") ?? 0)) / time;
    shares.push(`${everyLayer.toFixed(2)} x`);
  }
  return [(best / tokens).toFixed(1), ...shares];
}

for (const [name, value] of await circumstances()) stdout.write(`# ${name}: ${value}\n`);
stdout.write(`# arithmetic: ${arithmetic}\n`);
printRow(["context", "phase", "ms/token", ...blocks, "rest", ...ops, "every layer"]);
for (const n of contexts.split(",").map(Number)) {
  fill(model.ops, cache, n);
  for (const phase of PHASES) printRow([`${n}`, phase.name, ...measure(phase, n)]);
}
await close();
