/**
 * Gives a server's engine thousands of orders, most of which are given up at some moment: while they wait,
 * while their prompt is read, while they are written, while their reader is slow. Afterwards nothing may be
 * left, and memory must not have grown.
 *
 *     npm run soak:requests -- [--rounds 10000] [--seed 1]
 * @module
 */
import { argv, exit, memoryUsage, stdout } from "node:process";
import { parseArgs } from "node:util";
import { seededRandom } from "../../engine/index.ts";
import type { Order } from "../../tools/serve/desk.ts";
import { serveFolder } from "../../tools/serve/engine/serve-folder.ts";

/** Orders that are open at a time. */
const AT_ONCE = 24;

const { values } = parseArgs({
  args: argv.slice(2),
  options: { rounds: { type: "string", default: "10000" }, seed: { type: "string", default: "1" } },
});
const [rounds, seed] = [Number(values.rounds), Number(values.seed)];
const random = seededRandom(seed);
const pick = <X>(...of: readonly X[]): X => of[Math.floor(random() * of.length)];

const { desk } = await serveFolder(undefined, {
  open: { threads: 1 },
  rows: {},
  rowBytes: 2 ** 25,
});
const { tokenizer, sampling, eosTokenIds } = desk.model;
const words = [...tokenizer.encode("Once upon a time there was a little fox who lived in a wood.")];
const beginnings = [1, 2, 3].map((k) =>
  Array.from({ length: 700 }, (_, i) => words[(i * k + (i >> 3)) % words.length]),
);

function randomOrder(): Order {
  const own = Array.from({ length: 1 + Math.floor(random() * 20) }, () => pick(...words));
  const constraint = {
    kind: "text",
    grammar: { kind: "regex", pattern: "[a-z ]{1,40}" },
  } as const;
  return {
    ids: [...pick(...beginnings).slice(0, pick(0, 64, 200, 700)), ...own],
    maxTokens: pick(1, 8, 40, 300),
    sampling,
    seed: Math.floor(random() * 1000),
    stopIds: pick([], eosTokenIds),
    minTokens: 0,
    topLogProbs: pick(0, 0, 5),
    promptLogProbs: random() < 0.1,
    n: pick(1, 1, 1, 2),
    ...(random() < 0.2 && { constraint }),
    ...(random() < 0.2 && { timeout: Math.floor(random() * 40) }),
  };
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const ends = { over: 0, cancelled: 0, ended: 0, failed: 0 };

/** One client: asks, reads for a while, and perhaps goes away. */
async function client(): Promise<void> {
  const ticket = desk.submit(randomOrder());
  const patience = pick(0, 1, 3, 10, 400);
  const way = pick("stays", "cancels", "cancels", "ends");
  const isSlow = random() < 0.05;
  let heard = 0;
  try {
    if (patience === 0 && way === "cancels") await wait(random() * 5);
    else {
      for await (const _ of ticket.happenings) {
        if (++heard >= patience && way !== "stays") break;
        if (isSlow) await wait(1);
      }
    }
    if (way === "ends") {
      ends.ended++;
      ticket.end(0);
      ticket.end(1);
    } else ends[way === "cancels" ? "cancelled" : "over"]++;
    ticket.cancel();
  } catch {
    ends.failed++;
  }
}

/** Runs clients, so many at a time. */
async function run(count: number): Promise<void> {
  let left = count;
  const lane = async (): Promise<void> => {
    while (left-- > 0) await client();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

const megabytes = () => Math.round(memoryUsage().rss / 1e6);

await run(Math.ceil(rounds / 5));
const before = megabytes();
await run(rounds - Math.ceil(rounds / 5));
await wait(500);
const { running, waiting, pagesInUse, steps, preemptions } = desk.load();
stdout.write(
  `${rounds} orders in ${steps} steps, ${preemptions} put back: ${JSON.stringify(ends)}\n`,
);
stdout.write(`resident memory: ${before} MB after a fifth, ${megabytes()} MB at the end\n`);
const isClean = running === 0 && waiting === 0 && pagesInUse === 0 && ends.failed === 0;
const isFlat = megabytes() < 1.1 * before;
stdout.write(isClean ? "nothing is left\n" : `left: ${JSON.stringify(desk.load())}\n`);
await desk.close(0);
exit(isClean && isFlat ? 0 : 1);
