/**
 * llama.cpp as a second witness, through node-llama-cpp, where GLM52_PEERS names a folder with
 * node_modules/node-llama-cpp; it is no dependency of the package.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { GLM52_PEERS: folder } = process.env as { readonly GLM52_PEERS?: string };
const entry = join(folder ?? "", "node_modules/node-llama-cpp/dist/index.js");

/** Whether it is there. */
export const hasLlama = folder !== undefined && existsSync(entry);

/** Logits of every position, `[N, vocab]`. */
export async function peerLogits(file: string, tokens: readonly number[]): Promise<Float64Array[]> {
  const { getLlama } = await import(pathToFileURL(entry).href);
  const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
  const model = await llama.loadModel({ modelPath: file, gpuLayers: 0 });
  const context = await model.createContext({ contextSize: 512, threads: 1 });
  const sequence = context.getSequence();
  const input = tokens.map((token) => [token, { generateNext: { logits: true } }]);
  const outputs = await sequence.controlledEvaluate(input);
  const rows = outputs.map(({ next }: { next: { logits: Map<number, number> } }) => {
    const row = new Float64Array(next.logits.size);
    for (const [id, x] of next.logits) row[id] = x;
    return row;
  });
  await llama.dispose();
  return rows;
}
