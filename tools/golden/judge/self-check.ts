/**
 * Checks this engine's own backends on cases of the pack.
 * @module
 */
import { basename, join } from "node:path";
import { BACKENDS, type Backend } from "../../library/arithmetic.ts";
import { openModel } from "../../node/open.ts";
import { expectation, traceCase } from "../case/expectation.ts";
import type { Pause } from "../case/pause.ts";
import { asDump } from "../dump/as-dump.ts";
import { judge } from "./judge.ts";

/** One backend on one case, in float32. */
export interface SelfResult {
  /** Name of the case. */
  readonly case: string;
  /** The backend that ran it. */
  readonly backend: Backend;
  /** Stages that are right. */
  readonly ok: number;
  /** Stages that rounding explains. */
  readonly explained: number;
  /** Stages that the case has. */
  readonly of: number;
  /** The largest error over its bound; 1 is the limit. */
  readonly errorOverBound: number;
  /** The first stage that is off. */
  readonly firstOff: string | undefined;
  /** What is wrong with the first stage that is off. */
  readonly sentence: string | undefined;
}

/** Whether the backend has every stage of the case, and none is off. */
export const passes = ({ firstOff, ok, explained, of }: SelfResult): boolean =>
  firstOff === undefined && ok + explained === of;

/**
 * Runs every backend on every case.
 *
 * @param turbo see OpenOptions: it sets a flag of the process
 */
export async function selfCheck(
  folders: readonly string[],
  turbo: boolean,
  pause: Pause = () => {},
): Promise<SelfResult[]> {
  const results: SelfResult[] = [];
  for (const dir of folders) {
    const expected = await expectation(dir);
    const { info } = expected;
    for (const backend of BACKENDS) {
      const options = { backend, threads: 1, turbo, latentEps: info.latentEps };
      const { model, close } = await openModel(join(dir, "model"), options);
      const dump = await runAndClose(close, () => asDump(traceCase(model, info)));
      const { stages, firstOff } = judge(dump, expected, "f32");
      const count = (wanted: string): number =>
        stages.filter(({ verdict }) => verdict === wanted).length;
      results.push({
        case: basename(dir),
        backend,
        ok: count("ok"),
        explained: count("explained"),
        of: stages.length,
        errorOverBound: Math.max(...stages.map((stage) => stage.errorOverBound ?? 0)),
        firstOff,
        sentence: stages.find(({ name }) => name === firstOff)?.sentence,
      });
      await pause(results.length, folders.length * BACKENDS.length);
    }
  }
  return results;
}

/** What `run` gives. The threads end, whether it throws or not. */
async function runAndClose<T>(close: () => Promise<void>, run: () => T): Promise<T> {
  try {
    return run();
  } finally {
    await close();
  }
}

/** A table with a line for each backend of each case. */
export function renderSelfCheck(results: readonly SelfResult[]): string {
  const width = Math.max(4, ...results.map((result) => result.case.length));
  const lines = results.map((result) => {
    const { backend, ok, explained, of, errorOverBound, firstOff, sentence } = result;
    const counts = `${ok} ok, ${explained} explained of ${of}`;
    const error = errorOverBound.toPrecision(2);
    const off = firstOff === undefined ? "" : `  OFF at ${firstOff}: ${sentence}`;
    return `${result.case.padEnd(width)}  ${backend.padEnd(9)}  ${counts.padEnd(30)}  ${error}${off}`;
  });
  const nRight = results.filter(passes).length;
  const head = `${"case".padEnd(width)}  backend    ${"stages".padEnd(30)}  error/bound`;
  return `${[head, ...lines, "", `${nRight} of ${results.length} runs pass`].join("\n")}\n`;
}
