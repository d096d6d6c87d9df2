/**
 * Measures what kept pages are worth: the time to a first token of a prompt that nobody has run, and of the same
 * prompt with three tokens more, whose pages are there.
 *
 *     node dist/bench/serve/prefix.js [MODEL] [threads] [tokens,…]
 *
 * The last column is the second time divided by the first; the best of three warm ones counts.
 * @module
 */
import { argv, stdout } from "node:process";
import { newPagePool, PagePool, Scheduler } from "../../engine/index.ts";
import { openModel } from "../../tools/node/open.ts";
import { circumstances } from "../peers/versions.ts";
import { printRow } from "../support.ts";

const ROUNDS = 3;

const [, , folder = "demo-model", threads = "2", lengths = "1024,4096,14302"] = argv;
const { model, arithmetic, close } = await openModel(folder, {
  turbo: true,
  threads: Number(threads),
  rowBytes: 2 ** 29,
});
const { vocabSize } = model.config;
const text = (n: number, which: number) =>
  Array.from({ length: n }, (_, i) => (i * i * 31 + i * 7 + which * 101) % vocabSize);

const { layout } = newPagePool(model.ops, model.config);
const pool = new PagePool(model.ops.rowMemory(), layout, { maxPages: 1024 });
const scheduler = new Scheduler(model, pool, { maxContext: 2 ** 15, stepRows: 512 });

/** Milliseconds until the first token is there, and how many tokens of the prompt were. */
function firstToken(ids: readonly number[]): { ms: number; cached: number } {
  const begun = performance.now();
  scheduler.submit({ ids, maxTokens: 1 });
  let cached = 0;
  for (;;) {
    const { events } = scheduler.step();
    for (const event of events) {
      if (event.type === "admitted") cached = event.cachedTokens;
      if (event.type === "token") return { ms: performance.now() - begun, cached };
    }
  }
}

for (const [name, value] of await circumstances()) stdout.write(`# ${name}: ${value}\n`);
stdout.write(`# arithmetic: ${arithmetic}\n`);
printRow(["tokens", "cold ms", "warm ms", "there", "warm/cold"]);
for (const [which, length] of lengths.split(",").map(Number).entries()) {
  const ids = text(length, which);
  const cold = firstToken(ids);
  const warm = Array.from({ length: ROUNDS }, (_, round) => firstToken([...ids, 1, 2, 3 + round]));
  const best = warm.reduce((a, b) => (b.ms < a.ms ? b : a));
  const share = `${((100 * best.ms) / cold.ms).toFixed(2)} %`;
  printRow([`${length}`, cold.ms.toFixed(0), best.ms.toFixed(1), `${best.cached}`, share]);
}
await close();
