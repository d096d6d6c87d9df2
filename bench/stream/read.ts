/**
 * Measures how fast the readers of a streamed model read a file, and what processor time that costs,
 * beside plain `readSync` with and without the cache of the system.
 *
 *     npm run build && node dist/bench/stream/read.js [FOLDER] [ROUNDS]
 *
 * It writes a file of 0.7 GB for each round (5 by default) past the cache into FOLDER (the system's
 * folder for temporary files by default), and removes it. All sides read runs of 36 MiB, which is an expert of
 * GLM-5.2 in FP8, in a random order; they take turns, and medians are printed. Reads through the cache
 * are cold: each of them reads a part of the file that was never read through the cache before.
 *
 * The second table is about one such run alone: how long until it has come, with one reader and with two
 * that share it.
 * @module
 */
import { closeSync, constants, openSync, readSync, rmSync, writeSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { argv, cpuUsage, pid, stdout, version } from "node:process";
import { seededRandom } from "../../engine/index.ts";
import { sharedPages } from "../../tools/node/shared-pages.ts";
import { type StreamFiles, streamFiles } from "../../tools/node/stream-files.ts";

const EXPERT = 36 * 2 ** 20;
/** Runs that one side reads in one round. */
const N_RUNS = 6;
/** Reads that are under way at the same time. */
const DEPTH = 4;
/** A third is read past the cache, by all sides that do so; the other two through the cache, once. */
const ROUND_RUNS = 3 * N_RUNS;

const folder = argv[2] ?? tmpdir();
const nRounds = Number(argv[3] ?? 5);
const path = join(folder, `read-${pid}`);
const direct = constants.O_DIRECT ?? 0;

const memory = sharedPages(DEPTH * EXPERT);
const slot = (i: number): Uint8Array => new Uint8Array(memory, (i % DEPTH) * EXPERT, EXPERT);

/** What one side took. */
interface Cost {
  readonly seconds: number;
  readonly cpu: number;
}

function costOf(run: () => void): Cost {
  const start = performance.now();
  const before = cpuUsage();
  run();
  const { user, system } = cpuUsage(before);
  return { seconds: (performance.now() - start) / 1000, cpu: (user + system) / 1e6 };
}

/** Reads these runs with one call after the other. */
function plain(runs: readonly number[], flag: number): void {
  const file = openSync(path, constants.O_RDONLY | flag);
  for (const [i, run] of runs.entries()) {
    for (let at = 0; at < EXPERT; ) {
      at += readSync(file, slot(i), at, EXPERT - at, run * EXPERT + at);
    }
  }
  closeSync(file);
}

/** Reads these runs with the readers, some of them ahead. */
function streamed(runs: readonly number[], files: StreamFiles): void {
  const begin = (i: number) =>
    files.begin([{ file: basename(path), offset: runs[i] * EXPERT, target: slot(i) }]);
  const underWay = runs.slice(0, DEPTH).map((_, i) => begin(i));
  for (let i = 0; i < runs.length; i++) {
    underWay[i].wait();
    if (i + DEPTH < runs.length) underWay.push(begin(i + DEPTH));
  }
}

/** Random runs of one third of a round. */
const draw = seededRandom(1);
function runsOf(round: number, third: number): number[] {
  const first = round * ROUND_RUNS + third * N_RUNS;
  const runs = Array.from({ length: N_RUNS }, (_, i) => first + i);
  return runs
    .map((run) => [draw(), run] as const)
    .sort(([a], [b]) => a - b)
    .map(([, run]) => run);
}

/** Writes the file past the cache, or at least to the disk. */
function writeFile(): void {
  const file = openSync(path, constants.O_CREAT | constants.O_WRONLY | direct, 0o600);
  new Int32Array(memory).forEach((_, i, words) => {
    words[i] = Math.imul(i, 0x9e3779b1);
  });
  for (let run = 0; run < nRounds * ROUND_RUNS; run++) {
    for (let at = 0; at < EXPERT; ) at += writeSync(file, slot(run), at, EXPERT - at);
  }
  closeSync(file);
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1];

/** Runs the sides in turn, each time beginning with another one. */
function inTurn(
  sides: Readonly<Record<string, (round: number) => void>>,
  rounds: number,
): Record<string, Cost[]> {
  const names = Object.keys(sides);
  const costs = Object.fromEntries(names.map((name) => [name, [] as Cost[]]));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(round + i) % names.length];
      costs[name].push(costOf(() => sides[name](round)));
    }
  }
  return costs;
}

/** One line of a table for each side, with ratios to the first one. */
function print(costs: Record<string, Cost[]>, bytes: number): void {
  const [first] = Object.values(costs);
  const time = (of: readonly Cost[]) => median(of.map(({ seconds }) => seconds));
  for (const [name, of] of Object.entries(costs)) {
    const cells = [
      name,
      (bytes / time(of) / 1e9).toFixed(2),
      (time(first) / time(of)).toFixed(2),
      ((median(of.map(({ cpu }) => cpu)) / bytes) * 1e9).toFixed(3),
    ];
    stdout.write(`${cells.join("\t")}\n`);
  }
}

const open = (readers: number, isDirect: boolean) =>
  streamFiles(dirname(path), { readers, direct: isDirect });
const stores = [
  await open(1, true),
  await open(2, true),
  await open(4, true),
  await open(2, false),
];
const [one, two, four, buffered] = stores;
try {
  stdout.write(`Node ${version}; load ${loadavg()[0].toFixed(1)}; 36 MiB at random places\n`);
  writeFile();
  for (const store of stores) streamed([0], store); // the readers open the file
  const costs = inTurn(
    {
      "readSync, O_DIRECT": (round) => plain(runsOf(round, 0), direct),
      "1 reader, O_DIRECT": (round) => streamed(runsOf(round, 0), one),
      "2 readers, O_DIRECT": (round) => streamed(runsOf(round, 0), two),
      "4 readers, O_DIRECT": (round) => streamed(runsOf(round, 0), four),
      "readSync, buffered": (round) => plain(runsOf(round, 1), 0),
      "2 readers, buffered": (round) => streamed(runsOf(round, 2), buffered),
    },
    nRounds,
  );
  stdout.write("side\tGB/s\ttimes the first\tCPU s per GB\n");
  print(costs, N_RUNS * EXPERT);
  const alone = (store: StreamFiles) => () =>
    streamed([Math.floor(draw() * nRounds * ROUND_RUNS)], store);
  stdout.write("one run alone\tGB/s\ttimes the first\tCPU s per GB\n");
  print(inTurn({ "1 reader": alone(one), "2 readers": alone(two) }, 4 * nRounds), EXPERT);
  stdout.write(`${stores.map(({ how }) => how).join("; ")}; load ${loadavg()[0].toFixed(1)}\n`);
} finally {
  rmSync(path, { force: true });
  for (const store of stores) await store.close();
}
