/**
 * Counts how many positions the bets of `glm52 verify` need until they find each mistake, and whether they accuse
 * what is right:
 *
 *     node dist/bench/verify/positions.js [TEXT [VARIANT]]
 *
 * The texts are the stories that the command makes, with a seed of their own, or those of a file. Each variant
 * of the demo model scores 8 texts of 512 tokens once; then whole texts, or blocks of 16 positions, are put in
 * random order 200 times. The ratio is the median by block over what the plan states; it may be 1.2 at most.
 * @module
 */
import { readFileSync } from "node:fs";
import { argv, stdout } from "node:process";
import { Session, seededRandom } from "../../engine/index.ts";
import type { Tokenizer } from "../../tokenizer/index.ts";
import { score } from "../../tools/library/score.ts";
import { open } from "../../tools/node/index.ts";
import { Bets, BLOCK, observationsOf } from "../../tools/verify/bets.ts";
import { ACCEPTED_DRIFT } from "../../tools/verify/drift.ts";
import { storyIds } from "../../tools/verify/story.ts";
import { printRow } from "../support.ts";
import { VARIANTS } from "./variants.ts";

const N_TEXTS = 8;
const LENGTH = 512;
/** Stories of another seed than those that the command asks for by default. */
const SEED = 7_000;
const N_ORDERS = 200;
/** Positions after which a search ends, as in the plan. */
const MOST = 24_000;

const glm = await open(undefined, { threads: 1 });
const { model } = glm;

/** The texts. Those of a file begin as the command's do. */
function texts(file: string | undefined): number[][] {
  const tokenizer = glm.tokenizer as Tokenizer; // the demo model has one
  const start = [...tokenizer.encode("[gMASK]<sop>")];
  if (file === undefined) {
    return Array.from({ length: N_TEXTS }, (_, i) => storyIds(tokenizer, SEED + i, LENGTH));
  }
  const stories = readFileSync(file, "utf8").replaceAll("<|endoftext|>", "");
  const ids = [...tokenizer.encodeOrdinary(stories.slice(0, N_TEXTS * LENGTH * 8))];
  const each = LENGTH - start.length;
  return Array.from({ length: N_TEXTS }, (_, i) => [
    ...start,
    ...ids.slice(i * each, (i + 1) * each),
  ]);
}

/** The log-probabilities of all tokens but the first. */
async function scored(variant: typeof model, ids: readonly number[]): Promise<number[]> {
  const session = new Session(variant, { maxContext: LENGTH });
  try {
    const { tokens } = await score(session, ids, 0, {});
    return tokens.slice(1).map(({ logProb }) => logProb ?? 0);
  } finally {
    session.close();
  }
}

/** Positions until the bets are won, with observations that are drawn one after the other. */
function positions(next: () => number) {
  const bets = new Bets(ACCEPTED_DRIFT);
  while (bets.verdict === undefined && bets.count * BLOCK < MOST) bets.add(next());
  return { verdict: bets.verdict ?? "neither", n: bets.count * BLOCK };
}

/** Whole texts in a random order. */
function byText(perText: readonly (readonly number[])[], seed: number): () => number {
  const random = seededRandom(seed);
  let left: readonly number[] = [];
  return () => {
    if (left.length === 0) left = perText[Math.floor(random() * perText.length)];
    const [first] = left;
    left = left.slice(1);
    return first;
  };
}

/** Blocks of all texts in a random order. */
function byBlock(perText: readonly (readonly number[])[], seed: number): () => number {
  const random = seededRandom(seed);
  const blocks = perText.flat();
  return () => blocks[Math.floor(random() * blocks.length)];
}

function median(runs: readonly { readonly n: number }[]): number {
  const sorted = runs.map(({ n }) => n).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

const all = texts(argv[2]);
const right: number[][] = [];
for (const ids of all) right.push(await scored(model, ids));
printRow(["mean", "early", "late", "above", "below", "by text", "by block", "ratio", "variant"]);
for (const { name, change, planned } of VARIANTS) {
  if (!name.includes(argv[3] ?? "")) continue;
  const wrong = change({ ...model });
  const differences: number[][] = [];
  for (const [i, ids] of all.entries()) {
    const got = await scored(wrong, ids);
    differences.push(got.map((x, at) => Math.abs(x - right[i][at])));
  }
  const mean = (from: number, to: number) => {
    const list = differences.flatMap((one) => one.slice(from, to));
    return (list.reduce((a, b) => a + Math.min(b, 1), 0) / list.length).toFixed(4);
  };
  const observations = differences.map(observationsOf);
  const runs = [byText, byBlock].map((order) =>
    Array.from({ length: N_ORDERS }, (_, seed) => positions(order(observations, seed))),
  );
  const count = (verdict: string) => runs.flat().filter((run) => run.verdict === verdict).length;
  const [texts, blocks] = runs.map(median);
  printRow([
    ...[mean(0, LENGTH), mean(8, 63), mean(128, LENGTH), `${count("above")}`, `${count("below")}`],
    ...[`${texts}`, `${blocks}`],
    ...[planned === undefined ? "" : (blocks / planned).toFixed(2), name],
  ]);
}
stdout.write(`${N_TEXTS} texts of ${LENGTH} tokens, ${N_ORDERS} orders\n`);
await glm.close();
