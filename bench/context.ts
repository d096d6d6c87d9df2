/**
 * Measures what a token costs at 2K … 32K positions, and which parts of a step take how much of it.
 *
 *     npm run bench:context -- MODEL [threads] [activations] [context,…] [tokens]
 *
 * A step is one token by default, as in decoding; with `tokens`, it is a step of a prompt. The cache is filled
 * with random rows, because the cost of a step does not depend on their values. Prints milliseconds per token,
 * the shares of the blocks of a step, and the shares of its ops. The last column says how many times as long the
 * step would take if every layer had an indexer, instead of those that IndexShare gives one.
 * @module
 */
import { argv, stdout } from "node:process";
import { newTap, type Stage, type Taps } from "../engine/base/tap.ts";
import type { Ops } from "../engine/index.ts";
import { newModelCache } from "../engine/kv/model-cache.ts";
import { forward, head, type Model } from "../engine/model/model.ts";
import { openModel } from "../tools/node/open.ts";
import { fill } from "./kv/fill.ts";
import { circumstances } from "./peers/versions.ts";
import { printRow } from "./support.ts";

/** Number of steps at each context. The fastest one counts, since others may be interrupted. */
const [DECODE_STEPS, PROMPT_STEPS] = [12, 3];

/** The blocks of a step, and the stages of each. The time before a stage counts for its block. */
const BLOCKS: Readonly<Record<string, readonly Stage[]>> = {
  attention: ["qr", "q_nope", "q_pe", "kv_cmpr", "k_pe", "q_nope_absorbed", "attn_out"],
  indexer: ["indexer_q", "indexer_k", "indexer_weights", "indexer_score", "top_k"],
  MoE: ["ffn_moe_logits", "ffn_moe_topk", "ffn_moe_weights", "ffn_moe_out", "ffn_shexp"],
  "dense MLP": ["ffn_out"],
  head: ["result_output"],
};

/** The parts of a step that have kernels of their own, and the ops of each part. */
const OPS: Readonly<Record<string, readonly (keyof Ops)[]>> = {
  "op indexer": ["indexScores", "topK"],
  "op attention": ["latentAttention", "perHead"],
  "op experts": ["route", "experts"],
  "op linear": ["linear"],
};

const [
  ,
  ,
  folder,
  threads = "1",
  activations = "int8",
  contexts = "2048,8192,32768",
  tokens = "1",
] = argv;
const nTokens = Number(tokens);
const nSteps = nTokens === 1 ? DECODE_STEPS : PROMPT_STEPS;
const { model, arithmetic, close } = await openModel(folder, {
  turbo: true,
  threads: Number(threads),
  activations: activations === "int8" ? "int8" : "f32",
});

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
        const start = performance.now();
        const result = op(...args);
        spend(part, performance.now() - start);
        return result;
      };
      return [name, run];
    }),
  );
  return { ...ops, ...Object.fromEntries(wrapped) };
}

let lastStage = 0;

/** Adds the time since the last stage to the block of this one. */
const timedTap = newTap((stage) => {
  const now = performance.now();
  const block = Object.entries(BLOCKS).find(([, stages]) => stages.includes(stage));
  if (block !== undefined) spend(block[0], now - lastStage);
  lastStage = now;
});
const timedTaps: Taps = { model: timedTap, layer: () => timedTap };

const timedModel: Model = { ...model, ops: timed(model.ops) };
const cache = newModelCache(model.ops, model.config);
for (const [name, value] of await circumstances()) stdout.write(`# ${name}: ${value}\n`);
stdout.write(`# arithmetic: ${arithmetic}\n`);
const [blocks, ops] = [Object.keys(BLOCKS), Object.keys(OPS)];
const layers = [...model.weights.layers];
const timesLayers = layers.length / layers.filter(({ indexer }) => indexer !== undefined).length;
printRow(["context", "ms/token", ...blocks, "rest", ...ops, "every layer"]);
for (const n of contexts.split(",").map(Number)) {
  fill(model.ops, cache, n);
  let [best, shares]: [number, string[]] = [Number.POSITIVE_INFINITY, []];
  for (let step = 0; step < nSteps; step++) {
    const mark = model.ops.mark();
    spent.clear();
    const start = performance.now();
    lastStage = start;
    const ids = Int32Array.from({ length: nTokens }, (_, i) => 5 + step + 7 * i);
    const hidden = forward(timedModel, ids, cache.length, cache, timedTaps);
    head(timedModel, model.ops.slice(hidden, nTokens - 1, nTokens), timedTaps);
    const time = performance.now() - start;
    model.ops.release(mark);
    if (time >= best) continue;
    best = time;
    const [inBlocks, inOps] = [blocks, ops].map((names) => names.map((x) => spent.get(x) ?? 0));
    const rest = time - inBlocks.reduce((sum, part) => sum + part, 0);
    shares = [...inBlocks, rest, ...inOps].map((part) => `${((100 * part) / time).toFixed(1)} %`);
    const everyLayer = 1 + ((timesLayers - 1) * (spent.get("indexer") ?? 0)) / time;
    shares.push(`${everyLayer.toFixed(2)} x`);
  }
  printRow([`${n}`, (best / nTokens).toFixed(2), ...shares]);
  cache.truncate(n);
}
await close();
