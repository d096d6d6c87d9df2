/** Tests the toy tools, and conversations in which tools run: here through a server that plays a script. */
import { describe, expect, it, onTestFinished } from "vitest";
import { ArgumentError } from "../../../engine/index.ts";
import type { CallArguments, Reply } from "../../../tokenizer/chat/index.ts";
import { askAgent } from "../../../tools/agent/ask-agent.ts";
import { Draw } from "../../../tools/agent/draw.ts";
import { type RunningTool, runCalls, ToolError } from "../../../tools/agent/run-calls.ts";
import { DEMO_TOOL_NAMES, demoSingle } from "../../../tools/agent/single.ts";
import { toyTools } from "../../../tools/agent/toy-tools.ts";
import { serveApp } from "../../../tools/serve/app.ts";
import { listen } from "../../../tools/serve/http.ts";
import { ScriptedDesk } from "../../support/scripted-desk.ts";
import { glm52 } from "../cli/fake-terminal.ts";

const called = (name: string, args: CallArguments, isComplete = true): Reply["calls"][number] => ({
  ...{ name, arguments: args, json: JSON.stringify(args), isComplete },
});

/** What a call returns. */
async function result(tools: readonly RunningTool[], name: string, args: CallArguments) {
  const [{ content }] = await runCalls({ calls: [called(name, args)] }, tools);
  return content;
}

describe("the toy tools", () => {
  it.each<[name: string, args: CallArguments, content: string]>([
    ["add", { a: 2, b: 3.5 }, "5.5"],
    ["add", { a: 0.1, b: 0.2 }, "0.3"],
    ["add", { a: 1e21, b: 1 }, "1e+21"],
    ["add", { a: "2", b: 3 }, "error: a must be a number"],
    ["add", { a: 2 }, "error: b must be a number"],
    ["look_up", { word: "Lantern" }, "a light that one can carry"],
    ["look_up", { word: "glimbor" }, "error: no such word"],
    ["look_up", { word: "constructor" }, "error: no such word"],
    ["look_up", {}, "error: word must be a text"],
    ["remember", { note: { name: "key", value: 12 } }, "kept"],
    ["remember", { note: { name: "key" } }, "error: value must be a text"],
    ["remember", { name: "key", value: "12" }, "error: note must be an object"],
    ["remember", { note: ["key"] }, "error: note must be an object"],
    ["recall", { name: "key" }, "error: no such note"],
    ["pick", { words: ["kite", "drum"], first: true }, "kite"],
    ["pick", { words: [], first: true }, "error: words must be a list of words"],
    ["pick", { words: [1, 2] }, "error: words must be a list of words"],
    ["now", {}, "7:05"],
    ["fly", {}, "error: no such tool"],
  ])("%s %j returns %j", async (name, args, content) => {
    const tools = toyTools({ clock: () => new Date(2026, 0, 1, 7, 5) });
    expect(await result(tools, name, args)).toBe(content);
  });

  it("recall what was remembered, each set its own", async () => {
    const [mine, yours] = [toyTools(), toyTools()];
    await result(mine, "remember", { note: { name: "The Key", value: "under the mat" } });
    expect(await result(mine, "recall", { name: "the key " })).toBe("under the mat");
    expect(await result(yours, "recall", { name: "the key" })).toBe("error: no such note");
  });

  it("pick one of the words, the same ones with the same seed", async () => {
    const words = ["kite", "drum", "shell", "boat"];
    const picks = async (seed: number): Promise<string[]> => {
      const tools = toyTools({ seed });
      return Promise.all(Array.from({ length: 20 }, () => result(tools, "pick", { words })));
    };
    const [one, again, other] = [await picks(1), await picks(1), await picks(2)];
    expect(again).toEqual(one);
    expect(other).not.toEqual(one);
    expect(new Set(one)).toEqual(new Set(words));
  });

  it.each(DEMO_TOOL_NAMES)(
    "return for %s what the dialogues of the training return",
    async (name) => {
      for (let seed = 0; seed < 20; seed++) {
        const { call, result: want } = demoSingle(new Draw(seed, false), name);
        const { name: about, words } = call.arguments;
        const tools = toyTools({ clock: () => new Date(`2026-01-01T${want.padStart(5, "0")}`) });
        if (name === "recall") {
          const note = { name: about, value: want };
          await result(tools, "remember", { note });
        }
        const got = await result(tools, name, call.arguments);
        if (name === "look_up")
          expect(got).toBe("error: no such word"); // a word that no language has
        else if (name === "pick") expect(words).toContain(got);
        else expect(got).toBe(want);
      }
    },
  );
});

describe("calls", () => {
  const broken: RunningTool = {
    definition: { name: "broken" },
    run: ({ how }) => {
      if (how === "tool") throw new ToolError("out of\npaper");
      if (how === "explained") throw new ArgumentError("paper", "expected some, got none");
      throw new TypeError("a mistake of the program");
    },
  };

  it("that fail tell the model why; a mistake of the program is none of these", async () => {
    expect(await result([broken], "broken", { how: "tool" })).toBe("error: out of\npaper");
    expect(await result([broken], "broken", { how: "explained" })).toMatch(/^error: paper: /);
    await expect(result([broken], "broken", {})).rejects.toThrow(TypeError);
  });

  it("that broke off are not run", async () => {
    const calls = [called("add", { a: 1 }, false)];
    expect(await runCalls({ calls }, toyTools())).toEqual([]);
  });

  it("without an end are ended", async () => {
    let n = 0;
    const reply = { calls: [called("now", {})], finishReason: "stop" };
    const chat = {
      say: async () => {
        n++;
        return reply as never;
      },
    };
    const { turn, results } = await askAgent(chat, "?", toyTools(), { maxRounds: 3 });
    expect([n, results.length, turn.calls.length]).toEqual([4, 3, 1]);
  });
});

const call = (name: string, args: Record<string, string>): string => {
  const parts = Object.entries(args).map(
    ([key, value]) => `<arg_key>${key}</arg_key><arg_value>${value}</arg_value>`,
  );
  return `<tool_call>${name}${parts.join("")}</tool_call>`;
};

/** Serves a model that says these replies, one after the other. */
async function speaker(...replies: readonly string[]) {
  const left = [...replies];
  const desk = new ScriptedDesk(({ maxTokens }) => ({
    texts: [maxTokens === 1 ? "x" : (left.shift() ?? "I have nothing more to say.")],
  }));
  const { url, close } = await listen(serveApp(desk, { clock: false }), { port: 0 });
  onTestFinished(() => close(0));
  const prompts = () => desk.played.map(({ order }) => desk.model.tokenizer.decode(order.ids));
  return { url, prompts };
}

const typed = (...lines: string[]) => new TextEncoder().encode(`${lines.join("\n")}\n`);

describe("glm52 chat --demo-tools", () => {
  const SUM = [
    `I add.</think>${call("add", { a: "2", b: "3" })}${call("pick", { words: '["kite", "drum"]', first: "true" })}`,
    "I have both.</think>It is 5, and a kite.",
  ];

  it("shows thought, calls, results and answer on a terminal", async () => {
    const { url, prompts } = await speaker(...SUM);
    const { code, stdout, stderr } = await glm52(
      ["chat", "--demo-tools", "--think", "high", "--url", url],
      {
        stdin: typed("What is 2 plus 3?", "/quit"),
        isTyped: true,
        isTerminal: true,
        env: { NO_COLOR: "1" },
      },
    );
    expect(code).toBe(0);
    expect(stderr).toContain("It may call add, look_up, remember, recall, pick, now.");
    expect(stdout).toBe(
      'I add.\nadd {"a": 2, "b": 3}\npick {"words": ["kite", "drum"], "first": true}\n' +
        "add returned 5\npick returned kite\nI have both.\nIt is 5, and a kite.\n",
    );
    const last = prompts().at(-1);
    expect(last).toContain("<tool_response>5</tool_response><tool_response>kite</tool_response>");
    expect(last).toContain('"name": "look_up"');
  });

  it("prints answers alone through pipes, and all of it as JSON", async () => {
    const argv = ["chat", "--demo-tools", "--think", "high", "--url"];
    const stdin = typed("What is 2 plus 3?");
    const piped = await glm52([...argv, (await speaker(...SUM)).url], { stdin });
    expect(piped.stdout).toBe("It is 5, and a kite.\n");
    const json = await glm52([...argv, (await speaker(...SUM)).url, "--json"], { stdin });
    const events = json.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.filter(({ type }) => type === "result" || type === "turn")).toMatchObject([
      { type: "turn", finish_reason: "stop" },
      { type: "result", name: "add", content: "5" },
      { type: "result", name: "pick", content: "kite" },
      { type: "turn", finish_reason: "stop" },
    ]);
  });

  it("sees the same through the server's own template and parser", async () => {
    const argv = ["chat", "--demo-tools", "--think", "high", "--json", "--url"];
    const stdin = typed("What is 2 plus 3?");
    const ours = await speaker(...SUM);
    const theirs = await speaker(...SUM);
    const want = await glm52([...argv, ours.url], { stdin });
    const got = await glm52([...argv, theirs.url, "--server-template"], { stdin });
    const told = ({ stdout }: typeof got) =>
      stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
        .filter(({ type }) => /^(call-end|result|finish)$/.test(type));
    expect(told(got)).toEqual(told(want));
    expect(told(got)).toHaveLength(2 + 1 + 2 + 1);
    // What the server has rendered is what was rendered here; here, a token was asked for before.
    expect(theirs.prompts()).toEqual(ours.prompts().slice(1));
  });

  it("remembers between turns, and tells the model of errors, for a second try", async () => {
    const { url, prompts } = await speaker(
      call("recall", { name: "key" }),
      "I have no note about the key.",
      call("remember", { note: '{"name": "key", "value": "the mat"}' }),
      "I have kept it.",
      call("recall", { name: "key" }),
      "It is under the mat.",
    );
    const stdin = typed("Where is the key?", "It is under the mat.", "And now?");
    const { stdout } = await glm52(["chat", "--demo-tools", "--url", url], { stdin });
    expect(stdout.trim().split(/\n+/).slice(-1)).toEqual(["It is under the mat."]);
    const said = prompts().at(-1) ?? "";
    const responses = [...said.matchAll(/<tool_response>(.*?)<\/tool_response>/g)];
    expect(responses.map(([, text]) => text)).toEqual(["error: no such note", "kept", "the mat"]);
  });

  it("ends a model that only calls, and says so", async () => {
    const { url } = await speaker(...Array.from({ length: 20 }, () => call("now", {})));
    const stdin = typed("What time is it?");
    const { code, stderr } = await glm52(["chat", "--demo-tools", "--url", url], { stdin });
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining("now: 8 rounds of calls had no answer"),
    ]);
  });

  it("takes the answer back and gets another one, without a second run of the tools", async () => {
    const { url, prompts } = await speaker(call("add", { a: "2", b: "3" }), "Five.", "It is 5.");
    const stdin = typed("2 plus 3?", "/regenerate", "/quit");
    const argv = ["chat", "--demo-tools", "--url", url];
    const { stdout } = await glm52(argv, { stdin, isTyped: true });
    expect(stdout.trim().split(/\n+/)).toEqual(["Five.", "It is 5."]);
    const all = prompts();
    expect(all.at(-1)).toBe(all.at(-2));
  });
});

it("calls without tools that run here are said", async () => {
  const desk = new ScriptedDesk({ texts: [call("now", {})] });
  const { url, close } = await listen(serveApp(desk, { clock: false }), { port: 0 });
  onTestFinished(() => close(0));
  const { stderr } = await glm52(["chat", "--url", url, "--max-tokens", "20"], {
    stdin: typed("?"),
  });
  expect(stderr).toContain("now: no tool runs here");
});
