/**
 * `--stream`, and what belongs to it: models that are larger than memory run from their files.
 * @module
 */
import { totalmem } from "node:os";
import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { bytes } from "../inspect/units.ts";
import type { StreamReport } from "../library/streaming.ts";
import type { FolderStream } from "../node/open.ts";
import { RECEIPT_FILE, readReceipt } from "../node/receipt.ts";
import { UserError } from "../node/user-error.ts";
import { byteSize, integer } from "./numbers.ts";
import { UsageError } from "./usage-error.ts";

/** The values of these options. */
export interface StreamChoice {
  readonly stream?: boolean;
  readonly ram?: number;
  readonly guesses?: number;
  /** A file; false for none, also where the folder has one. */
  readonly receipt?: string | false;
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
    )
    .option(
      "--guesses <n>",
      "with --stream: read so many experts of the next layer ahead for each token, on a guess (default: 4)",
      integer(0),
    )
    .option(
      "--receipt <file>",
      `what verify-files wrote: streamed bytes are compared with it (default: ${RECEIPT_FILE} of the model, if it is there)`,
    )
    .option("--no-receipt", "compare streamed bytes with no receipt");
}

/**
 * How a folder is to be streamed, if it is.
 *
 * @param folder the folder of the model; undefined for the demo model, which has no receipt of its own
 * @throws {UsageError} for options that say nothing without `--stream`
 * @throws {UserError} when there is no such receipt
 */
export async function streamOf(
  { stream, ram, guesses, receipt }: StreamChoice,
  folder: string | undefined,
  more: Omit<FolderStream, "ram" | "receipt"> = {},
): Promise<FolderStream | undefined> {
  if (stream) {
    const found = await receiptOf(receipt, folder);
    return { ...more, ...found, guesses, ram: ram ?? Math.floor(USUAL_SHARE * totalmem()) };
  }
  const given = { "--ram": ram, "--guesses": guesses, "--receipt": receipt || undefined };
  const wrong = Object.entries(given).find(([, value]) => value !== undefined)?.[0];
  if (wrong === undefined) return undefined;
  throw new UsageError(wrong, "expected --stream, too: it says nothing of a model that is loaded");
}

/** The receipt that is named, or the one of the folder. */
async function receiptOf(
  named: string | false | undefined,
  folder: string | undefined,
): Promise<Pick<FolderStream, "receipt">> {
  if (named === false || (named === undefined && folder === undefined)) return {};
  const receipt = await readReceipt(named ?? join(folder ?? "", RECEIPT_FILE));
  if (receipt) return { receipt };
  if (named === undefined) return {};
  throw new UserError(named, "no such file; glm52 verify-files writes a receipt");
}

/** What streaming has done: bytes, experts that were in memory, and waiting. */
export function streamedLine(report: StreamReport): string {
  const { trunkBytes, expertBytes, asked, hits, slots, guessed, waited, how, compared } = report;
  const read = `streamed ${bytes(expertBytes)} of experts and ${bytes(trunkBytes)} of the rest`;
  const kept = `${hits} of ${asked} experts were in one of ${slots} slots`;
  const guesses = guessed > 0 ? `, ${guessedText(report)}` : "";
  const checked = compared > 0 ? ` · ${bytes(compared)} are those of the receipt` : "";
  return `${read} (${how})${checked} · ${kept}${guesses} · waited ${waited.toFixed(1)} s\n`;
}

function guessedText({ guessed, guessedRight, bytesInVain }: StreamReport): string {
  return `${guessedRight} of ${guessed} guesses were right (${bytes(bytesInVain)} in vain)`;
}
