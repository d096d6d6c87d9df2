/**
 * `glm52 tokenize`: from text to token ids.
 * @module
 */
import type { Command } from "commander";
import { type Piece, TokenizerError } from "../../../tokenizer/index.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { Terminal } from "../terminal.ts";
import { inputJson, readInput, readTokenizer } from "../text-input.ts";
import type { TextOut } from "../text-out.ts";

interface TokenizeOptions {
  readonly json?: boolean;
  readonly batch?: boolean;
  readonly ordinary?: boolean;
  readonly tokenizer?: string;
}

const HELP = `
Every byte of the text counts, also a newline at its end. Nothing is put before or after the text. A
control token that is spelled out in the text, such as <|user|>, becomes the id of that control
token. Whoever wrote the text can then speak in any role, so use --ordinary for texts that you do
not trust: it treats control tokens as plain text.

With --json, the output is an object {ids, pieces}. The pieces are the parts into which the text is
cut first; each token lies inside one piece. With --batch --json, the input is a JSON array of
strings, and the output is an array of such objects.

Examples:
  glm52 tokenize story.txt
  printf 'Hello, world!' | glm52 tokenize --json
  printf '["one", "two"]' | glm52 tokenize --batch --json --tokenizer ~/models/GLM-5.2
`;

/** Adds `glm52 tokenize`. */
export function addTokenize(program: Command, { stdin, stdout }: Terminal): void {
  program
    .command("tokenize")
    .summary("turn text into token ids")
    .description("Prints the token ids of a text.")
    .argument("[file]", "file with the text (default: stdin)")
    .option("--json", "print JSON, with the pieces of the text")
    .option("--batch", "read many texts at once; needs --json")
    .option("--ordinary", "treat control tokens as plain text")
    .option("--tokenizer <dir>", "folder with a tokenizer.json (default: the demo model's)")
    .addHelpText("after", HELP + EXIT_CODES)
    .action(async (file: string | undefined, options: TokenizeOptions, command: Command) => {
      if (options.batch && !options.json) command.error("error: --batch needs --json");
      const tokenizer = await readTokenizer(options.tokenizer);
      const input = await readInput(file, stdin);
      const { ordinary: isOrdinary = false } = options;
      if (!options.json) {
        const { text } = input;
        const ids = isOrdinary ? tokenizer.encodeOrdinary(text) : tokenizer.encode(text);
        writeJoined(stdout, ids, " ");
        stdout.write("\n");
        return;
      }
      const write = (text: string) =>
        writeAnalysis(stdout, () => tokenizer.eachPiece(text, { isOrdinary }));
      if (!options.batch) write(input.text);
      else {
        const texts = strings(inputJson(input), input.name);
        stdout.write("[");
        texts.forEach((text, i) => {
          if (i > 0) stdout.write(",");
          write(text);
        });
        stdout.write("]");
      }
      stdout.write("\n");
    });
}

/** Writes `{"ids": …, "pieces": …}`. The pieces are cut twice, since all of them would be too many to keep. */
function writeAnalysis(stdout: TextOut, pieces: () => Iterable<Piece>): void {
  stdout.write('{"ids":[');
  writeJoined(stdout, idsOf(pieces()), ",");
  stdout.write('],"pieces":[');
  writeJoined(stdout, textsOf(pieces()), ",");
  stdout.write("]}");
}

function* idsOf(pieces: Iterable<Piece>): Generator<number> {
  for (const { ids } of pieces) yield* ids;
}

function* textsOf(pieces: Iterable<Piece>): Generator<string> {
  for (const { text } of pieces) yield JSON.stringify(text);
}

/** Items that are written at a time. */
const BATCH = 4096;

/** Writes the items with `between` between them. */
function writeJoined({ write }: TextOut, items: Iterable<number | string>, between: string): void {
  let batch: (number | string)[] = [];
  let before = "";
  const flush = () => {
    if (batch.length === 0) return;
    write(before + batch.join(between));
    before = between;
    batch = [];
  };
  for (const item of items) if (batch.push(item) === BATCH) flush();
  flush();
}

function strings(value: unknown, name: string): readonly string[] {
  if (!Array.isArray(value))
    throw new TokenizerError(name, "an array of strings", "something else");
  for (const [i, item] of value.entries()) {
    if (typeof item !== "string") {
      throw new TokenizerError(`${name}: [${i}]`, "a string", "something else");
    }
  }
  return value;
}
