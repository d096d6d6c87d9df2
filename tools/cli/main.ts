/**
 * The program `glm52`. Each of its commands has a file in the folder commands.
 *
 * Next: commands/run.ts
 * @module
 */
import { Command, CommanderError } from "commander";
import { ourPackage } from "../node/our-package.ts";
import { explain } from "./explain.ts";
import { Interrupted } from "./interrupt.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `
Examples:
  glm52 run "Once upon a time"
  glm52 chat
  glm52 serve
  glm52 explore
  glm52 session list
  glm52 trace --model DIR --tokens 57,15,52 --out trace.safetensors
  glm52 inspect DIR
  glm52 plan --context 1K,8K --ram 24GB
  printf 'Hello, world!' | glm52 tokenize --json
  glm52 run --help

Exit codes:
  0    the command did its work
  1    the input or the model is not usable; stderr says why
  2    the command line is wrong: an unknown option, a missing argument, …
  3    golden: the dump is not what the model gives; verify: the endpoint does not serve the model as it is
  130  Ctrl-C was pressed: once ends the work in order, twice at once
`;

/** Runs one command line, without the program's name, and returns the exit code. */
export async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  const { stdout, stderr } = terminal;
  let code = 0;
  const exit = (value: number): void => {
    code = value;
  };
  try {
    const program = new Command("glm52")
      .description("A reference inference engine for the GLM-5.2 architecture.")
      .version((await ourPackage()).version)
      .addHelpText("after", HELP)
      .exitOverride()
      .configureOutput({
        writeOut: stdout.write,
        writeErr: stderr.write,
        outputError: (text, write) => write(text.replace(/^error: /, "glm52: ")),
      });
    await addCommands(program, terminal, argv, exit);
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof Interrupted) return 130;
    stderr.write(`glm52: ${explain(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
  return code;
}

/**
 * Adds the command that `argv` begins with, or all of them where it begins with none. The modules of the others
 * are not loaded, so that nobody waits for them.
 */
async function addCommands(
  program: Command,
  terminal: Terminal,
  argv: readonly string[],
  exit: (code: number) => void,
): Promise<void> {
  const commands: Readonly<Record<string, () => Promise<void>>> = {
    run: async () => (await import("./commands/run.ts")).addRun(program, terminal, exit),
    chat: async () => (await import("./commands/chat.ts")).addChat(program, terminal),
    serve: async () => (await import("./commands/serve.ts")).addServe(program, terminal),
    explore: async () => (await import("./commands/explore.ts")).addExplore(program, terminal),
    session: async () =>
      (await import("./commands/session.ts")).addSession(program, terminal, exit),
    trace: async () => (await import("./commands/trace.ts")).addTrace(program, terminal, argv),
    inspect: async () => (await import("./commands/inspect.ts")).addInspect(program, terminal),
    verify: async () => (await import("./commands/verify.ts")).addVerify(program, terminal, exit),
    "verify-files": async () =>
      (await import("./commands/verify-files.ts")).addVerifyFiles(program, terminal),
    plan: async () => (await import("./commands/plan.ts")).addPlan(program, terminal),
    cache: async () => (await import("./commands/cache.ts")).addCache(program, terminal),
    eval: async () => (await import("./commands/eval.ts")).addEval(program, terminal),
    export: async () => (await import("./commands/export.ts")).addExport(program, terminal),
    ghost: async () => (await import("./commands/ghost.ts")).addGhost(program, terminal),
    golden: () => addGolden(program, terminal, argv, exit),
    quantize: async () => (await import("./commands/quantize.ts")).addQuantize(program, terminal),
    tokenize: async () => (await import("./commands/tokenize.ts")).addTokenize(program, terminal),
    detokenize: async () =>
      (await import("./commands/detokenize.ts")).addDetokenize(program, terminal),
    render: async () => (await import("./commands/render.ts")).addRender(program, terminal),
  };
  const asked = Object.entries(commands).filter(([name]) => name === argv[0]);
  for (const [, add] of asked.length > 0 ? asked : Object.entries(commands)) await add();
}

/** The commands below `golden` are loaded for those who ask for one: half of all modules belong to them. */
async function addGolden(
  program: Command,
  terminal: Terminal,
  argv: readonly string[],
  exit: (code: number) => void,
): Promise<void> {
  const golden = program
    .command("golden")
    .summary("compare another engine's stages with the model's")
    .description("Finds the first stage where an engine leaves the model.");
  if (!argv.includes("golden")) return;
  const { addGoldenCommands } = await import("./golden-commands.ts");
  addGoldenCommands(golden, terminal, exit);
}
