import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Model, referenceOps } from "../../../engine/index.ts";
import { type Message, promptIds, renderChat } from "../../../tokenizer/chat/index.ts";
import { createTokenizer } from "../../../tokenizer/index.ts";
import { pipedLines } from "../../../tools/cli/terminal.ts";
import { constraintOf, openMatchers } from "../../../tools/constrain/index.ts";
import type { Chat, ChatOptions } from "../../../tools/library/chat.ts";
import { glmOf } from "../../support/glm.ts";
import { DEMO_MODEL, scratchFolder, TINY_MODEL } from "../../support/paths.ts";
import { tinyModel } from "../../support/tiny-model.ts";
import { glm52 } from "../cli/fake-terminal.ts";

const tokenizer = createTokenizer(readFileSync(join(DEMO_MODEL, "tokenizer.json"), "utf8"));
const model = tinyModel({ vocab_size: 2048, eos_token_id: [2011] }, referenceOps());
const folder = scratchFolder();

const chatWith = (options: ChatOptions = {}, m: Model = model): Chat =>
  glmOf(m, tokenizer).chat({ maxTokens: 6, ...options });

const idsOf = (messages: readonly Message[]): number[] => [
  ...promptIds(tokenizer, renderChat({ messages, enable_thinking: false, clear_thinking: false }), {
    controlTokensIn: "protocol",
  }),
];

describe("a conversation", () => {
  it("answers as a session does that never had a cache", async () => {
    const chat = chatWith();
    for (const text of ["Hello.", "A dog and a ball?", "Why?"]) {
      const before = [...chat.messages];
      await chat.say(text);
      const fresh = chatWith();
      // The same messages in a new conversation, whose caches are empty.
      (fresh.messages as Message[]).push(...before);
      await fresh.say(text);
      expect(fresh.messages).toEqual(chat.messages);
    }
  });

  it("keeps what was run: a second turn reuses the rows of the first prompt", async () => {
    const chat = chatWith();
    const first = await chat.say("Tell me a story about a dog.");
    const second = await chat.say("And another.");
    expect(first.reusedTokens).toBe(0);
    expect(second.reusedTokens).toBeGreaterThanOrEqual(first.promptTokens);
    expect(second.promptTokens).toBe(idsOf(chat.messages.slice(0, 3)).length + 3);
  });

  it("makes plain text of control tokens that a user spells out", async () => {
    const chat = chatWith();
    const harmless = await chat.say("<|system|>");
    const control = idsOf([{ role: "user", content: "" }]).length + 3;
    expect(harmless.promptTokens).toBeGreaterThan(control + 1);
  });

  it("calls a tool that a reply is held to", async () => {
    const parameters = {
      type: "object",
      properties: { colour: { enum: ["red", "blue"] }, days: { type: "integer", maximum: 9 } },
      required: ["colour", "days"],
    };
    const chat = chatWith({
      maxTokens: 60,
      tools: [{ name: "paint", description: "", parameters }],
    });
    const tools = [{ name: "paint", parameters: JSON.stringify(parameters) }];
    const toolChoice = { kind: "required" } as const;
    const spec = {
      kind: "reply",
      startsIn: "content",
      tools,
      toolChoice,
      parallel: false,
    } as const;
    const constraint = constraintOf(spec, openMatchers(tokenizer, model.config.eosTokenIds));
    const turn = await chat.say("Paint it.", { constraint });
    expect(turn).toMatchObject({ content: "", finishReason: "stop", repairs: [] });
    const args = { colour: expect.stringMatching(/^(red|blue)$/), days: expect.any(Number) };
    expect(turn.calls).toMatchObject([{ name: "paint", isComplete: true, arguments: args }]);
    expect((await chat.say("Again.")).calls).toEqual([]); // it holds for one turn
  });

  it("goes back to the system message on reset", async () => {
    const chat = chatWith({ system: "Be brief." });
    await chat.say("Hi.");
    expect(chat.messages).toHaveLength(3);
    chat.reset();
    expect(chat.messages).toEqual([{ role: "system", content: "Be brief." }]);
  });

  it("takes the last turn back, and no more than was said in it", async () => {
    const chat = chatWith({ maxTokens: 2, system: "Be brief." });
    expect(chat.takeBack()).toEqual([]);
    await chat.say("One.");
    await chat.say("Two.");
    const [system, one, reply] = chat.messages;
    expect(chat.takeBack()).toEqual([{ role: "user", content: "Two." }]);
    expect(chat.messages).toEqual([system, one, reply]);
    const again = await chat.say("Two.");
    expect(again.reusedTokens).toBeGreaterThan(0);
    chat.takeBack();
    expect(chat.takeBack()).toEqual([{ role: "user", content: "One." }]);
    expect(chat.messages).toEqual([system]);
  });

  it("chooses tokens otherwise from the next turn on", async () => {
    const chat = chatWith({ maxTokens: 3 });
    expect((await chat.say("One.")).replyTokens).toBeLessThanOrEqual(3);
    chat.choose({ maxTokens: 1 });
    expect((await chat.say("Two.")).replyTokens).toBe(1);
  });

  it("stays as it was when a turn does not fit the context", async () => {
    const small = tinyModel(
      { vocab_size: 2048, eos_token_id: [2011], max_position_embeddings: 24 },
      referenceOps(),
    );
    const chat = chatWith({ maxTokens: 2 }, small);
    await chat.say("Hi.");
    const before = [...chat.messages];
    const long = "a very long story about a dog ".repeat(5);
    await expect(chat.say(long)).rejects.toThrow(/context: .* the model has 24 positions/);
    expect(chat.messages).toEqual(before);
  });

  it("keeps as much of a reply as came before it was stopped", async () => {
    const chat = chatWith({ maxTokens: 200 });
    const abort = new AbortController();
    let nEvents = 0;
    const turn = await chat.say("Go.", {
      signal: abort.signal,
      onEvent: () => {
        if (++nEvents === 3) abort.abort();
      },
    });
    expect(turn.finishReason).toBe("aborted");
    expect(turn.replyTokens).toBeLessThan(200);
    expect(chat.messages).toHaveLength(2);
    expect((await chat.say("Go on.")).reusedTokens).toBeGreaterThan(0);
  });
});

describe("glm52 chat", () => {
  const typed = (...lines: string[]) => new TextEncoder().encode(`${lines.join("\n")}\n`);
  const demo = (...more: string[]) => ["chat", "--max-tokens", "8", ...more];

  it("answers each line of a pipe, and prints nothing but replies", async () => {
    const stdin = typed("Hello.", "", "Bye.");
    const { code, stdout, stderr } = await glm52(demo("--seed", "3"), { stdin });
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).not.toBe("");
    expect(stdout.endsWith("\n")).toBe(true);
  });

  it("prints events as lines of JSON, which say the same as the text", async () => {
    const stdin = typed("Hello.");
    const { stdout } = await glm52(demo("--json"), { stdin });
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const text = lines.filter(({ type }) => type === "content").map((event) => event.text);
    expect((await glm52(demo(), { stdin })).stdout.trimEnd()).toBe(text.join("").trimEnd());
    expect(lines.at(-1)).toMatchObject({ type: "turn", reused_tokens: 0 });
    expect(lines.at(-2)).toMatchObject({ type: "finish" });
  });

  it("saves a conversation that render takes", async () => {
    const file = join(folder, "saved.json");
    const stdin = typed("Hello.", "/think max", "And now?", `/save ${file}`);
    const { stderr } = await glm52(demo("--system", "Be brief."), { stdin, isTyped: true });
    expect(stderr).toMatch(
      /^demo-model · wasm, .* · context 0 of 8192\n\/help lists what you can do/,
    );
    expect(stderr).toContain(`5 messages in ${file}\n`);
    const { code, stdout } = await glm52(["render", file]);
    expect(code).toBe(0);
    expect(stdout).toContain("<|system|>Be brief.<|user|>Hello.<|assistant|>");
    expect(stdout).toContain("<|user|>And now?");
  });

  it("dims reasoning on a terminal and leaves it out of a pipe", async () => {
    const stdin = typed("Hello.");
    const argv = demo("--think", "high");
    const onTerminal = (env: object) => glm52(argv, { stdin, isTerminal: true, env });
    const dim = (await onTerminal({})).stdout;
    expect(dim).toContain("\x1b[2m");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the styles to be left out
    const bare = dim.replace(/\x1b\[2?2m/g, "");
    expect((await onTerminal({ NO_COLOR: "1" })).stdout).toBe(bare);
    expect((await onTerminal({ TERM: "dumb" })).stdout).toBe(bare);
    expect((await glm52(argv, { stdin })).stdout).not.toContain("\x1b");
  });

  it("forgets on /reset and ends on /quit", async () => {
    const file = join(folder, "empty.json");
    const stdin = typed("Hello.", "/reset", `/save ${file}`, "/quit", "Never said.");
    const { stdout } = await glm52(demo("--json"), { stdin, isTyped: true });
    expect(readFileSync(file, "utf8")).toBe('{"messages": []}\n');
    expect(stdout.match(/"type": "turn"/g)).toHaveLength(1);
  });

  it("stops a reply on Ctrl-C and goes on with the next line", async () => {
    const stdin = typed("Hello.", "Go on.");
    const argv = ["chat", "--max-tokens", "400", "--temperature", "0", "--json"];
    const { code, stdout } = await glm52(argv, { stdin, interruptAtWrite: 2 });
    const turns = stdout.split("\n").filter((line) => line.includes('"type": "turn"'));
    expect(code).toBe(0);
    expect(turns.map((line) => JSON.parse(line).finish_reason)[0]).toBe("aborted");
    expect(turns).toHaveLength(2);
  });

  it.each([
    ["/sing", "/sing: expected a command; /help lists them"],
    ["/set warmth 3", "/set: expected a name and a value, the name one of max-tokens, temperature"],
    ["/set top-p 7", '/set top-p: Expected a number above 0, at most 1. Got "7".'],
    ["/regenerate", "There is no reply to take back."],
    ["/think hard", '/think: expected off, high or max, got "hard"'],
    ["/save", "/save: expected the name of a file, got nothing"],
    [
      "/save demo-model/config.json",
      /this is config\.json of .* that the work reads; choose another name/,
    ],
  ])("refuses %j and goes on", async (line, message) => {
    const stdin = typed(line, "Hello.");
    const { code, stdout, stderr } = await glm52(demo("--json"), { stdin, isTyped: true });
    expect(code).toBe(0);
    expect(stderr).toMatch(message);
    expect(stdout.match(/"type": "turn"/g)).toHaveLength(1);
  });

  it("takes every line of a pipe as a message: a command there is a text like any other", async () => {
    const file = join(folder, "never.json");
    const stdin = typed(`/save ${file}`, "/usr/bin is a folder.", "/quit", "Hello.");
    const { code, stdout, stderr } = await glm52(demo("--json"), { stdin });
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.match(/"type": "turn"/g)).toHaveLength(4);
    expect(existsSync(file)).toBe(false);
  });

  it("refuses a model without a tokenizer, and bytes that are no text", async () => {
    const bare = await glm52(["chat", "--model", TINY_MODEL], { stdin: typed("x") });
    expect(bare.stderr).toContain("chat: this model has no tokenizer.json");
    const bytes = await glm52(demo(), { stdin: Uint8Array.of(0xff, 10) });
    expect([bytes.code, bytes.stderr]).toEqual([
      1,
      "glm52: stdin: expected UTF-8 text, got other bytes\n",
    ]);
  });
});

describe("lines of a pipe", () => {
  it("are the same wherever the pieces end", async () => {
    const text = "ein\r\nzwölf 🐘\n\n\ufeffBOM\nletzte";
    const bytes = new TextEncoder().encode(text);
    for (let size = 1; size < bytes.length; size++) {
      const pieces = (async function* () {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      })();
      const lines: string[] = [];
      for await (const line of pipedLines(pieces)) lines.push(line);
      expect(lines).toEqual(["ein", "zwölf 🐘", "", "\ufeffBOM", "letzte"]);
    }
  });
});
