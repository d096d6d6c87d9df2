/** Every program of `examples/`, run against the installed package, does what its comment says. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { referenceOps } from "../../engine/index.ts";
import { open } from "../../tools/node/index.ts";
import { noBrowser, serve, startBrowser } from "../support/browser.ts";
import { ROOT } from "../support/paths.ts";
import { HERE, run } from "../support/stranger.ts";

const FOLDER = join(ROOT, "examples");
const names = readdirSync(FOLDER).filter((name) => name !== "README.md");

beforeAll(() => cpSync(FOLDER, join(inject("project"), "examples"), { recursive: true }));

const example = (name: string, ...args: readonly string[]): Promise<string> =>
  run(HERE, [`examples/${name}`, ...args]);

const lines = (printed: string): string[] => printed.trimEnd().split("\n");

describe("the examples", () => {
  it("are thirteen, short, told apart by the comment on top, and all in the list", () => {
    expect(names).toHaveLength(13);
    const list = readFileSync(join(FOLDER, "README.md"), "utf8");
    for (const name of names) {
      const text = readFileSync(join(FOLDER, name), "utf8");
      expect(lines(text).length, name).toBeLessThanOrEqual(33);
      expect(text, name).toMatch(/^(\/\/ |<!doctype html>\n<!--)/);
      expect(list).toContain(`| [${name}](${name}) |`);
    }
  });

  it("are all run by this file, or by program.test.ts", () => {
    const tests = ["examples.test.ts", "program.test.ts"].map((name) =>
      readFileSync(join(import.meta.dirname, name), "utf8"),
    );
    for (const name of names) expect(tests.join()).toContain(name);
  });
});

describe("the example", () => {
  it("chat-with-tool.js goes on after the result of a call", async () => {
    const [roles, turn] = lines(await example("chat-with-tool.js"));
    expect(roles).toBe("user, assistant, tool, assistant");
    const [, read, said, text] = /^(\d+) tokens read, (\d+) said: (.+)/.exec(turn) ?? [];
    expect(Number(read)).toBeGreaterThan(200); // the tool is in the prompt
    expect(Number(said)).toBeGreaterThan(10);
    expect(text.length).toBeGreaterThan(30);
  });

  it("agent.js asks with all tools in the prompt, in one conversation", async () => {
    const printed = lines(await example("agent.js", "How old is Mia?", "What is 2 plus 3?"));
    const read = printed
      .flatMap((line) => /^(\d+) tokens read: /.exec(line)?.[1] ?? [])
      .map(Number);
    expect(read).toHaveLength(2);
    expect(read[0]).toBeGreaterThan(500); // seven tools
    expect(read[1]).toBeGreaterThan(read[0]);
  });

  it("larger-than-memory.js writes the text of a model that is loaded", async () => {
    const [text, read, kept] = lines(await example("larger-than-memory.js"));
    await using glm = await open();
    let want = "";
    for await (const piece of glm.generate("Once upon a time", { maxTokens: 20, temperature: 0 })) {
      want += piece.text;
    }
    expect(JSON.parse(text)).toBe(want);
    expect(Number(/: (\d+) bytes of experts/.exec(read)?.[1])).toBeGreaterThan(1e6);
    expect(kept).toMatch(/^\d+ of [1-9]\d* experts were in memory; /);
  });

  it("score.js finds a text likelier than the same words in disorder", async () => {
    const perplexity = async (text: string): Promise<number> =>
      Number(/perplexity (.+)/.exec(await example("score.js", text))?.[1]);
    await using glm = await open();
    const { tokens, perplexity: want } = await glm.score("The dog ran.");
    expect(await perplexity("The dog ran.")).toBeCloseTo(want, 2);
    expect(await perplexity("ran dog The.")).toBeGreaterThan(want);
    expect(lines(await example("score.js", "The dog ran."))).toHaveLength(tokens.length + 1);
  });

  it("trace-stage.js prints the numbers of the stage", async () => {
    const [head, ...rows] = lines(await example("trace-stage.js", "qr", "3", "The cat"));
    await using glm = await open();
    const [{ name, shape, data }] = await glm.trace("The cat", { stages: ["qr"], layers: [3] });
    expect(head).toBe(`${name} [${shape.join(", ")}]`);
    expect(rows).toHaveLength(shape[0]);
    const last = Array.from(data.subarray(data.length - shape[1]), (x) => x.toFixed(6));
    expect(rows.at(-1)).toBe(last.slice(0, 4).join(" "));
  });

  it("compare-routing.js finds a text like itself, and unlike another one", async () => {
    const shares = async (a: string, b: string): Promise<number[]> =>
      lines(await example("compare-routing.js", a, b)).map((line) =>
        Number(/^ffn_moe_topk-\d+ (\d+) %$/.exec(line)?.[1]),
      );
    const alike = await shares("The cat sat.", "The cat sat.");
    await using glm = await open();
    const sparse = glm.config.mlpLayerTypes.filter((type) => type === "sparse");
    expect(alike).toEqual(sparse.map(() => 100));
    for (const share of await shares("The cat sat.", "12 + 30 = 42")) {
      expect(share).toBeGreaterThanOrEqual(0);
      expect(share).toBeLessThan(100);
    }
  });

  it("own-backend.js counts what the reference multiplies", async () => {
    const printed = await example("own-backend.js");
    const base = referenceOps();
    let products = 0;
    const linear: typeof base.linear = (x, w) => {
      products += (x.data.length * w.shape[0] * w.shape[1]) / x.shape[1];
      return base.linear(x, w);
    };
    await using glm = await open(undefined, { ops: { ...base, linear } });
    let text = "";
    const options = { maxTokens: 12, temperature: 0 };
    for await (const piece of glm.generate("The little dog", options)) text += piece.text;
    expect(products).toBeGreaterThan(1e6);
    const said = `counting, f32: ${products} multiplications in matrix products`;
    expect(printed).toBe(`${text}\n${said}\n`);
  });

  it("own-tap.js sees what a trace sees", async () => {
    const text = "The little dog was happy.";
    const seen = lines(await example("own-tap.js", text));
    await using glm = await open();
    const traced = await glm.trace(text, { stages: ["ffn_moe_topk"] });
    const layers = traced.filter(({ name }) => /^ffn_moe_topk-[0-7]$/.test(name));
    expect(seen).toEqual(
      layers.map(({ name, data }) => {
        const counts = new Map<number, number>();
        for (const expert of data) counts.set(expert, (counts.get(expert) ?? 0) + 1);
        const most = Math.max(...counts.values());
        const first = Math.min(...[...counts].filter(([, n]) => n === most).map(([e]) => e));
        return `layer ${name.split("-")[1]}: expert ${first}, ${most} times`;
      }),
    );
  });

  it("many-texts.js gives each text as it is alone", async () => {
    const printed = lines(await example("many-texts.js"));
    await using glm = await open();
    const prompts = ["Once upon a time", "The little dog", "One day, a girl"];
    for (const [i, prompt] of prompts.entries()) {
      let want = prompt;
      const ids = glm.encode(prompt); // as ids, so that nothing is put before them
      for await (const { text } of glm.generate(ids, { maxTokens: 24 })) want += text;
      expect(printed[i]).toBe(want);
    }
    expect(printed[3]).toBe("3 texts in 24 steps");
  });

  it("resume.js goes on as one run would have", async () => {
    const sessions = mkdtempSync(join(tmpdir(), "glm52-resume-"));
    const parts = [await example("resume.js", "tale", sessions)];
    parts.push(await example("resume.js", "tale", sessions));
    rmSync(sessions, { recursive: true });
    await using glm = await open();
    let whole = "";
    for await (const { text } of glm.generate("Once upon a time", { maxTokens: 40 })) whole += text;
    expect(parts.join("")).toBe(whole);
    expect(parts[1].length).toBeGreaterThan(20);
  });

  it("golden-check.js passes the right engine, and names the mistake of the wrong one", async () => {
    const printed = await example("golden-check.js");
    expect(printed).toMatch(/^right\nwrong from qr-0 on\n/);
    expect(printed).toContain("G17: the latent norms use rms_norm_eps (1e-5)");
  });

  it.skipIf(noBrowser)(
    `browser.html goes on with its text${noBrowser ? ` (skipped: ${noBrowser})` : ""}`,
    async () => {
      const browser = await startBrowser();
      const server = await serve(inject("project"));
      const page = await browser.newPage();
      await page.goto(`${server.origin}/examples/browser.html`);
      await page.waitForSelector("#story[title]");
      const story = await page.textContent("#story");
      await browser.close();
      server.close();
      await using glm = await open();
      const [start, options] = ["Once upon a time", { maxTokens: 60 }];
      let whole = start;
      for await (const { text } of glm.generate(start, options)) whole += text;
      expect(story).toBe(whole);
    },
  );
});
