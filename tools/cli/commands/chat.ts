/**
 * `glm52 chat`: a conversation with a model.
 * @module
 */
import { type Command, Option } from "commander";
import { type Json, pythonJson, type ReplyEvent } from "../../../tokenizer/chat/index.ts";
import { type Chat, EFFORTS, type Effort, type Turn } from "../../library/chat.ts";
import { checkWritable } from "../../node/output.ts";
import { UserError } from "../../node/user-error.ts";
import { writeText } from "../../node/write-whole.ts";
import { chatTemplateOption } from "../chat-template-option.ts";
import { explain } from "../explain.ts";
import { addGenerationOptions, type GenerationOptions } from "../generation-options.ts";
import { interruptible } from "../interrupt.ts";
import { choiceOf, openSpeaker, timelineOf } from "../open-speaker.ts";
import { type Progress, progressLine } from "../progress.ts";
import { defaultSeed } from "../seed.ts";
import { keeperOf, type SessionChoice, sessionOption, sessionsOption } from "../session-option.ts";
import type { Terminal } from "../terminal.ts";
import { sayDimly, type TextOut } from "../text-out.ts";
import { wordWriter } from "../word-wrap.ts";

interface ChatCommandOptions extends GenerationOptions, SessionChoice {
  readonly system?: string;
  readonly think?: Effort;
  readonly json?: boolean;
}

const COMMANDS = `/reset                forget the conversation
/think off|high|max   set how much the model thinks before it replies
/save FILE            write the conversation as JSON, which "glm52 render" reads
/help                 show this list
/quit                 end the chat; Ctrl-D does the same
`;

const HELP = `
Each line that you type is one message, and the model replies to it. A control token that is spelled
out in a message, such as <|user|>, is plain text. Ctrl-C while the model replies stops the reply
and keeps the part that was written; Ctrl-C while you type ends the chat. Lines that begin with a
slash are commands:

${COMMANDS}
When stdin is not a terminal, each of its lines is one message, also one that begins with a slash, and
stdout has only the replies, without the reasoning. With --json, stdout has one JSON object per line: the events of a reply,
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
    .addHelpText("after", HELP)
    .action((options: ChatCommandOptions) => chatCommand(options, terminal));
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
      await converse(chat, glm.source.folder, options, prefilling, terminal);
    } finally {
      chat.close();
    }
  } finally {
    await glm.close();
  }
}

/**
 * Runs one turn for each line of the input, until the input ends, `/quit` is typed, or nobody reads the
 * replies any more. Only a person at a terminal gives commands: the lines of a pipe are all messages, so
 * that a text from a stranger cannot write files.
 */
async function converse(
  chat: Chat,
  folder: string | undefined,
  options: ChatCommandOptions,
  prefilling: Progress,
  terminal: Terminal,
): Promise<void> {
  const { stdin, stdout, stderr } = terminal;
  if (stdin.isTerminal) stderr.write("/help lists what you can do here.\n");
  const inputs = folder === undefined ? [] : [folder];
  for await (const line of stdin.lines("> ")) {
    if (line.trim() === "") continue;
    try {
      if (stdin.isTerminal && line.startsWith("/")) {
        if ((await slashCommand(chat, line, inputs, stderr)) === "quit") return;
      } else {
        const writer = options.json ? jsonWriter(stdout) : textWriter(stdout);
        await turn(chat, line, after(prefilling, writer), terminal);
      }
    } catch (error) {
      if (!stdin.isTerminal) throw error;
      stderr.write(`${explain(error)}\n`); // the error left the conversation unchanged
    } finally {
      prefilling.end();
    }
    if (stdout.closed.aborted) return;
  }
}

/** Prints a reply while it is generated. */
interface Writer {
  event(event: ReplyEvent): void;
  end(turn: Turn): void;
}

/** A writer that wipes the progress line before its first letter. */
function after(progress: Progress, writer: Writer): Writer {
  return {
    event: (event) => {
      progress.end();
      writer.event(event);
    },
    end: writer.end,
  };
}

/** Says `text` to the model and prints the reply; Ctrl-C stops it. */
async function turn(chat: Chat, text: string, writer: Writer, terminal: Terminal): Promise<void> {
  await interruptible(terminal, async (interrupt) => {
    const signal = AbortSignal.any([interrupt, terminal.stdout.closed]);
    writer.end(await chat.say(text, { onEvent: writer.event, signal }));
  });
}

/** Prints the content of a reply. On a terminal it also prints reasoning and calls, in dim text. */
function textWriter(out: TextOut): Writer {
  const write = wordWriter(out);
  let last = "\n";
  const say = (text: string): void => {
    write(text);
    last = text;
  };
  const dim = (text: string): void => sayDimly(out, () => say(text));
  let wasReasoning = false;
  return {
    event(event) {
      if (wasReasoning && event.type === "content") dim("\n");
      wasReasoning = event.type === "reasoning";
      if (event.type === "reasoning") dim(event.text);
      if (event.type === "content") say(event.text);
      if (event.type === "call") dim(`\n${event.name} `);
      if (event.type === "arguments") dim(event.json);
    },
    end() {
      if (!last.endsWith("\n")) write("\n");
    },
  };
}

/** Prints each event of a reply, and a summary of the turn, as one line of JSON. */
function jsonWriter({ write }: TextOut): Writer {
  const line = (value: object): void => write(`${pythonJson(value as Json)}\n`);
  return {
    event: line,
    end: ({ finishReason, promptTokens, reusedTokens, replyTokens }) =>
      line({
        type: "turn",
        finish_reason: finishReason,
        prompt_tokens: promptTokens,
        reused_tokens: reusedTokens,
        reply_tokens: replyTokens,
      }),
  };
}

/** Executes a line that begins with a slash. */
async function slashCommand(
  chat: Chat,
  line: string,
  inputs: readonly string[],
  stderr: TextOut,
): Promise<"quit" | "go on"> {
  const [, name, rest] = /^\/(\S*)\s*(.*?)\s*$/.exec(line) ?? [];
  switch (name) {
    case "quit":
      return "quit";
    case "reset":
      chat.reset();
      return "go on";
    case "help":
      stderr.write(COMMANDS);
      return "go on";
    case "think":
      chat.think = effortOf(rest);
      return "go on";
    case "save":
      if (rest === "") throw new UserError("/save", "expected the name of a file, got nothing");
      await checkWritable(rest, inputs);
      await writeText(rest, `${pythonJson({ messages: chat.messages } as unknown as Json)}\n`);
      stderr.write(`${chat.messages.length} messages in ${rest}\n`);
      return "go on";
    default:
      throw new UserError(`/${name}`, "expected one of /reset /think /save /help /quit");
  }
}

function effortOf(text: string): Effort {
  const effort = EFFORTS.find((name) => name === text);
  if (effort === undefined)
    throw new UserError("/think", `expected off, high or max, got "${text}"`);
  return effort;
}
