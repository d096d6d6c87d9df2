/**
 * Colours TypeScript when the page is built: each part of a line gets the name of a class, because the
 * policy of the page allows no style in HTML.
 * @module
 */
import { createHighlighter } from "shiki";

/** Parts of a line: the class of each, and its text. */
export type Parts = readonly (readonly [className: string, text: string])[];

/** Colours a whole file. @returns its lines */
export type Highlighter = (text: string) => Parts[];

/** The class of each kind of token, by the beginning of its name in the grammar; the last word counts. */
const CLASSES: readonly (readonly [RegExp, string])[] = [
  [/^comment|^punctuation\.definition\.comment/, "c"],
  [/^string|^punctuation\.definition\.string/, "s"],
  [/^constant\.numeric/, "n"],
  [/^(keyword|storage|constant\.language|variable\.language)/, "k"],
  [/^entity\.name\.function/, "f"],
  [/^(entity\.name\.type|support\.type|support\.class)/, "t"],
];

/** Loads the grammar of TypeScript. */
export async function newHighlighter(): Promise<Highlighter> {
  const shiki = await createHighlighter({ langs: ["typescript"], themes: ["github-light"] });
  return (text) => {
    const { tokens } = shiki.codeToTokens(text, {
      lang: "typescript",
      theme: "github-light",
      includeExplanation: "scopeName",
    });
    return tokens.map((line) =>
      joined(
        line.flatMap(({ explanation = [] }) =>
          explanation.map(({ content, scopes }): [string, string] => [
            classOf(scopes.map(({ scopeName }) => scopeName)),
            content,
          ]),
        ),
      ),
    );
  };
}

function classOf(scopes: readonly string[]): string {
  for (const scope of scopes.toReversed()) {
    const found = CLASSES.find(([name]) => name.test(scope));
    if (found) return found[1];
  }
  return "";
}

/** Neighbours of one class as one part. */
function joined(parts: readonly [string, string][]): Parts {
  const out: [string, string][] = [];
  for (const [className, text] of parts) {
    const last = out.at(-1);
    if (last && (last[0] === className || text.trim() === "")) last[1] += text;
    else out.push([className, text]);
  }
  return out;
}
