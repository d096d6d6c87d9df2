/**
 * Which backend computes, and in which numbers.
 *
 * Next: open-files.ts
 * @module
 */
import {
  type Activations,
  ArgumentError,
  checkedOps,
  f32ReferenceBounds,
  type Ops,
  type Precision,
  referenceOps,
} from "../../engine/index.ts";
import {
  type StartThread,
  WasmMemoryError,
  wasmBounds,
  wasmOps,
} from "../../engine/ops/wasm/index.ts";
import type { TemplateEngine } from "./jinja-prompt.ts";
import type { MemorySize } from "./memory-size.ts";

/** Names of the backends. */
export const BACKENDS = ["reference", "wasm"] as const;

/** The SIMD kernels, or the specification. */
export type Backend = (typeof BACKENDS)[number];

/** What computes. */
export interface ArithmeticOptions {
  /**
   * A backend of one's own, instead of all that follows. It is not ended with the model; engine/README.md
   * says how to make one.
   */
  readonly ops?: Ops | undefined;
  /** `wasm` by default. */
  readonly backend?: Backend | undefined;
  /** Threads of the wasm backend; by default as many as the host has cores. They change no result. */
  readonly threads?: number | undefined;
  /**
   * Use 256-bit vectors where the runtime can make them (Node 24 and later on x64); they change no
   * result. This sets a flag of V8 for the whole process, so a library does it only when it is asked:
   * false by default.
   */
  readonly turbo?: boolean | undefined;
  /** Compare every op with the f64 reference and stop at the first that leaves its bound. */
  readonly check?: boolean | undefined;
  /** f32 by default; f64 with the reference only. */
  readonly precision?: Precision | undefined;
  /** What products with q8 and q4 weights see of activations; by default what the folder says: int8. */
  readonly activations?: Activations | undefined;
}

/** What a runtime has to offer: Node and Deno in tools/node, a browser in web-host.ts. */
export interface Host {
  /** Cores to use when nobody says how many. */
  readonly cores: number;
  /** The bytes of kernels.wasm. */
  kernels(): Promise<Uint8Array<ArrayBuffer>>;
  /** Starts a thread; absent where memory cannot be shared with threads. */
  readonly startThread?: StartThread | undefined;
  /** Turns wide vectors on and says whether they are; absent where there are none. */
  turnTurboOn?(kernels: Uint8Array<ArrayBuffer>): Promise<string>;
  /** Gives what runs chat templates that are not known here; absent where nothing does. */
  loadTemplateEngine?(): Promise<TemplateEngine | undefined>;
}

/** Ops, a description of them for people, and how to let them go. */
export interface Arithmetic {
  readonly ops: Ops;
  /** For example `wasm, 2 threads, 256-bit vectors off`. */
  readonly arithmetic: string;
  /** Ends the threads. The ops cannot be used after. */
  close(): Promise<void>;
}

/**
 * @param memory what the wasm backend reserves
 * @throws {ArgumentError} for options that do not go together
 */
export async function newArithmetic(
  options: ArithmeticOptions,
  memory: MemorySize,
  host: Host,
): Promise<Arithmetic> {
  if (options.ops) return ownArithmetic(options.ops, options);
  const { backend = "wasm" } = options;
  switch (backend) {
    case "reference":
      return reference(options);
    case "wasm":
      return wasm(options, memory, host);
    default:
      backend satisfies never;
      throw new ArgumentError("backend", `expected ${BACKENDS.join(" or ")}, got ${backend}`);
  }
}

function ownArithmetic(ops: Ops, options: ArithmeticOptions): Arithmetic {
  const beside = BUILT_IN_ONLY.find((name) => options[name] !== undefined);
  if (beside) throw new ArgumentError(beside, "is not for a backend of one's own");
  return { ops, arithmetic: `${ops.backend}, ${ops.precision}`, close: async () => {} };
}

/** Options that choose or change a backend of ours. */
const BUILT_IN_ONLY = [
  "backend",
  "threads",
  "turbo",
  "check",
  "precision",
  "activations",
] as const satisfies readonly (keyof ArithmeticOptions)[];

function reference({ precision = "f32", activations = "f32", check }: ArithmeticOptions) {
  const ops = referenceOps(precision, activations);
  const isChecked = check === true && precision === "f32";
  return {
    ops: isChecked ? checkedOps(ops, referenceOps("f64", activations), f32ReferenceBounds) : ops,
    arithmetic: `reference, ${precision}, 1 thread${numbers(activations)}`,
    close: async () => {},
  };
}

async function wasm(
  options: ArithmeticOptions,
  memory: MemorySize,
  host: Host,
): Promise<Arithmetic> {
  const { precision = "f32", activations = "f32", check = false, turbo = false } = options;
  if (precision !== "f32") {
    throw new ArgumentError("backend wasm", `expected precision f32, got ${precision}`);
  }
  const { startThread } = host;
  const count = startThread ? (options.threads ?? host.cores) : 1;
  const kernels = await host.kernels();
  const turboState = turbo ? ((await host.turnTurboOn?.(kernels)) ?? NO_TURBO) : "off";
  const setUp = {
    activations,
    isWide: turboState === "on",
    ...(startThread && { threads: { count, start: startThread } }),
  };
  const fast = await wasmOps(kernels, { ...setUp, memoryBytes: memory.wanted }).catch((error) => {
    if (!(error instanceof WasmMemoryError)) throw error;
    return wasmOps(kernels, { ...setUp, memoryBytes: memory.least });
  });
  const spec = () => referenceOps("f64", activations);
  return {
    ops: check ? checkedOps(fast, spec(), wasmBounds(activations)) : fast,
    arithmetic: `wasm, ${threads(count)}, 256-bit vectors ${turboState}${numbers(activations)}`,
    close: fast.close,
  };
}

const NO_TURBO = "not in this runtime";

function numbers(activations: Activations): string {
  return activations === "f32" ? "" : `, activations in ${activations}`;
}

function threads(count: number): string {
  return count === 1 ? "1 thread" : `${count} threads`;
}
