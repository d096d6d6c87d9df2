/** Every help is true: its examples run commands that are there, with options that they have. */
import { beforeAll, describe, expect, it } from "vitest";
import { glm52 } from "./fake-terminal.ts";

/** A command and its help. */
interface Help {
  readonly name: string;
  readonly text: string;
  readonly isGroup: boolean;
}

const helps: Help[] = [];

async function collect(path: readonly string[]): Promise<void> {
  const { code, stdout } = await glm52([...path, "--help"]);
  expect(code).toBe(0);
  const inside = /^Commands:\n((?: {2}.*\n)+)/m.exec(stdout)?.[1] ?? "";
  const names = [...inside.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name]) => name);
  helps.push({ name: path.join(" "), text: stdout, isGroup: names.length > 0 });
  for (const name of names) if (name !== "help") await collect([...path, name]);
}
beforeAll(() => collect([]));

/** The flags that a command takes: those at the beginning of a line of its options. */
function optionsOf({ text }: Help): Set<string> {
  const found = [...text.matchAll(/^ {2}(?:-\w, )?(--[a-z0-9-]+)/gm)];
  return new Set(found.map(([, flag]) => flag));
}

/** The command that a line like `glm52 golden check x --case y` runs. */
function commandOf(line: string): Help | undefined {
  const words = line.split(/\s+/);
  const candidates = helps.filter(({ name }) => name !== "" && words.join(" ").startsWith(name));
  return candidates.sort((a, b) => b.name.length - a.name.length)[0];
}

const flagsIn = (text: string) =>
  [...text.matchAll(/(?<![\w-])--[a-z][a-z0-9-]*/g)].map(([f]) => f);

/** What is wrong with a help. */
function faults(help: Help): string[] {
  // A group talks about the options of its commands.
  const options = help.isGroup
    ? new Set(helps.flatMap((one) => [...optionsOf(one)]))
    : optionsOf(help);
  const [, after = ""] = help.text.split(/^ {2}-h, --help.*\n/m);
  const wrong: string[] = [];
  for (const line of after.split("\n")) {
    const [, command] = /^ {2}(?:.*[ (])?glm52 ([a-z][^;|]*)/.exec(line) ?? [];
    if (command !== undefined) {
      const other = commandOf(command);
      const known = other && optionsOf(other);
      for (const flag of flagsIn(command))
        if (!known?.has(flag)) wrong.push(`${line.trim()}: ${flag}`);
    } else if (!/^ {2}\S/.test(line)) {
      for (const flag of flagsIn(line))
        if (!options.has(flag)) wrong.push(`${line.trim()}: ${flag}`);
    }
  }
  if (!after.includes("Examples:\n  ")) wrong.push("has no examples");
  if (!/Exit codes:\n {2}0 /.test(after) && !help.isGroup) wrong.push("has no exit codes");
  return wrong;
}

describe("the help of every command", () => {
  it("is there", () => {
    expect(helps.length).toBeGreaterThan(25);
    expect(helps.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["run", "session verify", "golden witness server"]),
    );
  });

  it("has examples and exit codes, and names only options that there are", () => {
    const all = helps.flatMap((help) => faults(help).map((fault) => `${help.name}: ${fault}`));
    expect(all).toEqual([]);
  });

  it("would be caught with an option or a command that is not there", () => {
    const [run] = helps.filter(({ name }) => name === "run");
    const with_ = (line: string) => faults({ ...run, text: `${run.text}\n${line}\n` });
    expect(with_("With --wings it flies.")).toHaveLength(1);
    expect(with_("  glm52 run --wings")).toHaveLength(1);
    expect(with_("  glm52 golden check --self")).toEqual([]);
    expect(faults({ ...run, text: run.text.replace(/Examples:/, "") })).toEqual([
      "has no examples",
    ]);
  });

  it("groups the many options of run", () => {
    const [run] = helps.filter(({ name }) => name === "run");
    for (const heading of ["Which model:", "How tokens are chosen:", "Memory and speed:"]) {
      expect(run.text).toContain(`\n${heading}\n`);
    }
  });

  it("of session save offers no sampling, which it does not do", () => {
    const [save] = helps.filter(({ name }) => name === "session save");
    expect(save.text).not.toContain("--temperature");
    expect(save.text).not.toContain("--max-tokens");
  });
});
