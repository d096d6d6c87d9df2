/**
 * Node and Deno as the host of a model.
 * @module
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Host } from "../library/arithmetic.ts";
import { loadJinja } from "./jinja.ts";
import { allCores, startThread } from "./threads.ts";
import { turnTurboOn } from "./turbo.ts";
import { UserError } from "./user-error.ts";

/** Where the kernels lie beside this module, in the sources as in the package. */
export const KERNELS: URL = new URL("../../kernels-as/build/kernels.wasm", import.meta.url);

/** Kernels from the package, threads from `node:worker_threads`. */
export const nodeHost: Host = {
  cores: allCores(),
  kernels,
  startThread,
  turnTurboOn,
  loadTemplateEngine: loadJinja,
};

/** The compiled kernels of the wasm backend. */
export async function kernels(): Promise<Uint8Array<ArrayBuffer>> {
  const file = fileURLToPath(KERNELS);
  const bytes = await readFile(file).catch(() => {
    throw new UserError(file, "expected the kernels there: npm run build makes them");
  });
  return new Uint8Array(bytes);
}
