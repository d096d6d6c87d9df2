/**
 * Finds the lines of the model that compute a stage: the one where its tap stands, and those before it
 * that make what the tap is shown.
 * @module
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TourStage } from "./stage-notes.ts";

/** Some lines of source. */
export interface SourceLines {
  /** Name of the file in engine/model. */
  readonly file: string;
  /** The lines, without the blanks around them. */
  readonly lines: readonly string[];
}

/** Finds the lines of one stage. */
export type FindLines = (stage: TourStage) => SourceLines;

/** Not the main model: its draft layer has stages of the same names. */
const LEFT_OUT = "mtp.ts";

/**
 * Reads engine/model once.
 *
 * @returns a function that throws when no line, or more than one, has the tap of a stage
 */
export async function sourceLines(folder: string): Promise<FindLines> {
  const sources: SourceLines[] = [];
  for (const file of await readdir(folder)) {
    if (file === LEFT_OUT || !file.endsWith(".ts")) continue;
    const text = await readFile(join(folder, file), "utf8");
    sources.push({ file, lines: text.split("\n").map((line) => line.trim()) });
  }
  return (stage) => {
    const taps = [`tap("${stage}", `, `taps.model("${stage}", `];
    const found = sources.flatMap(({ file, lines }) =>
      lines.flatMap((line, at) =>
        taps.some((tap) => line.includes(tap)) ? [{ file, lines: leadingUpTo(lines, at) }] : [],
      ),
    );
    if (found.length === 1) return found[0];
    throw new Error(`${stage}: expected one line with its tap in ${folder}, found ${found.length}`);
  };
}

/**
 * The line `at`, and before it the lines whose results it needs, back to the tap before, to an empty
 * line, to the head of the function or to the end of a loop.
 */
function leadingUpTo(lines: readonly string[], at: number): string[] {
  const taken = [lines[at]];
  const needed = namesIn(lines[at]);
  for (let i = at - 1; i >= 0; i--) {
    const line = lines[i];
    if (line === "" || line.startsWith("}") || line.endsWith("{") || line.includes('tap("')) break;
    const made = /^const (\w+|\[.*?\]) = /.exec(line)?.[1];
    if (made === undefined || !namesIn(made).some((name) => needed.includes(name))) continue;
    taken.unshift(line);
    needed.push(...namesIn(line));
  }
  return taken;
}

function namesIn(line: string): string[] {
  return line.match(/\b[a-zA-Z]\w*/g) ?? [];
}
