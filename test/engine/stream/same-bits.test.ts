/** A streamed model gives the same bits as a resident one, whatever the budget and whenever reads arrive. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../../../engine/config/config.ts";
import {
  type GeneratedToken,
  generate,
  type Ops,
  referenceOps,
  Session,
} from "../../../engine/index.ts";
import type { Model } from "../../../engine/model/model.ts";
import { type StreamBudget, streamedWeights } from "../../../engine/stream/streamed-weights.ts";
import { trace } from "../../../engine/trace/trace.ts";
import { memoryFiles } from "../../../engine/weights/byte-source.ts";
import { openCheckpoint } from "../../../engine/weights/checkpoint.ts";
import { loadWeights } from "../../../engine/weights/load.ts";
import { matchTensors } from "../../../engine/weights/match-tensors.ts";
import { writeSafetensors } from "../../../engine/weights/write-safetensors.ts";
import { lazyStore } from "../../support/lazy-store.ts";
import { fastOps } from "../ops/wasm/wasm.ts";

const FILE = "model.safetensors";

/** A golden case: its config, its one file, and its tokens. */
function golden(name: string) {
  const folder = new URL(`../../../golden/cases/${name}/`, import.meta.url);
  const json = (file: string) => JSON.parse(readFileSync(new URL(file, folder), "utf8"));
  return {
    config: parseConfig(json("model/config.json"), { latentNormEps: json("case.json").latentEps }),
    files: { [FILE]: new Uint8Array(readFileSync(new URL(`model/${FILE}`, folder))) },
    tokens: json("tokens.json").tokens as number[],
  };
}

type Golden = ReturnType<typeof golden>;

const BACKENDS: readonly (readonly [string, () => Promise<Ops>])[] = [
  ["reference", async () => referenceOps("f32")],
  ["wasm", () => fastOps()],
];

async function resident({ config, files }: Golden, ops: Ops): Promise<Model> {
  const checkpoint = await openCheckpoint(memoryFiles(files));
  return { ops, config, weights: await loadWeights(ops, config, checkpoint) };
}

async function streamed(
  { config, files }: Golden,
  ops: Ops,
  options: StreamBudget,
  seed = 1,
  isKnownFinite = (_name: string, _offset: number, _length: number) => false,
) {
  const checkpoint = await openCheckpoint(memoryFiles(files));
  const store = Object.assign(lazyStore(files, seed), { isKnownFinite });
  const matched = matchTensors(config, checkpoint);
  const weights = streamedWeights(ops, config, { checkpoint, store }, matched, options);
  return {
    model: { ops: weights.ops, config, weights } satisfies Model,
    weights,
    store,
    bytes: matched.bytes,
  };
}

/** A hash of every stage. */
function bitsOf(
  model: Model,
  tokens: readonly number[],
  chunk: number,
  mtpSteps?: number,
): Map<string, string> {
  const wanted = { tokens, chunk, ...(mtpSteps !== undefined && { mtpSteps }) };
  return new Map(
    trace(model, wanted).map(({ name, data }) => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      return [name, createHash("sha256").update(bytes).digest("hex")];
    }),
  );
}

describe.each(BACKENDS)("streamed on %s", (_, start) => {
  test.each([
    ["fp8-blocks", "experts one by one, with scales"],
    ["real-ratios", "fused experts"],
  ])("%s (%s): every budget, every chunk, whenever reads arrive", async (name) => {
    const given = golden(name);
    const mtpSteps = given.config.numNextnPredictLayers === 1 ? 2 : undefined;
    const want = bitsOf(await resident(given, await start()), given.tokens, 64, mtpSteps);
    for (const [seed, { chunk, ...options }] of [
      { chunk: 64, bytes: 0, expertsPerLayer: 0 },
      { chunk: 7, bytes: 0, guesses: 1 },
      { chunk: 64, bytes: 2 ** 18, expertsPerLayer: 1, guesses: 8 },
      { chunk: 1, bytes: 2 ** 22, expertsPerLayer: 2, guesses: 4 },
      { chunk: 64, bytes: 2 ** 25 },
    ].entries()) {
      const { model, weights } = await streamed(given, await start(), options, seed);
      expect(bitsOf(model, given.tokens, chunk, mtpSteps)).toEqual(want);
      weights.close();
    }
  });

  test("a pass over all tokens reads each byte once, with the smallest budget", async () => {
    const given = golden("real-ratios");
    const { model, store, bytes } = await streamed(given, await start(), { bytes: 0 });
    bitsOf(model, given.tokens, given.tokens.length, 0);
    expect(store.bytes).toBeLessThanOrEqual(bytes);
    expect(store.bytes).toBeGreaterThan(0.5 * bytes); // not every expert is visited
  });
});

describe("copies of embedding and head for the MTP layer", () => {
  /** A model whose MTP layer has an embedding of its own. */
  async function withCopy(change: (bytes: Uint8Array) => void) {
    const given = golden("clear-mtp");
    const checkpoint = await openCheckpoint(memoryFiles(given.files));
    const names = [...checkpoint.tensors.keys()];
    const read = async (name: string) => [name, await checkpoint.read(name)] as const;
    const tensors = Object.fromEntries(await Promise.all(names.map(read)));
    const original = tensors["model.embed_tokens.weight"];
    const bytes = original.bytes.slice();
    change(bytes);
    const copy = `model.layers.${given.config.numHiddenLayers}.embed_tokens.weight`;
    const file = writeSafetensors({ ...tensors, [copy]: { ...original, bytes } });
    return { ...given, files: { [FILE]: new Uint8Array(file) } };
  }

  test("are compared before the layer is used", async () => {
    const same = await withCopy(() => {});
    const want = bitsOf(await resident(same, await fastOps()), same.tokens, 64, 1);
    const { model, weights } = await streamed(same, await fastOps(), { bytes: 0 });
    expect(bitsOf(model, same.tokens, 64, 1)).toEqual(want);
    weights.close();
  });

  test("are an error when they are none, for those who ask for guesses", async () => {
    const other = await withCopy((bytes) => {
      bytes[bytes.length - 3] ^= 1; // in the last block
    });
    const { model, weights } = await streamed(other, await fastOps(), { bytes: 0 });
    expect(() => bitsOf(model, other.tokens, 64, 1)).toThrow(
      "embed_tokens.weight: expected a copy of model.embed_tokens.weight",
    );
    bitsOf(model, other.tokens, 64);
    weights.close();
  });
});

test("a text that is guessed ahead is the text, and the guesses are those of a resident model", async () => {
  const given = golden("clear-mtp");
  const prompt = given.tokens.slice(0, 20);
  const speak = async (model: Model) => {
    const session = new Session(model, { draft: true, chunk: 8 });
    const told: GeneratedToken[] = [];
    const options = { maxTokens: 24, draftSteps: 3 };
    for await (const token of generate(session, prompt, options)) told.push(token);
    session.close();
    return told;
  };
  const want = await speak(await resident(given, await fastOps()));
  for (const bytes of [0, 2 ** 18, 2 ** 25]) {
    const { model, weights } = await streamed(given, await fastOps(), { bytes, guesses: 2 });
    expect(await speak(model)).toEqual(want);
    weights.close();
  }
  expect(want.length).toBe(24);
  expect(want.some(({ drafted }) => drafted)).toBe(true);
});

test("guesses are counted, right or wrong, and an expert is read once, guessed or not", async () => {
  const given = golden("real-ratios");
  const counted = async (guesses: number) => {
    const options = { bytes: 2 ** 22, expertsPerLayer: 2, guesses };
    const { model, weights, store } = await streamed(given, await fastOps(), options, 7);
    bitsOf(model, given.tokens, 1);
    weights.close();
    return { ...weights.counts(), read: store.bytes };
  };
  const [without, some, many] = [await counted(0), await counted(2), await counted(8)];
  expect(without).toMatchObject({ guessed: 0, guessedRight: 0, bytesInVain: 0 });
  expect(some.asked).toBe(without.asked);
  expect(some.hits).toBeGreaterThan(0.8 * without.hits); // guesses push out nothing that a layer keeps
  expect(some.guessedRight).toBeGreaterThan(50);
  expect(some.guessed).toBeGreaterThan(some.guessedRight);
  expect(many.guessed).toBeGreaterThan(some.guessed);
  for (const { trunkBytes, expertBytes, bytesInVain, read } of [without, some, many]) {
    expect(trunkBytes + expertBytes + bytesInVain).toBe(read);
  }
});

test("a read on demand is never behind a guess that was begun before", async () => {
  const given = golden("real-ratios");
  const options = { bytes: 2 ** 22, expertsPerLayer: 1, guesses: 8 };
  const { model, weights, store } = await streamed(given, await fastOps(), options);
  const { begin } = store;
  const open = new Set<object>();
  let [guesses, demands] = [0, 0];
  store.begin = (reads, isGuess = false) => {
    const way = begin(reads);
    if (isGuess) guesses++;
    else demands++;
    const end = () => open.delete(way);
    if (isGuess) open.add(way);
    return {
      get isDone() {
        return way.isDone;
      },
      wait: () => {
        expect(open.has(way)).toBe(false); // whoever waits for a guess has said so before
        way.wait();
      },
      cancel: () => {
        end();
        return way.cancel();
      },
      hurry: end,
    };
  };
  bitsOf(model, given.tokens, 1);
  expect(Math.min(guesses, demands)).toBeGreaterThan(100);
  weights.close();
  expect(open.size).toBe(0);
});

test("experts that fill all slots make room for one that is wanted before them", async () => {
  const given = golden("real-ratios");
  const { weights } = await streamed(given, await fastOps(), { bytes: 0 });
  for (const { ffn } of weights.layers) {
    if (ffn.kind === "dense") continue;
    for (const wanted of [
      [200, 201, 202, 203],
      [1, 2, 200, 201, 202, 203],
    ]) {
      for (let i = 0; i < wanted.length; ) {
        const wave = ffn.experts.bringIn(wanted, i);
        expect(wave.length).toBeGreaterThan(0);
        i += wave.length;
      }
    }
  }
  weights.close();
});

test.each([
  ["fp8-blocks", "F8_E4M3"],
  ["real-ratios", "F32"],
])("%s: what a receipt knows to be finite is not looked at", async (name, dtype) => {
  const given = golden(name);
  const looks = async (isKnown: boolean): Promise<number> => {
    const ops = await fastOps();
    let bytes = 0;
    const counting: Ops = {
      ...ops,
      shelf: () => {
        const shelf = ops.shelf();
        const { areFinite: look } = shelf;
        const areFinite: typeof look = (format, numbers) => {
          if (format === dtype) bytes += numbers.length;
          return look(format, numbers);
        };
        return Object.defineProperties(shelf, { areFinite: { value: areFinite } });
      },
    };
    const options = { bytes: 2 ** 22 };
    const { model, weights } = await streamed(given, counting, options, 1, () => isKnown);
    bitsOf(model, given.tokens, 64);
    weights.close();
    return bytes;
  };
  expect(await looks(false)).toBeGreaterThan(1000);
  expect(await looks(true)).toBe(0);
});

test("negative control: an expert that takes the place of another is noticed", async () => {
  const given = golden("fp8-blocks");
  const want = bitsOf(await resident(given, await fastOps()), given.tokens, 64);
  const ops = await fastOps();
  const { model, weights } = await streamed(given, ops, { bytes: 2 ** 25 });
  const swapped: Ops = {
    ...model.ops,
    experts: (x, routing, bank) =>
      ops.experts(x, routing, {
        ...bank,
        bringIn: (wanted, from) => {
          const wave = bank.bringIn(wanted, from);
          return wave.map((_, i) => wave[(i + 1) % wave.length]);
        },
      }),
  };
  const got = bitsOf({ ...model, ops: swapped }, given.tokens, 64);
  weights.close();
  expect(got).not.toEqual(want);
});
