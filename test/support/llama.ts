/**
 * Finds llama.cpp, with which some tests compare this engine. It runs through node-llama-cpp, which
 * is not a dependency of the package. Those tests run only where GLM52_PEERS names a folder that
 * has node_modules/node-llama-cpp.
 */
import { hasLlama as isIn } from "../../tools/golden/witness/llama.ts";

const { GLM52_PEERS: folder } = process.env as { readonly GLM52_PEERS?: string };

/** The folder that GLM52_PEERS names, or else the current folder. */
export const PEERS = folder ?? ".";

/** Whether node-llama-cpp was found. */
export const hasLlama = folder !== undefined && isIn(folder);
