/**
 * llama.cpp through node-llama-cpp, measured in a process of its own; prints one JSON object.
 * Started by run.ts.
 *
 *     node dist/bench/peers/llama.js PEERS FILE threads prefill,… context,…
 * @module
 */
import { join } from "node:path";
import { argv, stdout, versions } from "node:process";
import { pathToFileURL } from "node:url";
import { DECODED, type Measured, median, ROUNDS, tokenAt } from "./protocol.ts";

const [, , peers, file, threads, prefills, contexts] = argv;
const entry = join(peers, "node_modules/node-llama-cpp/dist/index.js");
const { getLlama } = await import(pathToFileURL(entry).href);
const begun = performance.now();
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
const model = await llama.loadModel({ modelPath: file, gpuLayers: 0, useMmap: false });
const loaded = (performance.now() - begun) / 1000;

const numbers = (list: string) => list.split(",").filter(Boolean).map(Number);
const room = Math.max(...numbers(prefills), ...numbers(contexts)) + DECODED * (ROUNDS + 1);
const context = await model.createContext({
  contextSize: room,
  batchSize: 512,
  threads: Number(threads),
  flashAttention: false,
});
const sequence = context.getSequence();

const tokens = (from: number, n: number) => Array.from({ length: n }, (_, i) => tokenAt(from + i));

async function prefill(n: number): Promise<{ rate: number; best: number }> {
  const rates: number[] = [];
  let best = -1;
  for (let round = 0; round < ROUNDS; round++) {
    await sequence.clearHistory();
    const input: unknown[] = tokens(0, n);
    input[n - 1] = [input[n - 1], { generateNext: { token: true, options: { temperature: 0 } } }];
    const start = performance.now();
    const output = await sequence.controlledEvaluate(input);
    rates.push(n / ((performance.now() - start) / 1000));
    best = output[n - 1].next.token;
  }
  return { rate: median(rates), best };
}

async function decode(n: number): Promise<number> {
  await sequence.clearHistory();
  await sequence.evaluateWithoutGeneratingNewTokens(tokens(0, n));
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    for (let i = 0; i < DECODED; i++) {
      const token = tokenAt(n + round * DECODED + i);
      await sequence.controlledEvaluate([
        [token, { generateNext: { token: true, options: { temperature: 0 } } }],
      ]);
    }
    rates.push(DECODED / ((performance.now() - start) / 1000));
  }
  return median(rates);
}

const [prefilled, decoded] = [{}, {}] as [Record<string, unknown>, Record<string, unknown>];
for (const n of numbers(prefills)) prefilled[n] = await prefill(n);
for (const n of numbers(contexts)) decoded[n] = await decode(n);
const measured: Measured = {
  engine: "llama.cpp",
  version: `node-llama-cpp, node ${versions.node}`,
  loaded,
  prefill: prefilled as Measured["prefill"],
  decode: decoded as Measured["decode"],
};
stdout.write(JSON.stringify(measured));
await llama.dispose();
