/** MODEL.md as a page: each scene leads to a section that is there, and no line of it is lost. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { modelPage } from "../../../tools/explorer/build/model-page.ts";
import { ROOT } from "../../support/paths.ts";

const markdown = readFileSync(join(ROOT, "MODEL.md"), "utf8");
const page = modelPage(markdown);
const anchors = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));

describe("the page of MODEL.md", () => {
  it("has the sections that the scenes lead to", () => {
    const folder = join(ROOT, "tools/explorer/page/scenes");
    const sources = readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8"));
    const sections = sources.flatMap((text) =>
      [...text.matchAll(/section="([^"]+)"|model\.html#([\w-]+)/g)].map(([, a, b]) => a ?? b),
    );
    expect(sections.length).toBeGreaterThan(9);
    expect(sections.filter((section) => !anchors.has(section))).toEqual([]);
  });

  it("has the sections that it leads to itself", () => {
    const inside = [...page.matchAll(/href="#([^"]+)"/g)].map(([, anchor]) => anchor);
    expect(inside.length).toBeGreaterThan(15);
    expect(inside.filter((anchor) => !anchors.has(anchor))).toEqual([]);
  });

  it("holds each word of the document", () => {
    const plain = page
      .replaceAll(/<[^>]+>/g, " ")
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">");
    const kept = new Set(plain.replaceAll("&amp;", "&").match(/\p{L}{4,}/gu));
    const addresses = /\]\([^)]*\)|<!--.*?-->|^```.*$/gm;
    const words = markdown.replaceAll(addresses, " ").match(/\p{L}{4,}/gu) ?? [];
    expect(words.length).toBeGreaterThan(3000);
    expect([...new Set(words)].filter((word) => !kept.has(word))).toEqual([]);
  });

  it("takes no markup from the document", () => {
    expect(modelPage("<script>x</script> `<b>` **y**")).toContain(
      "<p>&lt;script&gt;x&lt;/script&gt; <code>&lt;b&gt;</code> <b>y</b></p>",
    );
    expect(modelPage("| a \\| b | c |\n|---|---|\n| 1 | 2 |")).toContain(
      "<th>a | b</th><th>c</th>",
    );
  });
});
