/**
 * The lines that a person types at a terminal.
 *
 * A line editor exists only while a line is being typed; it takes Ctrl-C as a key. While a reply runs
 * there is no editor, so that Ctrl-C is the usual signal.
 *
 * A terminal puts two sequences around text that is pasted. Line ends between them do not end the
 * message: they are shown as ␤, and become line ends again when the person presses Enter.
 * @module
 */
import process from "node:process";
import { createInterface, type Interface } from "node:readline";
import { Transform } from "node:stream";
import { ignoreInterrupts } from "./interrupt.ts";

/** How a line of pasted text ends while it is edited. */
const SHOWN_LINE_END = "\u2424";

const PASTE_BEGINS = "\x1b[200~";
const PASTE_ENDS = "\x1b[201~";
const ASK_FOR_MARKS = "\x1b[?2004h";
const NO_MORE_MARKS = "\x1b[?2004l";

/** What a person is told. */
export interface TypedLinesOptions {
  /** Stands before each line. */
  readonly prompt: string;
  /** What Ctrl-C on an empty line says; the next one ends the input. */
  readonly hint: () => string;
}

/** The lines, until Ctrl-D, or Ctrl-C twice on an empty line. */
export async function* typedLines(
  options: Partial<TypedLinesOptions> = {},
): AsyncGenerator<string> {
  const noMore = ignoreInterrupts();
  try {
    yield* eachLine(options);
  } finally {
    noMore();
  }
}

async function* eachLine({
  prompt = "",
  hint = () => "",
}: Partial<TypedLinesOptions>): AsyncGenerator<string> {
  let history: string[] = [];
  /** Lines that came while nobody asked: a terminal that marks no paste sends several at once. */
  const waiting: string[] = [];
  for (;;) {
    const early = waiting.shift();
    if (early !== undefined) {
      process.stderr.write(`${prompt}${early}\n`);
      yield early;
      continue;
    }
    if (process.stdin.readableEnded) return; // Ctrl-D was pressed while a reply ran
    const editor = newEditor(history);
    editor.interface.on("history", (lines: string[]) => {
      history = lines;
    });
    const line = await ask(editor.interface, prompt, hint, waiting);
    editor.close();
    if (line === undefined) {
      process.stderr.write("\n");
      return;
    }
    yield line.replaceAll(SHOWN_LINE_END, "\n");
  }
}

/** One line; undefined at the end of the input. Those that come with it go to `waiting`. */
function ask(
  editor: Interface,
  prompt: string,
  hint: () => string,
  waiting: string[],
): Promise<string | undefined> {
  return new Promise((resolve) => {
    let isAnswered = false;
    let isWarned = false;
    editor.on("line", (line: string) => {
      if (isAnswered) waiting.push(line);
      isAnswered = true;
      resolve(line);
    });
    editor.on("close", () => resolve(undefined));
    editor.on("SIGINT", () => {
      if (editor.line !== "") {
        editor.write(null, { ctrl: true, name: "e" }); // to its end
        editor.write(null, { ctrl: true, name: "u" }); // and all before it
        isWarned = false;
      } else if (isWarned) {
        resolve(undefined);
      } else {
        isWarned = true;
        process.stderr.write(`\n${hint()}\n`);
        editor.prompt();
      }
    });
    editor.setPrompt(prompt);
    editor.prompt();
  });
}

interface Editor {
  readonly interface: Interface;
  close(): void;
}

/** A line editor of Node's behind {@link pasteMarks}. */
function newEditor(history: string[]): Editor {
  const { stdin, stderr } = process;
  const keys = pasteMarks();
  stdin.setEncoding("utf8"); // a character may come in two pieces
  stdin.setRawMode(true);
  stdin.pipe(keys);
  stderr.write(ASK_FOR_MARKS);
  const editor = createInterface({ input: keys, output: stderr, terminal: true, history });
  return {
    interface: editor,
    close: () => {
      editor.close();
      stdin.unpipe(keys);
      stdin.pause();
      stdin.setRawMode(false);
      stderr.write(NO_MORE_MARKS);
    },
  };
}

/** Turns the line ends between the two marks of a paste into visible signs, and takes the marks away. */
export function pasteMarks(): Transform {
  let isPaste = false;
  /** The beginning of a mark, whose rest has not come yet. */
  let begun = "";
  return new Transform({
    decodeStrings: false,
    encoding: "utf8",
    transform(chunk, _encoding, done) {
      let text = begun + String(chunk);
      begun = "";
      let out = "";
      for (;;) {
        const mark = isPaste ? PASTE_ENDS : PASTE_BEGINS;
        const at = text.indexOf(mark);
        const end = at < 0 ? text.length - lengthOfBegun(text, mark) : at;
        const part = text.slice(0, end);
        out += isPaste ? part.replace(/\r\n|\r|\n/g, SHOWN_LINE_END) : part;
        if (at < 0) {
          begun = text.slice(end);
          break;
        }
        text = text.slice(at + mark.length);
        isPaste = !isPaste;
      }
      done(null, out);
    },
  });
}

/** How many characters at the end of `text` may be the beginning of `mark`. */
function lengthOfBegun(text: string, mark: string): number {
  // A lone ESC is the key Esc, and must not wait for what follows.
  for (let n = Math.min(mark.length - 1, text.length); n > 1; n--) {
    if (text.endsWith(mark.slice(0, n))) return n;
  }
  return 0;
}
