/**
 * MODEL.md as a page, so that each scene can lead to the equations of its part.
 *
 * It knows the Markdown of that document and no more: headings, paragraphs, drawings, tables, lists and
 * quotations; in a line code, bold words and links. Each heading has the anchor that GitHub gives it.
 *
 * Next: source-page.ts
 * @module
 */
import { escaped } from "../../library/escape.ts";

/** The anchor of a heading, as GitHub makes it. */
export const anchorOfHeading = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
    .replaceAll(" ", "-");

/** The page. */
export function modelPage(markdown: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'self'; img-src 'self' data:">
<title>GLM-5.2, written down</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="source.css">
<header><p><a href="index.html">The explorer</a> · <a href="source.html">The annotated source</a></p></header>
<main class="document">
${blocksOf(markdown.split("\n")).map(blockHtml).join("\n")}
</main>
</html>
`;
}

/** Lines that belong together, and what they are. */
interface Block {
  readonly kind: "heading" | "code" | "table" | "quote" | "list" | "text";
  readonly lines: readonly string[];
}

const LIST = /^(\d+\.|-) /;

function kindOf(line: string): Block["kind"] {
  if (/^#{1,6} /.test(line)) return "heading";
  if (line.startsWith("```")) return "code";
  if (line.startsWith("|")) return "table";
  if (line.startsWith(">")) return "quote";
  return LIST.test(line) ? "list" : "text";
}

function blocksOf(all: readonly string[]): Block[] {
  const blocks: Block[] = [];
  for (let i = 0; i < all.length; ) {
    const line = all[i];
    if (line.trim() === "" || line.startsWith("<!--")) {
      i++;
      continue;
    }
    const kind = kindOf(line);
    const from = i++;
    if (kind === "code") while (i < all.length && !all[i++].startsWith("```"));
    else if (kind !== "heading") while (i < all.length && goesOn(kind, all[i])) i++;
    blocks.push({ kind, lines: all.slice(from, i) });
  }
  return blocks;
}

/** Whether a line belongs to the block before it. An item of a list may have several lines. */
function goesOn(kind: Block["kind"], line: string): boolean {
  if (line.trim() === "" || line.startsWith("<!--")) return false;
  const next = kindOf(line);
  return next === kind || (kind === "list" && next === "text");
}

function blockHtml({ kind, lines }: Block): string {
  switch (kind) {
    case "heading": {
      const [, marks, heading] = /^(#+) (.*)$/.exec(lines[0]) ?? ["", "#", lines[0]];
      const level = marks.length;
      return `<h${level} id="${anchorOfHeading(heading)}">${inlineHtml(heading)}</h${level}>`;
    }
    case "code":
      return `<pre class="drawing" tabindex="0">${escaped(lines.slice(1, -1).join("\n"))}</pre>`;
    case "table":
      return tableHtml(lines);
    case "quote":
      return `<blockquote>${inlineHtml(lines.map((line) => line.slice(1)).join(" "))}</blockquote>`;
    case "list":
      return listHtml(lines);
    case "text":
      return `<p>${inlineHtml(lines.join(" "))}</p>`;
    default:
      return kind satisfies never;
  }
}

function listHtml(lines: readonly string[]): string {
  const items: string[] = [];
  for (const line of lines) {
    if (LIST.test(line)) items.push(line.replace(LIST, ""));
    else items[items.length - 1] += ` ${line.trim()}`;
  }
  const name = lines[0].startsWith("-") ? "ul" : "ol";
  return `<${name}>${items.map((item) => `<li>${inlineHtml(item)}</li>`).join("")}</${name}>`;
}

function tableHtml(lines: readonly string[]): string {
  const cells = (line: string): string[] =>
    line
      .replace(/^\|/, "")
      .replace(/\|\s*$/, "")
      .split(/(?<!\\)\|/)
      .map((cell) => inlineHtml(cell.trim().replaceAll("\\|", "|")));
  const [head, , ...rows] = lines;
  const row = (line: string, tag: "th" | "td"): string =>
    `<tr>${cells(line)
      .map((cell) => `<${tag}>${cell}</${tag}>`)
      .join("")}</tr>`;
  const body = rows.map((line) => row(line, "td")).join("\n");
  return `<div class="wide" tabindex="0"><table><thead>${row(head, "th")}</thead><tbody>${body}</tbody></table></div>`;
}

/** Code, bold words and links of a line. What stands in code is left as it is. */
function inlineHtml(text: string): string {
  return text
    .split(/(`[^`]+`)/)
    .map((part) =>
      part.startsWith("`") && part.length > 1
        ? `<code>${escaped(part.slice(1, -1))}</code>`
        : escaped(part)
            .replaceAll(/\*\*([^*]+)\*\*/g, "<b>$1</b>")
            .replaceAll(/\[([^\]]*)\]\(([^)\s]+)\)/g, (_, words: string, to: string) =>
              link(words, to),
            ),
    )
    .join("");
}

/** A link within the page, or to the annotated source; files that are not here become words. */
function link(words: string, to: string): string {
  if (to.startsWith("#")) return `<a href="${to}">${words}</a>`;
  const file = /^engine\/(model|ops\/reference)\/[\w-]+\.ts$/.exec(to);
  if (!file) return words;
  return `<a href="source.html#${to.replace("engine/", "").replaceAll(/[^a-z0-9]+/g, "-")}">${words}</a>`;
}
