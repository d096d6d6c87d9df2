/**
 * llama.cpp as a second witness, through node-llama-cpp, where GLM52_PEERS names a folder with
 * node_modules/node-llama-cpp; it is no dependency of the package.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";

const { GLM52_PEERS: folder } = process.env as { readonly GLM52_PEERS?: string };

/** The folder; the current one when there is none. */
export const PEERS = folder ?? ".";

/** Whether it is there. */
export const hasLlama =
  folder !== undefined && existsSync(join(folder, "node_modules/node-llama-cpp/dist/index.js"));
