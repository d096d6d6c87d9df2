/**
 * From the command line to the token ids of a prompt.
 * @module
 */
import type { Glm } from "../library/glm.ts";
import { UserError } from "../node/user-error.ts";
import type { TextIn } from "./terminal.ts";
import { readInput } from "./text-input.ts";

/** The ways to give a prompt on the command line. */
export interface PromptOptions {
  /** The text that stands on the command line. */
  readonly text: string | undefined;
  /** The token ids of `--tokens`, instead of a text. */
  readonly tokens: readonly number[] | undefined;
  /**
   * The text to put before the prompt; `none` puts nothing there. When undefined, the text start
   * that belongs to the model is used.
   */
  readonly bos: string | undefined;
}

/** A prompt in the form that the model reads. */
export interface Prompt {
  readonly ids: readonly number[];
  /** The prompt as text, for `--echo`: the given text, or the text of the given ids. */
  text(): string;
}

/**
 * Finds the prompt. It is the first of these that is there: the ids of `--tokens`; the text on the
 * command line; the text on stdin, without one newline at its end, which most shells add. When
 * stdin is a terminal, nobody waits for it, and the prompt is the empty text.
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
