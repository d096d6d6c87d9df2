/** Tests that a text for which memory is too small is refused before any work. */
import { describe, expect, it } from "vitest";
import { noTaps } from "../../../engine/base/tap.ts";
import { CacheFullError, referenceOps, Session } from "../../../engine/index.ts";
import { wasmOps } from "../../../engine/ops/wasm/index.ts";
import { generateAll } from "../../support/generate-all.ts";
import { tinyModel } from "../../support/tiny-model.ts";
import { kernelBytes } from "../ops/wasm/wasm.ts";

const CONFIG = { max_position_embeddings: 2 ** 20, num_hidden_layers: 5 };
/** Bytes for a few thousand positions; a step of a thousand positions takes half of them. */
const SMALL = 2 ** 21;

/** A tap that fails in the middle of a step. */
const fail = (): never => {
  throw new Error("broken");
};

const tokens = (n: number) => Array.from({ length: n }, (_, i) => (i * 7) % 32);

async function modelIn(memoryBytes: number, overrides: object = {}) {
  const ops = await wasmOps(kernelBytes(), { memoryBytes });
  return tinyModel({ ...CONFIG, ...overrides }, ops);
}

describe("the room for a text", () => {
  it.each([
    ["the usual steps", {}, undefined, {}],
    ["steps of 64", {}, 64, {}],
    ["small ones", {}, 8, {}],
    ["large steps", {}, 1024, {}],
    ["a draft head", {}, 64, { draft: true }],
    ["8-bit rows", {}, 64, { rows: { latent: "int8", index: "int8" } }],
    [
      "many experts and a wide MLP",
      { n_routed_experts: 32, num_experts_per_tok: 8, intermediate_size: 400 },
      64,
      {},
    ],
    ["many heads", { num_attention_heads: 16, index_n_heads: 16 }, 64, {}],
  ] as const)(
    "is known beforehand, and is not much less than there is: %s",
    async (_what, overrides, chunk, options) => {
      // As much as the room says can be run; the next page cannot be had, and nothing is run for it.
      const bytes = chunk === 1024 ? 2 * SMALL : SMALL;
      const model = await modelIn(bytes, overrides);
      const session = new Session(model, { ...(chunk && { chunk }), ...options });
      const { room } = session;
      expect(room).toBeLessThan(session.maxContext);
      await expect(session.prefill(tokens(room + 1))).rejects.toThrow(CacheFullError);
      await expect(session.prefill(tokens(room + 1))).rejects.toThrow(
        /^context: memory for \d+ positions/,
      );
      expect(session.tokens).toEqual([]);
      expect(() => session.sync(tokens(room + 1))).toThrow(CacheFullError);
      await session.prefill(tokens(room));
      session.sync(tokens(room));
      expect(session.tokens).toHaveLength(room);

      // A model of the same sizes whose memory is twice as large runs it, too, and has room for much more.
      const larger = new Session(await modelIn(2 * bytes, overrides), {
        ...(chunk && { chunk }),
        ...options,
      });
      expect(larger.room).toBeGreaterThan(1.9 * room);
    },
  );

  it("ends a generation as the end of the context does, with all tokens up to there", async () => {
    const session = new Session(await modelIn(SMALL));
    const { room } = session;
    const prompt = tokens(room - 20);
    const { tokens: got, reason } = await generateAll(session, prompt, { maxTokens: 1000 });
    expect(reason).toBe("context");
    expect(got.length).toBeGreaterThanOrEqual(20);
    expect(session.tokens.length).toBeLessThanOrEqual(room + 64);
  });

  it("comes back when a session is closed, and after a step that failed", async () => {
    const model = await modelIn(SMALL);
    const before = new Session(model).room;
    for (let round = 0; round < 3; round++) {
      const session = new Session(model);
      await session.prefill(tokens(before - 64));
      expect(new Session(model).room).toBeLessThan(before / 2);
      const broken = new Session(model, { taps: { ...noTaps, layer: fail } });
      expect(() => broken.sync([1, 2, 3])).toThrow("broken");
      broken.close();
      session.close();
      expect(new Session(model).room).toBe(before);
    }
  });

  it("has no end that a session knows where the backend knows none", () => {
    const session = new Session(tinyModel(CONFIG, referenceOps()));
    expect(session.room).toBe(session.maxContext);
  });
});
