/** Tests of the multi-token-prediction layer, step by step. */

import { describe, expect, test } from "vitest";
import { noTap, noTaps } from "../../../engine/base/tap.ts";
import type { Floats } from "../../../engine/base/tensor.ts";
import { DraftHead } from "../../../engine/generate/draft-head.ts";
import { argmax } from "../../../engine/generate/sampler.ts";
import { Session } from "../../../engine/generate/session.ts";
import { newDraftCache, newModelCache } from "../../../engine/kv/model-cache.ts";
import { forward, head, type Model } from "../../../engine/model/model.ts";
import { mtpStep } from "../../../engine/model/mtp.ts";
import { positionsFrom } from "../../../engine/numbers/rope-table.ts";
import { randomTokens, weight } from "../../support/random.ts";
import { runAll, stage } from "../../support/run.ts";
import { tinyModel } from "../../support/tiny-model.ts";
import { BACKENDS } from "../ops/backends.ts";

const prompt = randomTokens(12, 32, 9);

/**
 * The logits of `steps` guesses after `text`. Every slot is computed again, from the first one on.
 */
function guessFromScratch(model: Model, text: readonly number[], steps: number): Floats[] {
  const { ops, config, weights } = model;
  if (!weights.mtp) throw new Error("no MTP layer");
  const nSlots = text.length - 1;
  const mainCache = newModelCache(ops, config);
  const cache = newDraftCache(ops, config).layers[0];
  const hidden = forward(
    model,
    Int32Array.from(text.slice(0, -1)),
    positionsFrom(0, text.length - 1),
    mainCache,
    noTaps,
  );
  const next = Int32Array.from(text.slice(1));
  const all = { start: 0, nextTokens: next, hidden };
  let out = mtpStep(model, weights.mtp, all, cache, noTap);
  const nK = out.topK.shape[1];
  const row = { ...out.topK, shape: [1, nK] as const, data: out.topK.data.slice(-nK) };
  const sharedTopK = config.indexShareForMtpIteration ? row : undefined;

  let last = ops.slice(out.hidden, nSlots - 1, nSlots);
  const guesses = [ops.read(head(model, last, noTaps))];
  for (let step = 1; step < steps; step++) {
    const nextTokens = Int32Array.of(argmax(guesses[step - 1]));
    const one = { start: nSlots - 1 + step, nextTokens, hidden: last, sharedTopK };
    out = mtpStep(model, weights.mtp, one, cache, noTap);
    last = out.hidden;
    guesses.push(ops.read(head(model, last, noTaps)));
  }
  return guesses;
}

const propose = (session: Session, next: number, steps: number): Floats[] =>
  session.draft?.propose(next, steps, argmax).map(({ logits }) => logits) ?? [];

for (const { name, ops } of BACKENDS) {
  describe.each([true, false])(
    `draft head, index_share_for_mtp_iteration %s (${name})`,
    (share) => {
      const model = tinyModel({ index_share_for_mtp_iteration: share }, ops);

      test.each([1, 2, 12])(
        "after a prompt of %d tokens it guesses what the layer by hand guesses",
        (n) => {
          const text = prompt.slice(0, n);
          const session = new Session(model, { draft: true, maxContext: 64, chunk: 5 });
          session.sync(text);
          expect(propose(session, 3, 4)).toEqual(guessFromScratch(model, [...text, 3], 4));
        },
      );

      test.each([1, 2, 3, 4])(
        "after %d of 4 verified tokens it starts from the last of them (G42)",
        (kept) => {
          const session = new Session(model, { draft: true, maxContext: 64 });
          session.sync(prompt);
          propose(session, 3, 3);
          session.appendAll([3, 7, 8, 9]);
          session.truncate(prompt.length + kept);
          const text = [...prompt, ...[3, 7, 8, 9].slice(0, kept), 11];
          expect(propose(session, 11, 4)).toEqual(guessFromScratch(model, text, 4));
        },
      );

      test("two sessions in turn do not disturb each other (G42)", () => {
        const sessions = [0, 1].map(() => new Session(model, { draft: true, maxContext: 64 }));
        const texts = [prompt, prompt.slice(3)];
        sessions.forEach((session, i) => {
          session.sync(texts[i]);
        });
        sessions.forEach((session, i) => {
          propose(session, 3, 2);
          session.appendAll([3, 5 + i, 6]);
          session.truncate(texts[i].length + (i === 0 ? 3 : 1));
        });
        const verified = [
          [...texts[0], 3, 5, 6],
          [...texts[1], 3],
        ];
        sessions.forEach((session, i) => {
          expect(propose(session, 4, 3)).toEqual(guessFromScratch(model, [...verified[i], 4], 3));
        });
      });

      test.each([0, 1, 2, 7, 11])(
        "after truncating 12 tokens to %d and going on, it guesses as a fresh one",
        (n) => {
          const session = new Session(model, { draft: true, maxContext: 64, chunk: 4 });
          session.sync(prompt);
          propose(session, 3, 3);
          session.truncate(n);
          session.append([3, 2]); // 3 stood in the newest slot before, but after other tokens
          const text = [...prompt.slice(0, n), 3, 2, 1];
          expect(propose(session, 1, 3)).toEqual(guessFromScratch(model, text, 3));
        },
      );

      test("a second guess after another token replaces the slot of the first", () => {
        const session = new Session(model, { draft: true, maxContext: 64 });
        session.sync(prompt);
        propose(session, 3, 3);
        expect(propose(session, 4, 3)).toEqual(guessFromScratch(model, [...prompt, 4], 3));
      });
    },
  );

  describe(`MTP step (${name})`, () => {
    const model = tinyModel({}, ops);
    const n = model.config.hiddenSize;
    const mtp = model.weights.mtp;
    if (!mtp) throw new Error("the tiny model has an MTP layer");

    /** The model with an eh_proj that returns one half of its input unchanged. */
    const withIdentity = (at: number): Model => {
      const values = new Float32Array(n * 2 * n);
      for (let i = 0; i < n; i++) values[i * 2 * n + at + i] = 1;
      const ehProj = weight(ops, ["hidden", "hidden+hidden"], [n, 2 * n], values);
      return { ...model, weights: { ...model.weights, mtp: { ...mtp, ehProj } } };
    };

    test("eh_proj = [I | 0] returns the normed embedding of the next token (G41)", () => {
      const run = runAll(withIdentity(0), prompt, { mtpSteps: 1 });
      const e = ops.embed(Int32Array.from(prompt.slice(1)), model.weights.embedTokens);
      expect(stage(run, "mtp_eh_proj-0")).toEqual(ops.rmsNorm(e, mtp.enorm, 1e-5).data);
    });

    test("eh_proj = [0 | I] returns the normed hidden state (G41)", () => {
      const run = runAll(withIdentity(n), prompt, { mtpSteps: 1 });
      const hidden = stage(run, "result_norm").slice(0, -n) as Floats;
      const x = ops.tensor(["T", "hidden"], [prompt.length - 1, n], hidden);
      expect(stage(run, "mtp_eh_proj-0")).toEqual(ops.rmsNorm(x, mtp.hnorm, 1e-5).data);
    });

    test("in steps of 1, 3 and 7 the slots are those of one step, bit for bit", () => {
      const whole = runAll(model, prompt, { mtpSteps: 2 });
      for (const chunk of [1, 3, 7]) {
        const parts = runAll(model, prompt, { mtpSteps: 2, chunk });
        expect(stage(parts, "mtp_logits-0")).toEqual(stage(whole, "mtp_logits-0"));
        expect(stage(parts, "mtp_logits-2")).toEqual(stage(whole, "mtp_logits-2"));
      }
    });

    test("a checkpoint without the layer cannot draft", () => {
      const bare = tinyModel({ num_nextn_predict_layers: 0 }, ops);
      expect(() => new DraftHead(bare)).toThrow("this checkpoint has no MTP layer");
    });
  });
}
