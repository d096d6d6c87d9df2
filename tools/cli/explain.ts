import {
  CacheError,
  CacheFullError,
  ConfigError,
  EncodingError,
  SamplingError,
  StoreError,
  TokenError,
  WeightsError,
} from "../../engine/index.ts";
import { TokenizerError } from "../../tokenizer/index.ts";
import { SavedSessionError } from "../sessions/journal.ts";

/** Something the user can put right; the message is all there is to say. */
export class CliError extends Error {
  override readonly name = "CliError";
}

/** Errors whose message is meant for the user. Any other one is a fault of this program. */
const EXPECTED = [
  CliError,
  ConfigError,
  WeightsError,
  TokenizerError,
  SamplingError,
  TokenError,
  CacheFullError,
  EncodingError,
  StoreError,
  CacheError,
  SavedSessionError,
  RangeError,
];

/** What to print for a thrown value: a sentence, or the whole stack of a fault in the program. */
export function explain(error: unknown): string {
  if (EXPECTED.some((type) => error instanceof type) || isSystemError(error)) {
    return (error as Error).message;
  }
  return `unexpected ${error instanceof Error ? error.stack : String(error)}`;
}

/** From the operating system: no such file, no space, no permission, … */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && "code" in error;
}
