/**
 * The program of the README, against the installed package: in every runtime, in JavaScript and in
 * TypeScript, it prints the same text, which is that of the specification.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { open } from "../../tools/node/index.ts";
import {
  noBrowser,
  pageOf,
  printedBy,
  type StaticServer,
  serve,
  startBrowser,
} from "../support/browser.ts";
import { compile, MODULES, PLACES } from "../support/compile.ts";
import { ROOT } from "../support/paths.ts";
import { everyRuntime, HERE, run, sha256, write } from "../support/stranger.ts";

const program = readFileSync(join(ROOT, "examples/generate.js"), "utf8");

/** The same in a browser, which has no standard output. */
const inBrowser = program
  .replace("glm52.ts/node", "glm52.ts")
  .replaceAll("process.stdout.write", "print");

/** What the sources say with the reference backend. */
const expected = (async () => {
  await using glm = await open(undefined, { backend: "reference" });
  let text = "";
  for await (const piece of glm.generate("Once upon a time", { maxTokens: 60 })) text += piece.text;
  const { content } = await glm.chat().say("Please tell a story about a cat.");
  return `${text}\n${content}\n`;
})();

async function expectSame(printed: string): Promise<void> {
  expect(printed).toBe(await expected);
  expect(sha256(printed)).toBe(sha256(await expected));
}

it("stands in the README as it is", () => {
  expect(program.split("\n").length).toBeLessThanOrEqual(11);
  const [, ...lines] = program.split("\n");
  expect(readFileSync(join(ROOT, "README.md"), "utf8")).toContain(lines.join("\n"));
});

it("says something", async () => {
  expect((await expected).length).toBeGreaterThan(200);
});

describe("in JavaScript", () => {
  it.each(everyRuntime())("in $name", async ({ command }) => {
    await expectSame(await run(command, [write("program/generate.js", program)]));
  });
});

/** Compiles only where the compiler sees the wrong name, as it should. */
const wrong = program
  .replace("for await", "// @ts-expect-error\nfor await")
  .replace("maxTokens", "maxToken");

/** What the page has instead of a standard output. */
const PRINT = "declare function print(text: string): void;\n";

const inProject = (path: string): string => join(inject("project"), path);

// What is compiled differs in white space alone, so that one runtime is enough for it.
describe("in TypeScript", () => {
  it("compiles with modules as nodenext, and runs", async () => {
    expect(inject("compiled")).toBe("");
    await expectSame(await run(HERE, ["strangers/out/generate.js"]));
  });

  it("compiles with modules as bundler, and runs", async () => {
    const files = [write("program/generate.ts", program), write("program/wrong.ts", wrong)];
    const out = inProject("program/bundler");
    expect(compile(files, out, MODULES.bundler, PLACES.node)).toBe("");
    await expectSame(await run(HERE, ["program/bundler/generate.js"]));
  });

  it.each(Object.entries(MODULES))(
    "compiles with modules as %s for a browser, without types of Node",
    (name, modules) => {
      const file = write("program/browser.ts", PRINT + inBrowser);
      const out = inProject(`program/${name}-browser`);
      expect(compile([file], out, modules, PLACES.browser)).toBe("");
    },
  );
});

describe.skipIf(noBrowser)(`in Chromium${noBrowser ? ` (skipped: ${noBrowser})` : ""}`, () => {
  let browser: Browser;
  let server: StaticServer;
  beforeAll(async () => {
    browser = await startBrowser();
    server = await serve(inject("project"));
  });
  afterAll(async () => {
    await browser.close();
    server.close();
  });

  it("in JavaScript", async () => {
    write("program/plain.html", pageOf(inBrowser));
    await expectSame(await printedBy(browser, `${server.origin}/program/plain.html`));
  });

  it("in TypeScript, compiled", async () => {
    const compiled = join(inject("project"), "program/bundler-browser/browser.js");
    write("program/compiled.html", pageOf(readFileSync(compiled, "utf8")));
    await expectSame(await printedBy(browser, `${server.origin}/program/compiled.html`));
  });
});
