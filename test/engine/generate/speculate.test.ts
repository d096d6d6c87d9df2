/**
 * Tests that speculative decoding never changes the text, however good the guesses are (G44, G46).
 */
import { describe, expect, test } from "vitest";
import { newTap, noTaps, type Taps } from "../../../engine/base/tap.ts";
import { Session } from "../../../engine/generate/session.ts";
import type { DraftRound } from "../../../engine/generate/speculate.ts";
import type { Model } from "../../../engine/model/model.ts";
import { referenceOps } from "../../../engine/ops/reference/index.ts";
import { generateAll } from "../../support/generate-all.ts";
import { randomTokens, weight } from "../../support/random.ts";
import { tinyModel } from "../../support/tiny-model.ts";

const ops = referenceOps("f32");
const STEPS = [1, 2, 3, 4, 5];

/** A model with few tokens, so that guesses are often right: about one in three. */
const SMALL = { vocab_size: 4, num_hidden_layers: 3, indexer_types: ["full", "shared", "full"] };

const newSession = (model: Model, maxContext = 96) =>
  new Session(model, { maxContext, draft: true, chunk: 5 });

/** Texts without guessing, each of which is compared with several texts with guesses. */
const plainTexts = new Map<Model, Map<string, ReturnType<typeof generateAll>>>();
function withoutGuessing(model: Model, prompt: readonly number[], maxTokens: number) {
  const ofModel = plainTexts.get(model) ?? new Map();
  plainTexts.set(model, ofModel);
  const key = `${prompt}: ${maxTokens}`;
  if (!ofModel.has(key)) ofModel.set(key, generateAll(newSession(model), prompt, { maxTokens }));
  return ofModel.get(key) as ReturnType<typeof generateAll>;
}

describe.each([true, false])("greedy, index_share_for_mtp_iteration %s", (share) => {
  const models = [1, 2, 3, 4].flatMap((seed) => [
    tinyModel({ ...SMALL, index_share_for_mtp_iteration: share }, ops, seed),
    tinyModel({ index_share_for_mtp_iteration: share }, ops, seed),
  ]);

  test.each(STEPS)(
    "with %d guesses, 40 tokens of 8 models are those without guessing (G46)",
    async (draftSteps) => {
      for (const [i, model] of models.entries()) {
        const prompt = randomTokens(1 + 3 * i, model.config.vocabSize, i);
        const plain = await withoutGuessing(model, prompt, 40);
        const guessed = await generateAll(newSession(model), prompt, { maxTokens: 40, draftSteps });
        expect(guessed.ids).toEqual(plain.ids);
        expect(guessed.tokens.map(({ logProb }) => logProb)).toEqual(
          plain.tokens.map(({ logProb }) => logProb),
        );
      }
    },
  );

  test("among these guesses some are kept and some are not, so both ways are tested (G45)", async () => {
    let kept = 0;
    let all = 0;
    for (const model of models) {
      const { tokens } = await generateAll(newSession(model), [1, 2], {
        maxTokens: 40,
        draftSteps: 3,
      });
      kept += tokens.filter(({ drafted }) => drafted).length;
      all += tokens.length;
    }
    expect(kept / all).toBeGreaterThan(0.05);
    expect(kept / all).toBeLessThan(0.95);
  });

  test("an observer is told of every guess, and its rounds are the text", async () => {
    for (const temperature of [0, 1]) {
      const rounds: DraftRound[] = [];
      const { tokens } = await generateAll(newSession(models[0]), [1, 2], {
        maxTokens: 40,
        draftSteps: 3,
        sampling: { temperature },
        onDraftRound: (round) => rounds.push(round),
      });
      const told = rounds.flatMap((round) =>
        round.tokens.map((token, i) => ({
          ...token,
          drafted: i < round.judged.length && round.judged[i].replacement === undefined,
        })),
      );
      // The first token comes before all rounds; the last round may be longer than the text.
      expect(told.slice(0, tokens.length - 1)).toEqual(
        tokens.slice(1).map(({ id, logProb, drafted }) => ({ id, logProb, drafted })),
      );
      for (const { judged, unread } of rounds) {
        expect(judged.length + unread.length).toBe(3);
        expect(judged.slice(0, -1).every(({ replacement }) => replacement === undefined)).toBe(
          true,
        );
        for (const { keep, replacement } of judged) {
          expect(replacement === undefined ? keep > 0 : keep < 1).toBe(true);
        }
      }
      expect(rounds.some(({ unread }) => unread.length > 0)).toBe(true);
      expect(rounds.some(({ judged }) => judged[0].replacement === undefined)).toBe(true);
    }
  });

  test.each(STEPS)(
    "with %d guesses, after other texts in the same session (G44)",
    async (draftSteps) => {
      for (const model of models.slice(0, 2)) {
        const session = newSession(model);
        for (const seed of [1, 2, 3, 4, 5]) {
          const prompt = [1, 3, ...randomTokens(2 + 2 * seed, 4, seed)];
          const plain = await withoutGuessing(model, prompt, 15);
          const guessed = await generateAll(session, prompt, { maxTokens: 15, draftSteps });
          expect(guessed.ids).toEqual(plain.ids);
        }
      }
    },
  );

  test.each([0, 1, 4, 9])("after truncate to %d of 20 tokens (G44)", async (length) => {
    for (const model of models.slice(0, 2)) {
      const session = newSession(model);
      const { ids } = await generateAll(session, [1, 2, 3], { maxTokens: 18, draftSteps: 3 });
      session.truncate(length);
      const prompt = [...[1, 2, 3, ...ids].slice(0, length), 2, 0];
      const plain = await generateAll(newSession(model), prompt, { maxTokens: 15 });
      const guessed = await generateAll(session, prompt, { maxTokens: 15, draftSteps: 3 });
      expect(guessed.ids).toEqual(plain.ids);
    }
  });

  test.each([4, 5, 6, 7, 8])("to the end of a context of %d, as without guessing", async (room) => {
    for (const model of models.slice(0, 2)) {
      const options = { maxTokens: 50 };
      const plain = await generateAll(newSession(model, room), [1, 2, 3], options);
      const guessed = await generateAll(newSession(model, room), [1, 2, 3], {
        ...options,
        draftSteps: 4,
      });
      expect([guessed.ids, guessed.reason]).toEqual([plain.ids, "context"]);
    }
  });
});

describe("rejected guesses (G44)", () => {
  const model = tinyModel(SMALL, ops, 2);
  const prompt = [1, 2, 3];

  test("leave no row behind: the session continues as if they had never been", async () => {
    const session = newSession(model);
    await generateAll(session, prompt, { maxTokens: 12, draftSteps: 5 });
    const text = [...session.tokens];
    const fresh = newSession(model);
    fresh.sync(text);
    expect(session.append([1])).toEqual(fresh.append([1]));
  });

  test("that are not rolled back change the text or are refused", async () => {
    class Forgetful extends Session {
      override truncate(): void {}
    }
    const forgetful = new Forgetful(model, { maxContext: 96, draft: true });
    const plain = await generateAll(newSession(model), prompt, { maxTokens: 30 });
    const wrong = await generateAll(forgetful, prompt, { maxTokens: 30, draftSteps: 3 }).catch(
      (error: Error) => ({ ids: error.name }),
    );
    expect(wrong.ids).not.toEqual(plain.ids);
  });
});

describe("guesses that are always right (G45)", () => {
  /** All logits are equal, so token 0 is chosen and guessed every time. */
  const base = tinyModel({ vocab_size: 4 }, ops);
  const lmHead = weight(ops, ["vocab", "hidden"], [4, 16], new Float32Array(64));
  const model: Model = { ...base, weights: { ...base.weights, lmHead } };

  test("20 tokens with 4 guesses each need 2 + 4 steps of the main model", async () => {
    let steps = 0;
    const taps: Taps = {
      ...noTaps,
      model: newTap((stage) => {
        if (stage === "inp_embd") steps++;
      }),
    };
    const session = new Session(model, { maxContext: 64, draft: true, taps });
    const { tokens } = await generateAll(session, [1, 2, 3], { maxTokens: 20, draftSteps: 4 });
    // Step 1 runs the prompt without its last token, and step 2 runs that token. Then four steps
    // run five tokens each; the very last token is not run.
    expect(steps).toBe(2 + 4);
    expect(tokens.map(({ drafted }) => drafted).slice(0, 11)).toEqual([
      false,
      ...[true, true, true, true, false],
      ...[true, true, true, true, false],
    ]);
  });
});

describe("a stop id among the guesses", () => {
  test("ends the text where it would end without guessing", async () => {
    const model = tinyModel(SMALL, ops, 2);
    for (const stop of [0, 1, 2, 3]) {
      const options = { maxTokens: 30, stopIds: [stop] };
      const plain = await generateAll(newSession(model), [1, 2], options);
      const guessed = await generateAll(newSession(model), [1, 2], { ...options, draftSteps: 4 });
      expect([guessed.ids, guessed.reason]).toEqual([plain.ids, plain.reason]);
    }
  });
});
