import type { Glm } from "../library/glm.ts";
import { UserError } from "../node/user-error.ts";
import type { TextIn } from "./terminal.ts";
import { readInput } from "./text-input.ts";

/** The ways to give a prompt on the command line. */
export interface PromptOptions {
  /** The argument. */
  readonly text: string | undefined;
  readonly tokens: readonly number[] | undefined;
  /** What stands before a text; `none` for nothing, undefined for what the model is used to. */
  readonly bos: string | undefined;
}

/** A prompt as the model gets it. */
export interface Prompt {
  readonly ids: readonly number[];
  /** The text that was given, or that of the ids. */
  text(): string;
}

/**
 * The prompt: the ids that were given, else the text of the argument, else that of stdin (less one
 * newline at its end, which is the shell's), else, on a terminal, the empty text.
 *
 * @throws {UserError} when a text is given to a model without a tokenizer
 */
export async function readPrompt(
  options: PromptOptions,
  glm: Pick<Glm, "tokenizer" | "textStart">,
  stdin: Pick<TextIn, "isTerminal" | "read">,
): Promise<Prompt> {
  const { tokens: ids } = options;
  if (ids) return { ids, text: () => glm.tokenizer?.decode(ids) ?? `${ids.join(" ")} ` };
  const { tokenizer, textStart } = glm;
  if (!tokenizer) {
    throw new UserError("this model has no tokenizer.json", "give the prompt as ids with --tokens");
  }
  const text = options.text ?? (stdin.isTerminal ? "" : await pipedText(stdin));
  const start =
    options.bos === undefined
      ? textStart
      : options.bos === "none"
        ? []
        : tokenizer.encode(options.bos);
  return { ids: [...start, ...tokenizer.encode(text)], text: () => text };
}

async function pipedText(stdin: Pick<TextIn, "isTerminal" | "read">): Promise<string> {
  return (await readInput(undefined, stdin)).text.replace(/\r?\n$/, "");
}
