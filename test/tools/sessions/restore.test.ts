/**
 * Tests that a session that was saved and restored gives the same bits as one that never stopped.
 */
import { describe, expect, it } from "vitest";
import { type Ops, Session, type SessionOptions } from "../../../engine/index.ts";
import { Saver } from "../../../tools/sessions/save-as-it-goes.ts";
import { SavedSession } from "../../../tools/sessions/saved-session.ts";
import { FaultyStore } from "../../engine/kv/faulty-store.ts";
import { REFERENCES } from "../../engine/ops/backends.ts";
import { fastOps } from "../../engine/ops/wasm/wasm.ts";
import { drain, glmOf } from "../../support/glm.ts";
import { randomTokens } from "../../support/random.ts";
import { tinyModel } from "../../support/tiny-model.ts";
import { ABOUT, CrashingDisk } from "./crashing-disk.ts";

const backends: readonly [string, Ops][] = [
  ["reference f32", REFERENCES[0].ops],
  ["wasm", await fastOps()],
];
const text = randomTokens(40, 32, 6);

/** The bytes of one position in f32: five layers of 8 + 4 numbers. */
const ROW_BYTES = 4 * 5 * (8 + 4);

describe.each(backends)("a session that is saved and taken up (%s)", (_name, ops) => {
  const model = tinyModel({ eos_token_id: [] }, ops);

  const tier = () => ({ store: new FaultyStore(), hotBytes: 8 * ROW_BYTES });
  const setups: readonly [string, () => SessionOptions][] = [
    ["pages of 64", () => ({})],
    ["pages of 4, steps of 3", () => ({ rows: { pageRows: 4 }, chunk: 3 })],
    ["bf16 rows", () => ({ rows: { pageRows: 4, latent: "bf16", index: "bf16" } })],
    ["int8 rows", () => ({ rows: { pageRows: 4, latent: "int8", index: "int8" } })],
    ["cold rows", () => ({ rows: { pageRows: 4 }, tier: tier() })],
  ];

  it.each(setups)(
    "%s: the same logits after every token, wherever it stopped (G25)",
    (_what, options) => {
      const whole = new Session(model, options()).appendAll(text);
      for (let cut = 1; cut < text.length; cut++) {
        const disk = new CrashingDisk();
        const first = new Session(model, options());
        const { logits } = first.sync(text.slice(0, cut));
        expect(logits).toEqual(whole[cut - 1]);
        SavedSession.open(disk, ABOUT).commit(first, { pending: [], logits });
        first.close();

        const second = new Session(model, options());
        SavedSession.open(disk, ABOUT).restore(second);
        const known = second.sync(text.slice(0, cut));
        expect([known.kind, known.kept, known.logits]).toEqual(["reused", cut, whole[cut - 1]]);
        expect(second.appendAll(text.slice(cut))).toEqual(whole.slice(cut));
        second.close();
      }
    },
  );

  it("three runs of 4 tokens write the text of one run of 12, with random numbers too", async () => {
    const part = async (maxTokens: number, saved: SavedSession | undefined) => {
      const keeper = saved && ((session: Session, seed: number) => new Saver(saved, session, seed));
      const session = glmOf(model).session({ chunk: 4 }, keeper, 5);
      const prompt = session.tokens.length > 0 ? [] : text.slice(0, 9);
      const options = { maxTokens, temperature: 1, seed: 5, topLogProbs: 3 };
      const [, { tokens }] = await drain(session.generate(prompt, options));
      session.close();
      return tokens;
    };
    const whole = await part(12, undefined);
    const disk = new CrashingDisk();
    const parts = [];
    for (let i = 0; i < 3; i++) parts.push(...(await part(4, SavedSession.open(disk, ABOUT))));
    expect(parts).toEqual(whole);
    const again = [...(await part(4, undefined)), ...(await part(4, undefined))];
    expect(again).not.toEqual(whole.slice(0, 8)); // that is what forgetting gives
  });

  it("is saved while it runs, and after a crash goes on from there to the same text", () => {
    const disk = new CrashingDisk();
    const session = new Session(model);
    const saver = new Saver(SavedSession.open(disk, ABOUT), session, 0, () => {}, 0);
    saver.begin(text);
    session.append(text.slice(0, 7));
    saver.ifDue();
    session.append(text.slice(7, 30)); // and here it ends

    const saved = SavedSession.open(disk, ABOUT);
    expect([saved.state.nRun, saved.state.text]).toEqual([7, text]);
    const next = new Session(model);
    saved.restore(next);
    expect(next.sync(saved.text).kept).toBe(7);
    expect(next.lastLogits).toEqual(new Session(model).sync(text).logits);
  });

  it("a session that is not new takes nothing up", () => {
    const disk = new CrashingDisk();
    const session = new Session(model);
    session.append([1, 2]);
    const saved = SavedSession.open(disk, ABOUT);
    saved.commit(session, { pending: [] });
    expect(() => saved.restore(session)).toThrow("restore: expected an empty cache, got 2");
    expect(() => saved.restore(new Session(model, { draft: true }))).toThrow(
      "without a draft head",
    );
  });
});
