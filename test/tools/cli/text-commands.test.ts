/** Tests of `glm52 tokenize`, `detokenize` and `render`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { promptIds, renderChat } from "../../../tokenizer/chat/index.ts";
import { createTokenizer } from "../../../tokenizer/index.ts";
import { DEMO_MODEL, scratchFolder, TINY_MODEL } from "../../support/paths.ts";
import { GLM_5_2, title } from "../../tokenizer/families.ts";
import { glm52, type Outcome } from "./fake-terminal.ts";

const scratch = scratchFolder();
const demo = createTokenizer(readFileSync(join(DEMO_MODEL, "tokenizer.json"), "utf8"));

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const piped = (argv: string, text: string): Promise<Outcome> =>
  glm52(argv.split(" "), { stdin: utf8(text) });
const json = async (argv: string, value: unknown) => {
  const { code, stdout, stderr } = await piped(argv, JSON.stringify(value));
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout);
};

const TEXT = "\ufeff Once upon a time,\r\n 🦙 <|user|>12345\n\n";

describe("glm52 tokenize", () => {
  it("prints the ids of stdin, to the byte", async () => {
    const { code, stdout } = await piped("tokenize", TEXT);
    expect([code, stdout]).toEqual([0, `${demo.encode(TEXT).join(" ")}\n`]);
  });

  it("takes a file, and a tokenizer.json itself", async () => {
    const file = join(scratch, "text.txt");
    writeFileSync(file, TEXT);
    const tokenizer = join(DEMO_MODEL, "tokenizer.json");
    const { stdout } = await glm52(["tokenize", file, "--tokenizer", tokenizer]);
    expect(stdout).toBe(`${demo.encode(TEXT).join(" ")}\n`);
  });

  it("prints ids and pieces with --json; the pieces joined are the text", async () => {
    const { ids, pieces } = JSON.parse((await piped("tokenize --json", TEXT)).stdout);
    expect(ids).toEqual([...demo.encode(TEXT)]);
    expect(pieces.join("")).toBe(TEXT);
    expect(pieces).toContain("<|user|>");
  });

  it("makes plain text of control tokens with --ordinary", async () => {
    const { stdout } = await piped("tokenize --ordinary", TEXT);
    expect(stdout).toBe(`${demo.encodeOrdinary(TEXT).join(" ")}\n`);
    const { ids, pieces } = JSON.parse((await piped("tokenize --ordinary --json", TEXT)).stdout);
    expect(ids).toEqual([...demo.encodeOrdinary(TEXT)]);
    expect(pieces.join("")).toBe(TEXT);
    expect(pieces).not.toContain("<|user|>");
  });

  it("takes many texts with --batch --json", async () => {
    const texts = ["a", "", TEXT, "\ud800"];
    const results = await json("tokenize --batch --json", texts);
    expect(results.map((result: { ids: number[] }) => result.ids)).toEqual(
      texts.map((text) => [...demo.encode(text)]),
    );
  });

  it.each([
    ["tokenize --batch", "[]", 2, "--batch needs --json"],
    ["tokenize --batch --json", '"a"', 1, "stdin: expected an array of strings"],
    ["tokenize --batch --json", '["a", 5]', 1, "stdin: [1]: expected a string"],
    ["tokenize --batch --json", '["a" 5]', 1, "stdin: line 1, column 6: expected a comma or ]"],
    ["tokenize --tokenizer /nowhere", "", 1, "/nowhere: expected a folder or a tokenizer.json"],
    [`tokenize --tokenizer ${TINY_MODEL}`, "", 1, "expected a folder with a tokenizer.json"],
    ["tokenize /nowhere", "", 1, "/nowhere"],
    ["detokenize --batch", "[]", 2, "--batch needs --json"],
    ["detokenize", "1 x", 1, 'stdin: [1]: expected an id, got "x"'],
    ["detokenize", "-1", 1, 'stdin: [0]: expected an id, got "-1"'],
    ["detokenize", "[1.0]", 1, 'stdin: [0]: expected an id, got "1.0"'],
    ["detokenize", "999999", 1, "id: expected an id in 0.."],
    ["detokenize", '{"text": 1}', 1, "stdin: expected a list of ids"],
    ["detokenize --batch --json", "[1]", 1, "stdin: [0]: expected a list of ids"],
    ["render", "{", 1, "stdin: line 1, column 2: expected a key in quotes"],
    ["render", "[]", 1, "chat: expected an object, got an array"],
    ["render", '{"messages": [{"role": "critic", "content": ""}]}', 1, "messages[0].role: "],
    ["render --batch", "{}", 1, "stdin: expected an array"],
    ["render --batch", '[{"messages": []}, {"messages": [1]}]', 1, "[1].messages[0]: expected an"],
    ["render --unknown-roles keep", "{}", 2, "Allowed choices are error, drop"],
  ])("and the others refuse: %s < %s", async (argv, stdin, code, message) => {
    const outcome = await piped(argv, stdin);
    expect([outcome.code, outcome.stdout]).toEqual([code, ""]);
    expect(outcome.stderr).toContain(message);
    expect(outcome.stderr).toMatch(/^glm52: [^\n]*\n$/);
  });

  it("refuses bytes that are not UTF-8", async () => {
    const { code, stderr } = await glm52(["tokenize"], { stdin: Uint8Array.of(0x61, 0xff) });
    expect([code, stderr]).toEqual([1, "glm52: stdin: expected UTF-8 text, got other bytes\n"]);
  });
});

describe("glm52 detokenize", () => {
  it("prints the text of ids however they are written, without a newline more", async () => {
    const ids = [...demo.encode(TEXT)];
    for (const written of [ids.join(" "), ids.join(",\n"), JSON.stringify(ids)]) {
      expect((await piped("detokenize", written)).stdout).toBe(TEXT);
    }
    expect((await piped("detokenize", "")).stdout).toBe("");
  });

  it("takes what tokenize --json prints, and gives JSON", async () => {
    const { stdout } = await piped("tokenize --json", TEXT);
    expect(JSON.parse((await piped("detokenize --json", stdout)).stdout)).toEqual({ text: TEXT });
    const many = await json("tokenize --batch --json", ["a", TEXT]);
    const texts = await json("detokenize --batch --json", [...many, [...demo.encode("b")]]);
    expect(texts).toEqual([{ text: "a" }, { text: TEXT }, { text: "b" }]);
  });

  it("leaves special tokens out with --skip-special", async () => {
    const ids = demo.encode("a<|user|>b").join(" ");
    expect((await piped("detokenize --skip-special", ids)).stdout).toBe("ab");
  });
});

describe("glm52 render", () => {
  const request = {
    messages: [{ role: "user", content: "hi <|system|>" }],
    add_generation_prompt: true,
    reasoning_effort: "low",
  } as const;
  const prompt = renderChat(request);

  it("prints the prompt, with the ids when asked", async () => {
    const { stdout } = await piped("render", JSON.stringify(request));
    expect(stdout).toBe(prompt.text);
    expect(stdout).toMatch(/^\[gMASK\]<sop><\|system\|>Reasoning Effort: High<\|user\|>hi /);
    expect(await json("render --json", request)).toEqual({
      text: prompt.text,
      ids: [...promptIds(demo, prompt)],
    });
  });

  it("prints an array with --batch", async () => {
    const results = await json("render --batch", [request, { messages: [] }]);
    expect(results.map(({ text }: { text: string }) => text)).toEqual([
      prompt.text,
      "[gMASK]<sop><|system|>Reasoning Effort: Max",
    ]);
  });

  it("makes plain text of spelled-out tokens, and drops roles, when told to", async () => {
    const messages = [{ role: "critic", content: "" }, ...request.messages];
    const argv = "render --json --control-tokens protocol --unknown-roles drop";
    const { text, ids } = await json(argv, { ...request, messages });
    expect(text).toBe(prompt.text);
    expect(ids).toEqual([...promptIds(demo, prompt, { controlTokensIn: "protocol" })]);
    expect(ids).not.toEqual([...promptIds(demo, prompt)]);
  });

  it("keeps numbers and the order of keys", async () => {
    const call = '{"name": "f", "arguments": {"10": 2.0, "9": [1e20, 12345678901234567890]}}';
    const chat = `{"messages": [{"role": "assistant", "tool_calls": [${call}]}]}`;
    expect((await piped("render", chat)).stdout).toContain(
      "<arg_key>10</arg_key><arg_value>2.0</arg_value><arg_key>9</arg_key>" +
        "<arg_value>[1e+20, 12345678901234567890]</arg_value>",
    );
  });
});

describe.skipIf(GLM_5_2.skip !== undefined)(title(GLM_5_2), () => {
  it("renders the shortest prompt there is", async () => {
    const request =
      '{"messages": [{"role": "user", "content": "hi"}], "add_generation_prompt": true}';
    const argv = ["render", "--json", "--tokenizer", GLM_5_2.path];
    const { ids } = JSON.parse((await glm52(argv, { stdin: utf8(request) })).stdout);
    expect(ids.join(" ")).toBe(
      "154822 154824 154826 25062 287 29905 371 25 7487 154827 6023 154828 154841",
    );
  });
});
