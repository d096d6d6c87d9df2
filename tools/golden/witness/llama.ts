/**
 * Runs llama.cpp in this process, through node-llama-cpp. That is no dependency of this package. Whoever
 * wants this witness installs it.
 * @module
 */

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { UserError } from "../../node/user-error.ts";
import { withCaseGguf } from "../case/case-gguf.ts";

const PACKAGE = "node-llama-cpp";

/** The version this was tried with; 3.22.1 brings llama.cpp v0.5.0, which has `glm-dsa`. */
const VERSION = "3.22.1";

/** As much of node-llama-cpp as is used here. */
interface LlamaModule {
  getLlama(options: object): Promise<Llama>;
}

interface Llama {
  loadModel(options: object): Promise<{
    createContext(options: object): Promise<{ getSequence(): Sequence }>;
  }>;
  dispose(): Promise<void>;
}

interface Sequence {
  controlledEvaluate(
    input: readonly [number, object][],
  ): Promise<readonly { next?: { logits?: ReadonlyMap<number, number> } }[]>;
}

/** The smallest number of positions that llama.cpp makes room for. */
const LEAST_CONTEXT = 256;

/**
 * Logits after each prefix of `tokens`, all in one step, on the CPU.
 *
 * @param from folder whose `node_modules` has node-llama-cpp
 * @throws {UserError} when it is not there, or cannot load the file
 */
export async function llamaLogits(
  from: string,
  file: string,
  tokens: readonly number[],
): Promise<Float64Array[]> {
  const { getLlama } = await load(from);
  if (!existsSync(file)) throw new UserError(file, "expected a GGUF file, found none");
  try {
    const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
    try {
      const model = await llama.loadModel({ modelPath: resolve(file), gpuLayers: 0 });
      const contextSize = Math.max(LEAST_CONTEXT, tokens.length + 1);
      const context = await model.createContext({ contextSize, threads: 1 });
      const input = tokens.map((token): [number, object] => [
        token,
        { generateNext: { logits: true } },
      ]);
      return (await context.getSequence().controlledEvaluate(input)).map(rowOf);
    } finally {
      await llama.dispose();
    }
  } catch (error) {
    throw new UserError(file, `${PACKAGE}: ${(error as Error).message}`);
  }
}

/** {@link llamaLogits} of the tokens of the case in `dir`, by the case's own file. */
export const llamaLogitsOfCase = (
  from: string,
  dir: string,
  tokens: readonly number[],
): Promise<Float64Array[]> => withCaseGguf(dir, (file) => llamaLogits(from, file, tokens));

const folderOf = (from: string): string => join(resolve(from), "node_modules", PACKAGE);

/** Whether the `node_modules` of a folder has node-llama-cpp. */
export const hasLlama = (from: string): boolean =>
  existsSync(join(folderOf(from), "dist/index.js"));

/** The versions of node-llama-cpp and of the llama.cpp in it. */
export async function llamaVersion(from: string): Promise<string> {
  const read = async (file: string) =>
    JSON.parse(await readFile(join(folderOf(from), file), "utf8"));
  const { version } = await read("package.json");
  const { release } = await read("llama/binariesGithubRelease.json");
  return `llama.cpp ${release} through ${PACKAGE} ${version}`;
}

async function load(from: string): Promise<LlamaModule> {
  if (!hasLlama(from)) {
    throw new UserError(
      from,
      `no ${PACKAGE} in its node_modules: \`npm install ${PACKAGE}@${VERSION}\` there, or name a folder that has it with --from`,
    );
  }
  return import(pathToFileURL(join(folderOf(from), "dist/index.js")).href);
}

/** The logits in the order of the tokens. node-llama-cpp gives the largest first. */
function rowOf({ next }: { next?: { logits?: ReadonlyMap<number, number> } }): Float64Array {
  const row = new Float64Array(next?.logits?.size ?? 0);
  for (const [id, x] of next?.logits ?? []) row[id] = x;
  return row;
}
