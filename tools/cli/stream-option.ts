/**
 * `--stream` and `--ram`: models that are larger than memory run from their files.
 * @module
 */
import { totalmem } from "node:os";
import { type Command, InvalidArgumentError } from "commander";
import { bytes } from "../inspect/units.ts";
import type { StreamReport } from "../library/streaming.ts";
import type { FolderStream } from "../node/open.ts";
import { byteSize } from "./numbers.ts";
import { UsageError } from "./usage-error.ts";

/** The values of these options. */
export interface StreamChoice {
  readonly stream?: boolean;
  readonly ram?: number;
}

/** Less is not enough for a step of any model of this architecture. */
const LEAST_RAM = 2 ** 28;

/** The share of the machine's memory that is taken when nobody says how much. */
const USUAL_SHARE = 1 / 2;

/** Adds the options. They change no result. */
export function addStreamOptions(command: Command): Command {
  return command
    .option(
      "--stream",
      "read the weights from the files while the model runs: for models larger than memory; changes no result",
    )
    .option(
      "--ram <size>",
      "memory for a streamed model, e.g. 8GB (default: half of the machine's)",
      (text: string): number => {
        const size = byteSize(text);
        if (size >= LEAST_RAM) return size;
        throw new InvalidArgumentError(`Expected at least ${bytes(LEAST_RAM)}.`);
      },
    );
}

/** How a folder is to be streamed, if it is. */
export function streamOf(
  { stream, ram }: StreamChoice,
  more: Omit<FolderStream, "ram"> = {},
): FolderStream | undefined {
  if (stream) return { ...more, ram: ram ?? Math.floor(USUAL_SHARE * totalmem()) };
  if (ram === undefined) return undefined;
  throw new UsageError(
    "--ram",
    "expected --stream, too: a model that is loaded takes what it needs",
  );
}

/** What streaming has done: bytes, experts that were in memory, and waiting. */
export function streamedLine(report: StreamReport): string {
  const { trunkBytes, expertBytes, asked, hits, slots, waited, how } = report;
  const read = `streamed ${bytes(expertBytes)} of experts and ${bytes(trunkBytes)} of the rest`;
  const kept = `${hits} of ${asked} experts were in one of ${slots} slots`;
  return `${read} (${how}) · ${kept} · waited ${waited.toFixed(1)} s\n`;
}
