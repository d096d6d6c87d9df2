/**
 * llama.cpp with several texts at once: node-llama-cpp puts the evaluations of a context's sequences together.
 * @module
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** What runs in llama.cpp, and where it is. */
export interface LlamaCrowd {
  /** The folder with node-llama-cpp in its node_modules. */
  readonly peers: string;
  readonly gguf: string;
  readonly threads: number;
}

/** Asks for the likeliest token. */
const LIKELIEST = { token: true, options: { temperature: 0 } };

interface Next {
  readonly next: { readonly token?: number };
}

/**
 * Opens the model. @returns a function that gives the seconds in which texts with these prompts go on by so
 * many tokens, all at once
 */
export async function openLlama({ peers, gguf, threads }: LlamaCrowd) {
  const folder = join(peers, "node_modules/node-llama-cpp");
  const { getLlama } = await import(pathToFileURL(join(folder, "dist/index.js")).href);
  const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
  const model = await llama.loadModel({ modelPath: gguf, gpuLayers: 0, useMmap: false });
  return async (prompts: readonly (readonly number[])[], nTokens: number): Promise<number> => {
    const length = Math.max(...prompts.map((prompt) => prompt.length)) + nTokens;
    const context = await model.createContext({
      contextSize: length,
      sequences: prompts.length,
      batchSize: 512,
      threads,
      flashAttention: false,
    });
    const run = async (prompt: readonly number[]): Promise<void> => {
      const sequence = context.getSequence();
      const evaluate = async (tokens: readonly number[]): Promise<number> => {
        const last = tokens.length - 1;
        const input = [...tokens.slice(0, last), [tokens[last], { generateNext: LIKELIEST }]];
        const results: Next[] = await sequence.controlledEvaluate(input);
        return results[last].next.token ?? 0;
      };
      let token = await evaluate(prompt);
      for (let i = 1; i < nTokens; i++) token = await evaluate([token]);
    };
    const begun = performance.now();
    await Promise.all(prompts.map(run));
    const seconds = (performance.now() - begun) / 1000;
    await context.dispose();
    return seconds;
  };
}
