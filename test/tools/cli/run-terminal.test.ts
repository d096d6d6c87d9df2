/** Tests what `glm52 run` shows to a person, and what it gives to a program. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { duration, progressLine } from "../../../tools/cli/progress.ts";
import { defaultSeed } from "../../../tools/cli/seed.ts";
import { textOut } from "../../../tools/cli/text-out.ts";
import { glm52 } from "./fake-terminal.ts";

afterEach(() => {
  vi.useRealTimers();
});

const PROMPT = "Once upon a time";
const argv = ["run", PROMPT, "--max-tokens", "40", "--temperature", "1", "--top-p", "1"];
// biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences of a terminal
const bare = (text: string) => text.replace(/\x1b\[\d*[A-Za-z]/g, "");

describe("glm52 run at a terminal", () => {
  it("shows the prompt dimly before the text, and ends the line", async () => {
    const { stdout } = await glm52(argv, { isTerminal: true });
    expect(stdout.startsWith(`\x1b[2m${PROMPT}\x1b[22m`)).toBe(true);
    expect(stdout.endsWith("\n")).toBe(true);
    const plain = await glm52(argv, { isTerminal: true, env: { NO_COLOR: "1" } });
    expect(plain.stdout.startsWith(PROMPT)).toBe(true);
    expect(plain.stdout).not.toContain("\x1b[2m");
  });

  it("shows the end of a long prompt only", async () => {
    const long = `BEGIN ${"a dog ran. ".repeat(200)}`;
    const { stdout } = await glm52(["run", long, "--max-tokens", "1"], { isTerminal: true });
    expect(stdout).not.toContain("BEGIN");
    expect(bare(stdout).startsWith("… ")).toBe(true);
  });

  it("takes the date as the seed, and says so, so that the text can be had again", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: new Date(2026, 10, 30, 12) });
    const today = await glm52(argv, { isTerminal: true });
    expect(today.stderr).toMatch(/ · seed 20261130\n$/);
    const again = await glm52([...argv, "--seed", "20261130"], { isTerminal: true });
    expect(again.stdout).toBe(today.stdout);
    expect(again.stderr).not.toContain("seed");
    vi.setSystemTime(new Date(2026, 11, 1, 12));
    expect((await glm52(argv, { isTerminal: true })).stdout).not.toBe(today.stdout);
    expect(defaultSeed(true, new Date(9999, 11, 31))).toBeLessThan(2 ** 32);
  });

  it("gives a program the same text every day, without the prompt, and speeds on a line of their own", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: new Date(2026, 10, 30, 12) });
    const piped = await glm52(argv);
    expect((await glm52([...argv, "--seed", "0"])).stdout).toBe(piped.stdout);
    expect(piped.stdout).not.toContain(PROMPT);
    expect(piped.stderr).toMatch(/^\n?prefill/);
    expect(piped.stderr.startsWith("\n")).toBe(!piped.stdout.endsWith("\n"));
    const json = await glm52([...argv, "--json"], { isTerminal: true });
    expect(JSON.parse(json.stdout).text).toBe(piped.stdout);
  });
});

describe("the progress of long work", () => {
  it("says how fast it is and how long it takes, after two seconds, in one line", () => {
    vi.useFakeTimers();
    let text = "";
    const out = textOut((piece) => (text += piece), { isTerminal: true, columns: () => 60 });
    const progress = progressLine(out, "reading the prompt", "tok");
    for (let done = 0; done <= 5000; done += 500) {
      progress.update(done, 10_000);
      vi.advanceTimersByTime(1000);
    }
    const lines = text.split("\r\x1b[2K");
    expect(lines.at(-1)).toBe("reading the prompt 50 % · 500 tok/s · 10 s left");
    expect(lines[1]).toBe("reading the prompt 5 %");
    for (const line of lines) expect(line.length).toBeLessThan(60);
  });

  it("shows times as people say them", () => {
    expect([0.2, 59.4, 61, 3599, 7265].map(duration)).toEqual([
      "1 s",
      "1 min 0 s",
      "1 min 1 s",
      "59 min 59 s",
      "2 h 1 min",
    ]);
  });
});
