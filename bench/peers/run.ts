/**
 * Compares the speed of this engine with that of llama.cpp on the same model, each in a process of
 * its own.
 *
 *     npm run bench:peers -- --peers FOLDER [--models .cache/bench/medium] [--nodes node,PATH]
 *         [--types f32,f16,bf16,q8,q4] [--threads 1,2] [--prefill 128,512] [--contexts 0,512,2048]
 *         [--limit 600] [--passes 3] [--wllama q8,q4] [--chromium PATH] [--csv FILE]
 *
 * FOLDER, which GLM52_PEERS may name too, must have node_modules/node-llama-cpp, and also
 * @wllama/wllama if `--wllama` names types. First all engines run one prompt, and must agree. Then
 *   they are measured in turns, `--passes` times, and medians count.
 *
 * Next: races.ts, entrants.ts
 * @module
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { argv, env, execPath, exit, stderr } from "node:process";
import { parseArgs } from "node:util";
import { UserError } from "../../tools/node/user-error.ts";
import { AgreementError, agreement, demand } from "./agreement.ts";
import {
  check,
  EntrantError,
  entrants,
  type Field,
  measure,
  reference,
  type Task,
} from "./entrants.ts";
import { type Measured, textLength } from "./protocol.ts";
import { RACES } from "./races.ts";
import { Table } from "./table.ts";
import { commonText } from "./text.ts";
import { circumstances } from "./versions.ts";

const { GLM52_PEERS } = env as { readonly GLM52_PEERS?: string };
const { values } = parseArgs({
  args: argv.slice(2),
  options: {
    peers: { type: "string", default: GLM52_PEERS ?? "." },
    models: { type: "string", default: ".cache/bench/medium" },
    nodes: { type: "string", default: execPath },
    types: { type: "string", default: Object.keys(RACES).join(",") },
    threads: { type: "string", default: "1,2" },
    prefill: { type: "string", default: "128,512" },
    contexts: { type: "string", default: "0,512,2048" },
    limit: { type: "string", default: "600" },
    passes: { type: "string", default: "3" },
    wllama: { type: "string", default: "" },
    chromium: { type: "string", default: "chromium" },
    csv: { type: "string" },
  },
});
const words = (list: string) => list.split(",").filter(Boolean);
const [threads, prefill, contexts] = [values.threads, values.prefill, values.contexts].map((list) =>
  words(list).map(Number),
);

/** The engines that race in a format. */
function fieldOf(type: string): Field {
  const { peers, models, chromium } = values;
  const hasWllama = words(values.wllama).includes(type);
  return { peers, models, chromium, nodes: words(values.nodes), hasWllama };
}

/** Compares all engines of a format with our f32 run, and throws for one that is too far off. */
function gate(type: string, task: Task, table: Table): void {
  const [field, race, nThreads] = [fieldOf(type), RACES[type], Math.max(...threads)];
  stderr.write(`${type}: agreement\n`);
  const { rows: want } = check(reference(field, race, nThreads), task);
  for (const entrant of entrants(field, race, nThreads)) {
    const { rows, version } = check(entrant, task);
    table.engine(entrant.name, version);
    const found = agreement(want, rows, task.fragments);
    table.agreement(type, nThreads, entrant.name, found);
    demand(`${type}: ${entrant.name}`, found, race.limit);
  }
}

/** Measures all engines in turn, `--passes` times. */
function compete(type: string, nThreads: number, task: Task, table: Table): void {
  const all = entrants(fieldOf(type), RACES[type], nThreads);
  const results = all.map((): Measured[] => []);
  for (let pass = 0; pass < Number(values.passes); pass++) {
    for (const [i, entrant] of all.entries()) {
      stderr.write(`${type}, threads ${nThreads}, pass ${pass + 1}: ${entrant.name}\n`);
      results[i].push(measure(entrant, task));
    }
  }
  const names = all.map(({ name }) => name);
  const say = (what: string, rateOf: (measured: Measured) => number | undefined) =>
    table.speeds(
      type,
      nThreads,
      what,
      names,
      results.map((passes) => passes.map(rateOf).filter((rate) => rate !== undefined)),
    );
  for (const n of prefill) say(`prefill ${n}`, (m) => m.prefill[n]);
  for (const n of contexts) say(`decode at ${n}`, (m) => m.decode[n]);
}

async function main(): Promise<void> {
  for (const type of [...words(values.types), ...words(values.wllama)]) {
    if (!(type in RACES)) {
      throw new EntrantError(`--types: expected some of ${Object.keys(RACES)}, got ${type}`);
    }
  }
  if (!existsSync(join(values.peers, "node_modules/node-llama-cpp"))) {
    throw new EntrantError(
      `--peers: expected a folder with node-llama-cpp, found none in ${values.peers}; ` +
        "npm install --prefix FOLDER node-llama-cpp makes one",
    );
  }
  const about = [
    ["models", values.models],
    ["passes", values.passes],
  ] as [string, string][];
  const table = new Table([...(await circumstances()), ...about], values.csv);
  const length = textLength({ prefill, contexts });
  const folder = join(values.models, RACES[words(values.types)[0]].ours);
  const limit = Number(values.limit);
  const task = { ...(await commonText(folder, length)), prefill, contexts, limit };
  for (const type of words(values.types)) gate(type, task, table);
  for (const type of words(values.types)) for (const n of threads) compete(type, n, task, table);
}

try {
  await main();
} catch (error) {
  const isExpected = [AgreementError, UserError, EntrantError].some((k) => error instanceof k);
  if (!isExpected) throw error;
  stderr.write(`${(error as Error).message}\n`);
  exit(1);
}
