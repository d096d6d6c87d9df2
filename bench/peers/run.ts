/**
 * This engine and llama.cpp on the same model, in one run, each in a process of its own.
 *
 *     npm run bench:peers -- --peers FOLDER [--models .cache/bench/small] [--nodes node,PATH] [--types q8,bf16,q4]
 *                            [--threads 1,2] [--prefill 128,512] [--contexts 128,2048] [--passes 3] [--wllama] [--csv FILE]
 *
 * FOLDER has node_modules/node-llama-cpp, and with --wllama @wllama/wllama beside an installed chromium; `make-model.ts` makes the models. Engines take turns,
 * `--passes` times; medians count. Prints tokens per second and the ratio to llama.cpp, which has its
 * own nearest format: q8_0, f16, q4_0.
 * @module
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { argv, execPath, stderr, stdout } from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Measured, median } from "./protocol.ts";

/** Our folder, how we multiply with it, and llama.cpp's file. */
const TYPES: Readonly<
  Record<string, readonly [folder: string, activations: string, file: string]>
> = {
  q8: ["q8", "int8", "q8_0.gguf"],
  q4: ["q4", "int8", "q4_0.gguf"],
  bf16: ["bf16", "f32", "f16.gguf"],
};

const { values } = parseArgs({
  args: argv.slice(2),
  options: {
    peers: { type: "string" },
    models: { type: "string", default: ".cache/bench/small" },
    nodes: { type: "string", default: execPath },
    types: { type: "string", default: "q8,bf16,q4" },
    threads: { type: "string", default: "1,2" },
    prefill: { type: "string", default: "128,512" },
    contexts: { type: "string", default: "128,2048" },
    passes: { type: "string", default: "3" },
    wllama: { type: "boolean", default: false },
    csv: { type: "string" },
  },
});
const { peers } = values;
if (peers === undefined) throw new Error("--peers: expected a folder with node-llama-cpp");

/** One engine that can be started. */
interface Entrant {
  readonly name: string;
  measure(): Measured;
}

function start(node: string, script: string, ...args: string[]): Measured {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const text = execFileSync(node, [path, ...args], { encoding: "utf8", maxBuffer: 2 ** 24 });
  return JSON.parse(text.slice(text.indexOf("{"))) as Measured;
}

function entrants(type: string, threads: string): Entrant[] {
  const [folder, activations, file] = TYPES[type];
  const common = [values.prefill, values.contexts];
  const llama = join(values.models, file);
  const ours = values.nodes.split(",").map((node): Entrant => {
    const name = `glm52.ts on ${execFileSync(node, ["--version"], { encoding: "utf8" }).trim()}`;
    const args = [join(values.models, folder), threads, activations, ...common];
    return { name, measure: () => start(node, "./ours.js", ...args) };
  });
  const peer = () => start(execPath, "./llama.js", peers as string, llama, threads, ...common);
  const browser = () => start(execPath, "./wllama.js", peers as string, llama, threads, ...common);
  const others = values.wllama ? [{ name: "wllama", measure: browser }] : [];
  return [{ name: "llama.cpp", measure: peer }, ...ours, ...others];
}

const rows: string[][] = [["type", "threads", "what", "engine", "tokens/s", "times llama.cpp"]];
for (const type of values.types.split(",")) {
  for (const threads of values.threads.split(",")) {
    const all = entrants(type, threads);
    const results = all.map((): Measured[] => []);
    for (let pass = 0; pass < Number(values.passes); pass++) {
      for (const [i, { name, measure }] of all.entries()) {
        stderr.write(`${type}, ${threads} threads, pass ${pass + 1}: ${name}\n`);
        results[i].push(measure());
      }
    }
    report(type, threads, all, results);
  }
}
if (values.csv) {
  const machine = `# ${cpus()[0].model}, ${cpus().length} cores, ${new Date().toISOString().slice(0, 10)}`;
  writeFileSync(values.csv, `${[machine, ...rows.map((row) => row.join(","))].join("\n")}\n`);
}

function report(
  type: string,
  threads: string,
  all: readonly Entrant[],
  results: readonly (readonly Measured[])[],
): void {
  const likeliest = results.map(([{ prefill }]) => Object.values(prefill).map(({ best }) => best));
  stdout.write(`${type}: likeliest tokens ${likeliest.map((ids) => ids.join(" ")).join(" | ")}\n`);
  const say = (what: string, rate: (m: Measured) => number): void => {
    const rates = results.map((passes) => median(passes.map(rate)));
    all.forEach(({ name }, i) => {
      const row = [
        type,
        threads,
        what,
        name,
        rates[i].toFixed(2),
        (rates[i] / rates[0]).toFixed(2),
      ];
      rows.push(row);
      stdout.write(`${row.map((cell) => cell.padEnd(16)).join(" ")}\n`);
    });
  };
  const [{ prefill, decode }] = results[0];
  for (const n of Object.keys(prefill)) say(`prefill ${n}`, (m) => m.prefill[n].rate);
  for (const n of Object.keys(decode)) say(`decode at ${n}`, (m) => m.decode[n]);
}
