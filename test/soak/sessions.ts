/**
 * Long tests of saved sessions: races for their lock, kills of processes that write them, and damage
 * to their files. The ordinary tests run short versions of all of them.
 *
 *     npm run soak:sessions -- lock --rounds 100000
 *     npm run soak:sessions -- lock --rounds 2000 --control old
 *     npm run soak:sessions -- kill --rounds 2000
 *     npm run soak:sessions -- flip --rounds 100000
 *
 * Each prints its counts as JSON, and exits with 1 when something happened that must not happen.
 * @module
 */
import { parseArgs } from "node:util";
import { flipSoak } from "./sessions/flip.ts";
import { killSoak } from "./sessions/kill.ts";
import { CONTROLS, lockSoak } from "./sessions/lock.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    control: { type: "string", default: "none" },
  },
});
const [rounds, seed] = [Number(values.rounds), Number(values.seed)];
const control = CONTROLS.find((name) => name === values.control);
const soaks: Readonly<Record<string, () => Promise<{ readonly violations: readonly string[] }>>> = {
  lock: () => lockSoak({ rounds, seed, control: control ?? "none" }),
  kill: () => killSoak(rounds, seed),
  flip: () => flipSoak(rounds, seed),
};
const soak = soaks[positionals[0] ?? ""];
if (!soak || !control)
  throw new Error("expected lock, kill or flip; --control none, old or no-link");
const counts = await soak();
process.stdout.write(`${JSON.stringify(counts, undefined, 2)}\n`);
process.exitCode = counts.violations.length > 0 ? 1 : 0;
