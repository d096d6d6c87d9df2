import { basename } from "node:path";
import { type Command, Option } from "commander";
import { CliError } from "./cli-error.ts";
import { renderJudgement } from "./golden/check-text.ts";
import { type Diagnosis, diagnose } from "./golden/diagnose.ts";
import { renderDiagnosis } from "./golden/diagnosis-text.ts";
import { type Dump, readEngineDump } from "./golden/dump.ts";
import {
  ARITHMETICS,
  type Arithmetic,
  type Expectation,
  expectation,
} from "./golden/expectation.ts";
import { judge } from "./golden/judge.ts";
import { runMutants } from "./golden/mutant-runs.ts";
import { readNames } from "./golden/names.ts";
import { renderHtml } from "./golden/report/html.ts";
import { renderJunit } from "./golden/report/junit.ts";
import { addGoldenBuild } from "./golden-build-command.ts";
import { progressLine } from "./progress.ts";
import type { Terminal } from "./terminal.ts";
import { checkWritable, writeWhole } from "./write-whole.ts";

interface GoldenOptions {
  readonly case: string;
  readonly names?: string;
  readonly arithmetic?: Arithmetic;
  readonly json?: boolean;
}

interface CheckOptions extends GoldenOptions {
  readonly html?: string;
  readonly junit?: string;
}

const HELP = `
A dump is safetensors, .npz, .npy, a folder of .npy files, or text (name [d0,d1] f32, then numbers),
of stages as glm52 trace names them, of HF transformers' module names, or of any names with --names:
a JSON object, {"their.name.{l}": "l_out-{l}"}. A case is a folder with a checkpoint, its tokens,
and what HF transformers made of them in float64 and float32.

Stages are judged in the order of the model, up to the first that is off. Rows and experts chosen
otherwise are explained when rounding can have turned them, and a fault when not.

Exit codes:
  0  every stage of the dump is right, or explained
  1  the dump or the case cannot be read
  3  a stage is off
`;

const CHECK_EXAMPLES = `
Examples:
  glm52 golden check dump.safetensors --case golden/cases/tiny-all
  glm52 golden check dump.safetensors --case DIR --arithmetic bf16 --names map.json --json
  glm52 golden check dump.safetensors --case DIR --html report.html --junit report.xml
`;

const DIAGNOSE_EXAMPLES = `
Examples:
  glm52 golden diagnose dump.safetensors --case golden/cases/tiny-all
`;

/** Adds `glm52 golden`. */
export function addGolden(
  program: Command,
  terminal: Terminal,
  exit: (code: number) => void,
): void {
  const golden = program
    .command("golden")
    .summary("compare another engine's stages with the model's")
    .description("Finds the first stage where an engine leaves the model.");
  addGoldenBuild(golden, terminal);
  shared(golden.command("diagnose"))
    .summary("name the mistake behind a dump that is off")
    .description("Runs the model with each known mistake and names the one closest to a dump.")
    .addHelpText("after", HELP + DIAGNOSE_EXAMPLES)
    .action(async (file: string, options: GoldenOptions) => {
      exit(await diagnoseCommand(file, options, terminal));
    });
  shared(golden.command("check"))
    .summary("compare a dump of stages with a golden case")
    .description("Compares a dump with a case, stage by stage.")
    .option("--html <file>", "write a report with pictures, and the diagnosis of what is off")
    .option("--junit <file>", "write JUnit XML: a stage is a test")
    .addHelpText("after", HELP + CHECK_EXAMPLES)
    .action(async (file: string, options: CheckOptions) => {
      exit(await check(file, options, terminal));
    });
}

const shared = (command: Command): Command =>
  command
    .argument("<dump>", "file or folder with the stages of an engine")
    .requiredOption("--case <dir>", "folder of the golden case")
    .option("--names <file>", "JSON: the dump's names to ours")
    .addOption(
      new Option("--arithmetic <a>", "the engine's numbers (default: the dump's coarsest)").choices(
        ARITHMETICS,
      ),
    )
    .option("--json", "print JSON");

interface Opened {
  readonly dump: Dump;
  readonly expected: Expectation;
  readonly arithmetic: Arithmetic;
}

/** Reads both sides. */
async function open(file: string, options: GoldenOptions, { stderr }: Terminal): Promise<Opened> {
  const reading = progressLine(stderr, "reading");
  const names = await readNames(options.names);
  const dump = await readEngineDump(file, names, reading.update).finally(reading.end);
  const expected = await expectation(options.case);
  if (![...dump.keys()].some((name) => expected.stages.has(name))) {
    const theirs = [...dump.keys()].slice(0, 3).join(", ") || "nothing";
    const ours = [...expected.stages.keys()].slice(0, 3).join(", ");
    throw new CliError(
      `${file}: expected stages of ${expected.info.name}, such as ${ours}; got ${theirs}. --names can map them`,
    );
  }
  return { dump, expected, arithmetic: options.arithmetic ?? coarsest(dump) };
}

/** The coarsest float format of a dump. */
function coarsest(dump: Dump): Arithmetic {
  const dtypes = new Set([...dump.values()].map(({ dtype }) => dtype.toLowerCase()));
  return ARITHMETICS.findLast((name) => dtypes.has(name)) ?? "f32";
}

/** Returns the exit code. */
async function check(file: string, options: CheckOptions, terminal: Terminal): Promise<number> {
  for (const path of [options.html, options.junit]) if (path) await checkWritable(path);
  const opened = await open(file, options, terminal);
  const { dump, expected, arithmetic } = opened;
  const judgement = judge(dump, expected, arithmetic);
  const caseName = expected.info.name;
  const { stdout } = terminal;
  if (options.json) {
    stdout.write(`${JSON.stringify({ case: caseName, arithmetic, ...judgement })}\n`);
  } else stdout.write(renderJudgement(judgement, caseName));
  if (options.junit) await writeText(options.junit, renderJunit(judgement, caseName));
  if (options.html) {
    const isOff = judgement.firstOff !== undefined;
    const diagnosis = isOff ? suspectsOf(opened, terminal) : undefined;
    const parts = { caseName, dumpName: basename(file), arithmetic, judgement, diagnosis };
    await writeText(options.html, renderHtml({ ...parts, dump, wanted: expected.stages }));
  }
  return judgement.firstOff === undefined ? 0 : 3;
}

function writeText(path: string, text: string): Promise<void> {
  return writeWhole(path, new TextEncoder().encode(text));
}

/** Runs the known mistakes beside a dump that is off. */
function suspectsOf({ dump, expected, arithmetic }: Opened, { stderr }: Terminal): Diagnosis {
  const running = progressLine(stderr, "running known mistakes");
  const runs = runMutants(expected, running.update);
  running.end();
  return diagnose(dump, expected, arithmetic, runs);
}

/** Returns the exit code. */
async function diagnoseCommand(
  file: string,
  options: GoldenOptions,
  terminal: Terminal,
): Promise<number> {
  const opened = await open(file, options, terminal);
  const { dump, expected, arithmetic } = opened;
  const isOff = judge(dump, expected, arithmetic).firstOff !== undefined;
  const diagnosis = isOff ? suspectsOf(opened, terminal) : diagnose(dump, expected, arithmetic, []);
  const { stdout } = terminal;
  if (options.json) {
    stdout.write(`${JSON.stringify({ case: expected.info.name, arithmetic, ...diagnosis })}\n`);
  } else stdout.write(renderDiagnosis(diagnosis));
  return diagnosis.firstOff === undefined ? 0 : 3;
}
