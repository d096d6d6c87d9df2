import type { Command } from "commander";
import { SavedSessionError } from "../../sessions/journal.ts";
import {
  forkSession,
  openSession,
  readSessionFile,
  readState,
  removeSession,
  sessionBytes,
  sessionNames,
} from "../../sessions/session-folder.ts";
import { addGenerationOptions } from "../generation-options.ts";
import { integerList } from "../numbers.ts";
import { sessionsOption } from "../session-option.ts";
import type { Terminal, TextOut } from "../terminal.ts";
import { type RunOptions, runCommand } from "./run.ts";

const HELP = `
A session is what was read and written so far, with everything that the model remembers of it: it
goes on without reading anything again, with the same bits as if it had never stopped. "run" and
"chat" save one as they go with --session NAME: every 5 seconds and at their end. It goes on only
with the model, the backend and the formats it was made with; docs/session-files.md says what is in
the files.

Examples:
  glm52 session save tale "Once upon a time"
  glm52 run --session tale --max-tokens 50
  glm52 session fork tale other-end
  glm52 session list
  glm52 session verify tale
`;

interface Where {
  readonly sessions: string;
  readonly json?: boolean;
  readonly repair?: boolean;
}

/** Adds `glm52 session`. */
export function addSession(
  program: Command,
  terminal: Terminal,
  exit: (code: number) => void,
): void {
  const { stdout } = terminal;
  const session = program
    .command("session")
    .summary("save, list, fork and check sessions")
    .description("Sessions on disk: what a model has read, to go on from at any time.")
    .addHelpText("after", HELP);
  const sub = (name: string, what: string): Command =>
    session.command(name).description(what).addOption(sessionsOption());

  addGenerationOptions(sub("save", "Reads a prompt into a session, after what is in it already."))
    .argument("<name>")
    .argument("[prompt]", "text (default: stdin)")
    .option("--tokens <ids>", "the prompt as token ids, e.g. 1,2,3", integerList)
    .option("--bos <text>", "what to put before a text, or none")
    .action(async (name: string, text: string | undefined, options: RunOptions) => {
      exit(await runCommand(text, { ...options, session: name, maxTokens: 0 }, terminal));
    });
  sub("list", "One line for each session.")
    .option("--json", "one JSON array")
    .action((where: Where) => list(where, stdout));
  sub("show", "What is known of one session, as JSON.")
    .argument("<name>")
    .action((name: string, { sessions }: Where) => {
      stdout.write(`${JSON.stringify(summary(sessions, name), undefined, 2)}\n`);
    });
  sub("fork", "A second session with the same past.")
    .argument("<name>")
    .argument("<new-name>")
    .action((name: string, twin: string, { sessions }: Where) => {
      forkSession(sessions, name, twin);
    });
  sub("rm", "Removes a session.")
    .argument("<name>")
    .action((name: string, { sessions }: Where) => removeSession(sessions, name));
  sub("verify", "Reads all of a session and compares the checksums. Exits with 1 for a bad one.")
    .argument("<name>")
    .option("--repair", "give up what follows the first bad page: its tokens are run again")
    .action((name: string, where: Where) => verify(where, name, stdout));
}

/** What a session is, for people and programs. */
function summary(folder: string, name: string) {
  const { kind, model, created, made } = readSessionFile(folder, name);
  const { state, nRecords, nDropped } = readState(folder, name);
  return {
    name,
    kind,
    tokens: state?.tokens.length ?? 0,
    pending: state?.pending.length ?? 0,
    pages: state?.pages.length ?? 0,
    bytes: sessionBytes(folder, name),
    records: nRecords,
    bytes_of_no_record: nDropped,
    model,
    created,
    made_with: made,
  };
}

/** One that cannot be read is listed too, with the reason. */
function list({ sessions, json }: Where, stdout: TextOut): void {
  const found = sessionNames(sessions).map((name) => {
    try {
      return summary(sessions, name);
    } catch (error) {
      return { name, error: (error as Error).message };
    }
  });
  if (json) {
    stdout.write(`${JSON.stringify(found, undefined, 2)}\n`);
    return;
  }
  const width = Math.max(4, ...found.map(({ name }) => name.length));
  for (const one of found) {
    if ("error" in one) {
      stdout.write(`${one.name.padEnd(width)}  ${one.error}\n`);
      continue;
    }
    const { name, kind, tokens, pending, bytes, model } = one;
    const size = `${(bytes / 1e6).toFixed(1)} MB`;
    const count = `${tokens + pending} tokens`;
    stdout.write(
      `${name.padEnd(width)}  ${kind}  ${count.padStart(14)}  ${size.padStart(10)}  ${model}\n`,
    );
  }
}

function verify({ sessions, repair }: Where, name: string, stdout: TextOut): void {
  const { pageRows, pageBytes } = readSessionFile(sessions, name);
  const { saved, close } = openSession(sessions, name);
  try {
    const damaged = saved.damage(pageBytes);
    const [first] = damaged;
    if (first && !repair) {
      const whole = `${first.page * pageRows} tokens before it are whole; --repair keeps these`;
      const what = [...damaged.map(({ message }) => message), whole].join("\n");
      throw new SavedSessionError(`session ${name}`, what);
    }
    if (first) saved.cut(first.page, pageRows);
    const { tokens, pending, pages } = saved.state;
    const torn = saved.nDropped > 0 ? `; ${saved.nDropped} bytes after the last whole record` : "";
    stdout.write(
      `${name}: ${tokens.length} tokens in ${pages.length} whole pages, ${pending.length} to be run${torn}\n`,
    );
  } finally {
    close();
  }
}
