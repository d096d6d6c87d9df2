/**
 * A stream for text that may be a terminal. What comes from outside cannot steer that terminal: a token, a
 * name in a file or an error may hold control sequences, which set the title, the colours or the
 * clipboard, or write over lines. They are made visible here, in the one place where text leaves. A
 * pipe and a file get every byte as it is.
 * @module
 */

/** A stream for text. */
export interface TextOut {
  readonly isTerminal: boolean;
  /** Whether it is a terminal that can draw a line again: not one with `TERM=dumb`. */
  readonly canRedraw: boolean;
  /** Whether it is a terminal whose user wants styles: `NO_COLOR` is not set. */
  readonly hasStyles: boolean;
  /** Characters of a line, now: a person may make the window wider. */
  readonly columns: number;
  /** Aborts when nobody reads any more, or nothing can be written; what is written then is lost. */
  readonly closed: AbortSignal;
  /** Writes text that may come from anywhere. */
  write(text: string): void;
  /** Writes a control sequence of our own. To be called only where one of the two above is true. */
  control(sequence: string): void;
}

/** The variables that say what a terminal is good for. */
export type TerminalEnvironment = Readonly<
  Partial<Record<"NO_COLOR" | "TERM", string | undefined>>
>;

/** What is known of a stream. */
export interface StreamKind {
  readonly isTerminal: boolean;
  readonly env?: TerminalEnvironment | undefined;
  readonly columns?: (() => number | undefined) | undefined;
  readonly closed?: AbortSignal | undefined;
}

/** Characters of a line where nobody says how many. */
const USUAL_COLUMNS = 80;

/** A text stream over a function that takes what is to be written. */
export function textOut(
  sink: (text: string) => void,
  { isTerminal, env = {}, columns = () => undefined, closed }: StreamKind,
): TextOut {
  const canRedraw = isTerminal && env.TERM !== "dumb";
  return {
    isTerminal,
    canRedraw,
    hasStyles: canRedraw && !env.NO_COLOR,
    get columns() {
      return columns() || USUAL_COLUMNS;
    },
    closed: closed ?? new AbortController().signal,
    write: isTerminal ? (text) => sink(harmless(text)) : sink,
    control: sink,
  };
}

/** Lets `say` write in dim text where there are styles, and says nothing where there is no terminal. */
export function sayDimly(out: TextOut, say: () => void): void {
  if (!out.isTerminal) return;
  if (out.hasStyles) out.control("\x1b[2m");
  say();
  if (out.hasStyles) out.control("\x1b[22m");
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /\r\n|[\0-\x08\x0b-\x1f\x7f-\x9f]/g;

/** The pictures of control characters in Unicode: ␀ for 0, and so on. */
const PICTURES = 0x2400;
const PICTURE_OF_DELETE = "\u2421";

/**
 * The text with a visible sign in place of every control character but newline and tab, those of
 * ISO 6429 above 0x7f included. A carriage return before a newline goes.
 */
export function harmless(text: string): string {
  return text.replace(CONTROL, (found) => {
    if (found === "\r\n") return "\n";
    const code = found.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(PICTURES + code);
    return code === 0x7f ? PICTURE_OF_DELETE : `\\x${code.toString(16)}`;
  });
}
