/** Tests that words far back are looked for, and that what is told of a server that loses them is true. */
import { describe, expect, it } from "vitest";
import { LONG } from "../../../tools/verify/long-context.ts";
import { planOf, type VerifyOptions } from "../../../tools/verify/verify.ts";
import { inDialect } from "../../support/dialects.ts";
import {
  checksOf,
  faultsOf,
  REFERENCE,
  type ServerFaults,
  sendTo,
  verified,
} from "./faulty-server.ts";

/** A server that looks back so far. */
const near: ServerFaults = { reach: 64 };

/** Keeps the beginning and the end of what is asked. */
const cut: ServerFaults = {
  body: (body) =>
    Array.isArray(body.prompt) && body.prompt.length > 128
      ? { ...body, prompt: [...body.prompt.slice(0, 24), ...body.prompt.slice(-80)] }
      : body,
};

function long(faults: ServerFaults = {}, options: Partial<VerifyOptions> = {}) {
  return verified(faults, [LONG], options);
}

describe("long contexts", () => {
  it.each(["ours", "hosted"] as const)("of a right server pass: %s", async (dialect) => {
    const outcome = await long({}, { send: inDialect(dialect, sendTo()), lengths: [256, 512] });
    expect(checksOf(outcome).map(({ verdict, evidence }) => [verdict, evidence])).toEqual([
      ["pass", "8 of 8 words are found"],
      ["pass", "all tokens are counted"],
      ["pass", "8 of 8 words are found"],
      ["pass", "all tokens are counted"],
    ]);
    const input = { reference: REFERENCE, seed: 0, gates: [LONG], lengths: [256, 512] };
    const { total } = planOf(input);
    for (const key of ["requests", "tokensIn", "tokensOut"] as const) {
      expect(outcome.spent[key]).toBeLessThanOrEqual(total[key]);
    }
  });

  it.each(["ours", "hosted"] as const)(
    "where only the latest rows are read fail: %s",
    async (dialect) => {
      const outcome = await long(near, { send: inDialect(dialect, sendTo(near)) });
      expect(faultsOf(outcome)).toEqual([expect.stringMatching(/latest rows alone are read/)]);
      expect(checksOf(outcome)[0].evidence).toMatch(/^0 of 8 words/);
    },
  );

  it("that are cut in the middle are named", async () => {
    expect(faultsOf(await long(cut))).toContain("long prompts are cut");
  });

  it("are not held against a server where the reference finds no words either", async () => {
    const likeliest = async (ids: readonly number[]) => ids.map(() => 0);
    const outcome = await long(near, { reference: { ...REFERENCE, likeliest } });
    expect([outcome.verdict, faultsOf(outcome)]).toEqual(["unknown", []]);
    expect(checksOf(outcome)[0].evidence).toMatch(/reference does not find 8 of them either/);
  });

  it("that a server does not take are not known", async () => {
    const outcome = await long(
      {},
      { model: "m", send: async () => new Response("", { status: 400 }) },
    );
    expect([outcome.verdict, faultsOf(outcome)]).toEqual(["unknown", []]);
  });
});
