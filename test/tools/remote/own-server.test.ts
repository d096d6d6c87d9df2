/** Tests that `--url` against our own server gives what the same command gives with a model here. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serveApp } from "../../../tools/serve/app.ts";
import { type ServedFolder, serveFolder } from "../../../tools/serve/engine/serve-folder.ts";
import { type Listening, listen } from "../../../tools/serve/http.ts";
import { glm52 } from "../cli/fake-terminal.ts";

let served: ServedFolder;
let server: Listening;
let url: string;

beforeAll(async () => {
  served = await serveFolder(undefined, { open: { threads: 1 }, rows: {} });
  server = await listen(serveApp(served.desk, { clock: false }), { port: 0 });
  url = `${server.url}/v1`;
});

afterAll(async () => {
  await server.close(0);
  await served.desk.close(0);
});

const typed = (text: string) => ({ stdin: new TextEncoder().encode(text) });
const LINES = typed("Please tell a story about a cat.\n\nWhat did <|user|> say?\n");

/** What was said with other settings: an equal text would show that settings do nothing. */
const before = new Set<string>();

describe("glm52 chat --url says what glm52 chat says, token for token", () => {
  it.each([
    ["greedily", ["--temperature", "0"]],
    ["with a seed", ["--seed", "7", "--temperature", "0.9", "--top-k", "40", "--min-p", "0.01"]],
    ["as the model's makers want it", []],
    ["while it thinks", ["--think", "high", "--system", "Be brief."]],
  ])("%s", async (_, options) => {
    const argv = ["chat", "--max-tokens", "16", "--json", ...options];
    const here = await glm52([...argv, "--threads", "1"], LINES);
    const there = await glm52([...argv, "--url", url], LINES);
    expect(there.code).toBe(0);
    expect(there.stderr).toBe(`${url}: /v1/completions, prompts and replies as ids\n`);
    const told = ({ stdout }: typeof here) =>
      stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
        .map(({ reused_tokens: _reused, ...event }) => event);
    expect(told(there)).toEqual(told(here));
    expect(before).not.toContain(there.stdout);
    before.add(there.stdout);
    const turns = told(here).filter(({ type }) => type === "turn");
    expect(turns.map(({ reply_tokens: n }) => n)).toEqual([16, 16]);
  });

  it("also through the server's own template, which is ours", async () => {
    const argv = ["chat", "--max-tokens", "16", "--temperature", "0"];
    const here = await glm52([...argv, "--threads", "1"], LINES);
    const there = await glm52([...argv, "--url", url, "--server-template"], LINES);
    expect(there.stderr).toContain("with its own template and parser");
    expect([there.code, there.stdout]).toEqual([0, here.stdout]);
  });

  it("takes a reply back, forgets, and sets how tokens are chosen", async () => {
    const lines =
      "Hello.\n/set temperature 0\n/regenerate\n/think high\n/reset\n/think off\nHello.\n/quit\n";
    const person = { ...typed(lines), isTyped: true };
    const argv = ["chat", "--max-tokens", "8", "--seed", "3"];
    const here = await glm52([...argv, "--threads", "1"], person);
    const there = await glm52([...argv, "--url", url], person);
    expect([there.code, there.stdout]).toEqual([0, here.stdout]);
    expect(there.stderr).toContain(`demo-model · ${url} · context 0 of 8192`);
    expect(here.stdout.split("\n").length).toBeGreaterThanOrEqual(4);
  });
});

describe("glm52 eval --url", () => {
  const argv = ["eval", "--lengths", "160", "--depths", "0,100", "--samples", "1", "--json"];

  it("finds what glm52 eval finds, in words and in ids, without a model here", async () => {
    const tasks = ["--task", "secretWord,secretWords,needle,tracking"];
    const here = await glm52([...argv, ...tasks, "--threads", "1"]);
    const there = await glm52([...argv, ...tasks, "--url", url]);
    expect(there.code).toBe(0);
    expect(there.stderr).toContain("which positions it selects is not observed");
    const { cells, worst, seed, selections } = JSON.parse(there.stdout);
    expect({ cells, worst, seed }).toEqual(
      (({ cells, worst, seed }) => ({ cells, worst, seed }))(JSON.parse(here.stdout)),
    );
    expect(selections).toEqual([]);
    expect(worst.tokens).toBeLessThan(1); // some are wrong, and these are wrong there, too
  });
});

describe("options that make no sense are refused in a sentence", () => {
  it.each([
    [["chat", "--url", "http://h/v1", "--session", "x"], "--session: expected no --url"],
    [["chat", "--url", "http://h/v1", "--kv-type", "int8"], "--kv-type: expected no --url"],
    [["chat", "--url", "http://h/v1", "--threads", "2"], "--threads: expected no --url"],
    [["chat", "--server-template"], "--server-template: expected --url, too"],
    [["chat", "--api-key-env", "KEY"], "--api-key-env: expected --url, too"],
    [["chat", "--url", "ftp://h/v1"], "--url: expected a URL like"],
    [["chat", "--url", "http://me:key@h/v1"], "--url: expected no key in the URL"],
    [["chat", "--url", "http://h/v1?key=1"], "--url: expected no key in the URL"],
    [["eval", "--url", "http://h/v1", "--activations", "f32"], "--activations: expected no --url"],
    [["eval", "--served-name", "x"], "--served-name: expected --url, too"],
  ])("%j", async (args, sentence) => {
    const { code, stderr } = await glm52(args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(sentence)]);
    expect(stderr).not.toMatch(/me:key|key=1/);
  });
});
