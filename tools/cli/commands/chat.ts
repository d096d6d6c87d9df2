/**
 * `glm52 chat`: a conversation with a model.
 * @module
 */
import { type Command, Option } from "commander";
import { toyTools } from "../../agent/toy-tools.ts";
import type { ChatTemplate } from "../../library/chat-template.ts";
import { EFFORTS, type Effort } from "../../library/think.ts";
import { UserError } from "../../node/user-error.ts";
import { chatTemplateOption } from "../chat-template-option.ts";
import { converse } from "../converse.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { addGenerationOptions, type GenerationOptions } from "../generation-options.ts";
import { choiceOf, openSpeaker, timelineOf } from "../open-speaker.ts";
import { localPartner, remoteTalk } from "../partner.ts";
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
import { addUrlOptions, checkUrlUse, type UrlChoice } from "../url-option.ts";

interface ChatCommandOptions extends GenerationOptions, SessionChoice, UrlChoice {
  readonly system?: string;
  readonly think?: Effort;
  readonly json?: boolean;
  readonly serverTemplate?: boolean;
  readonly demoTools?: boolean;
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

With --demo-tools, the model may call add, look_up, remember, recall, pick and now. They run here, and a
terminal shows each call and what it returned; with --json, that is {type: "result", name, content}. With
the same --seed, pick picks the same.

With --url, an engine that runs elsewhere replies: a server of vLLM, SGLang or llama.cpp, or glm52 serve.
The prompts are made here, with the tokenizer and the template in the folder of --model, which needs no
weights, and the replies are read here, as far as the server takes and tells ids; stderr says how it is
asked. The key is read from the environment, and goes nowhere else. docs/run-it-on-a-cluster.md tells more.

Examples:
  glm52 chat
  glm52 chat --session friday
  glm52 chat --model ~/models/tiny --think high --system "Be brief."
  glm52 chat --demo-tools --think high
  glm52 chat --url http://cluster:8000/v1 --model ~/models/GLM-5.2 --think max
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
    .option("--demo-tools", "let the model call six toy tools, which run here")
    .option("--json", "print the events of each reply as lines of JSON")
    .addOption(sessionOption())
    .addOption(sessionsOption());
  addUrlOptions(command)
    .option("--server-template", "with --url: let its own template make the prompts, to compare")
    .addHelpText("after", HELP + EXIT_CODES)
    .action(async (options: ChatCommandOptions) => {
      checkUrlUse(command, options, HEEDED_ELSEWHERE);
      await chatCommand(await asSaved(options, command), terminal);
    });
}

/** The options that an engine elsewhere heeds. */
const HEEDED_ELSEWHERE = [
  ...[
    "model",
    "ignoreConfigKey",
    "chatTemplate",
    "verbose",
    "system",
    "think",
    "json",
    "demoTools",
  ],
  ...["maxTokens", "temperature", "topP", "topK", "minP", "repetitionPenalty", "seed"],
];

async function chatCommand(options: ChatCommandOptions, terminal: Terminal): Promise<void> {
  const { stdout, stderr } = terminal;
  const { system, think, url } = options;
  const seed = options.seed ?? defaultSeed(stdout.isTerminal && !options.json);
  const running = options.demoTools ? toyTools({ seed }) : undefined;
  const tools = running?.map(({ definition }) => definition);
  const choice = { ...choiceOf(options, seed), ...{ seed, system, think, tools } };
  const how = { ...options, tools: running };
  const prefilling = progressLine(stderr, "reading the prompt", "tok");
  const sayTemplate = (template: ChatTemplate): void => {
    if (options.verbose) stderr.write(`chat template: ${template.about}\n`);
  };
  if (url !== undefined) {
    const talk = await remoteTalk(url, options, stderr);
    sayTemplate(talk.template);
    await converse(talk.chat(choice), talk.partner, how, prefilling, terminal);
    return;
  }
  const glm = await openSpeaker(options, stderr);
  try {
    if (!glm.tokenizer) {
      throw new UserError("chat", "this model has no tokenizer.json, so there is no text");
    }
    sayTemplate(glm.template);
    const timeline = { ...(await timelineOf(options)), onPrefill: prefilling.update };
    const keeper = await keeperOf(glm, "chat", options, timeline, stderr);
    const chat = glm.chat({ ...timeline, ...choice }, keeper);
    try {
      await converse(chat, localPartner(glm), how, prefilling, terminal);
    } finally {
      chat.close();
    }
  } finally {
    await glm.close();
  }
}
