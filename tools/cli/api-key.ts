/**
 * `--api-key-env`: keys come from the environment, so that no list of processes shows them.
 * @module
 */
import { env } from "node:process";
import { UsageError } from "./usage-error.ts";

/** The key in a variable; undefined where none is named. @throws {UsageError} when it is empty */
export function apiKeyOf(variable: string | undefined): string | undefined {
  if (variable === undefined) return undefined;
  const key = env[variable];
  if (key) return key;
  throw new UsageError("--api-key-env", `expected a key in the variable ${variable}, got none`);
}
