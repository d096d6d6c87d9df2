/**
 * `glm52 session` and its commands: texts that are saved on disk and can be continued.
 * @module
 */
import type { Command } from "commander";
import { oneLine } from "../../library/one-line.ts";
import { forkSession, removeSession, unlockSession } from "../../sessions/session-folder.ts";
import { sessionNames } from "../../sessions/session-names.ts";
import { type SessionSummary, sessionOverview, sessionSummary } from "../../sessions/summary.ts";
import { verifySession } from "../../sessions/verify.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { addModelOptions, addPaceOptions, addSeedOption } from "../generation-options.ts";
import { integerList } from "../numbers.ts";
import { type RunOptions, runText } from "../run-text.ts";
import { asSaved, sessionsOption } from "../session-option.ts";
import type { Terminal } from "../terminal.ts";
import type { TextOut } from "../text-out.ts";

const HELP = `
A session is a text that a model has read or written, saved together with the model's caches. To
continue it, the model need not read the text again, and the result has the same bits as if it had
never stopped. "run" and "chat" save a session when they are called with --session NAME: every 5
seconds and at their end. A session can be continued only with the same model, backend and number
formats; these are taken from the session where the command line does not say them. docs/session-files.md describes the files.

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
    .description("Manages saved sessions: texts that a model can continue at any time.")
    .addHelpText("after", HELP);
  const sub = (name: string, what: string, ...examples: string[]): Command =>
    session
      .command(name)
      .description(what)
      .addOption(sessionsOption())
      .addHelpText("after", `\nExamples:\n  ${examples.join("\n  ")}\n${EXIT_CODES}`);

  const save = sub(
    "save",
    "Lets the model read a prompt, and adds the prompt to a saved session.",
    'glm52 session save tale "Once upon a time"',
    "glm52 session save book < book.txt",
  );
  addPaceOptions(addSeedOption(addModelOptions(save)))
    .argument("<name>", "the session, which need not exist yet")
    .argument("[prompt]", "the text to read (default: stdin)")
    .option("--tokens <ids>", "give the prompt as token ids, e.g. 1,2,3", integerList)
    .option("--bos <text>", 'put this before the prompt; "none" puts nothing there')
    .action(async (name: string, text: string | undefined, options: RunOptions) => {
      const saving = await asSaved({ ...options, session: name, maxTokens: 0 }, save);
      exit(await runText(text, saving, terminal));
    });
  sub("list", "Prints one line for each session.", "glm52 session list --json")
    .option("--json", "print one JSON array")
    .action((where: Where) => list(where, stdout));
  sub("show", "Prints what is known about one session, as JSON.", "glm52 session show tale")
    .argument("<name>", "the session")
    .action((name: string, { sessions }: Where) => {
      stdout.write(`${JSON.stringify(json(sessionSummary(sessions, name)), undefined, 2)}\n`);
    });
  sub(
    "fork",
    "Makes a second session with the same text, which can be continued in another way.",
    "glm52 session fork tale other-end",
  )
    .argument("<name>", "the session")
    .argument("<new-name>", "the name of the second session")
    .action((name: string, twin: string, { sessions }: Where) => {
      forkSession(sessions, name, twin);
    });
  sub("rm", "Removes a session.", "glm52 session rm tale")
    .argument("<name>", "the session")
    .action((name: string, { sessions }: Where) => removeSession(sessions, name));
  sub(
    "verify",
    "Reads a whole session and compares its checksums. Exits with 1 if one is wrong.",
    "glm52 session verify tale --repair",
  )
    .argument("<name>", "the session")
    .option(
      "--repair",
      "mend what can be mended; drop records from the first damaged one on, and the cache from the first bad page on, and say so",
    )
    .action((name: string, where: Where) => verify(where, name, stdout));
  sub(
    "unlock",
    "Opens the lock that a process of another container or machine left behind.",
    "glm52 session unlock tale",
  )
    .argument("<name>", "the session; nothing else may have it open")
    .action((name: string, { sessions }: Where) => unlockSession(sessions, name));
}

/** The summary with the key names that are used in JSON. */
function json({ bytesOfNoRecord, madeWith, ...others }: SessionSummary) {
  const { name, kind, tokens, pending, pages, bytes, records, model, created } = others;
  const counts = { name, kind, tokens, pending, pages, bytes, records };
  return { ...counts, bytes_of_no_record: bytesOfNoRecord, model, created, made_with: madeWith };
}

/** Prints all sessions. For a session that cannot be read, the reason is printed. */
function list({ sessions, json: asJson }: Where, stdout: TextOut): void {
  const found = sessionNames(sessions).map((name) => {
    try {
      return json(sessionOverview(sessions, name));
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
      stdout.write(`${one.name.padEnd(width)}  ${oneLine(one.error)}\n`);
      continue;
    }
    const { name, kind, tokens, pending, bytes, model } = one;
    const size = `${(bytes / 1e6).toFixed(1)} MB`;
    const count = `${tokens + pending} tokens`;
    stdout.write(
      `${name.padEnd(width)}  ${kind}  ${count.padStart(14)}  ${size.padStart(10)}  ${oneLine(model)}\n`,
    );
  }
}

function verify({ sessions, repair }: Where, name: string, stdout: TextOut): void {
  const { tokens, pages, pending, repaired } = verifySession(sessions, name, repair);
  for (const what of repaired) stdout.write(`${name}: ${what}\n`);
  const good = `${tokens} tokens in ${pages} pages without an error`;
  stdout.write(`${name}: ${good}, ${pending} tokens not run yet\n`);
}
