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
import { caseFolders } from "./golden/pack-cases.ts";
import { renderHtml } from "./golden/report/html.ts";
import { renderJunit } from "./golden/report/junit.ts";
import { passes, renderSelfCheck, selfCheck } from "./golden/self-check.ts";
import { addGoldenBuild } from "./golden-build-command.ts";
import { addGoldenWitness } from "./golden-witness-command.ts";
import { progressLine } from "./progress.ts";
import type { Terminal } from "./terminal.ts";
import { checkWritable, writeWhole } from "./write-whole.ts";

interface GoldenOptions {
  readonly case?: readonly string[];
  readonly pack?: string;
  readonly names?: string;
  readonly arithmetic?: Arithmetic;
  readonly json?: boolean;
}

interface CheckOptions extends GoldenOptions {
  readonly html?: string;
  readonly junit?: string;
  readonly self?: boolean;
}

const HELP = `
A dump is safetensors, .npz, .npy, a folder of .npy files, or text (name [d0,d1] f32, then numbers),
of stages as glm52 trace names them, of HF transformers' module names, or of any names with --names:
a JSON object, {"their.name.{l}": "l_out-{l}"}. A case is a folder with a checkpoint, its tokens,
and what HF transformers made of them in float64 and float32; --case takes the folder, or the name
of a case of the pack.

Stages are judged in the order of the model, up to the first that is off. Rows and experts chosen
otherwise are explained when rounding can have turned them, and a fault when not.

Exit codes:
  0  every stage of the dump is right, or explained
  1  the dump or the case cannot be read
  3  a stage is off; with --self, a backend has a stage that is off, or lacks one
`;

const CHECK_EXAMPLES = `
Examples:
  glm52 golden check dump.safetensors --case golden/cases/tiny-all
  glm52 golden check dump.safetensors --case DIR --arithmetic bf16 --names map.json --json
  glm52 golden check dump.safetensors --case DIR --html report.html --junit report.xml
  glm52 golden check dump.safetensors --pack FOLDER --case clear-bf16
  glm52 golden check --self
  glm52 golden check --self --pack FOLDER --case tiny-all --case long-520
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
  addGoldenWitness(golden, terminal, exit);
  shared(golden.command("diagnose").argument("<dump>", DUMP))
    .summary("name the mistake behind a dump that is off")
    .description("Runs the model with each known mistake and names the one closest to a dump.")
    .addHelpText("after", HELP + DIAGNOSE_EXAMPLES)
    .action(async (file: string, options: GoldenOptions) => {
      exit(await diagnoseCommand(file, options, terminal));
    });
  shared(golden.command("check").argument("[dump]", DUMP))
    .summary("compare a dump of stages with a golden case")
    .description("Compares a dump with a case, stage by stage.")
    .option("--html <file>", "write a report with pictures, and the diagnosis of what is off")
    .option("--junit <file>", "write JUnit XML: a stage is a test")
    .addHelpText("after", HELP + CHECK_EXAMPLES)
    .addOption(
      new Option(
        "--self",
        "check this engine's own backends, on all cases or those named",
      ).conflicts(["names", "arithmetic", "html", "junit"]),
    )
    .action(async (file: string | undefined, options: CheckOptions, command: Command) => {
      if ((file === undefined) !== (options.self ?? false)) {
        command.error("error: give either a dump or --self");
      }
      exit(await (file === undefined ? self(options, terminal) : check(file, options, terminal)));
    });
}

const DUMP = "file or folder with the stages of an engine";

const append = (name: string, before: readonly string[] = []): string[] => [...before, name];

const shared = (command: Command): Command =>
  command
    .option("--case <case>", "folder of the golden case, or its name in the pack", append)
    .option("--pack <dir>", "folder of the golden pack (default: golden of this project)")
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

async function caseFolder({ case: cases = [], pack }: GoldenOptions): Promise<string> {
  const [folder, ...more] = cases.length > 0 ? await caseFolders(cases, pack) : [];
  if (folder !== undefined && more.length === 0) return folder;
  throw new CliError(`--case: expected one case for a dump, got ${cases.join(", ") || "none"}`);
}

/** Reads both sides. */
async function open(file: string, options: GoldenOptions, { stderr }: Terminal): Promise<Opened> {
  const reading = progressLine(stderr, "reading");
  const names = await readNames(options.names);
  const dump = await readEngineDump(file, names, reading.update).finally(reading.end);
  const expected = await expectation(await caseFolder(options));
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
