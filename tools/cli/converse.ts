/**
 * A conversation at a terminal or through pipes: a message in, a reply out, until the input ends.
 * @module
 */
import { askAgent, MAX_ROUNDS } from "../agent/ask-agent.ts";
import { definitionOf, type RunningTool } from "../agent/run-calls.ts";
import type { Chat, Saying } from "../library/chat.ts";
import { oneLine } from "../library/one-line.ts";
import type { Turn } from "../library/voice.ts";
import { after, jsonWriter, textWriter } from "./chat-writer.ts";
import { explain } from "./explain.ts";
import { interruptible } from "./interrupt.ts";
import type { Partner } from "./partner.ts";
import type { Progress } from "./progress.ts";
import { slashCommand } from "./slash-commands.ts";
import type { Terminal } from "./terminal.ts";
import { sayDimly, type TextOut } from "./text-out.ts";

/** How a conversation is shown, and whether it is kept. */
export interface ConversationOptions {
  readonly json?: boolean | undefined;
  /** The name under which it is saved, if it is. */
  readonly session?: string | undefined;
  /** What the model may call. */
  readonly tools?: readonly RunningTool[] | undefined;
}

/** Messages that are shown when a saved conversation goes on. */
const SHOWN_MESSAGES = 4;
/** Characters of each. */
const SHOWN_LENGTH = 400;

/**
 * Runs one turn for each line of the input, until the input ends, `/quit` is typed, or nobody reads the
 * replies any more. Only a person at a terminal gives commands: the lines of a pipe are all messages, so
 * that a text from a stranger cannot write files.
 */
export async function converse(
  chat: Chat,
  partner: Partner,
  options: ConversationOptions,
  prefilling: Progress,
  terminal: Terminal,
): Promise<void> {
  const { stdin, stdout, stderr } = terminal;
  const talk = new Conversation(chat, partner, options, prefilling, terminal);
  if (!stdin.isTerminal) {
    for await (const line of stdin.lines()) {
      if (line.trim() !== "") await talk.say(line);
      if (stdout.closed.aborted) return;
    }
    return;
  }
  greet(chat, partner, options, stderr);
  for await (const line of stdin.lines({ prompt: "> ", hint: () => talk.hint })) {
    if (line.trim() === "") continue;
    try {
      if (!line.startsWith("/")) await talk.say(line);
      else if ((await talk.obey(line)) === "end") break;
    } catch (error) {
      stderr.write(`${explain(error)}\n`); // the error left the conversation unchanged
    }
    if (stdout.closed.aborted) return;
  }
  if (talk.isUnsaved) {
    stderr.write("The conversation was not saved. --session NAME keeps the next one.\n");
  }
}

/** The two sides of a conversation, and whether what they said is written somewhere. */
class Conversation {
  /** Whether something was said that is written nowhere. */
  isUnsaved = false;
  readonly #chat: Chat;
  readonly #partner: Partner;
  readonly #options: ConversationOptions;
  readonly #prefilling: Progress;
  readonly #terminal: Terminal;

  constructor(
    chat: Chat,
    partner: Partner,
    options: ConversationOptions,
    prefilling: Progress,
    terminal: Terminal,
  ) {
    this.#chat = chat;
    this.#partner = partner;
    this.#options = options;
    this.#prefilling = prefilling;
    this.#terminal = terminal;
  }

  /** What Ctrl-C on an empty line says. */
  get hint(): string {
    const loss = this.isUnsaved ? ", and what was said is lost: /save FILE keeps it" : "";
    return `Ctrl-C again or Ctrl-D ends the chat${loss}.`;
  }

  /** Says something to the model and prints the reply; Ctrl-C stops it. */
  async say(saying: Saying): Promise<void> {
    const { stdin, stdout } = this.#terminal;
    const { json, session, tools = [] } = this.#options;
    const writer = after(this.#prefilling, json ? jsonWriter(stdout) : textWriter(stdout));
    const begun = performance.now();
    try {
      await interruptible(this.#terminal, async (interrupt) => {
        const signal = AbortSignal.any([interrupt, stdout.closed]);
        const { turn } = await askAgent(this.#chat, saying, tools, {
          ...{ onEvent: writer.event, onTurn: writer.end, onResult: writer.result, signal },
        });
        if (turn.calls.length > 0) this.#sayUnanswered(turn);
        if (stdin.isTerminal && !json) this.#count(turn, (performance.now() - begun) / 1000);
      });
    } finally {
      this.#prefilling.end();
    }
    this.isUnsaved = session === undefined;
  }

  /** Does what a line that begins with a slash asks for. */
  async obey(line: string): Promise<"end" | "go on"> {
    const { stderr } = this.#terminal;
    const { folder } = this.#partner;
    const asked = await slashCommand(this.#chat, line, folder === undefined ? [] : [folder]);
    switch (asked.do) {
      case "end":
        return "end";
      case "tell":
        stderr.write(asked.text);
        break;
      case "saved":
        this.isUnsaved = false;
        stderr.write(`${this.#chat.messages.length} messages in ${asked.file}\n`);
        break;
      case "regenerate":
        await this.#regenerate();
        break;
    }
    return "go on";
  }

  async #regenerate(): Promise<void> {
    const said = this.#chat.takeBack();
    if (said.length > 0) await this.say(said);
    else this.#terminal.stderr.write("There is no reply to take back.\n");
  }

  /** Says that calls have no results: nobody runs them, or there were too many. */
  #sayUnanswered({ calls }: Turn): void {
    const names = calls.map(({ name }) => name).join(", ");
    const { tools = [] } = this.#options;
    const why =
      tools.length === 0 ? "no tool runs here" : `${MAX_ROUNDS} rounds of calls had no answer`;
    this.#terminal.stderr.write(`${oneLine(`${names}: ${why}`)}\n`);
  }

  #count({ replyTokens }: Turn, seconds: number): void {
    const { stderr } = this.#terminal;
    const rate = (replyTokens / Math.max(seconds, 1e-6)).toFixed(1);
    const counts = `${replyTokens} tokens, ${rate} tok/s · ${contextText(this.#chat, this.#partner)}`;
    sayDimly(stderr, () => stderr.write(`${counts}\n`));
  }
}

/** The first lines that a person sees: who speaks, and what was said before. */
function greet(
  chat: Chat,
  partner: Partner,
  { tools = [] }: ConversationOptions,
  stderr: TextOut,
): void {
  stderr.write(`${partner.name} · ${partner.how} · ${contextText(chat, partner)}\n`);
  const names = tools.map(({ definition }) => definitionOf(definition).name).join(", ");
  if (names !== "") stderr.write(`It may call ${names}.\n`);
  stderr.write("/help lists what you can do here.\n");
  const before = chat.messages.filter(({ role }) => role === "user" || role === "assistant");
  if (before.length > SHOWN_MESSAGES) {
    const nMore = before.length - SHOWN_MESSAGES;
    sayDimly(stderr, () => stderr.write(`… ${nMore} messages before …\n`));
  }
  for (const { role, content } of before.slice(-SHOWN_MESSAGES)) {
    const text = typeof content === "string" ? content : JSON.stringify(content);
    const shown = text.length > SHOWN_LENGTH ? `… ${text.slice(-SHOWN_LENGTH)}` : text;
    sayDimly(stderr, () => stderr.write(`${role === "user" ? "> " : ""}${shown}\n`));
  }
}

function contextText(chat: Chat, partner: Partner): string {
  return `context ${chat.contextLength} of ${partner.maxContext}`;
}
