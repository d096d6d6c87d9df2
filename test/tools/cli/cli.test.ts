/** Tests of the command line: usage, `glm52 run` and `glm52 inspect`. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createTokenizer } from "../../../tokenizer/index.ts";
import { DEMO_MODEL, TINY_MODEL } from "../../support/paths.ts";
import { glm52 } from "./fake-terminal.ts";

const tiny = (...more: string[]): string[] => ["run", "--model", TINY_MODEL, ...more];
const demo = (...more: string[]): string[] => ["run", "--model", DEMO_MODEL, ...more];

describe("--verbose", () => {
  it.each([
    [["--threads", "2", "--no-turbo"], "arithmetic: wasm, 2 threads, 256-bit vectors off\n"],
    [["--backend", "reference"], "arithmetic: reference, f32, 1 thread\n"],
  ])("with %j says %j, and stdout stays the same", async (argv, line) => {
    const quiet = await glm52(tiny("--tokens", "1,2", "--max-tokens", "2", ...argv));
    const told = await glm52(tiny("--tokens", "1,2", "--max-tokens", "2", "--verbose", ...argv));
    expect(told.stderr).toContain(line);
    expect(quiet.stderr).not.toContain("arithmetic");
    expect(told.stdout).toBe(quiet.stdout);
  });
});

describe("usage", () => {
  it.each([
    [["--help"]],
    ...["run", "chat", "trace", "inspect", "export", "tokenize", "detokenize", "render"].map(
      (c) => [[c, "--help"]],
    ),
  ])("prints help with examples for %j and ends with 0", async (argv) => {
    const { code, stdout, stderr } = await glm52(argv);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("Usage: glm52");
    expect(stdout).toContain("Examples:\n  glm52 ");
  });

  it("tells the exit codes and the version", async () => {
    expect((await glm52(["--help"])).stdout).toMatch(/Exit codes:\n {2}0 .*\n {2}1 .*\n {2}2 /);
    expect((await glm52(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    [[], "Usage: glm52"],
    [["sing"], "unknown command 'sing'"],
    [["run", "--wings"], "unknown option '--wings'"],
    [["run", "a", "b"], "too many arguments"],
    [["run", "--max-tokens", "1x"], "Expected an integer of 0 or more."],
    [["run", "--max-tokens", "-1"], "Expected an integer of 0 or more."],
    [["run", "--temperature", "NaN"], "Expected a number of 0 or more."],
    [["run", "--temperature", "-0.5"], "Expected a number of 0 or more."],
    [["run", "--top-p", "0"], "Expected a number above 0, at most 1."],
    [["run", "--min-p", "1.5"], "Expected a number 0 … 1."],
    [["run", "--repetition-penalty", "0"], "Expected a number above 0."],
    [["run", "--seed", "4294967296"], "Expected an integer 0 … 4294967295."],
    [["run", "--chunk", "0"], "Expected an integer of 1 or more."],
    [["run", "--tokens", "1,,2"], "Expected integers like 1,2,3."],
    [["run", "--tokens", "1", "text"], "give the prompt as a text or with --tokens, not both"],
    [["run", "--logprobs", "1"], "--logprobs needs --json"],
    [["run", "--json", "--echo"], "'--json' cannot be used with option '--echo'"],
    [["run", "--stop", ""], "--stop: expected a text, got nothing"],
    [["run", "--backend", "abacus"], "Allowed choices are"],
    [["trace", "--model", "x", "--tokens", "1"], "required option '--out <file>' not specified"],
    [["trace", "--model", "x", "--out", "y"], "give the tokens with --tokens or --tokens-file"],
    [
      ["trace", "--tokens", "1", "--tokens-file", "x", "--model", "x", "--out", "y"],
      "cannot be used",
    ],
    [["trace", "--model", "x", "--out", "y", "--precision", "f16"], "Allowed choices are f32, f64"],
    [["inspect"], "missing required argument 'model'"],
  ])("refuses %j with code 2", async (argv, message) => {
    const { code, stdout, stderr } = await glm52(argv);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(message);
  });
});

describe("glm52 run", () => {
  it.each([
    [["run", "--model", "/nowhere", "x"], "/nowhere: expected the folder of a model"],
    [tiny("hello"), "this model has no tokenizer.json: give the prompt as ids with --tokens"],
    [tiny("--tokens", "1", "--stop", "x"), "--stop: this model has no tokenizer.json"],
    [tiny("--tokens", "64"), "prompt: token 0: expected an id of 0 … 63, got 64"],
    [demo("--tokens", "99999"), "prompt: token 0: expected an id of 0 … 2047, got 99999"],
    [demo("--bos", "none", ""), "prompt: expected one token at least, got none"],
  ])("refuses %j with code 1 and one line", async (argv, message) => {
    const { code, stdout, stderr } = await glm52(argv);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^glm52: [^\n]*\n$/);
    expect(stderr).toContain(message);
  });

  it("streams text to stdout and one line of speeds to stderr", async () => {
    const { code, stdout, stderr } = await glm52(demo("Once upon a time", "--max-tokens", "8"));
    expect(code).toBe(0);
    expect(stdout).not.toBe("");
    expect(stdout).not.toContain("Once upon a time");
    expect(stderr).toMatch(
      /^\nprefill 5 tokens, [\d.]+ tok\/s · decode \d+ tokens?, [\d.]+ tok\/s · \w+\n$/,
    );
  });

  it("prints the prompt with --echo, and ends the line on a terminal", async () => {
    const argv = demo("Once", "--max-tokens", "4", "--echo");
    const plain = await glm52(argv);
    expect(plain.stdout.startsWith("Once")).toBe(true);
    const shown = await glm52(argv, { isTerminal: true });
    expect(shown.stdout).toBe(`${plain.stdout}\n`);
  });

  it("gives the same text for the same seed", async () => {
    const argv = demo("Once", "--max-tokens", "12", "--temperature", "1.5", "--seed");
    const first = await glm52([...argv, "5"]);
    expect((await glm52([...argv, "5"])).stdout).toBe(first.stdout);
    expect((await glm52([...argv, "6"])).stdout).not.toBe(first.stdout);
  });

  it("reads the prompt from stdin", async () => {
    const stdin = new TextEncoder().encode("Once upon a time\n");
    const argv = demo("--max-tokens", "5", "--json");
    const piped = JSON.parse((await glm52(argv, { stdin })).stdout);
    const given = JSON.parse((await glm52([...argv, "Once upon a time"])).stdout);
    expect(piped.prompt_ids).toEqual(given.prompt_ids);
    expect(piped.ids).toEqual(given.ids);
  });

  it("prints one JSON object with --json and nothing else", async () => {
    const { stdout } = await glm52(demo("Hi", "--max-tokens", "3", "--json", "--logprobs", "2"));
    const json = JSON.parse(stdout);
    expect(Object.keys(json)).toEqual([
      "prompt_ids",
      "ids",
      "text",
      "finish_reason",
      "logprobs",
      "timing",
    ]);
    expect(json.ids).toHaveLength(3);
    expect(json.logprobs).toHaveLength(3);
    for (const [i, { id, logprob, top }] of json.logprobs.entries()) {
      expect(id).toBe(json.ids[i]);
      expect(logprob).toBeLessThan(0);
      expect(top).toHaveLength(2);
    }
    expect(json.timing).toEqual({
      prefill_tokens: json.prompt_ids.length,
      prefill_seconds: expect.any(Number),
      decode_tokens: 2,
      decode_seconds: expect.any(Number),
    });
  });

  it("takes and prints ids for a model without a tokenizer, whose text is null", async () => {
    const argv = tiny("--tokens", "57,15,52", "--max-tokens", "6", "--temperature", "0");
    const text = (await glm52(argv)).stdout;
    const json = JSON.parse((await glm52([...argv, "--json", "--draft", "2"])).stdout);
    expect(text).toBe(json.ids.join(" "));
    expect(json.text).toBeNull();
    expect(json.timing.accepted_length).toBeGreaterThanOrEqual(1);
  });

  it("shows the accepted length with --draft", async () => {
    const { stderr } = await glm52(demo("Hi", "--max-tokens", "8", "--draft", "3"));
    expect(stderr).toMatch(/ · accepted length [1-4]\.\d\d of 4 · /);
  });

  it("never chooses a padding id", async () => {
    const argv = demo("Hi", "--max-tokens", "40", "--temperature", "50", "--top-p", "1", "--json");
    const { ids } = JSON.parse((await glm52(argv)).stdout);
    const { vocabSize } = createTokenizer(readFileSync(`${DEMO_MODEL}/tokenizer.json`, "utf8"));
    expect(vocabSize).toBeLessThan(2048);
    expect(Math.max(...ids)).toBeLessThan(vocabSize);
  });

  it("ends cleanly with 130 on Ctrl-C", async () => {
    const argv = demo("Once", "--max-tokens", "4000", "--temperature", "0");
    const { code, stdout, stderr } = await glm52(argv, { interruptAtWrite: 2 });
    expect(code).toBe(130);
    expect(stdout).not.toBe("");
    expect(stderr).toMatch(/ · aborted\n$/);
  });
});

describe("glm52 inspect", () => {
  it("counts a folder and a config.json alone", async () => {
    const folder = JSON.parse((await glm52(["inspect", TINY_MODEL, "--json"])).stdout);
    const alone = JSON.parse(
      (await glm52(["inspect", `${TINY_MODEL}/config.json`, "--json"])).stdout,
    );
    expect(folder.files.bytes).toBeGreaterThan(0);
    expect(alone.files).toBeUndefined();
    expect(alone.parameters).toEqual(folder.parameters);
  });

  it("prints text without --json", async () => {
    const { code, stdout } = await glm52(["inspect", TINY_MODEL]);
    expect(code).toBe(0);
    expect(stdout).toContain("parameters\n");
  });

  it("refuses a path where nothing is", async () => {
    const { code, stderr } = await glm52(["inspect", "/nowhere"]);
    expect(code).toBe(1);
    expect(stderr).toBe("glm52: /nowhere: expected a folder or a config.json\n");
  });
});
