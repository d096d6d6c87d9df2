import type { Command } from "commander";
import { forkSession, removeSession, sessionNames } from "../../sessions/session-folder.ts";
import { type SessionSummary, sessionSummary, verifySession } from "../../sessions/summary.ts";
import { addGenerationOptions } from "../generation-options.ts";
import { integerList } from "../numbers.ts";
import { type RunOptions, runText } from "../run-text.ts";
import { sessionsOption } from "../session-option.ts";
import type { Terminal, TextOut } from "../terminal.ts";

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
      exit(await runText(text, { ...options, session: name, maxTokens: 0 }, terminal));
    });
  sub("list", "One line for each session.")
    .option("--json", "one JSON array")
    .action((where: Where) => list(where, stdout));
  sub("show", "What is known of one session, as JSON.")
    .argument("<name>")
    .action((name: string, { sessions }: Where) => {
      stdout.write(`${JSON.stringify(json(sessionSummary(sessions, name)), undefined, 2)}\n`);
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

/** The summary under the names that programs read. */
function json({ bytesOfNoRecord, madeWith, ...others }: SessionSummary) {
  const { name, kind, tokens, pending, pages, bytes, records, model, created } = others;
  const counts = { name, kind, tokens, pending, pages, bytes, records };
  return { ...counts, bytes_of_no_record: bytesOfNoRecord, model, created, made_with: madeWith };
}

/** One that cannot be read is listed too, with the reason. */
function list({ sessions, json: asJson }: Where, stdout: TextOut): void {
  const found = sessionNames(sessions).map((name) => {
    try {
      return json(sessionSummary(sessions, name));
    } catch (error) {
      return { name, error: (error as Error).message };
    }
  });
  if (asJson) {
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
  const { tokens, pages, pending, bytesOfNoRecord } = verifySession(sessions, name, repair);
  const torn = bytesOfNoRecord > 0 ? `; ${bytesOfNoRecord} bytes after the last whole record` : "";
  stdout.write(`${name}: ${tokens} tokens in ${pages} whole pages, ${pending} to be run${torn}\n`);
}
