/**
 * `glm52 chat`: a conversation with a model.
 * @module
 */
import { type Command, Option } from "commander";
import { EFFORTS, type Effort } from "../../library/think.ts";
import { UserError } from "../../node/user-error.ts";
import { chatTemplateOption } from "../chat-template-option.ts";
import { converse } from "../converse.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { addGenerationOptions, type GenerationOptions } from "../generation-options.ts";
import { choiceOf, openSpeaker, timelineOf } from "../open-speaker.ts";
import { progressLine } from "../progress.ts";
import { defaultSeed } from "../seed.ts";
import {
  asSaved,
  keeperOf,
  type SessionChoice,
  sessionOption,
  sessionsOption,
} from "../session-option.ts";
import { COMMANDS } from "../slash-commands.ts";
import type { Terminal } from "../terminal.ts";

interface ChatCommandOptions extends GenerationOptions, SessionChoice {
  readonly system?: string;
  readonly think?: Effort;
  readonly json?: boolean;
}

const HELP = `
Each line that you type is one message, and the model replies to it. A control token that is spelled
out in a message, such as <|user|>, is plain text. Ctrl-C while the model replies stops the reply
and keeps the part that was written; Ctrl-C while you type clears the line, and pressed twice on an
empty line it ends the chat. Pasted text is one message, also when it has several lines. Lines that
begin with a slash are commands:

${COMMANDS}
When stdin is not a terminal, each of its lines is one message, also one that begins with a slash, and
stdout has only the replies, without the reasoning. With --json, stdout has one JSON object per line:
the events of a reply,
  {type: "reasoning" | "content", text} {type: "call", call, name} … {type: "finish", reason}
and then, for the whole turn,
  {type: "turn", finish_reason, prompt_tokens, reused_tokens, reply_tokens}.

Examples:
  glm52 chat
  glm52 chat --session friday
  glm52 chat --model ~/models/tiny --think high --system "Be brief."
  printf 'Tell me a story.\\nAnd another.\\n' | glm52 chat --json
`;

/** Adds `glm52 chat`. */
export function addChat(program: Command, terminal: Terminal): void {
  const command = program
    .command("chat")
    .summary("talk with a model")
    .description("Holds a conversation in GLM-5.2's chat format. Replies are streamed to stdout.");
  addGenerationOptions(command)
    .option("--system <text>", "begin the conversation with this system message")
    .addOption(
      new Option(
        "--think <effort>",
        "how much the model thinks before it replies (default: off, or max if it cannot be without)",
      ).choices(EFFORTS),
    )
    .addOption(chatTemplateOption())
    .option("--json", "print the events of each reply as lines of JSON")
    .addOption(sessionOption())
    .addOption(sessionsOption())
    .addHelpText("after", HELP + EXIT_CODES)
    .action(async (options: ChatCommandOptions) =>
      chatCommand(await asSaved(options, command), terminal),
    );
}

async function chatCommand(options: ChatCommandOptions, terminal: Terminal): Promise<void> {
  const { stdout, stderr } = terminal;
  const glm = await openSpeaker(options, stderr);
  try {
    if (!glm.tokenizer) {
      throw new UserError("chat", "this model has no tokenizer.json, so there is no text");
    }
    if (options.verbose) stderr.write(`chat template: ${glm.template.about}\n`);
    const prefilling = progressLine(stderr, "reading the prompt", "tok");
    const timeline = { ...(await timelineOf(options)), onPrefill: prefilling.update };
    const keeper = await keeperOf(glm, "chat", options, timeline, stderr);
    const { system, think } = options;
    const seed = options.seed ?? defaultSeed(stdout.isTerminal && !options.json);
    const chat = glm.chat({ ...timeline, ...choiceOf(options, seed), seed, system, think }, keeper);
    try {
      await converse(chat, glm, options, prefilling, terminal);
    } finally {
      chat.close();
    }
  } finally {
    await glm.close();
  }
}
