import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { parseJson } from "../../engine/weights/json.ts";
import { CliError } from "../cli-error.ts";
import { progressLine } from "../progress.ts";
import type { Terminal } from "../terminal.ts";
import { readDump } from "./case.ts";
import { type CheckReport, checkDump, FORMATS, type Format, openGolden } from "./check.ts";
import type { Dump } from "./compare.ts";

const HELP = `
A dump is a safetensors file with one tensor per stage, named as glm52 trace names them
(MODEL.md lists the stages): "attn_out-3" is that stage of layer 3, with all tokens. It may hold
any of them; floats in F64, F32, F16 or BF16, selections in I32 or I64. A case is a folder of
test/golden: run its model on its tokens.json. With --names, a JSON object says which of your
names is which stage: {"model.layers.3.self_attn.o_proj": "attn_out-3"}.

Exit codes: 0 all stages agree, or differ by a selection that rounding explains; 1 they do not.

Examples:
  glm52 golden check mine.safetensors --case test/golden/tiny-all
  glm52 golden check mine.safetensors --case test/golden/long-520 --format bf16 --json
`;

interface CheckOptions {
  readonly case: string;
  readonly format: Format;
  readonly names?: string;
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
      stdout.write(options.json ? `${JSON.stringify(report)}\n` : renderCheck(report));
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

/** A {@link CheckReport} as text. */
export function renderCheck(report: CheckReport): string {
  const header = "stage                     max abs    max rel       nmse     cosine  of bound";
  const lines = report.stages.map(({ name, distance: d, overBound, selection, verdict }) => {
    const mark = verdict === "same" ? "" : `  ${verdict}`;
    if (selection) {
      const { equal, rows, explained, unexplained } = selection;
      const others = equal < rows ? `, ${explained} explained, ${unexplained} not` : "";
      return `${name.padEnd(22)} ${equal} of ${rows} rows the same${others}${mark}`;
    }
    if (!d) return `${name.padEnd(22)}${mark}`;
    const numbers = [d.maxAbs, d.maxRel, d.nmse].map((x) => x.toExponential(2).padStart(10));
    const rest = [d.cosine.toFixed(7).padStart(10), (overBound ?? 0).toFixed(3).padStart(9)];
    return `${name.padEnd(22)} ${[...numbers, ...rest].join(" ")}${mark}`;
  });
  return `${[header, ...lines, "", ...conclusion(report)].join("\n")}\n`;
}

function conclusion({
  stages,
  verdict,
  format,
  logits,
  absent,
  unknown,
  ...report
}: CheckReport): string[] {
  const last = stages[stages.length - 1];
  const lines: string[] = [];
  if (logits) {
    const { rows, sameTop1, meanKl, maxKl } = logits;
    lines.push(
      `logits: same likeliest token in ${sameTop1} of ${rows} rows, KL ${meanKl.toExponential(2)} on average, ${maxKl.toExponential(2)} at most`,
    );
  }
  if (absent.length > 0) lines.push(`not in the dump: ${absent.length} stages, first ${absent[0]}`);
  if (unknown.length > 0) lines.push(`not in the case: ${unknown.slice(0, 8).join(", ")}`);
  switch (verdict) {
    case "same":
      lines.push(`${report.case}: all ${stages.length} stages agree as ${format} may`);
      break;
    case "explained":
      lines.push(
        `${report.case}: ${last.name} differs where rounding allows it; what comes after it follows from that and was not judged`,
      );
      break;
    case "differs":
      lines.push(
        `${report.case}: the first wrong stage is ${last.name}${last.message ? `: ${last.message}` : ""}`,
      );
      break;
    default:
      verdict satisfies never;
  }
  return lines;
}
