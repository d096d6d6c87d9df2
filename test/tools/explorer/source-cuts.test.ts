/** The source beside the figures, and the annotated source, are what stands in the files. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { docHtml } from "../../../tools/explorer/build/doc-text.ts";
import { mathOf } from "../../../tools/explorer/build/formulas.ts";
import { newHighlighter } from "../../../tools/explorer/build/highlight.ts";
import { cutSymbol } from "../../../tools/explorer/build/source-cuts.ts";
import { filesInOrder, partsOf, sourcePage } from "../../../tools/explorer/build/source-page.ts";
import { FORMULAS, SOURCES } from "../../../tools/explorer/page/wanted.ts";
import { open } from "../../../tools/node/index.ts";
import { ROOT, scratchFolder } from "../../support/paths.ts";

const highlight = await newHighlighter();
const textOf = (file: string): string => readFileSync(join(ROOT, file), "utf8");

describe("a cut", () => {
  it.each(SOURCES)("of %s has the lines of the file, at their numbers", (wanted) => {
    const { file, line, lines, symbol } = cutSymbol(ROOT, wanted, highlight);
    expect(symbol).toBe(wanted);
    const shown = lines.map(({ parts }) => parts.map(([, text]) => text).join(""));
    expect(shown).toEqual(
      textOf(file)
        .split("\n")
        .slice(line - 1, line - 1 + lines.length),
    );
    expect(lines.length).toBeLessThanOrEqual(40);
    expect(shown.join("\n")).toContain(wanted.split(/[#.]/).at(-1));
  });

  it("tells keywords, strings, numbers and comments apart", () => {
    const [line] = highlight('const a = max("b", 12); // c');
    const classOf = (word: string) => line.find(([, text]) => text.includes(word))?.[0];
    expect(["const", '"b"', "12", "// c", "max"].map(classOf)).toEqual(["k", "s", "n", "c", "f"]);
  });

  it("names the stage of a line that has a tap", () => {
    const stages = ["indexer.ts#indexer", "layer.ts#decoderLayer"].flatMap((name) =>
      cutSymbol(ROOT, `engine/model/${name}`, highlight).lines.flatMap(({ stage }) => stage ?? []),
    );
    expect(stages).toEqual(
      expect.arrayContaining(["indexer_q", "indexer_score", "top_k", "l_out"]),
    );
  });

  it("of a symbol that was renamed, or has grown, stops the build", () => {
    const copy = scratchFolder();
    const file = "engine/model/indexer.ts";
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(ROOT, file), join(copy, file));
    const wanted = `${file}#indexer`;
    expect(cutSymbol(copy, wanted, highlight)).toEqual(cutSymbol(ROOT, wanted, highlight));
    writeFileSync(join(copy, file), textOf(file).replace("function indexer(", "function chooser("));
    expect(() => cutSymbol(copy, wanted, highlight)).toThrow(
      `${wanted}: expected this symbol, it is gone`,
    );
    const grown = textOf(file).replace("  const past =", `${"  //\n".repeat(40)}  const past =`);
    writeFileSync(join(copy, file), grown);
    expect(() => cutSymbol(copy, wanted, highlight)).toThrow("expected at most 40 lines");
  });
});

describe("formulas", () => {
  it("become MathML without a style, which the policy of the page forbids", () => {
    for (const math of Object.values(mathOf(FORMULAS))) {
      expect(math).toMatch(/^<math [^>]*>.*<\/math>$/s);
      expect(math).not.toMatch(/\sstyle=|<script/);
    }
  });

  it("that are wrong stop the build", () => {
    expect(() => mathOf({ x: "\\frac{1" })).toThrow();
  });
});

describe("the annotated source", () => {
  it("has every line of both folders that is code", () => {
    for (const file of filesInOrder(ROOT)) {
      const lines = textOf(file).split("\n");
      const shown = new Set(
        partsOf(file, textOf(file)).flatMap(({ from, to }) =>
          Array.from({ length: to - from }, (_, i) => from + i),
        ),
      );
      let isDoc = false;
      lines.forEach((line, i) => {
        if (line.startsWith("/**")) isDoc = true;
        if (!isDoc && line.trim() !== "")
          expect([file, i + 1, shown.has(i)]).toEqual([file, i + 1, true]);
        if (line.endsWith("*/")) isDoc = false;
      });
    }
  });

  it("has the numbers of the engine, its explanations, and nothing that the policy forbids", async () => {
    const glm = await open(undefined, { threads: 1 });
    const html = sourcePage(ROOT, glm, highlight);
    await glm.close();
    for (const stage of [
      "inp_embd",
      "indexer_score-0",
      "top_k-0",
      "ffn_moe_topk-1",
      "result_output",
    ]) {
      expect(html).toContain(`<h3>${stage}</h3>`);
    }
    expect(html).toContain("a wrong indexer gives the");
    expect(html).not.toMatch(/<script|style=|onclick|https?:\/\//);
    expect(html.match(/<section /g)).toHaveLength(filesInOrder(ROOT).length);
  });

  it("makes paragraphs, drawings and code of comments, and no HTML", () => {
    const html = docHtml(
      "/**\n * A `b` <i>\n * c.\n *\n * ```\n * | d\n * ```\n * @param e of {@link F}\n * @module\n */",
    );
    expect(html).toBe(
      [
        "<p>A <code>b</code> &lt;i&gt; c.</p>",
        '<pre class="drawing" tabindex="0">| d</pre>',
        '<p class="tag"><code>e</code> of <code>F</code></p>',
      ].join("\n"),
    );
  });
});
