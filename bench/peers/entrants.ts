/**
 * Starts the engines of a race, each in a process of its own.
 *
 * Next: ours.ts, llama.ts, wllama.ts
 * @module
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execPath } from "node:process";
import { fileURLToPath } from "node:url";
import { rowsOf } from "./agreement.ts";
import { CHECKED, type Job, type Measured } from "./protocol.ts";
import type { Race } from "./races.ts";

/** One engine that can be started. */
export interface Entrant {
  readonly name: string;
  /** The Node program that runs the script. */
  readonly node: string;
  readonly script: "ours" | "llama" | "wllama";
  /** The job, without the task, which is the same for all engines. */
  readonly job: Omit<Job, keyof Task | "logits">;
}

/** Where engines and models are, and which engines take part. */
export interface Field {
  readonly models: string;
  readonly peers: string;
  readonly chromium: string;
  /** Node programs; this engine takes part once with each. */
  readonly nodes: readonly string[];
  readonly hasWllama: boolean;
}

/** All engines of a race. llama.cpp is the first, and the others are compared with it. */
export function entrants(field: Field, race: Race, threads: number): Entrant[] {
  const { peers, chromium, nodes } = field;
  const common = { peers, chromium, threads, activations: race.activations };
  const theirs = { ...common, model: join(field.models, race.gguf) };
  const ours = { ...common, model: join(field.models, race.ours) };
  const node = execPath;
  const all: Entrant[] = [{ name: "llama.cpp", node, script: "llama", job: theirs }];
  for (const one of nodes) {
    const version = execFileSync(one, ["--version"], { encoding: "utf8" }).trim();
    all.push({ name: `glm52.ts on ${version}`, node: one, script: "ours", job: ours });
  }
  if (field.hasWllama) all.push({ name: "wllama", node, script: "wllama", job: theirs });
  return all;
}

/** The engine that is taken as right: this engine, with activations in f32. */
export function reference(field: Field, race: Race, threads: number): Entrant {
  const { job, ...ours } = entrants(field, race, threads)[1];
  return { ...ours, job: { ...job, activations: "f32" } };
}

/** The part of a job that is the same for all engines. */
export type Task = Pick<Job, "tokens" | "words" | "fragments" | "prefill" | "contexts" | "limit">;

/** Measures the speeds of an engine. */
export function measure(entrant: Entrant, task: Task): Measured {
  return start(entrant, { ...entrant.job, ...task });
}

/** Returns the logits of an engine after tokens of the common prompt, and its version. */
export function check(entrant: Entrant, task: Task): { rows: Float32Array[]; version: string } {
  const folder = mkdtempSync(join(tmpdir(), "glm52-peers-"));
  try {
    const logits = join(folder, "logits");
    const { version } = start(entrant, {
      ...entrant.job,
      ...task,
      logits,
      prefill: [],
      contexts: [],
    });
    return { rows: rowsOf(readFileSync(logits), CHECKED), version };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Runs an engine's process with a job.
 *
 * @throws {EntrantError} when the process fails
 */
function start({ name, node, script, job: { model } }: Entrant, job: Job): Measured {
  if (!existsSync(model)) throw new EntrantError(`no model at ${model}: make-model.js makes it`);
  const path = fileURLToPath(new URL(`./${script}.js`, import.meta.url));
  try {
    const text = execFileSync(node, [path], { encoding: "utf8", input: JSON.stringify(job) });
    return JSON.parse(text.slice(text.indexOf("{"))) as Measured;
  } catch (error) {
    const { status, signal } = error as { status?: number | null; signal?: string | null };
    const end = signal ? `signal ${signal}` : `status ${status}`;
    throw new EntrantError(`${name}: its process ended with ${end} on ${model}${HINTS[script]}`);
  }
}

/** What the user may try when an engine fails. */
const HINTS: Readonly<Record<Entrant["script"], string>> = {
  ours: "",
  llama:
    "; node-llama-cpp's build with AMX cannot run this architecture: remove libggml-cpu-sapphirerapids.so",
  wllama: "; --chromium names the browser",
};

/** The error when an engine cannot be run. The message says which engine, and what to do. */
export class EntrantError extends Error {
  override readonly name = "EntrantError";
}
