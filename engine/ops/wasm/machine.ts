/**
 * The machine that the ops run on: the banks of memory, and the team of threads that works in them.
 * @module
 */
import type { Activations } from "../ops.ts";
import { type Arena, LARGEST_MEMORY, reserveMemory, SPARE } from "./arena.ts";
import { type Bank, startBanks } from "./bank.ts";
import type { Kernels } from "./kernels.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { Team, type Threads } from "./team.ts";
import { canShareMemory, unshared } from "./unshared.ts";

/** The memories, and the threads that work in all of them. */
export interface Machine {
  /** The first holds caches and activations; the further ones, if any, hold weights. */
  readonly banks: readonly Bank[];
  /** Of the first. */
  readonly arena: Arena;
  readonly kernels: Kernels;
  readonly layout: Layout;
  readonly team: Team;
  readonly activations: Activations;
}

/** How the wasm backend is set up. */
export interface WasmOptions {
  /**
   * Bytes for weights, caches and activations together, 1 GiB by default. They are reserved as
   * address space at once and taken from the system only as they are written. A memory has 4 GiB at
   * most; beyond, there are several, and only weights can be in the further ones.
   */
  readonly memoryBytes?: number;
  /** See {@link Activations}; `f32` by default. */
  readonly activations?: Activations;
  /** Without it, or where memory cannot be shared, one thread. The count never changes a result. */
  readonly threads?: Threads;
  /**
   * Whether this runtime makes 256-bit instructions of pairs of 128-bit ones (tools/node/turbo.ts), false by
   * default. Decides which loops are run, and changes no bit.
   */
  readonly isWide?: boolean;
}

const DEFAULT_MEMORY_BYTES = 2 ** 30;

/** Compiles the module over memories of its own, as many as `memoryBytes` need. */
export async function startMachine(
  bytes: Uint8Array<ArrayBuffer> | ArrayBuffer,
  options: WasmOptions = {},
): Promise<Machine> {
  const { memoryBytes = DEFAULT_MEMORY_BYTES, activations = "f32", threads } = options;
  const memories = memorySizes(memoryBytes).map(reserveMemory);
  const module = await WebAssembly.compile(canShareMemory() ? bytes : unshared(bytes));
  const shared = { module, memories, isWide: options.isWide ?? false };
  const banks = startBanks(shared);
  const [{ arena, kernels }] = banks;
  const isAlone = threads === undefined || threads.count < 2 || !canShareMemory();
  const team = isAlone ? Team.alone(banks) : await Team.start(banks, threads, shared);
  return { banks, arena, kernels, layout: layoutOf(kernels), team, activations };
}

/** One memory while one is enough; then as many of the largest as hold what is beyond the first. */
function memorySizes(memoryBytes: number): number[] {
  if (!(memoryBytes > LARGEST_MEMORY)) return [memoryBytes];
  const nFurther = Math.ceil((memoryBytes - LARGEST_MEMORY) / (LARGEST_MEMORY - SPARE));
  return new Array(1 + nFurther).fill(LARGEST_MEMORY);
}
