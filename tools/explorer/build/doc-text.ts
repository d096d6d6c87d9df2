/**
 * Turns the comments of the source into HTML: paragraphs, code, drawings, and what the tags say.
 * @module
 */
import { escaped } from "../../library/escape.ts";

/** The text of a comment, without its frame of stars. */
function unframed(comment: string): string[] {
  return comment
    .replace(/^\/\*\*/, "")
    .replace(/\*\/$/, "")
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, "").trimEnd());
}

/** A comment as HTML; empty for one that says nothing to a reader. */
export function docHtml(comment: string): string {
  const blocks: string[] = [];
  let words: string[] = [];
  let drawn: string[] | undefined;
  let isTable = false;
  const endWords = (): void => {
    const text = words.join(" ").trim();
    words = [];
    if (text !== "") blocks.push(paragraph(text));
  };
  const endTable = (): void => {
    if (isTable && drawn) blocks.push(drawing(drawn));
    if (isTable) drawn = undefined;
    isTable = false;
  };
  for (const line of unframed(comment)) {
    if (line.startsWith("```")) {
      endTable();
      if (drawn) blocks.push(drawing(drawn));
      else endWords();
      drawn = drawn ? undefined : [];
    } else if (drawn && !isTable) {
      drawn.push(line);
    } else if (line.startsWith("|")) {
      endWords();
      isTable = true;
      drawn ??= [];
      drawn.push(line);
    } else {
      endTable();
      if (line === "" || line.startsWith("@")) endWords();
      if (line !== "@module") words.push(line);
    }
  }
  endTable();
  endWords();
  return blocks.join("\n");
}

const drawing = (lines: readonly string[]): string =>
  `<pre class="drawing" tabindex="0">${escaped(lines.join("\n"))}</pre>`;

/** Names of the tags that a reader sees. */
const TAGS: Readonly<Record<string, string>> = {
  param: "",
  returns: "gives",
  throws: "throws",
  see: "see",
};

function paragraph(text: string): string {
  const [, tag, rest = ""] = /^@(\w+)\s*(.*)$/s.exec(text) ?? [];
  if (tag === undefined) return `<p>${inline(text)}</p>`;
  if (tag === "param") {
    const [, name, about] = /^(\S+)\s*(.*)$/s.exec(rest) ?? ["", rest, ""];
    return `<p class="tag"><code>${escaped(name)}</code> ${inline(about)}</p>`;
  }
  return `<p class="tag"><b>${TAGS[tag] ?? tag}</b> ${inline(rest)}</p>`;
}

/** Code between grave accents, and names of links. */
function inline(text: string): string {
  return text
    .replace(/\{@(?:link|inheritDoc) ([^}]*)\}/g, "`$1`")
    .split("`")
    .map((part, i) => (i % 2 === 1 ? `<code>${escaped(part)}</code>` : escaped(part)))
    .join("");
}
