/**
 * The reference backend keeps every weight unpacked, in the numbers in which it computes. For a checkpoint
 * in bf16 that is twice the file, or four times in f64, for one in q4 seven times. This is said before
 * the weights are read, and more than the machine has is refused.
 * @module
 */
import { totalmem } from "node:os";
import type { Precision } from "../../engine/index.ts";
import { weightBytes } from "../inspect/sizes.ts";
import { bytes } from "../inspect/units.ts";
import type { Backend } from "../library/arithmetic.ts";
import { openConfig } from "../node/open-config.ts";
import { UserError } from "../node/user-error.ts";
import type { TextOut } from "./text-out.ts";

/** Less than this is not worth a line. */
const WORTH_SAYING = 5e8;

/** What is to be opened. */
interface Opening {
  readonly backend: Backend;
  readonly precision?: Precision;
  readonly ignoreConfigKey?: readonly string[] | undefined;
  readonly latentEps?: number | undefined;
}

/**
 * Says how much memory the reference needs for a model.
 *
 * @param memory of the machine
 * @throws {UserError} when the machine has less; and the errors of reading the config
 */
export async function sayMemory(
  folder: string,
  { backend, precision = "f32", ignoreConfigKey, latentEps }: Opening,
  stderr: Pick<TextOut, "write">,
  memory: number = totalmem(),
): Promise<void> {
  if (backend !== "reference") return;
  const { config } = await openConfig(folder, { ignoreConfigKeys: ignoreConfigKey, latentEps });
  const needed = weightBytes(config, "f32").total * (precision === "f64" ? 2 : 1);
  const what = `the reference keeps the weights in ${precision}, about ${bytes(needed)}`;
  const wayOut = "--backend wasm keeps them as they are stored";
  if (needed > memory) {
    throw new UserError(folder, `${what}, and this machine has ${bytes(memory)}; ${wayOut}`);
  }
  if (needed >= WORTH_SAYING) stderr.write(`${what} in memory; ${wayOut}\n`);
}
