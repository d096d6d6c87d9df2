/**
 * `glm52 verify-files`: a look at every byte of a checkpoint.
 * @module
 */
import { type Command, Option } from "commander";
import { allCores } from "../../node/threads.ts";
import { compareWithReceipt, type VerifyReport, writeReceipt } from "../../stream/verify-files.ts";
import { THREADS } from "../generation-options.ts";
import { interruptible } from "../interrupt.ts";
import { duration, progressLine } from "../progress.ts";
import type { Terminal } from "../terminal.ts";

interface VerifyFilesOptions {
  readonly out?: string;
  readonly against?: string;
  readonly threads: number;
  readonly json?: boolean;
}

const HELP = `
It reads all safetensors files of the folder, checks that their headers are well-formed and that no number is
NaN or infinite, and writes a receipt: for each file its size, the time of its last change and a SHA-256 of its
header, for each tensor an xxHash32 of every 16 MiB. Models that are streamed are then
compared with it. Such a checksum finds what a disk or a download has
damaged; it proves nothing against somebody who means to change a file.

What is done is saved twice a minute, beside the receipt with .part behind its name. Started again, the
command goes on from there; without it, it looks at everything again. --against writes nothing: it compares all bytes with a receipt, and names the
first tensor that differs.

Examples:
  glm52 verify-files ~/models/GLM-5.2-FP8
  glm52 verify-files ~/models/GLM-5.2-FP8 --out receipt.json
  glm52 verify-files /mnt/copy --against receipt.json

Exit codes:
  0    all files are whole
  1    a file is damaged, or differs from the receipt; stderr names the tensor
  2    the command line is wrong
  130  Ctrl-C was pressed; what was done is kept
`;

/** Adds `glm52 verify-files`. */
export function addVerifyFiles(program: Command, terminal: Terminal): void {
  program
    .command("verify-files")
    .summary("look at every byte of a checkpoint once")
    .description("Checks all bytes of a checkpoint, and writes a receipt of them.")
    .argument("<folder>", "folder of a model")
    .option("--out <file>", "where the receipt goes; default: glm52-receipt.json in the folder")
    .addOption(new Option("--against <receipt>", "compare with this receipt").conflicts("out"))
    .option("--threads <n>", "number of threads; changes no result", THREADS, allCores())
    .option("--json", "print JSON")
    .addHelpText("after", HELP)
    .action(async (folder: string, options: VerifyFilesOptions) => {
      const report = await verify(folder, options, terminal);
      const text = options.json ? JSON.stringify(report) : reportText(report, options.against);
      terminal.stdout.write(`${text}\n`);
    });
}

async function verify(
  folder: string,
  { out, against, threads }: VerifyFilesOptions,
  terminal: Terminal,
): Promise<VerifyReport> {
  const line = progressLine(terminal.stderr, "verifying", "MB");
  const onProgress = (done: number, total: number) => line.update(done / 1e6, total / 1e6);
  return interruptible(terminal, (signal) => {
    const how = { threads, signal, onProgress };
    const work =
      against === undefined
        ? writeReceipt(folder, { ...how, out })
        : compareWithReceipt(folder, against, how);
    return work.finally(line.end);
  });
}

function reportText(report: VerifyReport, against: string | undefined): string {
  const { files, tensors, bytes, bytesBefore, seconds, how, receipt } = report;
  const what = `${files} files, ${tensors} tensors, ${(bytes / 1e9).toFixed(1)} GB`;
  const isGood =
    against === undefined ? "all numbers are finite" : `all bytes are those of ${against}`;
  const rate = ((bytes - bytesBefore) / 1e9 / seconds).toFixed(2);
  const lines = [`${what}: ${isGood}`];
  if (bytesBefore > 0) lines.push(`${(bytesBefore / 1e9).toFixed(1)} GB of them in an earlier run`);
  lines.push(`${duration(seconds)}, ${rate} GB/s, ${how}`);
  if (against === undefined) lines.push(`receipt: ${receipt}`);
  return lines.join("\n");
}
