/**
 * What a person can do in a conversation besides talking: lines that begin with a slash.
 * @module
 */
import { InvalidArgumentError } from "commander";
import { type Json, pythonJson } from "../../tokenizer/chat/index.ts";
import type { Chat } from "../library/chat.ts";
import type { ChoiceOptions } from "../library/text-session.ts";
import { EFFORTS } from "../library/think.ts";
import { checkWritable } from "../node/output.ts";
import { UserError } from "../node/user-error.ts";
import { writeText } from "../node/write-whole.ts";
import { CHOICE_PARSERS } from "./generation-options.ts";

/** The list that `/help` shows. */
export const COMMANDS = `/regenerate           take the last reply back and give another one
/reset                forget the conversation
/set NAME VALUE       change how tokens are chosen: temperature, top-p, top-k, min-p,
                      repetition-penalty, max-tokens, seed
/think off|high|max   set how much the model thinks before it replies
/save FILE            write the conversation as JSON, which "glm52 render" reads
/help                 show this list
/bye, /quit           end the chat; Ctrl-D does the same
`;

/** What such a line asks of the conversation around it. */
export type Asked =
  | { readonly do: "end" | "go on" | "regenerate" }
  | { readonly do: "saved"; readonly file: string }
  | { readonly do: "tell"; readonly text: string };

/**
 * Executes a line that begins with a slash.
 *
 * @param inputs files and folders that must not be written over
 * @throws {UserError} for a line that is no command; the conversation is unchanged then
 */
export async function slashCommand(
  chat: Chat,
  line: string,
  inputs: readonly string[],
): Promise<Asked> {
  const [, name, rest = ""] = /^\/(\S*)\s*(.*?)\s*$/s.exec(line) ?? [];
  switch (name) {
    case "bye":
    case "quit":
      return { do: "end" };
    case "regenerate":
      return { do: "regenerate" };
    case "reset":
      chat.reset();
      return { do: "go on" };
    case "help":
      return { do: "tell", text: COMMANDS };
    case "think": {
      const effort = EFFORTS.find((known) => known === rest);
      if (!effort) throw new UserError("/think", `expected off, high or max, got "${rest}"`);
      chat.think = effort;
      return { do: "go on" };
    }
    case "set":
      chat.choose(choice(rest));
      return { do: "go on" };
    case "save":
      if (rest === "") throw new UserError("/save", "expected the name of a file, got nothing");
      await checkWritable(rest, inputs);
      await writeText(rest, `${pythonJson({ messages: chat.messages } as unknown as Json)}\n`);
      return { do: "saved", file: rest };
    default:
      throw new UserError(`/${name}`, `expected a command; /help lists them`);
  }
}

/** `top-p 0.9` as the option of the same name means it. */
function choice(text: string): ChoiceOptions {
  const [name = "", value = "", ...more] = text.split(/\s+/);
  const parse = Object.entries(CHOICE_PARSERS).find(([known]) => known === name)?.[1];
  if (!parse || more.length > 0) {
    const names = Object.keys(CHOICE_PARSERS).join(", ");
    throw new UserError(
      "/set",
      `expected a name and a value, the name one of ${names}; got "${text}"`,
    );
  }
  const key = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  try {
    return { [key]: parse(value) };
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new UserError(`/set ${name}`, `${error.message} Got "${value}".`);
  }
}
