/**
 * Tests what real mistakes do to the numbers of a real model, the demo model: those of the selection begin at
 * `index_topk`, all others at once. With GLM52_FULL=1 each is served, and the gate of the numbers must name it.
 */
import { afterAll, describe, expect, it } from "vitest";
import { VARIANTS } from "../../../bench/verify/variants.ts";
import type { Model } from "../../../engine/index.ts";
import type { Tokenizer } from "../../../tokenizer/index.ts";
import { open } from "../../../tools/node/index.ts";
import type { Reference } from "../../../tools/verify/gate.ts";
import { NUMBERS } from "../../../tools/verify/numbers.ts";
import { storyIds } from "../../../tools/verify/story.ts";
import { glmOf } from "../../support/glm.ts";
import { checksOf, faultsOf, verified } from "./faulty-server.ts";

const { GLM52_FULL } = process.env;
const glm = await open(undefined, { threads: 1 });
const tokenizer = glm.tokenizer as Tokenizer; // the demo model has one
afterAll(() => glm.close());

async function scored(model: Model, ids: readonly number[]): Promise<number[]> {
  const { tokens } = await glmOf(model, tokenizer).score(ids);
  return tokens.slice(1).map(({ logProb }) => logProb ?? 0);
}

const variantOf = (name: string) => {
  const found = VARIANTS.find((one) => one.name.startsWith(name));
  if (!found) throw new Error(name);
  return found;
};

describe("the demo model with a mistake", () => {
  const topk = glm.config.indexTopk;
  const ids = storyIds(tokenizer, 7, topk + 32);

  it.each(["dense", "schedule", "rope base 10,000"])("%s", async (name) => {
    const { change, from } = variantOf(name);
    const right = await scored(glm.model, ids);
    const got = await scored(change({ ...glm.model }), ids);
    const differences = got.map((x, at) => Math.abs(x - right[at]));
    const early = Math.max(...differences.slice(0, topk));
    const late = Math.max(...differences.slice(topk));
    expect(late).toBeGreaterThan(0.05);
    if (from === "index_topk") expect(early).toBe(0);
    else expect(early).toBeGreaterThan(0.05);
  });
});

describe.runIf(GLM52_FULL)("each variant, served (GLM52_FULL=1)", () => {
  const scores = new Map<string, Promise<number[]>>();
  const reference: Reference = {
    ...{ name: "demo model", tokenizer, shape: glm.config },
    score: (ids) => {
      const key = ids.join();
      const known = scores.get(key) ?? scored(glm.model, ids);
      scores.set(key, known);
      return known;
    },
  };

  it.each(VARIANTS)(
    "$name",
    async ({ change, from, isQuiet }) => {
      const wrong = change({ ...glm.model });
      const outcome = await verified({}, [NUMBERS], {
        ...{ reference, model: "m" },
        send: async (_, init) => {
          const { prompt } = JSON.parse(String(init.body));
          if (prompt === undefined) return new Response("", { status: 404 });
          const told = [null, ...(await scored(wrong, prompt))];
          return Response.json({ choices: [{ logprobs: { token_logprobs: told } }] });
        },
      });
      if (isQuiet) {
        // Where the drift is near to what is accepted, neither side wins with so few texts.
        expect(faultsOf(outcome)).toEqual([]);
        return;
      }
      expect(outcome.verdict).toBe("fail");
      const [fault] = faultsOf(outcome);
      expect(fault).toMatch(from === "start" ? /from the start/ : /from index_topk on/);
      expect(checksOf(outcome)[0].evidence).toMatch(/positions differ/);
    },
    600_000,
  );
});
