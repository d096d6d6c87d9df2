/**
 * Text for a terminal, of which lines end between words. The text comes in pieces, and a piece is shown at
 * once: when a word turns out to be too long for its line, it is taken back and written on the next one.
 * @module
 */
import { harmless, type TextOut } from "./text-out.ts";

/** Characters that take two columns: the wide ones of Unicode's East Asian Width, and pictures. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
/** Characters that take none: marks that stand on others, joiners. */
const NARROW = /\p{Mn}|\p{Me}|\p{Cf}/u;

/** Columns that a character takes. */
export function widthOf(character: string): number {
  if (character < "\u0300") return 1;
  if (NARROW.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/**
 * Makes a function that writes text with lines that end between words. Where a line cannot be drawn
 * again, it writes the text as it is.
 */
export function wordWriter(out: TextOut): (text: string) => void {
  if (!out.canRedraw) return out.write;
  let column = 0;
  /** What was written since the last place where the line may end, and its width. */
  let word = "";
  let width = 0;
  const newLine = (): string => {
    column = 0;
    word = "";
    width = 0;
    return "\n";
  };
  const takeBack = (): void => {
    if (width > 0) out.control(`\x1b[${width}D`);
    out.control("\x1b[K");
  };
  return (text) => {
    // The last column stays free: a terminal that has filled it stands neither here nor on the next line.
    const most = out.columns - 1;
    let ready = "";
    for (const character of harmless(text)) {
      const isBlank = character === " " || character === "\t";
      const wide = character === "\t" ? 8 - (column % 8) : widthOf(character);
      if (character === "\n") {
        ready += newLine();
        continue;
      }
      if (column + wide > most) {
        if (isBlank) {
          ready += newLine();
          continue;
        }
        if (width < column) {
          out.write(ready);
          takeBack();
          const [moved, movedWidth] = [word, width];
          ready = newLine() + moved;
          [word, width, column] = [moved, movedWidth, movedWidth];
        } else {
          ready += newLine(); // a word that fills a whole line is cut
        }
      }
      ready += character;
      column += wide;
      const mayEnd = isBlank || wide === 2;
      word = mayEnd ? "" : word + character;
      width = mayEnd ? 0 : width + wide;
    }
    out.write(ready);
  };
}
