/** Tests of texts that are held to something: a constraint, a least length, penalties. */
import { describe, expect, test } from "vitest";
import { Chooser } from "../../../engine/generate/chooser.ts";
import type { Constraint } from "../../../engine/generate/constraint.ts";
import { seededRandom } from "../../../engine/generate/random.ts";
import { distribution, type SamplingOptions } from "../../../engine/generate/sampler.ts";
import { Session } from "../../../engine/generate/session.ts";
import { referenceOps } from "../../../engine/ops/reference/index.ts";
import { generateAll } from "../../support/generate-all.ts";
import { ParityConstraint } from "../../support/parity-constraint.ts";
import { tinyModel } from "../../support/tiny-model.ts";

const ops = referenceOps("f32");
const model = tinyModel({}, ops);
const { vocabSize } = model.config;
const newSession = () => new Session(model, { maxContext: 96, draft: true });
const SAMPLING: readonly [string, SamplingOptions][] = [
  ["greedy", {}],
  ["temperature 1", { temperature: 1 }],
  ["with penalties", { temperature: 1, frequencyPenalty: 0.5, presencePenalty: 0.5 }],
];

describe.each(SAMPLING)("a constraint, %s", (_, sampling) => {
  test.each([0, 1, 3])("holds every token, with %i guesses", async (draftSteps) => {
    for (const seed of [1, 2, 3]) {
      const constraint = new ParityConstraint(vocabSize);
      const { ids } = await generateAll(newSession(), [1, 2, 3], {
        maxTokens: 30,
        sampling,
        seed,
        draftSteps,
        constraint,
      });
      expect(ids.map((id) => id % 2)).toEqual(ids.map((_, i) => i % 2));
      constraint.close();
    }
  });
});

test("guesses change no greedy text that is held to a constraint, and some are kept", async () => {
  const small = { vocab_size: 4, num_hidden_layers: 3, indexer_types: ["full", "shared", "full"] };
  let kept = 0;
  for (const seed of [1, 2, 3, 4]) {
    const few = tinyModel(small, ops, seed);
    const [plain, guessed] = await Promise.all(
      [0, 3].map((draftSteps) =>
        generateAll(new Session(few, { maxContext: 96, draft: true }), [1, 2], {
          maxTokens: 40,
          stopIds: [0],
          minTokens: 20,
          draftSteps,
          constraint: new ParityConstraint(4, 30),
        }),
      ),
    );
    expect(guessed.ids).toEqual(plain.ids);
    expect(plain.ids.length).toBeGreaterThanOrEqual(20);
    expect(plain.ids.length).toBeLessThanOrEqual(30);
    kept += guessed.tokens.filter(({ drafted }) => drafted).length;
  }
  expect(kept).toBeGreaterThan(0);
});

test("log-probabilities are those before the constraint", async () => {
  const options = { maxTokens: 1, topLogProbs: 3 };
  const free = await generateAll(newSession(), [1, 2, 3], options);
  const forced: Constraint = new ParityConstraint(vocabSize, 0);
  const held = await generateAll(newSession(), [1, 2, 3], { ...options, constraint: forced });
  expect(held.ids).toEqual([0]);
  expect(held.tokens[0].top).toEqual(free.tokens[0].top);
  expect(held.tokens[0].logProb).toBeLessThan(held.tokens[0].top[0].logProb);
});

test("a text does not stop before its least length, and stops after it", async () => {
  const sampling = { logitBias: new Map([[2, 1e6]]) };
  const run = (minTokens: number) =>
    generateAll(newSession(), [1], { maxTokens: 20, stopIds: [2], minTokens, sampling });
  for (const minTokens of [0, 1, 7]) {
    const { ids, reason } = await run(minTokens);
    expect([ids.length, reason]).toEqual([minTokens, "stop"]);
    expect(ids).not.toContain(2);
  }
});

describe("penalties", () => {
  const logits = Float32Array.of(5, 4, 3, 2);
  const pOf = (options: SamplingOptions, text: number[], promptLength: number) => [
    ...distribution(logits, { temperature: 1, ...options }, text, { promptLength }),
  ];
  const softmax = (values: number[]) => {
    const e = values.map((x) => Math.exp(x));
    const sum = e.reduce((a, b) => a + b, 0);
    return e.map((x) => x / sum);
  };
  const expectClose = (got: number[], want: number[]) =>
    want.forEach((p, id) => {
      expect(got[id]).toBeCloseTo(p, 12);
    });

  test("presence counts once, frequency each time, and the prompt not at all", () => {
    const text = [0, 0, 3, 1, 1, 2];
    expectClose(pOf({ presencePenalty: 1.5 }, text, 3), softmax([5, 2.5, 1.5, 2]));
    expectClose(pOf({ frequencyPenalty: 0.5 }, text, 3), softmax([5, 3, 2.5, 2]));
    expectClose(pOf({ presencePenalty: 1, frequencyPenalty: -2 }, text, 0), softmax([8, 7, 4, 3]));
  });
});

test("a chooser takes back what it took, behind a stop id too", () => {
  const calls: string[] = [];
  const constraint: Constraint = {
    allowed: () => undefined,
    accept: (id) => calls.push(`accept ${id}`),
    undo: (n) => calls.push(`undo ${n}`),
    fork: () => constraint,
    close: () => calls.push("close"),
  };
  const chooser = new Chooser([9], {
    sampling: {},
    stopIds: [7],
    minTokens: 0,
    random: seededRandom(1),
    constraint,
  });
  for (const id of [1, 2, 7, 3, 4]) chooser.take(id);
  expect([chooser.nChosen, chooser.isOver]).toEqual([5, true]);
  chooser.undo(1);
  chooser.undo(3);
  expect([chooser.text, chooser.isOver]).toEqual([[9, 1], false]);
  chooser.take(5);
  chooser.close();
  expect(calls).toEqual(["accept 1", "accept 2", "accept 7", "undo 2", "accept 5", "close"]);
});
