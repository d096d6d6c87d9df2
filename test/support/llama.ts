/**
 * llama.cpp as a second witness, through node-llama-cpp, where GLM52_PEERS names a folder with
 * node_modules/node-llama-cpp; it is no dependency of the package.
 */
import { hasLlama as isIn } from "../../tools/golden/witness/llama.ts";

const { GLM52_PEERS: folder } = process.env as { readonly GLM52_PEERS?: string };

/** The folder; the current one when there is none. */
export const PEERS = folder ?? ".";

/** Whether it is there. */
export const hasLlama = folder !== undefined && isIn(folder);
