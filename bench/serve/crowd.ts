/**
 * Measures what it is worth to run several texts in one step: N texts at once against the same one by one, and
 * against llama.cpp with N sequences.
 *
 *     node dist/bench/serve/crowd.js --model FOLDER [--threads 2] [--texts 1,4,16,64] [--tokens 64]
 *         [--peers FOLDER --gguf FILE]
 *
 * All texts have prompts of 32 tokens and go on by so many tokens. The columns: tokens a second one by one and
 * at once, how many times as fast, rows of a step, the median and the 99th hundredth of the milliseconds
 * between two tokens of a text; with `--peers`, tokens a second of llama.cpp at once, and how many times as
 * fast this engine is. Best of three rounds, taken in turns.
 * @module
 */
import { argv, stdout } from "node:process";
import { parseArgs } from "node:util";
import { type Job, newPagePool, PagePool, Scheduler, Session } from "../../engine/index.ts";
import { openModel } from "../../tools/node/open.ts";
import { circumstances } from "../peers/versions.ts";
import { printRow } from "../support.ts";
import { openLlama } from "./llama-crowd.ts";

const ROUNDS = 3;
const PROMPT = 32;

const { values } = parseArgs({
  args: argv.slice(2),
  options: {
    model: { type: "string", default: "demo-model" },
    threads: { type: "string", default: "2" },
    texts: { type: "string", default: "1,4,16,64" },
    tokens: { type: "string", default: "64" },
    peers: { type: "string" },
    gguf: { type: "string" },
  },
});
const { peers, gguf, tokens, texts } = values;
const threads = Number(values.threads);
const { model, arithmetic, close } = await openModel(values.model, {
  turbo: true,
  threads,
  rowBytes: 2 ** 29,
});
const llama = peers && gguf ? await openLlama({ peers, gguf, threads }) : undefined;
const nTokens = Number(tokens);
const { vocabSize } = model.config;

const jobs = (n: number): Job[] =>
  Array.from({ length: n }, (_, which) => ({
    ids: Array.from({ length: PROMPT }, (_, i) => (i * i * 31 + i * 7 + which * 101) % vocabSize),
    maxTokens: nTokens,
  }));

/** Seconds for all texts, one after the other. The first tokens come with the prompts. */
function oneByOne(n: number): number {
  const begun = performance.now();
  for (const { ids } of jobs(n)) {
    const session = new Session(model, { maxContext: PROMPT + nTokens });
    let logits = session.sync(ids).logits;
    for (let i = 1; i < nTokens; i++)
      logits = session.append([logits.indexOf(Math.max(...logits))]);
    session.close();
  }
  return (performance.now() - begun) / 1000;
}

interface Crowd {
  readonly seconds: number;
  readonly rows: number;
  readonly gaps: readonly number[];
}

/** All texts at once. */
function atOnce(n: number): Crowd {
  const memory = model.ops.rowMemory();
  const pool = new PagePool(memory, newPagePool(model.ops, model.config).layout, {
    maxPages: 4 * n + 8,
  });
  const scheduler = new Scheduler(model, pool, { maxContext: PROMPT + nTokens });
  const begun = performance.now();
  for (const job of jobs(n)) scheduler.submit(job);
  const last = new Map<number, number>();
  const gaps: number[] = [];
  for (;;) {
    const { events, nRows } = scheduler.step();
    if (nRows === 0) break;
    const now = performance.now();
    for (const event of events) {
      if (event.type !== "token") continue;
      const before = last.get(event.job);
      if (before !== undefined) gaps.push(now - before);
      last.set(event.job, now);
    }
  }
  const seconds = (performance.now() - begun) / 1000;
  const { rows, steps } = scheduler.load;
  scheduler.close();
  return { seconds, rows: rows / steps, gaps: gaps.sort((a, b) => a - b) };
}

for (const [name, value] of await circumstances()) stdout.write(`# ${name}: ${value}\n`);
stdout.write(`# arithmetic: ${arithmetic}\n# ${PROMPT} + ${nTokens} tokens a text\n`);
const peerColumns = llama ? ["llama.cpp", "times it"] : [];
printRow([
  "texts",
  "1 by 1",
  "at once",
  "times",
  "rows/step",
  "median ms",
  "99th ms",
  ...peerColumns,
]);
for (const n of texts.split(",").map(Number)) {
  let alone = Number.POSITIVE_INFINITY;
  let others = Number.POSITIVE_INFINITY;
  let best: Crowd | undefined;
  for (let round = 0; round < ROUNDS; round++) {
    alone = Math.min(alone, oneByOne(n));
    const crowd = atOnce(n);
    if (!best || crowd.seconds < best.seconds) best = crowd;
    const prompts = jobs(n).map(({ ids }) => ids);
    if (llama) others = Math.min(others, await llama(prompts, nTokens));
  }
  if (!best) break;
  const { seconds, rows, gaps } = best;
  const peer = llama ? [((n * nTokens) / others).toFixed(1), (others / seconds).toFixed(2)] : [];
  printRow([
    `${n}`,
    ((n * nTokens) / alone).toFixed(1),
    ((n * nTokens) / seconds).toFixed(1),
    (alone / seconds).toFixed(2),
    rows.toFixed(1),
    gaps[gaps.length >> 1].toFixed(2),
    gaps[Math.floor(0.99 * gaps.length)].toFixed(2),
    ...peer,
  ]);
}
await close();
