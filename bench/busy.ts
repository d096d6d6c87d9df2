/**
 * Measures how fast this engine is while other processes keep cores busy: with one thread, with a thread for each
 * core that all wait for each other (`fixed`), and with the default, which leaves late threads out for a while.
 *
 *     npm run bench:busy -- MODEL [busy processes] [rounds]
 *
 * Prints milliseconds of a prompt and of decoded tokens, medians of rounds in turn, first without the busy
 * processes and then beside them; and how many times as long each takes as the best of the three.
 * @module
 */
import { spawn } from "node:child_process";
import { argv, execPath, stdout } from "node:process";
import { type Model, Session } from "../engine/index.ts";
import { wasmOps } from "../engine/ops/wasm/index.ts";
import { loadModel } from "../tools/library/open-files.ts";
import { withFiles } from "../tools/node/file-source.ts";
import { nodeHost } from "../tools/node/node-host.ts";
import { allCores, nodeThreads } from "../tools/node/threads.ts";
import { median } from "./peers/protocol.ts";
import { circumstances } from "./peers/versions.ts";
import { printRow } from "./support.ts";

const PROMPT = 256;
const DECODED = 64;

const [, , folder, busy = "1", rounds = "9"] = argv;

/** A model, and how to end its threads. */
interface Opened {
  readonly model: Model;
  readonly close: () => Promise<void>;
}

/** Opens the model with this many threads. */
async function opened(count: number, isAdaptive: boolean): Promise<Opened> {
  const threads = { ...nodeThreads(count), isAdaptive };
  const ops = await wasmOps(await nodeHost.kernels(), {
    memoryBytes: 2 ** 32 - 2 ** 16,
    activations: "int8",
    threads,
  });
  const { model } = await withFiles(folder, (files) => loadModel(files, { ops }, nodeHost));
  return { model, close: ops.close };
}

/** Milliseconds of a prompt, and of the tokens that are decoded after it. */
function once(model: Model): Record<"prompt" | "decode", number> {
  const text = Array.from({ length: PROMPT + DECODED }, (_, i) => (i * i * 31 + i * 7) % 8192);
  const session = new Session(model, { maxContext: text.length });
  const start = performance.now();
  session.append(text.slice(0, PROMPT));
  const middle = performance.now();
  for (const token of text.slice(PROMPT)) session.append([token]);
  const end = performance.now();
  session.close();
  return { prompt: middle - start, decode: end - middle };
}

const cores = allCores();
const teams: readonly [name: string, Opened][] = [
  ["1 thread", await opened(1, true)],
  [`${cores} fixed`, await opened(cores, false)],
  [`${cores}, default`, await opened(cores, true)],
];

function measure(beside: string): void {
  const results = teams.map((): ReturnType<typeof once>[] => []);
  for (let round = 0; round < Number(rounds); round++) {
    for (const [i, [, { model }]] of teams.entries()) results[i].push(once(model));
  }
  for (const what of ["prompt", "decode"] as const) {
    const times = results.map((all) => median(all.map((one) => one[what])));
    for (const [i, [name]] of teams.entries()) {
      const ratio = (times[i] / Math.min(...times)).toFixed(2);
      printRow([beside, what, name, times[i].toFixed(0), ratio]);
    }
  }
}

for (const [name, value] of await circumstances()) stdout.write(`# ${name}: ${value}\n`);
printRow(["beside", "what", "threads", "ms", "times best"]);
for (const [, { model }] of teams) once(model);
measure("nothing");
const others = Array.from({ length: Number(busy) }, () => spawn(execPath, ["-e", "for (;;) {}"]));
await new Promise((resolve) => setTimeout(resolve, 500));
measure(`${busy} busy`);
for (const other of others) other.kill();
for (const [, { close }] of teams) await close();
