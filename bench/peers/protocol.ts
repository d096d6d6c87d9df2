/**
 * The protocol between run.ts and the processes of the engines: what each is asked to do, and what
 * it answers.
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import { stdout } from "node:process";

/** How often each speed is measured. The median counts. */
export const ROUNDS = 3;

/**
 * Prompts of more tokens are run once: all of them are the beginning of the longest one, and the time
 * until each length is reached counts.
 */
const LONG = 1024;

/** How many tokens are decoded at each context, one by one. */
export const DECODED = 16;

/** How many tokens of the common prompt are run at once, and how many then one by one. */
export const [CHECKED_AT_ONCE, CHECKED_SINGLY] = [32, 32] as const;

/** How many positions of the common prompt are compared. */
export const CHECKED = CHECKED_SINGLY + 1;

/** What one process is asked to do. It reads this as JSON from its standard input. */
export interface Job {
  /** The folder of a model for this engine, or a GGUF file. */
  readonly model: string;
  readonly threads: number;
  /**
   * The number format of activations in this engine. llama.cpp's follows from its weight format.
   */
  readonly activations: "f32" | "int8";
  /** The folder with the node_modules of the other engines. */
  readonly peers: string;
  /** The browser for wllama. */
  readonly chromium: string;
  /** The tokens of the text, as many as the longest measurement needs. */
  readonly tokens: readonly number[];
  /** The word of each token. The first n words, joined, have exactly the first n tokens. */
  readonly words: readonly string[];
  /** Tokens that are no valid text alone. wllama's answers cannot contain them. */
  readonly fragments: readonly number[];
  /**
   * The file for the logits of the common prompt, {@link CHECKED} rows; without it, none are made.
   */
  readonly logits?: string;
  /** Numbers of tokens to run at once. */
  readonly prefill: readonly number[];
  /** A long prompt that would take more seconds is not run. */
  readonly limit: number;
  /** Numbers of tokens that come before those that are decoded. */
  readonly contexts: readonly number[];
}

/** What a process prints. */
export interface Measured {
  /** The versions of the engine and of the program that runs it. */
  readonly version: string;
  /** Seconds to load the model. */
  readonly loaded: number;
  /** Tokens per second, by number of tokens. Prompts that would take too long are left out. */
  readonly prefill: Readonly<Record<number, number>>;
  /** Tokens per second, by context. */
  readonly decode: Readonly<Record<number, number>>;
}

/** Reads the job of this process. */
export const readJob = (): Job => JSON.parse(readFileSync(0, "utf8")) as Job;

/** Prints the result, for the process that started this one. */
export function answer(measured: Measured): void {
  stdout.write(JSON.stringify(measured));
}

/** Writes logits, or logarithms of probabilities, row after row. */
export function writeRows(path: string, rows: readonly ArrayLike<number>[]): void {
  writeFileSync(path, new Float32Array(rows.flatMap((row) => Array.from(row))));
}

/** How many tokens of text are needed for the common prompt and for all measurements. */
export function textLength({ prefill, contexts }: Pick<Job, "prefill" | "contexts">): number {
  const decoded = contexts.map((n) => n + DECODED * ROUNDS);
  return Math.max(CHECKED_AT_ONCE + CHECKED_SINGLY, ...prefill, ...decoded);
}

/**
 * Measures prompts: tokens per second, by number of tokens.
 *
 * @param limit in seconds. A token costs the more the longer the prompt is, so the rate of the prompt before
 *   says how long the next one takes at least
 * @param forget empties the caches
 * @param run runs the tokens of the common text from one position to another, in the steps that the engine
 *   takes by itself, and finds the likeliest token after the last
 */
export async function measurePrefills(
  { prefill: lengths, limit }: Pick<Job, "prefill" | "limit">,
  forget: () => unknown,
  run: (from: number, to: number) => unknown,
): Promise<Record<number, number>> {
  const rates: Record<number, number> = {};
  for (const n of lengths.filter((n) => n <= LONG)) {
    const rounds: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await forget();
      const start = performance.now();
      await run(0, n);
      rounds.push(n / ((performance.now() - start) / 1000));
    }
    rates[n] = median(rounds);
  }
  const long = lengths.filter((n) => n > LONG).sort((a, b) => a - b);
  if (long.length > 0) await forget();
  const start = performance.now();
  for (const [i, n] of long.entries()) {
    if (i > 0 && n / rates[long[i - 1]] > limit) break;
    await run(long[i - 1] ?? 0, n);
    rates[n] = n / ((performance.now() - start) / 1000);
  }
  return rates;
}

/** The median of an odd number of values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
