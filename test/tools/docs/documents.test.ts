/** What documents refer to is there: files, headings, scripts, commands and their flags. */
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "../../support/paths.ts";
import { glm52 } from "../cli/fake-terminal.ts";
import { brokenLinks, commandLines, documents, lostFiles, npmScripts, read } from "./markdown.ts";

const json = (file: string) => JSON.parse(readFileSync(join(ROOT, file), "utf8"));
const DOCUMENTS = documents();

describe("documents", () => {
  test("are found", () => {
    expect(DOCUMENTS).toEqual(expect.arrayContaining(["README.md", "docs/README.md", "MODEL.md"]));
  });

  test.each(DOCUMENTS)("%s: every link leads to a file and a heading", (document) => {
    expect(brokenLinks(document, read(document))).toEqual([]);
  });

  test("in docs/ are all in its index", () => {
    const index = read("docs/README.md");
    const lost = DOCUMENTS.filter((document) => dirname(document) === "docs")
      .map((document) => basename(document))
      .filter((name) => name !== "README.md" && !index.includes(`](${name})`));
    expect(lost).toEqual([]);
  });

  test("with links that lead nowhere are caught", () => {
    const text = [
      "## Here & there",
      "[a](README.md) [b](docs/none.md) [c](#here--there) [d](#nowhere) [e](MODEL.md#4-the-forward-pass)",
      "[f](MODEL.md#no-such-heading) [g](https://example.org/none) `[h](none.md)`",
      '<img src="docs/none.svg">',
    ].join("\n");
    expect(brokenLinks("README.md", text)).toEqual([
      "docs/none.md",
      "#nowhere",
      "MODEL.md#no-such-heading",
      "docs/none.svg",
    ]);
  });

  test.each(DOCUMENTS)("%s: every source file that it names is there", (document) => {
    expect(lostFiles(document, read(document))).toEqual([]);
    expect(lostFiles(document, "`engine/none.ts` `model/model.ts`")).toEqual(["engine/none.ts"]);
  });

  test.each(DOCUMENTS)("%s: every script of npm is in package.json", (document) => {
    const { scripts } = json("package.json");
    expect(npmScripts(read(document)).filter((name) => !(name in scripts))).toEqual([]);
  });
});

/** Flags of command lines that their commands do not take; a command that is not there has none. */
async function unknown(text: string): Promise<string[]> {
  const wrong: string[] = [];
  for (const { line, words, flags } of commandLines(text)) {
    const help = await helpOf(words);
    const isWrong = help === undefined || !flags.every((flag) => takes(help, flag));
    if (isWrong) wrong.push(line.trim());
  }
  return wrong;
}

/** The help of the longest command that these words begin with; none when it is a group that lacks the next word. */
async function helpOf(words: readonly string[]): Promise<string | undefined> {
  let help: string | undefined;
  for (let n = 1; n <= words.length; n++) {
    const { code, stdout } = await glm52([...words.slice(0, n), "--help"]);
    const isThere = code === 0 && stdout.startsWith(`Usage: glm52 ${words.slice(0, n).join(" ")} `);
    if (!isThere) return help?.includes("\nCommands:\n") ? undefined : help;
    help = stdout;
  }
  return help;
}

function takes(help: string, flag: string): boolean {
  return help.split(/[\s,]+/).includes(flag.replace(/[=.,;:]+.*$/, ""));
}

describe("command lines", () => {
  test.each(DOCUMENTS)("%s: every command is there, and takes its flags", async (document) => {
    expect(await unknown(read(document))).toEqual([]);
  });

  test("that are not there, or have other flags, are caught", async () => {
    const text = [
      "`glm52 run --no-such-flag x` `npx glm52 walk` `glm52 session walk` `glm52 golden check --case x`",
      "```sh",
      'npx glm52 run "Once" --seed 3 # fine',
      "echo x | npx glm52 tokenize --jsn",
      "```",
    ].join("\n");
    expect(await unknown(text)).toEqual([
      "tokenize --jsn",
      "run --no-such-flag x",
      "walk",
      "session walk",
    ]);
  });

  test("are found in the README", () => {
    const commands = new Set(commandLines(read("README.md")).map(({ words }) => words[0]));
    expect([...commands]).toEqual(expect.arrayContaining(["run", "chat", "golden", "render"]));
  });
});

test("the API reference has every door of the package", () => {
  const doors = Object.values(json("package.json").exports)
    .flatMap((door) => (typeof door === "string" ? [] : [(door as { types: string }).types]))
    .map((types) => types.replace("./dist/", "").replace(".d.ts", ".ts"));
  expect(json("typedoc.json").entryPoints.toSorted()).toEqual(doors.toSorted());
});
