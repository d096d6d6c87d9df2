/** Tests of `glm52 session` and `--session`: names, files, and which commands may open them. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { DEMO_MODEL, scratchFolder } from "../../support/paths.ts";
import { glm52 } from "./fake-terminal.ts";

const sessions = scratchFolder();
const WHERE = ["--sessions", sessions];
const REFERENCE = ["--backend", "reference"];
const FEW = [...WHERE, "--max-tokens", "5"];

const run = async (...argv: string[]): Promise<string> => {
  const { code, stdout, stderr } = await glm52(argv);
  expect([code, stderr]).toEqual([0, stderr]);
  return stdout;
};
const fail = async (...argv: string[]): Promise<string> => {
  const { code, stderr } = await glm52(argv);
  expect(code).toBe(1);
  return stderr;
};

describe("glm52 session", () => {
  it("what save read, run goes on with: the text of one run", async () => {
    expect(await run("session", "save", "tale", "Once upon", ...WHERE)).toBe("");
    const parts = [
      await run("run", "", "--session", "tale", ...FEW),
      await run("run", "", "--session", "tale", ...FEW),
    ];
    const whole = await run("run", "Once upon", "--max-tokens", "10");
    expect(parts.join("")).toBe(whole);
    const shown = JSON.parse(await run("session", "show", "tale", ...WHERE));
    expect(shown).toMatchObject({ name: "tale", kind: "text", pending: 1, bytes_of_no_record: 0 });
    expect(await run("session", "verify", "tale", ...WHERE)).toContain(
      "in 1 pages without an error, 1 tokens not run yet",
    );
  });

  it("a fork goes its own way, list shows both, rm takes one away", async () => {
    const before = readFileSync(join(sessions, "tale", "journal"));
    await run("session", "fork", "tale", "other", ...WHERE);
    await run("run", " A dog", "--session", "other", ...FEW);
    expect(readFileSync(join(sessions, "tale", "journal"))).toEqual(before);
    const listed = JSON.parse(await run("session", "list", "--json", ...WHERE));
    expect(listed.map(({ name }: { name: string }) => name)).toEqual(["other", "tale"]);
    expect((await run("session", "list", ...WHERE)).split("\n")).toHaveLength(3);
    await run("session", "rm", "other", ...WHERE);
    expect(readdirSync(sessions)).toEqual(["tale"]);
  });

  it("list goes on after one that cannot be read, and says why", async () => {
    mkdirSync(join(sessions, "bad"));
    writeFileSync(join(sessions, "bad", "session.json"), "{");
    const why = "expected JSON, got other bytes";
    expect(await run("session", "list", ...WHERE)).toContain(why);
    const listed = JSON.parse(await run("session", "list", "--json", ...WHERE));
    expect(listed).toMatchObject([{ name: "bad", error: expect.stringContaining(why) }, {}]);
    rmSync(join(sessions, "bad"), { recursive: true });
  });

  it("keeps a conversation: the second process knows what was said, and runs only what is new", async () => {
    const say = async (line: string): Promise<{ prompt_tokens: number; reused_tokens: number }> => {
      const argv = ["chat", "--session", "talk", "--json", ...FEW];
      const { stdout } = await glm52(argv, { stdin: new TextEncoder().encode(`${line}\n`) });
      return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
    };
    const first = await say("Hello.");
    const second = await say("And then?");
    expect(second.reused_tokens).toBeGreaterThanOrEqual(first.prompt_tokens);
    const { stdout } = await glm52(["chat", "--json", ...FEW], {
      stdin: new TextEncoder().encode("Hello.\nAnd then?\n"),
    });
    expect(JSON.parse(stdout.trim().split("\n").at(-1) ?? "")).toEqual(second);
  });

  it("a conversation that was reset is empty in the next process too", async () => {
    const lines = (text: string) => ({ stdin: new TextEncoder().encode(text) });
    const typed = { ...lines("Hello.\n/reset\n"), isTyped: true };
    await glm52(["chat", "--session", "short", ...FEW], typed);
    const argv = ["--json", ...FEW];
    const { stdout } = await glm52(["chat", "--session", "short", ...argv], lines("Why?\n"));
    const fresh = await glm52(["chat", ...argv], lines("Why?\n"));
    const promptTokens = (text: string) => /"prompt_tokens": (\d+)/.exec(text)?.[1];
    expect(promptTokens(stdout)).toBe(promptTokens(fresh.stdout));
  });

  it("goes on only with what it was made with, and names what differs", async () => {
    const argv = ["run", "x", "--session", "tale", ...FEW];
    expect(await fail(...argv, "--kv-type", "int8", ...REFERENCE)).toBe(
      "glm52: session tale: it was made with backend wasm, f32, version 1, got reference, f32, version 1; with kv-type f32, got int8\n",
    );
    const drafts = await glm52([...argv, "--draft", "2"]);
    expect(drafts.code).toBe(2);
    expect(drafts.stderr).toContain("--session: cannot be used with --draft");
    expect(await fail("run", "x", "--session", "talk", ...FEW)).toContain("this one is a chat");
    expect(await fail("run", "x", "--session", "", ...FEW)).toContain('got ""');
    await glm52(["chat", "--session", "silent", ...FEW], { stdin: new Uint8Array() });
    expect(await fail("run", "x", "--session", "silent", ...FEW)).toContain("this one is a chat");
    expect(await fail("session", "show", "none", ...WHERE)).toContain(
      "session none: there is none",
    );
    expect(await fail("session", "fork", "tale", "../away", ...WHERE)).toContain('got "../away"');
    expect(await fail("session", "fork", "tale", "talk", ...WHERE)).toContain("talk: there is one");
  });

  it("goes on with the model and the choices that it was made with, wherever it is called", async () => {
    const model = join(scratchFolder(), "mine");
    cpSync(DEMO_MODEL, model, { recursive: true, filter: (path) => !path.includes("train") });
    const made = ["--model", relative(process.cwd(), model), "--kv-type", "int8", ...REFERENCE];
    const begin = ["run", "Once", "--session", "own", ...FEW, ...made];
    const parts = [await run(...begin), await run("run", "", "--session", "own", ...FEW)];
    const whole = await run("run", "Once", "--max-tokens", "10", ...made);
    expect(parts.join("")).toBe(whole);
    const { model: stored } = JSON.parse(await run("session", "show", "own", ...WHERE));
    expect(stored).toBe(model);
    expect(await fail("run", "", "--session", "own", "--kv-type", "f32", ...FEW)).toContain(
      "it was made with kv-type int8, got f32",
    );
    const other = join(scratchFolder(), "other");
    cpSync(model, other, { recursive: true });
    const config = JSON.parse(readFileSync(join(model, "config.json"), "utf8"));
    writeFileSync(join(other, "config.json"), JSON.stringify(config));
    expect(await fail("run", "", "--session", "own", "--model", other, ...FEW)).toContain(
      `; its model is in ${model}, and the one that is open in ${other}`,
    );
    rmSync(model, { recursive: true });
    expect(await fail("run", "", "--session", "own", ...FEW)).toContain(
      `session own: its model was in ${model}, where there is none now; give its folder with --model`,
    );
  });

  it("a conversation and save go on with their model, too", async () => {
    const chat = ["chat", "--session", "exact", ...FEW];
    const say = { stdin: new TextEncoder().encode("Hello\n") };
    expect((await glm52([...chat, ...REFERENCE], say)).code).toBe(0);
    expect((await glm52(chat, say)).code).toBe(0);
    const save = ["session", "save", "exact-text", "Once", ...WHERE];
    expect((await glm52([...save, ...REFERENCE])).code).toBe(0);
    const { code, stderr } = await glm52([...save]);
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^session exact-text: read \d+ tokens?, [\d.]+ tok\/s, saved; go on with: glm52 run --session exact-text\n$/m,
    );
  });

  it("is one process's at a time; what a dead one left is taken over", async () => {
    const lock = join(sessions, "tale", "lock");
    writeFileSync(lock, String(process.ppid));
    expect(await fail("session", "verify", "tale", ...WHERE)).toContain(
      `session tale: process ${process.ppid} has it open`,
    );
    writeFileSync(lock, "999999999");
    await run("session", "verify", "tale", ...WHERE);
    expect(existsSync(lock)).toBe(false);
  });

  it("a torn record is said, a bad page refused; repaired, it runs the tokens again", async () => {
    const [journal, pages] = ["journal", "pages"].map((name) => join(sessions, "tale", name));
    writeFileSync(journal, readFileSync(journal).subarray(0, -30));
    const torn = String.raw`its last \d+ bytes are no whole record`;
    expect(await fail("session", "verify", "tale", ...WHERE)).toMatch(new RegExp(torn));
    const { stderr } = await glm52(["run", "", "--session", "tale", ...FEW]);
    expect(stderr).toMatch(new RegExp(`${torn}: .* continues after its first \\d tokens`));

    const bytes = readFileSync(pages).map((byte) => byte ^ 1);
    writeFileSync(pages, bytes);
    expect(await fail("run", "", "--session", "tale", ...FEW)).toContain(
      "page 0: expected checksum",
    );
    expect(await fail("session", "verify", "tale", ...WHERE)).toContain(
      "0 tokens before it are whole",
    );
    expect(await run("session", "verify", "--repair", "tale", ...WHERE)).toMatch(
      /page 0: expected .* tokens will be run again\ntale: 0 tokens in 0 pages/,
    );
    const whole = await run("run", "Once upon", "--max-tokens", "15");
    expect(whole.endsWith(await run("run", "", "--session", "tale", ...FEW))).toBe(true);
  });

  it("a damaged record with others after it is refused by verify, show, run and list", async () => {
    await run("session", "fork", "tale", "bad", ...WHERE);
    await run("run", "", "--session", "bad", ...FEW);
    const journal = join(sessions, "bad", "journal");
    const bytes = readFileSync(journal);
    bytes[100] ^= 1;
    writeFileSync(journal, bytes);
    const commands = [
      ["session", "verify", "bad", ...WHERE],
      ["session", "show", "bad", ...WHERE],
      ["run", "", "--session", "bad", ...FEW],
    ];
    for (const command of commands) {
      expect(await fail(...command)).toMatch(
        /record 0, at byte 16, is damaged, and [1-9]\d* whole records follow it/,
      );
    }
    expect(readFileSync(journal)).toEqual(bytes);
    expect(await run("session", "verify", "--repair", "bad", ...WHERE)).toMatch(
      /^bad: record 0, .* whole records after it and all they held are given up \(\d+ bytes, up to \d+ tokens\); 0 records with 0 tokens are kept\nbad: 0 tokens/,
    );
    expect(await run("session", "verify", "bad", ...WHERE)).toContain("0 tokens in 0 pages");
  });

  it("a session.json that was changed is named, and repaired from the journal", async () => {
    await run("session", "fork", "tale", "set", ...WHERE);
    const path = join(sessions, "set", "session.json");
    const before = readFileSync(path, "utf8");
    const { pageBytes } = JSON.parse(before);
    writeFileSync(path, before.replace(`"pageBytes": ${pageBytes}`, '"pageBytes": 4096'));
    const what = `pageBytes is 4096 in session.json, ${pageBytes} in the journal`;
    expect(await fail("session", "verify", "set", ...WHERE)).toContain(what);
    expect(await fail("run", "", "--session", "set", ...FEW)).toContain(what);
    expect(await run("session", "verify", "--repair", "set", ...WHERE)).toContain(what);
    expect(readFileSync(path, "utf8")).toBe(before);
    expect(await run("session", "verify", "set", ...WHERE)).toContain("without an error");
  });
});
