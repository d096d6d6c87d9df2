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

/** Tokens per second when `n` tokens run at once, with logits only after the last one. */
function prefill(n: number): number {
  const tokens = job.tokens.slice(0, n);
  const rates = Array.from({ length: ROUNDS }, () => {
    const session = new Session(model, { maxContext: n, chunk: n });
    const start = performance.now();
    session.append(tokens);
    const rate = n / ((performance.now() - start) / 1000);
    session.close();
    return rate;
  });
  return median(rates);
}

/** Tokens per second when tokens run one at a time, from position `context` on. */
function decode(context: number): number {
  const session = new Session(model, { maxContext: context + DECODED * ROUNDS, chunk: 512 });
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
  prefill: Object.fromEntries(job.prefill.map((n) => [n, prefill(n)])),
  decode: Object.fromEntries(job.contexts.map((n) => [n, decode(n)])),
});
await close();
