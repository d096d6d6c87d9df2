import { join } from "node:path";
import type { Command } from "commander";
import { jsonText } from "../../golden/build/json-text.ts";
import { MATRIX_FILE, mutationMatrix } from "../../golden/build/mutation-matrix.ts";
import { writeText } from "../../node/write-whole.ts";
import type { Terminal } from "../terminal.ts";

const HELP = `
Every known mistake is put into the engine and run on every case of the pack. The file says at which
stage each case catches it. That takes a minute or more. glm52 golden build then lists the new file
in the manifest.

Examples:
  glm52 golden mutations
  glm52 golden mutations FOLDER

Exit codes:
  0  the file is written, and every mistake is caught
  1  the pack cannot be read
  3  the file is written, and a mistake is not caught
`;

/** Adds `glm52 golden mutations`. */
export function addGoldenMutations(
  golden: Command,
  terminal: Terminal,
  exit: (code: number) => void,
): void {
  golden
    .command("mutations")
    .argument("[pack]", "folder of the golden pack", "golden")
    .summary("find out which known mistakes each case catches")
    .description(`Writes ${MATRIX_FILE} of the golden pack.`)
    .addHelpText("after", HELP)
    .action(async (pack: string) => {
      const { stderr } = terminal;
      const matrix = await mutationMatrix(pack, (name) => stderr.write(`${name}\n`));
      await writeText(join(pack, MATRIX_FILE), jsonText(matrix, 3));
      stderr.write(`${matrix.caught} of ${matrix.mutants} mistakes are caught\n`);
      exit(matrix.caught === matrix.mutants ? 0 : 3);
    });
}
