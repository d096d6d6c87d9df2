import { expect, it } from "vitest";
import { ConfigError, parseConfig } from "../../../engine/config/config.ts";
import { referenceOps } from "../../../engine/ops/reference/index.ts";
import { memoryFiles } from "../../../engine/weights/byte-source.ts";
import { INDEX_FILE, openCheckpoint, SINGLE_FILE } from "../../../engine/weights/checkpoint.ts";
import { loadWeights } from "../../../engine/weights/load.ts";
import { matchTensors } from "../../../engine/weights/match-tensors.ts";
import { WeightsError } from "../../../engine/weights/weights-error.ts";
import { writeSafetensors } from "../../../engine/weights/write-safetensors.ts";
import { inspectCheckpoint } from "../../../tools/inspect/inspect.ts";
import { renderInspection } from "../../../tools/inspect/inspect-text.ts";
import { FP8_QUANTIZATION, type Json, TINY, without } from "./configs.ts";
import { hostileFile, randomSource, randomTensors } from "./fixtures.ts";

/** Two layers and no MTP, so that a header is short and a mutation likely hits something. */
const SMALL: Json = {
  ...without(TINY, "num_nextn_predict_layers"),
  hidden_size: 8,
  indexer_types: ["full", "full"],
  intermediate_size: 4,
  mlp_layer_types: ["dense", "sparse"],
  n_routed_experts: 2,
  num_hidden_layers: 2,
};
const config = parseConfig(SMALL);
const tensors = randomTensors(config, { format: "F8_E4M3" });
const file = writeSafetensors(tensors, { format: "pt" });

/** Random choices for one mutation. Equal seeds give equal choices. */
class Dice {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = randomSource(seed * 2654435761 + 1);
    for (let i = 0; i < 8; i++) this.#next();
  }

  below(n: number): number {
    return Math.floor(((this.#next() + 1) / 2) * n);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }
}

const NUMBERS = [
  "0",
  "1",
  "2",
  "7",
  "-1",
  "1.5",
  "1e0",
  "1e999",
  "4294967296",
  "9007199254740991",
  "9007199254740993",
  "18446744073709551616",
  "null",
  '"8"',
  "[]",
];

/** Makes one change to JSON text: anywhere, or to one of its numbers, or to one of its members. */
function mutateText(text: string, dice: Dice): string {
  const numbers = [...text.matchAll(/\d+/g)];
  const members = [...text.matchAll(/"[^"]*":(\{[^{}]*\}|"[^"]*"|\[[^\]]*\])/g)];
  const spliced = (at: number, length: number, put: string): string =>
    text.slice(0, at) + put + text.slice(at + length);
  // A text that lost all its numbers or members is only changed somewhere.
  switch (dice.below(numbers.length > 0 && members.length > 0 ? 8 : 2)) {
    case 0:
      return spliced(dice.below(text.length), 1, String.fromCharCode(dice.below(256)));
    case 1:
      return text.slice(0, dice.below(text.length));
    case 2:
    case 3: {
      const { 0: token, index } = dice.pick(numbers);
      return spliced(index, token.length, dice.pick(NUMBERS));
    }
    case 4: {
      const { 0: token, index } = dice.pick(numbers);
      return spliced(index, token.length, dice.pick(numbers)[0]);
    }
    case 5: {
      const { 0: member, index } = dice.pick(members); // gone, with its comma
      const comma = text[index + member.length] === "," ? 1 : 0;
      return spliced(index, member.length + comma, "");
    }
    case 6: {
      const { 0: member, index } = dice.pick(members);
      return spliced(index, 0, `${dice.pick(members)[0]},${dice.below(2) ? "" : `${member},`}`);
    }
    default: {
      const at = dice.below(text.length);
      return spliced(
        at,
        dice.below(20),
        text.slice(dice.below(text.length)).slice(0, dice.below(40)),
      );
    }
  }
}

/** Runs `seeds` mutations; each must end well or in one of the two typed errors. */
async function run(seeds: number, attempt: (dice: Dice) => Promise<void>): Promise<Set<string>> {
  const outcomes = new Set<string>();
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      await attempt(new Dice(seed));
      outcomes.add("success");
    } catch (error) {
      if (!(error instanceof WeightsError || error instanceof ConfigError)) {
        throw new Error(`seed ${seed} ends in an untyped error`, { cause: error });
      }
      outcomes.add(error.message.replace(/[0-9]+|[^ ]*[./_][^ ]*/g, "·"));
    }
  }
  return outcomes;
}

async function load(files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  await loadWeights(referenceOps(), config, await openCheckpoint(memoryFiles(files)));
}

it("loads the file that the mutations start from", async () => {
  await load({ [SINGLE_FILE]: file });
});

it("4,000 mutated safetensors headers end in WeightsError or success", async () => {
  const nHeader = new DataView(file.buffer).getUint32(0, true);
  const header = new TextDecoder().decode(file.subarray(8, 8 + nHeader));
  const data = file.subarray(8 + nHeader);
  const outcomes = await run(4000, async (dice) => {
    let text = header;
    for (let n = 1 + dice.below(2); n > 0 && text !== ""; n--) text = mutateText(text, dice);
    const mutated = hostileFile(text, data.length);
    mutated.set(data, mutated.length - data.length);
    await load({ [SINGLE_FILE]: mutated });
  });
  expect(outcomes.size).toBeGreaterThan(20);
});

it("2,000 files with flipped or lost bytes end in WeightsError or success", async () => {
  const outcomes = await run(2000, async (dice) => {
    const mutated = file.slice(0, dice.below(4) ? file.length : dice.below(file.length));
    const nFlips = 1 + dice.below(3);
    // Bytes are flipped in the length, in the header, or anywhere.
    const reach = dice.pick([8, 2000, mutated.length]);
    for (let n = 0; n < nFlips; n++) mutated[dice.below(reach)] ^= 1 << dice.below(8);
    await load({ [SINGLE_FILE]: mutated });
  });
  expect(outcomes).toContain("success"); // a flipped bit in a number is a number
  expect(outcomes.size).toBeGreaterThan(10);
});

it("1,000 mutated shard indexes end in WeightsError or success", async () => {
  const names = Object.keys(tensors);
  const shard = (which: number): Uint8Array =>
    writeSafetensors(
      Object.fromEntries(
        names.filter((_, i) => i % 2 === which).map((name) => [name, tensors[name]]),
      ),
    );
  const shards = { "s-0.safetensors": shard(0), "s-1.safetensors": shard(1) };
  const map = Object.fromEntries(names.map((name, i) => [name, `s-${i % 2}.safetensors`]));
  const index = JSON.stringify({ metadata: { total_size: file.length }, weight_map: map });
  const outcomes = await run(1000, async (dice) => {
    await load({ ...shards, [INDEX_FILE]: new TextEncoder().encode(mutateText(index, dice)) });
  });
  expect(outcomes).toContain("success");
  expect(outcomes.size).toBeGreaterThan(5);
});

it("3,000 mutated configs end in ConfigError, WeightsError or success", async () => {
  const full: Json = {
    ...SMALL,
    quantization_config: FP8_QUANTIZATION,
    num_nextn_predict_layers: 1,
  };
  const odd: readonly unknown[] = [
    null,
    0,
    1,
    2,
    3,
    4,
    8,
    -1,
    0.5,
    1e-5,
    2 ** 25,
    2 ** 53,
    1e308,
    Number.NaN,
    true,
    false,
    "",
    "full",
    "F",
    "FF",
    [],
    ["full", "full"],
    ["dense", "dense"],
    [[[]]],
    {},
    { rope_theta: 5 },
  ];
  const checkpoint = await openCheckpoint(memoryFiles({ [SINGLE_FILE]: file }));
  const mutate = (json: Json, dice: Dice): Json => {
    const key = dice.pick(Object.keys(json));
    switch (dice.below(6)) {
      case 0:
        return without(json, key);
      case 1:
        return { ...json, [key]: json[dice.pick(Object.keys(json))] };
      case 2:
        return { ...without(json, key), [`${key}${dice.below(10)}`]: json[key] };
      case 3: {
        const inner = json[key];
        if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return json;
        return { ...json, [key]: mutate(inner as Json, dice) };
      }
      default:
        return { ...json, [key]: dice.pick(odd) };
    }
  };
  const outcomes = await run(3000, async (dice) => {
    let json = full;
    for (let n = 1 + dice.below(3); n > 0; n--) json = mutate(json, dice);
    const mutated = parseConfig(json);
    renderInspection(inspectCheckpoint({ config: mutated }));
    matchTensors(mutated, checkpoint);
    await loadWeights(referenceOps(), mutated, checkpoint);
  });
  expect(outcomes).toContain("success");
  expect(outcomes.size).toBeGreaterThan(50);
});
