/** Tests the lines of text on a terminal, on a screen that does what the sequences say. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { textOut } from "../../../tools/cli/text-out.ts";
import { widthOf, wordWriter } from "../../../tools/cli/word-wrap.ts";

/** A screen: it knows newline, `ESC [ n D` and `ESC [ K`, and wraps at its edge like a terminal. */
class Screen {
  readonly lines: string[][] = [[]];
  #column = 0;
  readonly columns: number;

  constructor(columns: number) {
    this.columns = columns;
  }

  readonly write = (text: string): void => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences that it knows
    for (const part of text.match(/\x1b\[\d*[A-Z]|[^\x1b]/gu) ?? []) this.#take(part);
  };

  text(): string[] {
    return this.lines.map((line) => line.join(""));
  }

  #take(part: string): void {
    const line = this.lines[this.lines.length - 1];
    if (part === "\n") {
      this.lines.push([]);
      this.#column = 0;
    } else if (part.endsWith("D") && part.startsWith("\x1b")) {
      this.#column -= Number(part.slice(2, -1));
      expect(this.#column).toBeGreaterThanOrEqual(0);
    } else if (part === "\x1b[K") {
      line.length = Math.min(line.length, this.#column);
    } else {
      if (this.#column + widthOf(part) > this.columns) {
        this.lines.push([]);
        this.#column = 0;
      }
      const now = this.lines[this.lines.length - 1];
      now[this.#column] = part;
      this.#column += 1;
      if (widthOf(part) === 2) now[this.#column++] = "";
      if (widthOf(part) === 0) now.splice(--this.#column, 1, part);
    }
  }
}

/** The lines on the screen after `text` came in pieces of `size` characters. */
function shown(text: string, columns: number, size: number): string[] {
  const screen = new Screen(columns);
  const write = wordWriter(textOut(screen.write, { isTerminal: true, columns: () => columns }));
  for (let at = 0; at < text.length; at += size) write(text.slice(at, at + size));
  return screen.text();
}

const words = fc
  .array(
    fc.oneof(
      fc.stringMatching(/^[a-z,.]{1,14}$/),
      fc.constantFrom("\n", "犬は走る", "antidisestablishmentarianism"),
    ),
  )
  .map((parts) => parts.join(" "));

describe("text on a terminal", () => {
  it("breaks between words, whatever the pieces are", () => {
    const text = "Once upon a time, there was a little dog who liked to run.";
    for (let size = 1; size <= text.length; size++) {
      expect(shown(text, 21, size)).toEqual([
        "Once upon a time, ",
        "there was a little ",
        "dog who liked to ",
        "run.",
      ]);
    }
  });

  it("never fills a line to its edge, loses no word, and cuts only words longer than a line", () => {
    fc.assert(
      fc.property(
        words,
        fc.integer({ min: 6, max: 60 }),
        fc.integer({ min: 1, max: 9 }),
        (text, columns, size) => {
          const lines = shown(text, columns, size);
          for (const line of lines) {
            expect(Array.from(line, widthOf).reduce((sum, w) => sum + w, 0)).toBeLessThan(columns);
          }
          expect(lines.join("").replace(/\s/g, "")).toBe(text.replace(/\s/g, ""));
          expect(shown(text, columns, 1)).toEqual(lines);
          const whole = new Set(lines.flatMap((line) => line.split(/\s+/)));
          for (const word of text.split(/\s+/)) {
            const mayBeCut = word.length >= columns || word.includes("犬"); // between any two of these
            if (!mayBeCut) expect(whole).toContain(word);
          }
        },
      ),
    );
  });

  it("is left as it is where no line can be drawn again", () => {
    for (const options of [{ isTerminal: false }, { isTerminal: true, env: { TERM: "dumb" } }]) {
      let got = "";
      wordWriter(textOut((text) => (got += text), { ...options, columns: () => 10 }))(
        "one two three four",
      );
      expect(got).toBe("one two three four");
    }
  });
});
