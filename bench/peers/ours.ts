/**
 * Measures this engine in a process of its own. run.ts starts this script.
 * @module
 */
import { versions } from "node:process";
import { Session } from "../../engine/index.ts";
import { openModel } from "../../tools/node/open.ts";
import {
  answer,
  CHECKED_AT_ONCE,
  CHECKED_SINGLY,
  DECODED,
  measurePrefills,
  median,
  ROUNDS,
  readJob,
  writeRows,
} from "./protocol.ts";

const job = readJob();
const begun = performance.now();
const { model, arithmetic, close } = await openModel(job.model, {
  turbo: true,
  threads: job.threads,
  activations: job.activations,
});
const loaded = (performance.now() - begun) / 1000;

/** Writes the logits of the common prompt to a file. */
function check(path: string): void {
  const session = new Session(model, { maxContext: CHECKED_AT_ONCE + CHECKED_SINGLY });
  const rows = [session.append(job.tokens.slice(0, CHECKED_AT_ONCE)).slice()];
  for (let i = 0; i < CHECKED_SINGLY; i++) {
    rows.push(session.append([job.tokens[CHECKED_AT_ONCE + i]]).slice());
  }
  session.close();
  writeRows(path, rows);
}

/** Tokens per second of prompts, in the steps of `glm52 run`, with logits only after the last token. */
async function prefill(): Promise<Record<number, number>> {
  const session = new Session(model, { maxContext: Math.max(1, ...job.prefill) });
  const run = (from: number, to: number) => session.append(job.tokens.slice(from, to));
  const rates = await measurePrefills(job, () => session.truncate(0), run);
  session.close();
  return rates;
}

/** Tokens per second when tokens run one at a time, from position `context` on. */
function decode(context: number): number {
  const session = new Session(model, { maxContext: context + DECODED * ROUNDS });
  if (context > 0) session.append(job.tokens.slice(0, context));
  const rates = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    for (let i = 0; i < DECODED; i++) session.append([job.tokens[session.tokens.length]]);
    return DECODED / ((performance.now() - start) / 1000);
  });
  session.close();
  return median(rates);
}

if (job.logits !== undefined) check(job.logits);
answer({
  version: `Node ${versions.node}, V8 ${versions.v8}, ${arithmetic}`,
  loaded,
  prefill: await prefill(),
  decode: Object.fromEntries(job.contexts.map((n) => [n, decode(n)])),
});
await close();
