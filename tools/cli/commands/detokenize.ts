import type { Command } from "commander";
import { type Json, JsonNumber } from "../../../tokenizer/chat/index.ts";
import { type DecodeOptions, TokenizerError } from "../../../tokenizer/index.ts";
import type { Terminal } from "../terminal.ts";
import { inputJson, readInput, readTokenizer } from "../text-input.ts";

interface DetokenizeOptions extends DecodeOptions {
  readonly json?: boolean;
  readonly batch?: boolean;
  readonly tokenizer?: string;
}

const HELP = `
The input is ids with blanks or commas between them, a JSON array of ids, or the {ids} that
\`glm52 tokenize --json\` prints. The text is printed as it is, without a newline after it; bytes
that are not UTF-8 are U+FFFD.

With --json, stdout is {text}. With --batch --json, the input is a JSON array of such inputs and
the output an array of such objects.

Examples:
  glm52 tokenize --json story.txt | glm52 detokenize
  echo 785 6722 315 9621 374 | glm52 detokenize --tokenizer ~/models/GLM-5.2
`;

/** Adds `glm52 detokenize`. */
export function addDetokenize(program: Command, { stdin, stdout }: Terminal): void {
  program
    .command("detokenize")
    .summary("token ids to text")
    .description("Prints the text of token ids.")
    .argument("[file]", "the ids (default: stdin)")
    .option("--json", "print JSON")
    .option("--batch", "with --json: many lists of ids")
    .option("--skip-special", "leave out the tokens that the file marks as special")
    .option("--tokenizer <dir>", "folder with a tokenizer.json (default: that of the demo model)")
    .addHelpText("after", HELP)
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

/** Ids as numbers of JSON or as words, in a list or as `ids` in an object. */
function idsOf(value: Json, place: string): number[] {
  const list = value instanceof Map ? value.get("ids") : value;
  if (!Array.isArray(list)) throw new TokenizerError(place, "a list of ids", "something else");
  return list.map((item, i) => {
    const source = item instanceof JsonNumber ? item.source : item;
    if (typeof source === "string" && /^[0-9]+$/.test(source)) return Number(source);
    throw new TokenizerError(`${place}: [${i}]`, "an id", JSON.stringify(source));
  });
}
