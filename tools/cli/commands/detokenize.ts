/**
 * `glm52 detokenize`: from token ids to text.
 * @module
 */
import type { Command } from "commander";
import { type Json, JsonNumber } from "../../../tokenizer/chat/index.ts";
import { type DecodeOptions, TokenizerError } from "../../../tokenizer/index.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { Terminal } from "../terminal.ts";
import { inputJson, readInput, readTokenizer } from "../text-input.ts";

interface DetokenizeOptions extends DecodeOptions {
  readonly json?: boolean;
  readonly batch?: boolean;
  readonly tokenizer?: string;
}

const HELP = `
The input is one of these: ids with blanks or commas between them, a JSON array of ids, or the
object with ids that \`glm52 tokenize --json\` prints. The text is printed as it is, without a
newline after it. Bytes that are not UTF-8 are printed as U+FFFD, the replacement character.

With --json, the output is an object {text}. With --batch --json, the input is a JSON array of lists
of ids, and the output is an array of such objects.

Examples:
  glm52 tokenize --json story.txt | glm52 detokenize
  echo 785 6722 315 9621 374 | glm52 detokenize --tokenizer ~/models/GLM-5.2
`;

/** Adds `glm52 detokenize`. */
export function addDetokenize(program: Command, { stdin, stdout }: Terminal): void {
  program
    .command("detokenize")
    .summary("turn token ids into text")
    .description("Prints the text of token ids.")
    .argument("[file]", "file with the ids (default: stdin)")
    .option("--json", "print JSON")
    .option("--batch", "read many lists of ids at once; needs --json")
    .option("--skip-special", "leave out the tokens that tokenizer.json marks as special")
    .option("--tokenizer <dir>", "folder with a tokenizer.json (default: the demo model's)")
    .addHelpText("after", HELP + EXIT_CODES)
    .action(async (file: string | undefined, options: DetokenizeOptions, command: Command) => {
      if (options.batch && !options.json) command.error("error: --batch needs --json");
      const tokenizer = await readTokenizer(options.tokenizer);
      const input = await readInput(file, stdin);
      const { name } = input;
      const isJson = options.batch || /^\s*[[{]/.test(input.text);
      const value = isJson ? inputJson(input) : input.text.split(/[\s,]+/).filter((s) => s !== "");
      const decode = (list: Json, place: string) => ({
        text: tokenizer.decode(idsOf(list, place), options),
      });
      if (options.batch) {
        if (!Array.isArray(value)) throw new TokenizerError(name, "an array", "something else");
        const texts = value.map((list, i) => decode(list, `${name}: [${i}]`));
        stdout.write(`${JSON.stringify(texts)}\n`);
      } else {
        const result = decode(value, name);
        stdout.write(options.json ? `${JSON.stringify(result)}\n` : result.text);
      }
    });
}

/** Reads the ids of a list, or of the list `ids` of an object. An id is a JSON number or a word. */
function idsOf(value: Json, place: string): number[] {
  const list = value instanceof Map ? value.get("ids") : value;
  if (!Array.isArray(list)) throw new TokenizerError(place, "a list of ids", "something else");
  return list.map((item, i) => {
    const source = item instanceof JsonNumber ? item.source : item;
    if (typeof source === "string" && /^[0-9]+$/.test(source)) return Number(source);
    throw new TokenizerError(`${place}: [${i}]`, "an id", JSON.stringify(source));
  });
}
