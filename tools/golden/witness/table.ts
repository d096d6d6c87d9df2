/**
 * Other engines on every case of the pack, live: the table of docs/check-your-engine-evidence.md.
 * What is not there is left out, and why is told below the table.
 *
 * Next: run-witness.ts
 * @module
 */
import { basename } from "node:path";
import type { CaseRun, Witness } from "./run-witness.ts";

/** A line of the table. */
export interface Line {
  readonly caseName: string;
  readonly witness: Witness;
  readonly run: CaseRun;
}

/** A cell of what is off. Where rounding alone may turn choices, it says so. */
const offText = ({ off, isCertified }: CaseRun): string =>
  off.length === 0 ? "0" : `${off.join(", ")}${isCertified ? "" : " (not certified)"}`;

/** The table, and below it what was left out. */
export function renderTable(lines: readonly Line[], absent: readonly string[]): string {
  const rows = lines.map(({ caseName, witness, run }) => {
    const { isCertified, compared, errorOverBound, explained } = run;
    const cells = [
      ...[caseName, witness.engine, witness.kind, isCertified ? "yes" : "no", compared],
      ...[errorOverBound.toPrecision(2), explained, offText(run)],
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const head = [
    "| case | engine | arithmetic | certified | stages | error/bound | explained | unexplained |",
    "|---|---|---|---|---|---|---|---|",
  ];
  return `${[...head, ...rows, "", ...absent.map((line) => `- ${line}`)].join("\n")}\n`;
}

/** Every witness on every case. A run that is not possible is a reason among those left out. */
export async function runTable(
  folders: readonly string[],
  there: readonly Witness[],
  onRun: (caseName: string, witness: Witness) => void = () => {},
): Promise<{ lines: readonly Line[]; skipped: readonly string[] }> {
  const lines: Line[] = [];
  const skipped: string[] = [];
  for (const dir of folders) {
    const caseName = basename(dir);
    for (const witness of there) {
      onRun(caseName, witness);
      const run = await witness.run(dir);
      if (typeof run === "string") skipped.push(`${caseName} by ${witness.engine}: ${run}`);
      else lines.push({ caseName, witness, run });
    }
  }
  return { lines, skipped };
}

/** Whether an engine is off on a case where a right one of its arithmetic cannot be. */
export const isOff = ({ run }: Line): boolean => run.isCertified && run.off.length > 0;
