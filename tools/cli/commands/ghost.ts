/**
 * `glm52 ghost`: the files of a released model, without its numbers.
 * @module
 */
import { type Command, Option } from "commander";
import { RELEASES, type Release } from "../../../engine/weights/official-tensors.ts";
import { type Ghost, writeGhost } from "../../stream/ghost.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { interruptible } from "../interrupt.ts";
import { byteSize, integer } from "../numbers.ts";
import type { Terminal } from "../terminal.ts";

const HELP = `
The files have the names, sizes and headers of the released ones, and holes instead of numbers: the 704 GiB of
GLM-5.2 in FP8 take 26 MB of the disk. Programs that read headers can be tried on them. All numbers are
zero, so nothing sensible can be generated.

With --layers N only the files that the first N layers need are there, the embedding, the last norm and the
head among them; the index still lists all. So one sees what must be downloaded to run these layers.

The new folder must not exist or must be empty. It appears only when all of it is written. The disk must
keep holes in files; most do under Linux and macOS.

Examples:
  glm52 ghost GHOST
  glm52 ghost GHOST --layers 4 --json
  glm52 ghost GHOST --dtype bf16
  glm52 ghost GHOST --config DIR/config.json --shard-limit 1MB
`;

interface GhostCommandOptions {
  readonly dtype: Release;
  readonly layers?: number;
  readonly config?: string;
  readonly shardLimit?: number;
  readonly json?: boolean;
}

/** Adds `glm52 ghost`. */
export function addGhost(program: Command, terminal: Terminal): void {
  program
    .command("ghost")
    .summary("make the files of a released model without their numbers")
    .description("Writes a checkpoint of the released layout: true headers and sizes, no numbers.")
    .argument("<out>", "the folder to make")
    .addOption(
      new Option("--dtype <f>", "the repository: its number format")
        .choices(RELEASES)
        .default("fp8"),
    )
    .option("--layers <n>", "only the files that the first n layers need", integer(1))
    .option("--config <file>", "another config.json than that of GLM-5.2")
    .option("--shard-limit <size>", "most bytes of tensors in a file (default: 5GiB)", byteSize)
    .option("--json", "print JSON")
    .addHelpText("after", HELP + EXIT_CODES)
    .action(async (out: string, options: GhostCommandOptions) => {
      const { dtype: release, layers, config, shardLimit: limit } = options;
      const ghost = await interruptible(terminal, (signal) =>
        writeGhost(out, { release, layers, config, limit, signal }),
      );
      terminal.stdout.write(options.json ? `${JSON.stringify(ghost)}\n` : ghostText(ghost, out));
    });
}

function ghostText({ files, filesListed, bytes, bytesOnDisk }: Ghost, out: string): string {
  const which = files === filesListed ? `${files} files` : `${files} of ${filesListed} files`;
  const [size, taken] = [(bytes / 1e9).toFixed(1), (bytesOnDisk / 1e6).toFixed(1)];
  return `${out}: ${which} of ${size} GB in all, which take ${taken} MB of the disk\n`;
}
