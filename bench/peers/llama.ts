/**
 * Measures llama.cpp, through node-llama-cpp, in a process of its own. run.ts starts this script.
 * @module
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { versions } from "node:process";
import { pathToFileURL } from "node:url";
import {
  answer,
  CHECKED_AT_ONCE,
  CHECKED_SINGLY,
  DECODED,
  measurePrefills,
  median,
  ROUNDS,
  readJob,
  textLength,
  writeRows,
} from "./protocol.ts";

const job = readJob();
const folder = join(job.peers, "node_modules/node-llama-cpp");
const { getLlama } = await import(pathToFileURL(join(folder, "dist/index.js")).href);
const begun = performance.now();
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
const model = await llama.loadModel({ modelPath: job.model, gpuLayers: 0, useMmap: false });
const loaded = (performance.now() - begun) / 1000;

const context = await model.createContext({
  contextSize: textLength(job),
  batchSize: 512,
  threads: job.threads,
  flashAttention: false,
});
const sequence = context.getSequence();

/** Asks for the likeliest token. To find it, each logit is read. */
const LIKELIEST = { token: true, options: { temperature: 0 } };

/** Asks for the logits, without any sampling option. */
const LOGITS = { logits: true, options: { temperature: 1, topK: 0, topP: 1, minP: 0 } };

/** Runs tokens, and returns what `generateNext` asks for after the last one. */
async function run(tokens: readonly number[], generateNext: object): Promise<Next> {
  const last = tokens.length - 1;
  const input = [...tokens.slice(0, last), [tokens[last], { generateNext }]];
  return (await sequence.controlledEvaluate(input))[last].next;
}

interface Next {
  readonly logits?: ReadonlyMap<number, number>;
}

/** Writes the logits of the common prompt to a file. */
async function check(path: string): Promise<void> {
  const end = CHECKED_AT_ONCE + CHECKED_SINGLY;
  const singly = job.tokens.slice(CHECKED_AT_ONCE, end).map((token) => [token]);
  const rows: Float32Array[] = [];
  for (const tokens of [job.tokens.slice(0, CHECKED_AT_ONCE), ...singly]) {
    const { logits = new Map<number, number>() } = await run(tokens, LOGITS);
    const row = new Float32Array(logits.size);
    for (const [token, logit] of logits) row[token] = logit;
    rows.push(row);
  }
  writeRows(path, rows);
}

async function decode(n: number): Promise<number> {
  await sequence.clearHistory();
  if (n > 0) await sequence.evaluateWithoutGeneratingNewTokens(job.tokens.slice(0, n));
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const from = n + round * DECODED;
    const tokens = job.tokens.slice(from, from + DECODED);
    const start = performance.now();
    for (const token of tokens) await run([token], LIKELIEST);
    rates.push(DECODED / ((performance.now() - start) / 1000));
  }
  return median(rates);
}

if (job.logits !== undefined) await check(job.logits);
const prefilled = await measurePrefills(
  job,
  () => sequence.clearHistory(),
  (from, to) => run(job.tokens.slice(from, to), LIKELIEST),
);
const decoded: Record<number, number> = {};
for (const n of job.contexts) decoded[n] = await decode(n);
const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
answer({
  version: `node-llama-cpp ${version}, llama.cpp ${llama.llamaCppRelease.release}, Node ${versions.node}`,
  loaded,
  prefill: prefilled,
  decode: decoded,
});
await llama.dispose();
