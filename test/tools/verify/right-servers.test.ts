/**
 * Tests that right servers are not accused, whatever they speak, and however they round: some of them always, two
 * hundred with GLM52_FULL=1.
 */
import { expect, it } from "vitest";
import { seededRandom } from "../../../engine/generate/random.ts";
import { GATES, PROFILES } from "../../../tools/verify/profiles.ts";
import { DIALECTS, inDialect } from "../../support/dialects.ts";
import { bare, faultsOf, type ServerFaults, sendTo, verified } from "./faulty-server.ts";

const { GLM52_FULL } = process.env;
const RUNS = GLM52_FULL ? 200 : 5;

/** How far logits are off at most: not at all, as other sums make them, and as 8-bit caches do. */
const ROUNDING = [0, 1e-4, 0.02] as const;

/** Log-probabilities of given texts are off, too. */
function noisy(seed: number, rounding: number): ServerFaults {
  const random = seededRandom(seed);
  return {
    rounding,
    logProb: (x, _, { promptLogProbs }) =>
      promptLogProbs ? Math.min(0, x + rounding * (2 * random() - 1)) : x,
  };
}

it(`${RUNS} right servers are accused of nothing`, async () => {
  const accused: string[] = [];
  for (let seed = 0; seed < RUNS; seed++) {
    const dialect = DIALECTS[seed % DIALECTS.length];
    const rounding = ROUNDING[seed % ROUNDING.length];
    const faults = seed % 7 === 6 ? bare(noisy(seed, rounding)) : noisy(seed, rounding);
    const outcome = await verified(faults, GLM52_FULL ? GATES.slice(0, -1) : PROFILES.numbers, {
      ...{ seed, concurrency: 1 + (seed % 3) },
      send: inDialect(dialect, sendTo(faults)),
    });
    accused.push(...faultsOf(outcome).map((fault) => `${seed}, ${dialect}: ${fault}`));
  }
  expect(accused).toEqual([]);
}, 3_000_000);
