import { basename } from "node:path";
import { type Command, Option } from "commander";
import { writeText } from "../../golden/build/write-text.ts";
import { caseFolders } from "../../golden/case/pack-cases.ts";
import { renderJudgement } from "../../golden/judge/check-text.ts";
import { type ForcedRun, runForced } from "../../golden/judge/forced.ts";
import { judge } from "../../golden/judge/judge.ts";
import { passes, renderSelfCheck, selfCheck } from "../../golden/judge/self-check.ts";
import { renderHtml } from "../../golden/report/html.ts";
import { renderJunit } from "../../golden/report/junit.ts";
import { checkWritable } from "../../node/write-whole.ts";
import {
  DUMP,
  diagnosisOf,
  type GoldenOptions,
  HELP,
  openBoth,
  withGoldenOptions,
} from "../golden-options.ts";
import { progressLine } from "../progress.ts";
import type { Terminal } from "../terminal.ts";

interface CheckOptions extends GoldenOptions {
  readonly html?: string;
  readonly junit?: string;
  readonly self?: boolean;
  readonly replay?: boolean;
}

const CHECK_EXAMPLES = `
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
    .option("--replay", "run the model with the dump's choices, and judge what follows from them")
    .addHelpText("after", HELP + CHECK_EXAMPLES)
    .addOption(
      new Option(
        "--self",
        "check this engine's own backends, on all cases or those named",
      ).conflicts(["names", "class", "html", "junit", "replay"]),
    )
    .action(async (file: string | undefined, options: CheckOptions, command: Command) => {
      if ((file === undefined) !== (options.self ?? false)) {
        command.error("error: give either a dump or --self");
      }
      exit(await (file === undefined ? self(options, terminal) : check(file, options, terminal)));
    });
}

/** Returns the exit code. */
async function check(file: string, options: CheckOptions, terminal: Terminal): Promise<number> {
  for (const path of [options.html, options.junit]) if (path) await checkWritable(path);
  const opened = await openBoth(file, options, terminal);
  const { dump, expected, kind } = opened;
  const run: Partial<ForcedRun> = options.replay ? runForced(dump, expected) : {};
  const judgement = judge(dump, expected, kind, run);
  const caseName = expected.info.name;
  const { stdout } = terminal;
  if (options.json) {
    stdout.write(`${JSON.stringify({ case: caseName, class: kind, ...judgement })}\n`);
  } else stdout.write(renderJudgement(judgement, caseName, kind, run.forced));
  if (options.junit) await writeText(options.junit, renderJunit(judgement, caseName));
  if (options.html) {
    const isOff = judgement.firstOff !== undefined;
    // The diagnosis goes by the model's own run, which with --replay is not the one judged above.
    const plain = options.replay ? judge(dump, expected, kind) : judgement;
    const diagnosis = isOff
      ? await diagnosisOf({ ...opened, judgement: plain }, terminal)
      : undefined;
    const parts = { caseName, dumpName: basename(file), kind, judgement, diagnosis };
    await writeText(
      options.html,
      renderHtml({ ...parts, dump, wanted: run.wanted ?? expected.stages }),
    );
  }
  return judgement.firstOff === undefined ? 0 : 3;
}

/** Returns the exit code. */
async function self(
  { case: cases = [], pack, json }: CheckOptions,
  { stdout, stderr }: Terminal,
): Promise<number> {
  const folders = await caseFolders(cases, pack);
  const running = progressLine(stderr, "running");
  const results = await selfCheck(folders, running.update).finally(running.end);
  stdout.write(json ? `${JSON.stringify(results)}\n` : renderSelfCheck(results));
  return results.every(passes) ? 0 : 3;
}
