/**
 * Tests that speculative decoding with sampling has the same distribution as plain sampling. The
 * seeds are fixed. By chance, a chi-square score is above 3.7 in one of 10,000 tests.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { seededRandom } from "../../../engine/generate/random.ts";
import { distribution, draw, type SamplingOptions } from "../../../engine/generate/sampler.ts";
import { Session } from "../../../engine/generate/session.ts";
import { replacementOf } from "../../../engine/generate/speculate.ts";
import { referenceOps } from "../../../engine/ops/reference/index.ts";
import { chiSquareScore, countOf } from "../../support/chi-square.ts";
import { generateAll } from "../../support/generate-all.ts";
import { tinyModel } from "../../support/tiny-model.ts";

const LIMIT = 3.7;

describe("replacementOf", () => {
  const p = Float64Array.of(0.5, 0.1, 0.25, 0, 0.15);
  const q = Float64Array.of(0.1, 0.4, 0.3, 0.2, 0);
  const N = 40_000;
  const expected = new Map([...p].map((x, id) => [String(id), x]));

  const scoreOf = (verdict: typeof replacementOf): number => {
    const random = seededRandom(1);
    const draws = Array.from({ length: N }, () => {
      const guess = draw(q, random);
      return String(verdict(p, q, guess, random) ?? guess);
    });
    return chiSquareScore(countOf(draws), expected, N);
  };

  test(`what it lets through is drawn from p, not from q: score below ${LIMIT} over ${N} guesses`, () => {
    expect(scoreOf(replacementOf)).toBeLessThan(LIMIT);
  });

  test.each([
    ["that keeps every guess", () => undefined],
    [
      "that draws from p, not from the rest of p, after a rejection",
      (_p, _q, guess, random) => (random() * q[guess] < p[guess] ? undefined : draw(p, random)),
    ],
    [
      "that keeps a guess with probability p",
      (_p, _q, guess, random) => (random() < p[guess] ? undefined : draw(p, random)),
    ],
    ["that takes q for p", (_p, _q, guess, random) => replacementOf(q, p, guess, random)],
  ] as [string, typeof replacementOf][])(
    `a replacementOf %s is found out: score above ${LIMIT}`,
    (_what, verdict) => {
      expect(scoreOf(verdict)).toBeGreaterThan(LIMIT);
    },
  );

  test("keeps 45 % of these guesses: the sum of min(p, q), within 1 %", () => {
    const random = seededRandom(2);
    let kept = 0;
    for (let i = 0; i < N; i++)
      if (replacementOf(p, q, draw(q, random), random) === undefined) kept++;
    expect(Math.abs(kept / N - 0.45)).toBeLessThan(0.01);
  });

  test("greedy distributions are kept exactly when they agree", () => {
    const [a, b] = [Float64Array.of(1, 0), Float64Array.of(0, 1)];
    const random = seededRandom(3);
    expect([replacementOf(a, a, 0, random), replacementOf(a, b, 1, random)]).toEqual([
      undefined,
      0,
    ]);
  });
});

describe("generation with 2 guesses, 3 tokens of a vocabulary of 6", () => {
  const TINY = {
    vocab_size: 6,
    hidden_size: 8,
    num_hidden_layers: 2,
    indexer_types: ["full", "shared"],
    index_topk: 2,
    n_routed_experts: 2,
    num_experts_per_tok: 1,
    first_k_dense_replace: 2,
  };
  const model = tinyModel(TINY, referenceOps("f32"), 3);
  const PROMPT = [4];
  const N = 5000;

  /** The exact probability of each triple of tokens, from running every prefix. */
  function exact(sampling: SamplingOptions): Map<string, number> {
    const session = new Session(model, { maxContext: 16 });
    const expected = new Map<string, number>();
    const walk = (ids: number[], probability: number): void => {
      if (probability === 0) return;
      if (ids.length === 3) {
        expected.set(ids.join(), probability);
        return;
      }
      const text = [...PROMPT, ...ids];
      const p = distribution(session.sync(text).logits, sampling, text);
      p.forEach((x, id) => {
        walk([...ids, id], probability * x);
      });
    };
    walk([], 1);
    return expected;
  }

  async function drawn(
    sampling: SamplingOptions,
    draftSteps: number,
  ): Promise<Map<string, number>> {
    const triples: string[] = [];
    const session = new Session(model, { maxContext: 16, draft: true });
    for (let seed = 0; seed < N; seed++) {
      const options = { maxTokens: 3, sampling, seed, draftSteps };
      triples.push((await generateAll(session, PROMPT, options)).ids.join());
    }
    return countOf(triples);
  }

  /** A wrong way: the model chooses the first token, and guesses follow that nobody has checked. */
  function unjudged(sampling: SamplingOptions): Map<string, number> {
    const triples: string[] = [];
    const session = new Session(model, { maxContext: 16, draft: true });
    for (let seed = 0; seed < N; seed++) {
      const random = seededRandom(seed);
      const first = draw(distribution(session.sync(PROMPT).logits, sampling, PROMPT), random);
      const guesses = session.draft?.propose(first, 2, (logits) =>
        draw(distribution(logits, sampling, []), random),
      );
      triples.push([first, ...(guesses ?? []).map(({ token }) => token)].join());
    }
    return countOf(triples);
  }

  const PLAIN: SamplingOptions = { temperature: 1 };
  const FILTERED: SamplingOptions = {
    temperature: 1.5,
    topK: 5,
    topP: 0.9,
    repetitionPenalty: 5,
  };
  let guessed: Map<string, number>;
  beforeAll(async () => {
    guessed = await drawn(PLAIN, 2);
  });

  test(`temperature 1: ${N} triples fit the exact probabilities, score below ${LIMIT}`, () => {
    expect(chiSquareScore(guessed, exact(PLAIN), N)).toBeLessThan(LIMIT);
  });

  test(`temperature 1.5, top-k 5, top-p 0.9, repetition penalty 5: ${N} triples do, too`, async () => {
    const triples = await drawn(FILTERED, 2);
    expect(chiSquareScore(triples, exact(FILTERED), N)).toBeLessThan(LIMIT);
  });

  test(`without guesses too, score below ${LIMIT}: the witness is sound`, async () => {
    expect(chiSquareScore(await drawn(PLAIN, 0), exact(PLAIN), N)).toBeLessThan(LIMIT);
  });

  test(`guesses that no one judges do not fit, score above ${LIMIT}`, () => {
    expect(chiSquareScore(unjudged(PLAIN), exact(PLAIN), N)).toBeGreaterThan(LIMIT);
  });

  test(`the probabilities of temperature 1.15 do not fit either, score above ${LIMIT}`, () => {
    expect(chiSquareScore(guessed, exact({ temperature: 1.15 }), N)).toBeGreaterThan(LIMIT);
  });
});
