/**
 * Measures the start: reading a model's weights, and the time from starting a process to its first token; against
 * llama.cpp, and against reading the same bytes with two threads and doing nothing with them.
 *
 *     npm run bench:start -- [--models .cache/bench/medium] [--types q8,q4,bf16] [--peers FOLDER]
 *         [--threads 2] [--rounds 5] [--cold]
 *
 * Files are in the page cache, or with `--cold` they are dropped from it before each measurement (by dd, which
 * asks the system to drop one file). Prints medians: seconds, GB/s of the file, and the share of the speed of reading
 * alone. Without `--peers`, llama.cpp is left out.
 * @module
 */
import { spawnSync } from "node:child_process";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { argv, env, execPath, stderr, stdout } from "node:process";
import { parseArgs } from "node:util";
import { type Entrant, entrants, measure } from "./peers/entrants.ts";
import { median } from "./peers/protocol.ts";
import { RACES } from "./peers/races.ts";
import { circumstances } from "./peers/versions.ts";
import { printRow } from "./support.ts";

const { GLM52_PEERS } = env as { readonly GLM52_PEERS?: string };
const { values } = parseArgs({
  args: argv.slice(2),
  options: {
    models: { type: "string", default: ".cache/bench/medium" },
    types: { type: "string", default: "q8,q4,bf16" },
    peers: { type: "string", default: GLM52_PEERS ?? "" },
    threads: { type: "string", default: "2" },
    rounds: { type: "string", default: "5" },
    cold: { type: "boolean", default: false },
  },
});

/** Bytes of one read when nothing is done with them. */
const BLOCK = 2 ** 24;

/** Reads a file with two threads, and returns the seconds that it takes and its size. */
async function readAlone(path: string): Promise<{ seconds: number; bytes: number }> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const start = performance.now();
    await Promise.all([0, 1].map((half) => readBlocks(file, half * BLOCK, size)));
    return { seconds: (performance.now() - start) / 1000, bytes: size };
  } finally {
    await file.close();
  }
}

/** Reads every second block from `from` on, each into the same memory. */
async function readBlocks(file: FileHandle, from: number, size: number): Promise<void> {
  const bytes = new Uint8Array(BLOCK);
  for (let at = from; at < size; at += 2 * BLOCK) {
    await file.read(bytes, 0, Math.min(BLOCK, size - at), at);
  }
}

function forget(path: string): void {
  if (!values.cold) return;
  const { status } = spawnSync("dd", [`if=${path}`, "iflag=nocache", "count=0", "status=none"]);
  if (status !== 0) stderr.write(`${path}: dd cannot drop it from the page cache\n`);
}

/** Starts an engine's process, and returns the seconds until its model is loaded and until it ends. */
function begin(entrant: Entrant): { loaded: number; seconds: number } {
  const task = { tokens: [5], words: [], fragments: [], prefill: [1], contexts: [], limit: 60 };
  const start = performance.now();
  const { loaded } = measure(entrant, task);
  return { loaded, seconds: (performance.now() - start) / 1000 };
}

async function compare(type: string): Promise<void> {
  const { models, peers } = values;
  const field = { models, peers, chromium: "", nodes: [execPath], hasWllama: false };
  const all = entrants(field, RACES[type], Number(values.threads));
  const engines = all.filter(({ script }) => script === "ours" || peers !== "");
  const fileOf = ({ script, job: { model } }: Entrant): string =>
    script === "ours" ? join(model, "model.safetensors") : model;
  const results = engines.map(() => ({ reading: [], loaded: [], whole: [] }) as Samples);
  let bytes = 0;
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [i, engine] of engines.entries()) {
      const path = fileOf(engine);
      forget(path);
      const reading = await readAlone(path);
      bytes = reading.bytes;
      results[i].reading.push(reading.seconds);
      forget(path);
      const { loaded, seconds } = begin(engine);
      results[i].loaded.push(loaded);
      results[i].whole.push(seconds);
    }
  }
  for (const [i, { name }] of engines.entries()) {
    const { reading, loaded, whole } = results[i];
    const [alone, load] = [median(reading), median(loaded)];
    const speed = bytes / load / 1e9;
    const cells = [load.toFixed(2), speed.toFixed(2), (alone / load).toFixed(2)];
    printRow([type, ...cells, median(whole).toFixed(2), name]);
  }
}

/** Seconds of each round. */
interface Samples {
  readonly reading: number[];
  readonly loaded: number[];
  readonly whole: number[];
}

for (const [name, value] of await circumstances()) stdout.write(`# ${name}: ${value}\n`);
stdout.write(
  `# threads: ${values.threads}, files ${values.cold ? "dropped from" : "in"} the page cache\n`,
);
printRow(["type", "load s", "GB/s", "of reading", "to a token s", "engine"]);
for (const type of values.types.split(",")) await compare(type);
