/**
 * Measures what it is worth to run several texts in one step: N texts at once against the same one by one.
 *
 *     node dist/bench/serve/crowd.js MODEL [threads] [N,…] [tokens]
 *
 * All texts have prompts of 32 tokens and go on by so many tokens (64 by default). The columns: tokens a
 * second one by one and at once, how many times as fast, rows of a step, and the median and the 99th
 * hundredth of the milliseconds between two tokens of a text. Best of three rounds, taken in turns.
 * @module
 */
import { argv, stdout } from "node:process";
import { type Job, newPagePool, PagePool, Scheduler, Session } from "../../engine/index.ts";
import { openModel } from "../../tools/node/open.ts";
import { circumstances } from "../peers/versions.ts";
import { printRow } from "../support.ts";

const ROUNDS = 3;
const PROMPT = 32;

const [, , folder, threads = "2", counts = "1,4,16,64", tokens = "64"] = argv;
const { model, arithmetic, close } = await openModel(folder, {
  turbo: true,
  threads: Number(threads),
  rowBytes: 2 ** 29,
});
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
printRow(["texts", "one by one", "at once", "times", "rows/step", "median ms", "99th ms"]);
for (const n of counts.split(",").map(Number)) {
  let alone = Number.POSITIVE_INFINITY;
  let best: Crowd | undefined;
  for (let round = 0; round < ROUNDS; round++) {
    alone = Math.min(alone, oneByOne(n));
    const crowd = atOnce(n);
    if (!best || crowd.seconds < best.seconds) best = crowd;
  }
  if (!best) break;
  const { seconds, rows, gaps } = best;
  printRow([
    `${n}`,
    ((n * nTokens) / alone).toFixed(1),
    ((n * nTokens) / seconds).toFixed(1),
    (alone / seconds).toFixed(2),
    rows.toFixed(1),
    gaps[gaps.length >> 1].toFixed(2),
    gaps[Math.floor(0.99 * gaps.length)].toFixed(2),
  ]);
}
await close();
