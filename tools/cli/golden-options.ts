/**
 * What `golden check` and `golden diagnose` have in common: a dump, a case, and the engine's class.
 * @module
 */

import { type Command, Option } from "commander";
import { CLASSES, type EngineClass } from "../golden/case/engine-class.ts";
import { readNames } from "../golden/case/engine-names.ts";
import { type Expectation, expectation } from "../golden/case/expectation.ts";
import { caseFolders } from "../golden/case/pack-cases.ts";
import { type Diagnosis, diagnose } from "../golden/diagnose/diagnose.ts";
import { classOf, type Dump, readEngineDump } from "../golden/dump/dump.ts";
import type { Judged } from "../golden/judge/judge.ts";
import { UserError } from "../node/user-error.ts";
import { progressLine } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

/** Options of both commands. */
export interface GoldenOptions {
  readonly case?: readonly string[];
  readonly pack?: string;
  readonly names?: string;
  readonly class?: EngineClass;
  readonly json?: boolean;
}

/** Both sides of a comparison. */
export interface Opened {
  readonly dump: Dump;
  readonly expected: Expectation;
  readonly kind: EngineClass;
}

/** Help of the argument. */
export const DUMP = "file or folder with the stages of an engine";

/** Text after the help of both commands. */
export const HELP = `
A dump is safetensors, .npz, .npy, a folder of .npy files, or text (name [d0,d1] f32, then numbers),
of stages as glm52 trace names them, of HF transformers' module names, or of any names with --names:
a JSON object, {"their.name.{l}": "l_out-{l}"}. A case is a folder with a checkpoint, its tokens,
what HF transformers made of them in float64, and how far rounding may take an engine from that, by
class: f32, f32 with f16 caches (f16-cache), or bf16. --case takes the folder, or the name of a case
of the pack. Without --class a dump with BF16 is of class bf16, one with F16 of class f16-cache, and
any other of class f32.

Stages are judged in the order of the model, up to the first that is off. Rows and experts chosen
otherwise are explained when rounding can have turned them, and a fault when not. With --replay the
model runs with the choices of the dump, so that what comes after a choice is judged all the same.

Exit codes:
  0  every stage of the dump is right, or explained
  1  the dump or the case cannot be read
  3  a stage is off; with --self, a backend has a stage that is off, or lacks one
`;

const append = (name: string, before: readonly string[] = []): string[] => [...before, name];

/** Adds the options of {@link GoldenOptions}. */
export const withGoldenOptions = (command: Command): Command =>
  command
    .option("--case <case>", "folder of the golden case, or its name in the pack", append)
    .option("--pack <dir>", "folder of the golden pack (default: golden of this project)")
    .option("--names <file>", "JSON: the dump's names to ours")
    .addOption(
      new Option(
        "--class <class>",
        "the engine's numbers (default: by the dump's coarsest)",
      ).choices(CLASSES),
    )
    .option("--json", "print JSON");

async function caseFolder({ case: cases = [], pack }: GoldenOptions): Promise<string> {
  const [folder, ...more] = cases.length > 0 ? await caseFolders(cases, pack) : [];
  if (folder !== undefined && more.length === 0) return folder;
  throw new UserError("--case", `expected one case for a dump, got ${cases.join(", ") || "none"}`);
}

/**
 * Reads both sides.
 *
 * @throws {UserError} when there is not one case, or the dump has none of its stages
 */
export async function openBoth(
  file: string,
  options: GoldenOptions,
  { stderr }: Terminal,
): Promise<Opened> {
  const reading = progressLine(stderr, "reading");
  const names = await readNames(options.names);
  const dump = await readEngineDump(file, names, reading.update).finally(reading.end);
  const running = progressLine(stderr, "running the model");
  const folder = await caseFolder(options);
  const expected = await expectation(folder, running.update).finally(running.end);
  if (![...dump.keys()].some((name) => expected.stages.has(name))) {
    const theirs = [...dump.keys()].slice(0, 3).join(", ") || "nothing";
    const ours = [...expected.stages.keys()].slice(0, 3).join(", ");
    throw new UserError(
      file,
      `expected stages of ${expected.info.name}, such as ${ours}; got ${theirs}. --names can map them`,
    );
  }
  return { dump, expected, kind: options.class ?? classOf(dump) };
}

/** Runs the known mistakes beside a dump that is off. */
export async function diagnosisOf(judged: Judged, { stderr }: Terminal): Promise<Diagnosis> {
  const running = progressLine(stderr, "running known mistakes");
  const pairing = progressLine(stderr, "running two mistakes at once");
  const hooks = { onMistake: running.update, onPair: pairing.update };
  return diagnose(judged, hooks).finally(() => {
    running.end();
    pairing.end();
  });
}
