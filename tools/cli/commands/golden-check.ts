import { basename } from "node:path";
import { type Command, Option } from "commander";
import {
  check,
  diagnose,
  explain,
  htmlOf,
  jsonOf,
  junitOf,
  passes,
  selfCheck,
  textOf,
} from "../../golden/index.ts";
import { checkWritable } from "../../node/output.ts";
import { writeText } from "../../node/write-whole.ts";
import {
  checkOptions,
  DUMP,
  DUMPS,
  diagnoseCommand,
  exitCodeOf,
  type GoldenOptions,
  withGoldenOptions,
  withStepLines,
} from "../golden-options.ts";
import type { Terminal } from "../terminal.ts";

interface CheckCommandOptions extends GoldenOptions {
  readonly html?: string;
  readonly junit?: string;
  readonly self?: boolean;
  readonly explain?: boolean;
}

const HELP = `
Stages are judged in the order of the model, up to the first that is off. Rows and experts chosen
otherwise are explained when rounding can have turned them, and a fault when not. With --replay the
model runs with the choices of the dump, so that what comes after a choice is judged all the same.
The first stage that is off is explained, where a relation between what should have come and what came
is found: what the engine does, how much of the difference that explains, and where to look.

Exit codes:
  0  every stage of the dump is right, or explained
  1  the dump or the case cannot be read, or no row of the dump can be judged
  2  the command line is wrong
  3  a stage is off; with --self, a backend has a stage that is off, or lacks one

Examples:
  glm52 golden check dump.safetensors --case golden/cases/tiny-all
  glm52 golden check dump.safetensors --case DIR --class bf16 --names map.json --json
  glm52 golden check dump.safetensors --case DIR --replay
  glm52 golden check dump.safetensors --case DIR --html report.html --junit report.xml
  glm52 golden check dump.safetensors --pack FOLDER --case clear-bf16
  glm52 golden check --self
  glm52 golden check --self --pack FOLDER --case tiny-all --case long-520
`;

/** Adds `glm52 golden check`. */
export function addGoldenCheck(
  golden: Command,
  terminal: Terminal,
  exit: (code: number) => void,
): void {
  withGoldenOptions(golden.command("check").argument("[dump]", DUMP))
    .summary("compare a dump of stages with a golden case")
    .description("Compares a dump with a case, stage by stage.")
    .option("--html <file>", "write a report with pictures, and the diagnosis of what is off")
    .option("--junit <file>", "write JUnit XML: a stage is a test")
    .option("--no-explain", "do not search what explains the first stage that is off")
    .addHelpText("after", DUMPS + HELP)
    .addOption(
      new Option(
        "--self",
        "check this engine's own backends, on all cases or those named",
      ).conflicts(["names", "class", "html", "junit", "replay"]),
    )
    .action(async (file: string | undefined, options: CheckCommandOptions, command: Command) => {
      if ((file === undefined) !== (options.self ?? false)) {
        command.error("error: give either a dump or --self");
      }
      const isSelf = file === undefined;
      exit(await (isSelf ? checkSelf(options, terminal) : checkDump(file, options, terminal)));
    });
}

/** Returns the exit code. */
async function checkDump(
  file: string,
  options: CheckCommandOptions,
  terminal: Terminal,
): Promise<number> {
  const { html, junit, json, explain: isExplained = true } = options;
  for (const path of [html, junit]) if (path !== undefined) await checkWritable(path, [file]);
  const wanted = await checkOptions(options);
  const verdict = await withStepLines(terminal, (onProgress) =>
    check(file, { ...wanted, onProgress }),
  );
  // A report has the whole diagnosis, which has the explanation.
  const isWrong = verdict.status === "wrong";
  const diagnosis =
    isWrong && html !== undefined
      ? await withStepLines(terminal, (onProgress) => diagnose(verdict, { onProgress }))
      : undefined;
  const explanation =
    diagnosis?.explanation ??
    (isWrong && isExplained
      ? await withStepLines(terminal, (onProgress) => explain(verdict, { onProgress }))
      : undefined);
  const text = textOf(verdict) + (explanation ? textOf(explanation) : "");
  terminal.stdout.write(json ? `${JSON.stringify(jsonOf(verdict, explanation))}\n` : text);
  if (isWrong && !json) {
    terminal.stdout.write(`the mistake behind it: ${diagnoseCommand(file, options)}\n`);
  }
  if (junit !== undefined) await writeText(junit, junitOf(verdict));
  if (html !== undefined) await writeText(html, htmlOf(verdict, basename(file), diagnosis));
  return exitCodeOf(verdict);
}

/** Returns the exit code. */
async function checkSelf(
  { case: cases = [], pack, json }: CheckCommandOptions,
  terminal: Terminal,
): Promise<number> {
  const results = await withStepLines(terminal, (onProgress) =>
    selfCheck({ cases, turbo: true, onProgress, ...(pack !== undefined && { pack }) }),
  );
  terminal.stdout.write(json ? `${JSON.stringify(results)}\n` : textOf(results));
  return results.every(passes) ? 0 : 3;
}
