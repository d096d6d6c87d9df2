import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { type ModelConfig, parseConfig } from "../../../engine/index.ts";
import { readPrompt } from "../../../tools/cli/prompt.ts";
import { readModelConfig } from "../../../tools/library/model-config.ts";
import { readTokenizer } from "../../../tools/library/tokenizer-files.ts";
import { withFiles } from "../../../tools/node/file-source.ts";
import { open, openModel } from "../../../tools/node/open.ts";
import { openConfig } from "../../../tools/node/open-config.ts";
import { scratchFolder, TINY_MODEL } from "../../support/paths.ts";
import { TINY_CONFIG } from "../../support/tiny-model.ts";
import { tinyJson } from "../../tokenizer/tiny.ts";

const scratch = scratchFolder();
let folder = "";
let nFolders = 0;
beforeEach(() => {
  folder = join(scratch, String(nFolders++));
  mkdirSync(folder);
});
const put = (name: string, value: unknown): void =>
  writeFileSync(join(folder, name), typeof value === "string" ? value : JSON.stringify(value));

describe("generation_config.json beside config.json", () => {
  const read = () => withFiles(folder, (files) => readModelConfig(files));
  beforeEach(() => copyFileSync(join(TINY_MODEL, "config.json"), join(folder, "config.json")));

  it("says nothing when there is no file", async () => {
    const { sampling, config, asides } = await read();
    expect([sampling, config.eosTokenIds, asides]).toEqual([{}, [1, 2, 3], []]);
  });

  it("says how tokens are chosen", async () => {
    put("generation_config.json", { temperature: 0.6, top_p: 0.95, top_k: 40, eos_token_id: [1] });
    expect((await read()).sampling).toEqual({ temperature: 0.6, topP: 0.95, topK: 40 });
  });

  it("is greedy with do_sample false, at temperature 1 with do_sample true and none given", async () => {
    put("generation_config.json", { do_sample: false, temperature: 0.6 });
    expect((await read()).sampling).toEqual({ temperature: 0 });
    put("generation_config.json", { do_sample: true, top_p: 0.9 });
    expect((await read()).sampling).toEqual({ temperature: 1, topP: 0.9 });
  });

  it.each([
    [{ top_k: -1 }, { topK: 0 }],
    [{ top_k: 0 }, { topK: 0 }],
    [{ top_k: null, min_p: 0.0 }, { minP: 0 }],
    [{ num_beams: 1, typical_p: 1, max_new_tokens: 9, no_repeat_ngram_size: 0 }, {}],
  ])("maps %j", async (json, sampling) => {
    put("generation_config.json", json);
    expect((await read()).sampling).toEqual(sampling);
  });

  it.each([
    [4, [1, 2, 3, 4]],
    [[2], [1, 2, 3]],
    [
      [9, 1, 8],
      [1, 2, 3, 9, 8],
    ],
    [[], [1, 2, 3]],
  ])("ends texts at the tokens of both files: %j", async (eos_token_id, expected) => {
    put("generation_config.json", { eos_token_id });
    expect((await read()).config.eosTokenIds).toEqual(expected);
  });

  it("lists a token that the model does not have, which can end nothing", async () => {
    put("generation_config.json", { eos_token_id: [154820, 5] });
    const { config, asides } = await read();
    expect(config.eosTokenIds).toEqual([1, 2, 3, 5]);
    expect(asides).toEqual([{ what: "eos_token_id: 154820", why: "vocab_size is 64" }]);
  });

  it.each([
    [{ temperature: "1" }, 'temperature: expected a number, got "1"'],
    [{ top_p: 1.5 }, "top_p: expected a number above 0, at most 1, got 1.5"],
    [{ top_k: -2 }, "top_k: expected an integer of 0 or more, got -2"],
    [{ repetition_penalty: 0 }, "repetition_penalty: expected a number above 0, got 0"],
    [{ eos_token_id: "x" }, 'eos_token_id: expected a token id or a list of them, got "x"'],
    [{ num_beams: 4 }, 'unknown key "num_beams" (value 4): it may switch on something'],
    [{ stop_strings: ["###"] }, 'unknown key "stop_strings" (value ["###"]): it may switch on'],
    [[], "expected an object"],
    ["{", "expected JSON"],
    ["", "expected JSON"],
    ['{"top_k":1,"top_k":2}', "top_k is there twice"],
  ])("refuses %j", async (json, message) => {
    put("generation_config.json", json);
    await expect(read()).rejects.toThrow(`generation_config.json: ${message}`);
  });

  it("passes over unknown keys of both files that the caller names, and over no others", async () => {
    const ignoreConfigKeys = ["num_beams", "rope_parameters.factor"];
    const json = { ...TINY_CONFIG, rope_parameters: { rope_theta: 8e6, factor: 3 } };
    put("config.json", json);
    put("generation_config.json", { num_beams: 4 });
    const { asides } = await openConfig(folder, { ignoreConfigKeys });
    const why = "the caller says that it changes nothing";
    expect(asides).toEqual([
      { what: "config.json: rope_parameters.factor", why },
      { what: "generation_config.json: num_beams", why },
    ]);
    await expect(openConfig(folder, { ignoreConfigKeys: ["num_beams"] })).rejects.toThrow(
      "--ignore-config-key rope_parameters.factor",
    );
    const more = [...ignoreConfigKeys, "hidden_size"];
    await expect(openConfig(folder, { ignoreConfigKeys: more })).rejects.toThrow(
      "--ignore-config-key: expected an unknown key that is in the file, got hidden_size",
    );
  });
});

describe("files of a model that are no files, or too long", () => {
  const model = join(TINY_MODEL, "model.safetensors");
  beforeEach(() => {
    copyFileSync(join(TINY_MODEL, "config.json"), join(folder, "config.json"));
    copyFileSync(model, join(folder, "model.safetensors"));
  });
  const NAMES = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "model.safetensors",
    "mtp.safetensors",
  ];

  it.each(NAMES)("%s as a device, a pipe, a folder, a lost link", async (name) => {
    const path = join(folder, name);
    const makers: readonly (readonly [string, () => void])[] = [
      ["a device or socket", () => symlinkSync("/dev/zero", path)],
      ["a pipe", () => execFileSync("mkfifo", [path])],
      ["a folder", () => mkdirSync(path)],
    ];
    for (const [got, make] of makers) {
      rmSync(path, { force: true, recursive: true });
      make();
      await expect(open(folder, { threads: 1 })).rejects.toThrow(
        `${name}: expected a regular file, got ${got}`,
      );
    }
  });

  it.each([
    ["config.json", 8_000_000],
    ["generation_config.json", 1_000_000],
    ["tokenizer.json", 64_000_000],
    ["model.safetensors.index.json", 32_000_000],
  ])("%s of a terabyte is not read", async (name, most) => {
    const path = join(folder, name);
    writeFileSync(path, "{}");
    truncateSync(path, 10 ** 12);
    await expect(open(folder, { threads: 1 })).rejects.toThrow(
      `${name}: expected at most ${most} bytes, got ${10 ** 12}`,
    );
  });
});

describe("a model folder", () => {
  it("is refused when it is not there, is a file, or has no config", async () => {
    const nowhere = join(folder, "nowhere");
    await expect(openModel(nowhere)).rejects.toThrow(`${nowhere}: expected the folder of a model`);
    put("file", "");
    await expect(openModel(join(folder, "file"))).rejects.toThrow("expected the folder of a model");
    await expect(openModel(folder)).rejects.toThrow("expected a config.json in it, found none");
  });

  it("is refused without weights", async () => {
    copyFileSync(join(TINY_MODEL, "config.json"), join(folder, "config.json"));
    await expect(openModel(folder)).rejects.toThrow("expected model.safetensors or");
  });

  it("gives its name, the hash of its config and a model in the precision asked for", async () => {
    const opened = await openModel(TINY_MODEL, {
      backend: "reference",
      precision: "f64",
      latentEps: 1e-6,
    });
    expect(opened.name).toBe("model");
    expect(opened.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(opened.config.latentNormEps).toBe(1e-6);
    expect(opened.model.ops.precision).toBe("f64");
  });

  it("names the config.json that is not JSON", async () => {
    put("config.json", "nonsense");
    await expect(openConfig(folder)).rejects.toThrow("config.json: expected JSON");
  });
});

/** The tiny tokenizer with `<|endoftext|>` instead of `<|end|>`. */
function textTokenizer() {
  const json = tinyJson();
  const [end, ...others] = json.added_tokens;
  const { id } = end as { id: number };
  return { json: { ...json, added_tokens: [{ ...end, content: "<|endoftext|>" }, ...others] }, id };
}

const config = parseConfig({ ...TINY_CONFIG, vocab_size: 300 });
const terminal = { isTerminal: true, read: async () => new Uint8Array(0) };
const pipe = (text: string | Uint8Array) => ({
  isTerminal: false,
  read: async () => (typeof text === "string" ? new TextEncoder().encode(text) : text),
});
const tokenizerOf = (cfg: ModelConfig) => withFiles(folder, (files) => readTokenizer(files, cfg));
const NONE = { tokenizer: undefined, textStart: [] };
const none = { text: undefined, tokens: undefined, bos: undefined };

describe("the prompt", () => {
  it("is the ids that were given, alone", async () => {
    const { json } = textTokenizer();
    put("tokenizer.json", json);
    const opened = (await tokenizerOf(config)) ?? NONE;
    const prompt = await readPrompt({ ...none, tokens: [104, 105] }, opened, pipe("no"));
    expect([prompt.ids, prompt.text()]).toEqual([[104, 105], "hi"]);
  });

  it("begins with <|endoftext|> when the tokenizer has it and there is no chat template", async () => {
    const { json, id } = textTokenizer();
    put("tokenizer.json", json);
    const opened = (await tokenizerOf(config)) ?? NONE;
    expect((await readPrompt({ ...none, text: "hi" }, opened, terminal)).ids).toEqual([
      id,
      104,
      105,
    ]);
    expect((await readPrompt(none, opened, terminal)).ids).toEqual([id]);
  });

  it("begins with nothing in a chat model, or when --bos says so", async () => {
    const { json } = textTokenizer();
    put("tokenizer.json", json);
    const plain = (await tokenizerOf(config)) ?? NONE;
    const bare = await readPrompt({ ...none, text: "hi", bos: "none" }, plain, terminal);
    expect(bare.ids).toEqual([104, 105]);
    put("chat_template.jinja", "");
    const chat = (await tokenizerOf(config)) ?? NONE;
    expect((await readPrompt({ ...none, text: "hi" }, chat, terminal)).ids).toEqual([104, 105]);
  });

  it("begins with the text of --bos, control tokens in it included", async () => {
    const { json, id } = textTokenizer();
    put("tokenizer.json", json);
    const opened = (await tokenizerOf(config)) ?? NONE;
    const bos = "<|endoftext|>!";
    expect((await readPrompt({ ...none, text: "hi", bos }, opened, terminal)).ids).toEqual([
      id,
      33,
      104,
      105,
    ]);
  });

  it("comes from stdin without the newline at its end, and must be UTF-8", async () => {
    put("tokenizer.json", tinyJson());
    const opened = (await tokenizerOf(config)) ?? NONE;
    const read = async (text: string | Uint8Array) =>
      (await readPrompt(none, opened, pipe(text))).text();
    expect(await read("hi\n")).toBe("hi");
    expect(await read("hi\n\n")).toBe("hi\n");
    expect(await read("hi\r\n")).toBe("hi");
    expect(await read("\ufeffhi\n")).toBe("\ufeffhi"); // a byte order mark is text
    await expect(read(Uint8Array.of(0xff))).rejects.toThrow("stdin: expected UTF-8");
  });

  it("cannot be a text without a tokenizer", async () => {
    expect(await tokenizerOf(config)).toBeUndefined();
    await expect(readPrompt({ ...none, text: "hi" }, NONE, terminal)).rejects.toThrow(
      "no tokenizer.json",
    );
  });

  it("is refused with a tokenizer larger than the model's vocabulary", async () => {
    put("tokenizer.json", tinyJson());
    await expect(tokenizerOf({ ...config, vocabSize: 100 })).rejects.toThrow(
      "paddedVocabSize: expected at least",
    );
  });
});
