/** Tests that right servers pass all gates, and that what is put in wrong is found and named. */
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../engine/generate/random.ts";
import { NUMBERS } from "../../../tools/verify/numbers.ts";
import { GATES, PROFILES } from "../../../tools/verify/profiles.ts";
import { PROTOCOL } from "../../../tools/verify/protocol.ts";
import { REPLIES } from "../../../tools/verify/replies.ts";
import { SAMPLING } from "../../../tools/verify/sampling.ts";
import { planOf } from "../../../tools/verify/verify.ts";
import {
  bare,
  checksOf,
  faultsOf,
  REFERENCE,
  type ServerFaults,
  verified,
} from "./faulty-server.ts";
import { PLANTED } from "./planted-faults.ts";

/** Noise as another order of sums makes it: of the same size everywhere. */
function noise(size: number): (logProb: number) => number {
  const random = seededRandom(1);
  return (logProb) => Math.min(0, logProb + (random() - 0.5) * 4 * size);
}

describe("a right server", () => {
  it.each([0, 1, 2])(
    "passes all gates with seed %i, and costs no more than planned",
    async (seed) => {
      const outcome = await verified({}, PROFILES.numbers, { seed });
      expect(checksOf(outcome).filter(({ verdict }) => verdict !== "pass")).toEqual([]);
      expect(outcome.verdict).toBe("pass");
      const { total } = planOf({ reference: REFERENCE, seed, gates: PROFILES.numbers });
      expect(outcome.spent.requests).toBeLessThanOrEqual(total.requests);
      expect(outcome.spent.tokensIn).toBeLessThanOrEqual(total.tokensIn);
      expect(outcome.spent.tokensOut).toBeLessThanOrEqual(total.tokensOut);
    },
  );

  it("that tells neither ids nor log-probabilities is not accused", async () => {
    const outcome = await verified(bare(), [PROTOCOL, REPLIES, SAMPLING]);
    expect(faultsOf(outcome)).toEqual([]);
    expect(
      checksOf(outcome).filter(({ verdict, isExtra }) => !isExtra && verdict !== "pass"),
    ).toEqual([]);
  });

  it("that refuses extra fields is asked without them", async () => {
    const picky: ServerFaults = {
      body: (body) => (body.return_token_ids ? { ...body, max_tokens: "none" } : body),
    };
    expect(faultsOf(await verified(picky, [PROTOCOL, REPLIES, SAMPLING]))).toEqual([]);
  });

  it.each([0, 1, 2])("whose greedy text varies is not accused, seed %i", async (seed) => {
    for (const faults of [{ rounding: 0.1 }, bare({ rounding: 0.1 })]) {
      const outcome = await verified(faults, [PROTOCOL, REPLIES, SAMPLING], { seed });
      expect(faultsOf(outcome)).toEqual([]);
    }
  });

  it("with rounding of its own passes", async () => {
    const outcome = await verified({ logProb: noise(0.005) }, [NUMBERS]);
    expect(outcome.verdict).toBe("pass");
  });
});

describe("the faulty server", () => {
  it.each(PLANTED)("$gate: $name", async ({ gate, faults, sentence, seed }) => {
    const gates = GATES.filter(({ name }) => name === gate);
    const outcome = await verified(faults, gates, { seed });
    expect(outcome.verdict).toBe("fail");
    expect(faultsOf(outcome).some((fault) => sentence.test(fault))).toBe(true);
  });
});

describe("control tokens that a user spells", () => {
  it("may be control tokens or plain text: the report says which", async () => {
    const outcome = await verified({}, [PROTOCOL]);
    expect(checksOf(outcome)[1].evidence).toMatch(
      /that a user spells are (plain text|control tokens)/,
    );
  });
});
