/**
 * What all engines are asked to do.
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import { stdout } from "node:process";

/** How often each thing is measured; the median counts. */
export const ROUNDS = 3;

/** Tokens that are decoded at each context, one by one. */
export const DECODED = 16;

/** Tokens of the common prompt that are run at once, and then one by one. */
export const [CHECKED_AT_ONCE, CHECKED_SINGLY] = [32, 32] as const;

/** Positions of the common prompt at which engines are compared. */
export const CHECKED = CHECKED_SINGLY + 1;

/** What one process is asked to do: JSON on its standard input. */
export interface Job {
  /** Our folder of a model, or a GGUF file. */
  readonly model: string;
  readonly threads: number;
  /** What our products see of activations; llama.cpp's follows from its format. */
  readonly activations: "f32" | "int8";
  /** Folder with the node_modules of the other engines. */
  readonly peers: string;
  /** The browser for wllama. */
  readonly chromium: string;
  /** The text: as many tokens as anything here needs. */
  readonly tokens: readonly number[];
  /** The same, in letters: their sum up to any word has just those tokens. */
  readonly words: readonly string[];
  /** Tokens that are no text by themselves. wllama's answers cannot hold them. */
  readonly fragments: readonly number[];
  /** Where the logits of the common prompt go, {@link CHECKED} rows; none for no such run. */
  readonly logits?: string;
  /** Numbers of tokens to run at once. */
  readonly prefill: readonly number[];
  /** Tokens before those that are decoded. */
  readonly contexts: readonly number[];
}

/** What a process prints. */
export interface Measured {
  /** Of the engine and of what runs it. */
  readonly version: string;
  /** Seconds until the model was there. */
  readonly loaded: number;
  /** By number of tokens: tokens per second. */
  readonly prefill: Readonly<Record<number, number>>;
  /** By context: tokens per second. */
  readonly decode: Readonly<Record<number, number>>;
}

/** The job of this process. */
export const readJob = (): Job => JSON.parse(readFileSync(0, "utf8")) as Job;

/** Hands the result to the process that started this one. */
export function answer(measured: Measured): void {
  stdout.write(JSON.stringify(measured));
}

/** Writes logits, or logarithms of probabilities, row after row. */
export function writeRows(path: string, rows: readonly ArrayLike<number>[]): void {
  writeFileSync(path, new Float32Array(rows.flatMap((row) => Array.from(row))));
}

/** How much text is needed for the common prompt and for what is measured. */
export function textLength({ prefill, contexts }: Pick<Job, "prefill" | "contexts">): number {
  const decoded = contexts.map((n) => n + DECODED * ROUNDS);
  return Math.max(CHECKED_AT_ONCE + CHECKED_SINGLY, ...prefill, ...decoded);
}

/** The middle one of an odd number of values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
