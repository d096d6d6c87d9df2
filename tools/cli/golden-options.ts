/**
 * The options that `golden check` and `golden diagnose` share, and what they mean to the library.
 * @module
 */

import { type Command, Option } from "commander";
import {
  type CheckOptions,
  CLASSES,
  type EngineClass,
  readNames,
  type Step,
  type Verdict,
  type WorkOptions,
} from "../golden/index.ts";
import { type Progress, progressLine } from "./progress.ts";
import { shellWord } from "./shell-word.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

/** Options of both commands. */
export interface GoldenOptions {
  readonly case?: readonly string[];
  readonly pack?: string;
  readonly names?: string;
  readonly class?: EngineClass;
  readonly json?: boolean;
  readonly replay?: boolean;
}

/** Help of the argument. */
export const DUMP = "file or folder with the stages of an engine";

/** What both commands read. */
export const DUMPS = `
A dump is safetensors, .npz, .npy, a file of torch.save, a folder of .npy files or of what SGLang dumps,
or text (name [d0,d1] f32, then numbers),
of stages as glm52 trace names them, of HF transformers' module names, or of any names with --names:
a JSON object, {"their.name.{l}": "l_out-{l}"}. A case is a folder with a checkpoint, its tokens,
what HF transformers made of them in float64, and how far rounding may take an engine from that, by
class: f32; f32 with f16 caches (f16-cache), and with queries and sums of the attention in f16, too
(f16-attention); f32 with caches in int8 or bf16 (int8-cache); or bf16. --case takes the folder, or the
name of a case of the pack. Without --class a dump with BF16 is of class bf16, one with F16 of class
f16-cache; of any other its numbers tell whether they were rounded, and to what.
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
    .option("--replay", "run the model with the dump's choices, and judge what follows from them")
    .option("--json", "print JSON");

/**
 * What the options mean to the library.
 *
 * @throws {UsageError} when there is not one case
 */
export async function checkOptions(options: GoldenOptions): Promise<CheckOptions> {
  const { case: cases = [], pack, names, class: kind, replay = false } = options;
  const [name, ...more] = cases;
  if (name === undefined || more.length > 0) {
    throw new UsageError(
      "--case",
      `expected one case for a dump, got ${cases.join(", ") || "none"}`,
    );
  }
  return {
    case: name,
    replay,
    ...(pack !== undefined && { pack }),
    ...(kind && { class: kind }),
    ...(names !== undefined && { names: await readNames(names) }),
  };
}

/** The exit code of a command that judges a dump. */
export const exitCodeOf = ({ status }: Pick<Verdict, "status">): number =>
  ({ right: 0, allowed: 0, unknown: 1, wrong: 3 })[status];

/** The command that names the mistake behind a dump, with the options of the check that found it. */
export function diagnoseCommand(file: string, options: GoldenOptions): string {
  const { case: cases = [], pack, names, class: kind } = options;
  const given = Object.entries({ pack, names, class: kind }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, value],
  );
  const replay = options.replay ? ["--replay"] : [];
  const words = [file, ...cases.flatMap((name) => ["--case", name]), ...given, ...replay];
  return `glm52 golden diagnose ${words.map(shellWord).join(" ")}`;
}

/** Hands `work` a progress line for each of its steps, one after the other. */
export async function withStepLines<T>(
  { stderr }: Terminal,
  work: (onProgress: NonNullable<WorkOptions["onProgress"]>) => Promise<T>,
): Promise<T> {
  let line: Progress | undefined;
  let step: Step | undefined;
  const onProgress = (now: Step, done: number, total: number): void => {
    if (now !== step) {
      line?.end();
      line = progressLine(stderr, now);
      step = now;
    }
    line?.update(done, total);
  };
  return work(onProgress).finally(() => line?.end());
}
