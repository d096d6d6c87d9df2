/**
 * The program `glm52`. Each of its commands has a file in the folder commands.
 *
 * Next: commands/run.ts
 * @module
 */
import { Command, CommanderError } from "commander";
import { ourPackage } from "../node/our-package.ts";
import { addChat } from "./commands/chat.ts";
import { addDetokenize } from "./commands/detokenize.ts";
import { addEval } from "./commands/eval.ts";
import { addExport } from "./commands/export.ts";
import { addInspect } from "./commands/inspect.ts";
import { addPlan } from "./commands/plan.ts";
import { addQuantize } from "./commands/quantize.ts";
import { addRender } from "./commands/render.ts";
import { addRun } from "./commands/run.ts";
import { addSession } from "./commands/session.ts";
import { addTokenize } from "./commands/tokenize.ts";
import { addTrace } from "./commands/trace.ts";
import { explain } from "./explain.ts";
import { Interrupted } from "./interrupt.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `
Examples:
  glm52 run "Once upon a time"
  glm52 chat
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
  3    golden: the dump is not what the model gives
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
    addRun(program, terminal, exit);
    addChat(program, terminal);
    addSession(program, terminal, exit);
    addTrace(program, terminal, argv);
    addInspect(program, terminal);
    addPlan(program, terminal);
    addEval(program, terminal);
    addExport(program, terminal);
    const golden = program
      .command("golden")
      .summary("compare another engine's stages with the model's")
      .description("Finds the first stage where an engine leaves the model.");
    if (argv.includes("golden")) {
      // Half of all modules belong to these commands, so the others do not wait for them.
      const { addGoldenCommands } = await import("./golden-commands.ts");
      addGoldenCommands(golden, terminal, exit);
    }
    addQuantize(program, terminal);
    addTokenize(program, terminal);
    addDetokenize(program, terminal);
    addRender(program, terminal);
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof Interrupted) return 130;
    stderr.write(`glm52: ${explain(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
  return code;
}
