/**
 * Hostile files of every kind that the program reads, made by chance from valid ones: one seed, one
 * file. Each must be read or refused in words.
 *
 * @module
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryFiles, openCheckpoint, parseConfig } from "../../../engine/index.ts";
import { matchTensors } from "../../../engine/weights/match-tensors.ts";
import { createTokenizer } from "../../../tokenizer/index.ts";
import { readCase } from "../../../tools/golden/case/case.ts";
import { readEnvelope } from "../../../tools/golden/case/envelope-file.ts";
import { readEngineDump } from "../../../tools/golden/dump/dump.ts";
import { readModelConfig } from "../../../tools/library/model-config.ts";
import { readTokenizer } from "../../../tools/library/tokenizer-files.ts";
import type { Chance } from "./chance.ts";
import { mutateBytes, mutateJson, randomPattern } from "./mutate.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Valid files, which the hostile ones are made from. */
export interface Seeds {
  /** Folder of a case of the golden pack, with one file of weights. */
  readonly caseFolder: string;
  /** A tokenizer.json, as text. */
  readonly tokenizer: string;
  /** A .npz file. */
  readonly npz: Uint8Array;
}

/** The kinds of files, and how each is attacked. */
export class Attacks {
  readonly kinds: Readonly<Record<string, (chance: Chance) => Promise<unknown>>>;
  readonly #scratch = mkdtempSync(join(tmpdir(), "glm52-soak-"));

  constructor({ caseFolder, tokenizer, npz }: Seeds) {
    const text = (name: string): string => readFileSync(join(caseFolder, name), "utf8");
    const config = text("model/config.json");
    const weights = new Uint8Array(readFileSync(join(caseFolder, "model/model.safetensors")));
    const dump = new Uint8Array(readFileSync(join(caseFolder, "f64.safetensors")));
    const generation = JSON.stringify({ temperature: 0.6, top_k: 40, eos_token_id: [1, 2] });
    const model = parseConfig(JSON.parse(config));
    const shards = { a: "s-1.safetensors", b: "s-2.safetensors" };
    const index = JSON.stringify({ metadata: {}, weight_map: shards });
    this.kinds = {
      "config.json": (chance) =>
        readModelConfig(memoryFiles({ "config.json": mutateJson(config, chance) })),
      "generation_config.json": (chance) =>
        readModelConfig(
          memoryFiles({
            "config.json": bytesOf(config),
            "generation_config.json": mutateJson(generation, chance),
          }),
        ),
      "index.json": (chance) =>
        openCheckpoint(
          memoryFiles({
            "model.safetensors.index.json": mutateJson(index, chance),
            "s-1.safetensors": weights,
            "s-2.safetensors": weights,
          }),
        ),
      "model.safetensors": async (chance) => {
        const files = { "model.safetensors": mutateBytes(weights, chance) };
        matchTensors(model, await openCheckpoint(memoryFiles(files)), "ifUsable");
      },
      "tokenizer.json": async (chance) => {
        const files = memoryFiles({ "tokenizer.json": mutateJson(tokenizer, chance) });
        const opened = await readTokenizer(files, { ...model, vocabSize: 5000, eosTokenIds: [] });
        opened?.tokenizer.encode(hardText(chance));
      },
      "a pattern": async (chance) => {
        const json = JSON.parse(tokenizer);
        json.pre_tokenizer = {
          type: "Sequence",
          pretokenizers: [
            {
              type: "Split",
              pattern: { Regex: randomPattern(chance) },
              behavior: "Isolated",
              invert: false,
            },
            { type: "ByteLevel", add_prefix_space: false, use_regex: false },
          ],
        };
        createTokenizer(json).encode(hardText(chance));
      },
      "dump.safetensors": (chance) => readEngineDump(mutateBytes(dump, chance), {}, () => {}),
      "dump.npz": (chance) => readEngineDump(mutateBytes(npz, chance), {}, () => {}),
      "dump.txt": (chance) =>
        readEngineDump(
          mutateBytes(bytesOf("l_out-0 [2,3] f32\n1 2 3\n4 5 nan\n"), chance),
          {},
          () => {},
        ),
      "case.json": async (chance) => {
        this.#put("case.json", mutateJson(text("case.json"), chance));
        this.#put("tokens.json", mutateJson(text("tokens.json"), chance));
        await readCase(this.#scratch);
      },
      "envelope.json": async (chance) => {
        this.#put("envelope.json", mutateJson(text("envelope.json"), chance));
        await readEnvelope(this.#scratch);
      },
    };
  }

  /** Removes the files that were written. */
  close(): void {
    rmSync(this.#scratch, { recursive: true });
  }

  #put(name: string, bytes: Uint8Array): void {
    writeFileSync(join(this.#scratch, name), bytes);
  }
}

/** A text that is hard on patterns: long runs, and what breaks them. */
function hardText(chance: Chance): string {
  const run = (): string =>
    chance.pick(["a", "b", "1", " ", "\n", "'", "é", "😀"]).repeat(1 + chance.below(3000));
  return Array.from({ length: 1 + chance.below(4) }, run).join(chance.pick(["", "!", "x "]));
}
