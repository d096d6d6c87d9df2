/**
 * Reads ten thousand hostile files, and reports how each kind ended, the slowest and the memory.
 *
 *     npm run soak:files -- [files] [first seed]
 *
 * Exit code 3 when one ends in an error that is no sentence for a user, or takes more than two seconds of
 * the processor or 300 MB.
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeNpz } from "../../bench/golden/write-npz.ts";
import { isExplained } from "../../engine/index.ts";
import { Attacks } from "./files/attack.ts";
import { Chance } from "./files/chance.ts";

const ROOT = join(import.meta.dirname, "../../..");
const MOST_MS = 2000;
const MOST_BYTES = 300 * 2 ** 20;

const [nFiles = 10_000, first = 1] = process.argv.slice(2).map(Number);
const attacks = new Attacks({
  caseFolder: join(ROOT, "golden/cases/tiny-all"),
  tokenizer: readFileSync(join(ROOT, "demo-model/tokenizer.json"), "utf8"),
  npz: new Uint8Array(
    writeNpz([{ name: "l_out-0", shape: [2, 3], data: new Float32Array(6) }], true),
  ),
});
const kinds = Object.entries(attacks.kinds);
const tallies = new Map(kinds.map(([kind]) => [kind, { read: 0, refused: 0, ms: 0, bytes: 0 }]));
const faults: string[] = [];

for (let seed = first; seed < first + nFiles; seed++) {
  const [kind, attack] = kinds[seed % kinds.length];
  const tally = tallies.get(kind) ?? { read: 0, refused: 0, ms: 0, bytes: 0 };
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  const start = process.cpuUsage();
  try {
    await attack(new Chance(seed));
    tally.read++;
  } catch (error) {
    tally.refused++;
    if (!isExplained(error)) faults.push(`seed ${seed}, ${kind}: ${(error as Error).stack}`);
  }
  const { user, system } = process.cpuUsage(start); // what other programs take does not count
  const ms = (user + system) / 1000;
  const bytes = Math.max(0, process.memoryUsage.rss() - before);
  if (ms > MOST_MS) faults.push(`seed ${seed}, ${kind}: ${Math.round(ms)} ms`);
  if (bytes > MOST_BYTES) faults.push(`seed ${seed}, ${kind}: ${Math.round(bytes / 2 ** 20)} MB`);
  tally.ms = Math.max(tally.ms, ms);
  tally.bytes = Math.max(tally.bytes, bytes);
}
attacks.close();

for (const [kind, { read, refused, ms, bytes }] of tallies) {
  const most = `slowest ${Math.round(ms)} ms, most ${Math.round(bytes / 2 ** 20)} MB`;
  console.log(`${kind}: ${refused} refused, ${read} read; ${most}`);
}
const peak = Math.round(process.resourceUsage().maxRSS / 1024);
console.log(`${nFiles} files, ${faults.length} faults; the whole process took ${peak} MB at most`);
for (const fault of faults.slice(0, 20)) console.log(fault);
process.exit(faults.length === 0 ? 0 : 3);
