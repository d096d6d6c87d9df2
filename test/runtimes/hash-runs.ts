/**
 * Runs commands one after the other in this process, and prints a list of the hashes of their results as
 * JSON. A runtime is started once for all commands, because starting takes longer than most of them.
 *
 *     node hash-runs.js COMMANDS.json
 */
import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import process from "node:process";
import { glm52 } from "../tools/cli/fake-terminal.ts";

/** One command. */
export interface HashedCommand {
  readonly argv: readonly string[];
  /** The file of tensors that the command writes. If not given, its output is hashed. */
  readonly out?: string;
}

/** SHA-256 of the result of a command: the tensors of a trace, the ids of a text, or all its output. */
async function hash({ argv, out }: HashedCommand): Promise<string> {
  const { code, stdout, stderr } = await glm52(argv, { stdin: new Uint8Array(0) });
  if (code !== 0) throw new Error(`glm52 ${argv.join(" ")}: exit code ${code}: ${stderr}`);
  if (out === undefined) {
    const { ids = stdout } = JSON.parse(stdout); // timings beside the ids differ
    return createHash("sha256").update(JSON.stringify(ids)).digest("hex");
  }
  const bytes = readFileSync(out);
  rmSync(out);
  return createHash("sha256")
    .update(bytes.subarray(8 + Number(bytes.readBigUInt64LE(0))))
    .digest("hex");
}

const [, , file] = process.argv;
const commands: readonly HashedCommand[] = JSON.parse(readFileSync(file, "utf8"));
const hashes: string[] = [];
for (const command of commands) hashes.push(await hash(command));
console.log(JSON.stringify(hashes));
