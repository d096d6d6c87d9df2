/**
 * Compares the routing of a synthetic checkpoint with what was measured of GLM-5.2.
 *
 *     node dist/bench/stream/check-checkpoint.js FOLDER            routers on the embedding: seconds
 *     node dist/bench/stream/check-checkpoint.js FOLDER --engine   all layers, in 6 GB of memory: minutes
 *
 * Each sparse layer must be within 15 % of each figure of its setting, and with the tokens in random order
 * it must lose the reuse and keep the popularity. With the engine, the router of the next layer, given this
 * layer's input, must find 68 to 78 % of the experts that it will choose. Exit code 1 if not.
 * @module
 */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { exit, stderr, stdout } from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { hitShare, replay } from "../../tools/stream/replay.ts";
import { layerStatistics } from "../../tools/stream/route-statistics.ts";
import type { RouteTrace } from "../../tools/stream/route-trace.ts";
import { type SettingName, SYNTHETIC_FILE, type SyntheticNote } from "./make-checkpoint.ts";
import { routesOfEngine, routesOfRouters } from "./routes-of-checkpoint.ts";
import { shuffled } from "./topics.ts";

/**
 * Slots of a layer's cache for which hits were computed. With fewer than 8, hits of LRU depend on which of a
 * token's own experts count as used last.
 */
const [BELADY, LRU] = [
  [1, 2, 4, 8],
  [8, 13, 19, 32, 48],
] as const;

/** The figures of a layer. */
export interface Figures {
  /** How many of the 8 experts of a token its predecessor has, too. */
  readonly sameAsLast: number;
  readonly gini: number;
  /** The share of visits of the most popular eighth of the experts. */
  readonly popular: number;
  /** The share of hits of the best possible cache with 1, 2, 4 and 8 slots. */
  readonly belady: readonly number[];
  /** The share of hits of a cache that evicts what was used least recently, with 8 … 48 slots. */
  readonly lru: readonly number[];
}

/** What the settings give: means of many random models at the level of the router. */
export const EXPECTED: Readonly<Record<SettingName, Figures>> = {
  restless: {
    ...{ sameAsLast: 2.3, gini: 0.48, popular: 0.37 },
    belady: [0.12, 0.22, 0.35, 0.49],
    lru: [0.28, 0.37, 0.45, 0.56, 0.64],
  },
  middle: {
    ...{ sameAsLast: 2.7, gini: 0.49, popular: 0.38 },
    belady: [0.12, 0.23, 0.38, 0.53],
    lru: [0.33, 0.44, 0.52, 0.62, 0.7],
  },
  calm: {
    ...{ sameAsLast: 3.6, gini: 0.5, popular: 0.39 },
    belady: [0.12, 0.24, 0.43, 0.62],
    lru: [0.45, 0.57, 0.65, 0.73, 0.78],
  },
};

/** How far a figure may be from what is expected. */
const TOLERANCE = 0.15;

/** The share of the next layer's experts that its router finds early. */
const RECALL = [0.68, 0.78] as const;

/** The figures of each layer of a trace. */
export function figuresOf(trace: RouteTrace): Figures[] {
  return trace.layers.map((_, layer) => {
    const { sameAsLast, gini, popular } = layerStatistics(trace, layer);
    const hits = (policy: "belady" | "lru", slots: readonly number[]): number[] =>
      replay(oneLayer(trace, layer), {
        ...{ policies: [policy], scopes: ["layer"], slots, tokenByToken: true },
      }).caches.map(({ prefill }) => hitShare(prefill));
    return { sameAsLast, gini, popular, belady: hits("belady", BELADY), lru: hits("lru", LRU) };
  });
}

function oneLayer(trace: RouteTrace, layer: number): RouteTrace {
  const { experts, layers, nActive } = trace;
  const mine = experts.filter((_, i) => Math.floor(i / nActive) % layers.length === layer);
  return { ...trace, layers: [layers[layer]], experts: mine, phase: trace.phase.map(() => 0) };
}

/** What is farther from the expected figures than allowed, in words. */
export function differences(got: Figures, expected: Figures): string[] {
  return Object.entries(expected).flatMap(([name, wanted]) => {
    const values = [got[name as keyof Figures]].flat();
    return [wanted].flat().flatMap((want, i) => {
      const off = values[i] / want - 1;
      if (Math.abs(off) <= TOLERANCE) return [];
      return [`${name}: expected about ${want}, got ${values[i].toFixed(3)}`];
    });
  });
}

/** What is wrong with the figures of a text whose tokens come in random order, in words. */
export function controlFaults(inOrder: Figures, atRandom: Figures): string[] {
  const faults: string[] = [];
  const reuse = atRandom.sameAsLast / inOrder.sameAsLast;
  if (!(reuse < 1 / 2))
    faults.push(`in random order, ${(100 * reuse).toFixed(0)} % of reuse stays`);
  if (Math.abs(atRandom.gini / inOrder.gini - 1) > TOLERANCE) {
    faults.push(`in random order, gini is ${atRandom.gini.toFixed(2)}`);
  }
  return faults;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { engine: { type: "boolean", default: false } },
  });
  const [folder] = positionals;
  if (folder === undefined) {
    stderr.write("expected the folder of a synthetic checkpoint\n");
    exit(2);
  }
  const text = await readFile(join(folder, SYNTHETIC_FILE), "utf8");
  const { setting, seed, tokens }: SyntheticNote = JSON.parse(text);
  const routes = (ids: readonly number[]) =>
    values.engine ? routesOfEngine(folder, ids) : routesOfRouters(folder, ids);
  const { trace, recall } = await routes(tokens);
  const control = figuresOf((await routes(shuffled(tokens, seed))).trace);
  let nFaults = 0;
  figuresOf(trace).forEach((figures, i) => {
    const found = recall[i];
    const faults = [
      ...differences(figures, EXPECTED[setting]),
      ...controlFaults(figures, control[i]),
    ];
    if (found !== undefined && !(found >= RECALL[0] && found <= RECALL[1])) {
      faults.push(`the next router finds ${(100 * found).toFixed(0)} %`);
    }
    nFaults += faults.length;
    const name = `${basename(folder)}, layer ${trace.layers[i]}, ${setting}`;
    stdout.write(
      `${name}: ${show(figures)}${found === undefined ? "" : `, next router ${percent(found)}`}\n`,
    );
    stdout.write(`  in random order: ${show(control[i])}\n`);
    for (const fault of faults) stdout.write(`  WRONG: ${fault}\n`);
  });
  exit(nFaults === 0 ? 0 : 1);
}

const percent = (x: number): string => `${(100 * x).toFixed(0)} %`;

function show({ sameAsLast, gini, popular, belady, lru }: Figures): string {
  const list = (shares: readonly number[]): string =>
    shares.map((x) => (100 * x).toFixed(0)).join("/");
  const heads = `${sameAsLast.toFixed(2)} as before, gini ${gini.toFixed(2)}, top eighth ${percent(popular)}`;
  return `${heads}, Belady ${list(belady)}, LRU ${list(lru)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
