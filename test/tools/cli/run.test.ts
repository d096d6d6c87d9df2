import { describe, expect, it } from "vitest";
import { type Model, referenceOps } from "../../../engine/index.ts";
import { type RunHooks, type RunRequest, run } from "../../../tools/text/generate-text.ts";
import { tinyModel } from "../../support/tiny-model.ts";

// Without stop ids: these texts end where the test says.
const model = tinyModel({ eos_token_id: [] }, referenceOps());
const PROMPT = [3, 14, 15, 9, 26, 5, 8];

const hooks = (over: Partial<RunHooks> = {}): RunHooks => ({
  decoder: undefined,
  onPrefill: () => {},
  onPrefilled: () => {},
  onText: () => {},
  signal: new AbortController().signal,
  ...over,
});

const request = (
  generation: Partial<RunRequest["generation"]> = {},
  over: Partial<RunRequest> = {},
): RunRequest => ({
  prompt: PROMPT,
  generation: { maxTokens: 12, ...generation },
  stopTexts: [],
  chunk: 64,
  ...over,
});

const ids = async (m: Model, r: RunRequest): Promise<number[]> =>
  (await run(m, r, hooks())).tokens.map(({ id }) => id);

/** One letter per id: `a` is 0. */
const letters = {
  push: (id: number) => String.fromCodePoint(97 + id),
  end: () => "",
};

describe("run", () => {
  it("generates the same for every chunk", async () => {
    const want = await ids(model, request());
    for (const chunk of [1, 2, 6, 7]) {
      expect(await ids(model, request({}, { chunk }))).toEqual(want);
    }
  });

  it("keeps rows as it is told, for draft and model: guesses change nothing in int8 either", async () => {
    const rows = { latent: "int8", index: "int8" } as const;
    const want = await ids(model, request({}, { keeping: { rows } }));
    const scored = (over: Partial<RunRequest>) =>
      run(model, request({ topLogProbs: 1 }, over), hooks());
    expect((await scored({ keeping: { rows } })).tokens).not.toEqual((await scored({})).tokens);
    expect(await ids(model, request({ draftSteps: 3 }, { keeping: { rows } }))).toEqual(want);
  });

  it("generates the same with guesses as without, and counts what they gain", async () => {
    const want = await ids(model, request());
    const { tokens, timing } = await run(model, request({ draftSteps: 3 }), hooks());
    expect(tokens.map(({ id }) => id)).toEqual(want);
    const kept = tokens.filter(({ drafted }) => drafted).length;
    expect(timing.acceptedLength).toBeCloseTo(11 / (11 - kept), 0);
    expect(timing.acceptedLength).toBeGreaterThanOrEqual(1);
  });

  it("counts the tokens of prefill and decode, and no accepted length without a draft", async () => {
    const { timing, finishReason } = await run(model, request(), hooks());
    expect(timing).toMatchObject({ prefillTokens: 7, decodeTokens: 11, acceptedLength: undefined });
    expect(finishReason).toBe("length");
  });

  it("generates nothing when asked for nothing", async () => {
    const result = await run(model, request({ maxTokens: 0 }), hooks());
    expect(result).toMatchObject({ tokens: [], text: "", finishReason: "length" });
  });

  it("spells ids where there is no tokenizer", async () => {
    const { text, tokens } = await run(model, request({ maxTokens: 3 }), hooks());
    expect(text).toBe(tokens.map(({ id }) => id).join(" "));
  });

  it("gives out the text piece by piece, and nothing of a stop text", async () => {
    const whole = (await run(model, request(), hooks({ decoder: letters }))).text;
    const stop = whole.slice(4, 7);
    const pieces: string[] = [];
    const result = await run(
      model,
      request({}, { stopTexts: [stop] }),
      hooks({ decoder: letters, onText: (piece) => pieces.push(piece) }),
    );
    expect(result.text).toBe(whole.slice(0, whole.indexOf(stop)));
    expect(pieces.join("")).toBe(result.text);
    expect(result.finishReason).toBe("stop");
    expect(result.tokens).toHaveLength(whole.indexOf(stop) + 3);
  });

  it("gives out what a stop text had held back when the text ends before it", async () => {
    const whole = (await run(model, request(), hooks({ decoder: letters }))).text;
    const stopTexts = [`${whole.slice(-2)}~`];
    const { text } = await run(model, request({}, { stopTexts }), hooks({ decoder: letters }));
    expect(text).toBe(whole);
  });

  it("ends with the context", async () => {
    const small = tinyModel({ eos_token_id: [], max_position_embeddings: 10 }, referenceOps());
    const { tokens, finishReason } = await run(small, request(), hooks());
    expect([tokens.length, finishReason]).toEqual([4, "context"]); // the last one is never run
  });

  it("stops between two prefill steps when it is told to", async () => {
    const abort = new AbortController();
    const seen: number[] = [];
    const result = await run(
      model,
      request({}, { chunk: 2 }),
      hooks({
        signal: abort.signal,
        onPrefill: (done) => {
          seen.push(done);
          if (done === 4) abort.abort();
        },
      }),
    );
    expect(seen).toEqual([2, 4]);
    expect(result).toMatchObject({ tokens: [], finishReason: "aborted" });
    expect(result.timing.prefillTokens).toBe(4);
  });

  it.each([
    [[], "prompt: expected one token at least, got none"],
    [[1, 2, 32], "prompt: token 2: expected an id of 0 … 31, got 32"],
    [Array(4097).fill(1), "prompt: 4097 tokens, but the model has 4096 positions"],
  ])("refuses a prompt before it runs any of it (case %#)", async (prompt, message) => {
    const onPrefill = () => expect.unreachable();
    await expect(run(model, request({}, { prompt }), hooks({ onPrefill }))).rejects.toThrow(
      message,
    );
  });
});
