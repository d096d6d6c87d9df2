/**
 * Starts the wasm backend for tests: alone, or compared with the f64 reference op by op.
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import {
  type Activations,
  type CheckedOp,
  checkedOps,
  type Ops,
  referenceOps,
} from "../../../../engine/index.ts";
import { wasmBounds, wasmOps } from "../../../../engine/ops/wasm/index.ts";
import { type Machine, startMachine } from "../../../../engine/ops/wasm/machine.ts";

const FILE = new URL("../../../../kernels-as/build/kernels.wasm", import.meta.url);

/** Enough memory for every test here. */
const MEMORY_BYTES = 2 ** 26;

export function kernelBytes(): Uint8Array<ArrayBuffer> {
  if (!existsSync(FILE)) throw new Error("kernels.wasm is missing: run `npm run build:kernels`");
  return new Uint8Array(readFileSync(FILE));
}

export function fastOps(activations: Activations = "f32"): Promise<Ops> {
  return wasmOps(kernelBytes(), { memoryBytes: MEMORY_BYTES, activations });
}

/** The kernels themselves, and their memory. */
export function machine(): Promise<Machine> {
  return startMachine(kernelBytes(), { memoryBytes: MEMORY_BYTES });
}

/**
 * Wasm ops that throw when an error is beyond its bound, and the largest share of a bound so far.
 */
export async function watchedOps(
  activations: Activations = "f32",
): Promise<{ ops: Ops; worst: Map<CheckedOp, number> }> {
  const worst = new Map<CheckedOp, number>();
  const [fast, spec] = [await fastOps(activations), referenceOps("f64", activations)];
  const ops = checkedOps(fast, spec, wasmBounds(activations), (op, share) => {
    worst.set(op, Math.max(share, worst.get(op) ?? 0));
  });
  return { ops, worst };
}
