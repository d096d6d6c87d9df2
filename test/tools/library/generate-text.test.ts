import { describe, expect, it } from "vitest";
import {
  type GenerateOptions,
  type Model,
  referenceOps,
  Session,
  type SessionOptions,
} from "../../../engine/index.ts";
import {
  generateText,
  type TextRequest,
  type TextResult,
} from "../../../tools/library/generate-text.ts";
import { drain } from "../../support/glm.ts";
import { tinyModel } from "../../support/tiny-model.ts";

// There are no stop ids, so that these texts end where the test says.
const model = tinyModel({ eos_token_id: [] }, referenceOps());
const PROMPT = [3, 14, 15, 9, 26, 5, 8];

/** Generates one text in a new session, and collects the reports of its progress. */
interface Request extends Partial<TextRequest>, Pick<SessionOptions, "chunk" | "rows"> {
  readonly onPrefill?: (done: number) => void;
  readonly onText?: (text: string) => void;
}

const request = (generation: Partial<GenerateOptions> = {}, over: Request = {}): Request => ({
  ...over,
  generation: { maxTokens: 12, ...generation },
});

async function run(m: Model, r: Request): Promise<TextResult> {
  const { chunk = 64, rows, onPrefill, onText, ...rest } = r;
  const generation = { maxTokens: 12, ...rest.generation };
  const session = new Session(m, {
    chunk,
    draft: (generation.draftSteps ?? 0) > 0,
    ...(rows && { rows }),
    ...(onPrefill && { onProgress: onPrefill }),
  });
  const wanted = { prompt: PROMPT, stopTexts: [], decoder: undefined, ...rest, generation };
  const [pieces, result] = await drain(generateText(session, wanted));
  for (const { text } of pieces) if (text !== "") onText?.(text);
  expect(pieces.at(-1)?.finishReason).toBe(result.finishReason);
  expect(pieces.flatMap(({ tokens }) => tokens)).toEqual(result.tokens);
  return result;
}

const ids = async (m: Model, r: Request): Promise<number[]> =>
  (await run(m, r)).tokens.map(({ id }) => id);

/** A tokenizer with one letter for each id; `a` is 0. */
const letters = {
  push: (id: number) => String.fromCodePoint(97 + id),
  end: () => "",
};

describe("a generated text", () => {
  it("generates the same for every chunk", async () => {
    const want = await ids(model, request());
    for (const chunk of [1, 2, 6, 7]) {
      expect(await ids(model, request({}, { chunk }))).toEqual(want);
    }
  });

  it("keeps rows as it is told, for draft and model: guesses change nothing in int8 either", async () => {
    const rows = { latent: "int8", index: "int8" } as const;
    const want = await ids(model, request({}, { rows }));
    const scored = (over: Request) => run(model, request({ topLogProbs: 1 }, over));
    expect((await scored({ rows })).tokens).not.toEqual((await scored({})).tokens);
    expect(await ids(model, request({ draftSteps: 3 }, { rows }))).toEqual(want);
  });

  it("generates the same with guesses as without, and counts what they gain", async () => {
    const want = await ids(model, request());
    const { tokens, timing } = await run(model, request({ draftSteps: 3 }));
    expect(tokens.map(({ id }) => id)).toEqual(want);
    const kept = tokens.filter(({ drafted }) => drafted).length;
    expect(timing.acceptedLength).toBeCloseTo(11 / (11 - kept), 0);
    expect(timing.acceptedLength).toBeGreaterThanOrEqual(1);
  });

  it("counts the tokens of prefill and decode, and no accepted length without a draft", async () => {
    const { timing, finishReason } = await run(model, request());
    expect(timing).toMatchObject({ prefillTokens: 7, decodeTokens: 11, acceptedLength: undefined });
    expect(finishReason).toBe("length");
  });

  it("generates nothing when asked for nothing", async () => {
    const result = await run(model, request({ maxTokens: 0 }));
    expect(result).toMatchObject({ tokens: [], text: "", finishReason: "length" });
  });

  it("spells ids where there is no tokenizer", async () => {
    const { text, tokens } = await run(model, request({ maxTokens: 3 }));
    expect(text).toBe(tokens.map(({ id }) => id).join(" "));
  });

  it("gives out the text piece by piece, and nothing of a stop text", async () => {
    const whole = (await run(model, request({}, { decoder: letters }))).text;
    const stop = whole.slice(4, 7);
    const pieces: string[] = [];
    const onText = (piece: string) => pieces.push(piece);
    const stopTexts = [stop];
    const result = await run(model, request({}, { stopTexts, decoder: letters, onText }));
    expect(result.text).toBe(whole.slice(0, whole.indexOf(stop)));
    expect(pieces.join("")).toBe(result.text);
    expect(result.finishReason).toBe("stop");
    expect(result.tokens).toHaveLength(whole.indexOf(stop) + 3);
  });

  it("gives out what a stop text had held back when the text ends before it", async () => {
    const whole = (await run(model, request({}, { decoder: letters }))).text;
    const stopTexts = [`${whole.slice(-2)}~`];
    const { text } = await run(model, request({}, { stopTexts, decoder: letters }));
    expect(text).toBe(whole);
  });

  it("ends with the context", async () => {
    const small = tinyModel({ eos_token_id: [], max_position_embeddings: 10 }, referenceOps());
    const { tokens, finishReason } = await run(small, request());
    expect([tokens.length, finishReason]).toEqual([4, "context"]); // the last one is never run
  });

  it("stops between two prefill steps when it is told to", async () => {
    const abort = new AbortController();
    const seen: number[] = [];
    const onPrefill = (done: number) => {
      seen.push(done);
      if (done === 4) abort.abort();
    };
    const result = await run(model, request({ signal: abort.signal }, { chunk: 2, onPrefill }));
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
    await expect(run(model, request({}, { prompt, onPrefill }))).rejects.toThrow(message);
  });
});
