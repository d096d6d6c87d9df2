import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { parseJson } from "../../engine/weights/json.ts";
import { CliError } from "../cli-error.ts";
import { progressLine } from "../progress.ts";
import type { Terminal } from "../terminal.ts";
import { readDump } from "./case.ts";
import { checkDump, FORMATS, type Format, openGolden } from "./check.ts";
import { renderCheck, renderDiagnosis } from "./check-text.ts";
import type { Dump } from "./compare.ts";
import { findMistakes } from "./diagnose.ts";

const HELP = `
A dump is a safetensors file with one tensor per stage, named as glm52 trace names them
(MODEL.md lists the stages): "attn_out-3" is that stage of layer 3, with all tokens. It may hold
any of them; floats in F64, F32, F16 or BF16, selections in I32 or I64. A case is a folder of
test/golden: run its model on its tokens.json. With --names, a JSON object says which of your
names is which stage: {"model.layers.3.self_attn.o_proj": "attn_out-3"}.

With --diagnose, known mistakes are put into this engine one at a time, and if need be in pairs, and
those are named whose numbers are yours from the first wrong stage on.

Exit codes: 0 all stages agree, or differ by a selection that rounding explains; 1 they do not.

Examples:
  glm52 golden check mine.safetensors --case test/golden/tiny-all
  glm52 golden check mine.safetensors --case test/golden/tiny-all --diagnose
  glm52 golden check mine.safetensors --case test/golden/long-520 --format bf16 --json
`;

interface CheckOptions {
  readonly case: string;
  readonly format: Format;
  readonly names?: string;
  readonly diagnose?: boolean;
  readonly json?: boolean;
}

/** Adds `glm52 golden check`. */
export function addGolden(
  program: Command,
  { stdout, stderr }: Terminal,
  exit: (code: number) => void,
): void {
  program
    .command("golden")
    .summary("check another engine against golden outputs")
    .description("Golden outputs, and the tools that compare with them.")
    .command("check")
    .description("Compares a dump with a golden case and names the first stage that is wrong.")
    .argument("<dump>", "safetensors file with the stages of your engine")
    .requiredOption("--case <dir>", "folder of the golden case")
    .addOption(
      new Option("--format <f>", "numbers that your engine computes in")
        .choices(Object.keys(FORMATS))
        .default("f32"),
    )
    .option("--names <file>", "your names of the stages, as JSON")
    .option("--diagnose", "name the known mistakes that give these numbers")
    .option("--json", "print JSON")
    .addHelpText("after", HELP)
    .action(async (file: string, options: CheckOptions) => {
      const progress = progressLine(stderr, "reading");
      const read = async () => {
        const golden = await openGolden(options.case);
        return { golden, dump: renamed(await readDump(file), await namesOf(options.names)) };
      };
      const { golden, dump } = await read().finally(progress.end);
      const report = checkDump(golden, dump, options.format);
      if (report.stages.length === 0) {
        const some = [...golden.want.keys()].slice(0, 5).join(", ");
        throw new CliError(
          `${file}: expected stages such as ${some}; got ${[...dump.keys()].slice(0, 5).join(", ") || "none"}`,
        );
      }
      const running = progressLine(stderr, "trying known mistakes");
      const diagnosis = options.diagnose
        ? await findMistakes(options.case, golden, dump, report, running.update).finally(
            running.end,
          )
        : undefined;
      stdout.write(
        options.json
          ? `${JSON.stringify({ ...report, ...(diagnosis && { diagnosis }) })}\n`
          : renderCheck(report) + (diagnosis ? renderDiagnosis(diagnosis) : ""),
      );
      exit(report.verdict === "differs" ? 1 : 0);
    });
}

async function namesOf(file: string | undefined): Promise<Record<string, unknown>> {
  if (file === undefined) return {};
  const names = parseJson(file, await readFile(file), "any");
  if (typeof names !== "object" || names === null || Array.isArray(names)) {
    throw new CliError(`${file}: expected an object from your names to ours`);
  }
  return names as Record<string, unknown>;
}

function renamed(dump: Dump, names: Readonly<Record<string, unknown>>): Dump {
  for (const name of Object.keys(names)) {
    if (!dump.has(name)) throw new CliError(`--names: the dump has no ${name}`);
  }
  return new Map([...dump].map(([name, tensor]) => [String(names[name] ?? name), tensor]));
}
