/**
 * `glm52 plan`: what a model costs at each length of context.
 * @module
 */
import { stat } from "node:fs/promises";
import type { Command } from "commander";
import { measureDisk } from "../../inspect/disk-rate.ts";
import { inspectPath } from "../../inspect/inspect-folder.ts";
import { officialName } from "../../inspect/official-name.ts";
import { type Plan, planFor } from "../../inspect/plan.ts";
import { renderSvg } from "../../inspect/plan-svg.ts";
import { renderPlan } from "../../inspect/plan-text.ts";
import { measureRate } from "../../inspect/rate.ts";
import type { DiskRate } from "../../inspect/streaming.ts";
import { kernels } from "../../node/node-host.ts";
import { demoModel } from "../../node/our-package.ts";
import { checkWritable } from "../../node/output.ts";
import { allCores } from "../../node/threads.ts";
import { writeText } from "../../node/write-whole.ts";
import { checkContexts } from "../contexts.ts";
import { THREADS, UNIT } from "../generation-options.ts";
import { byteSize, POSITIVE, tokenCounts } from "../numbers.ts";
import type { Terminal } from "../terminal.ts";
import { UsageError } from "../usage-error.ts";

const HELP = `
The numbers are computed from the config, without running the model. If there are weights, only the
headers of their files are read. In --context, K is 1024 tokens and M is 1024 x 1024. In --ram, GB
is 10^9 bytes and GiB is 2^30 bytes.

The rates are the best of several short runs, with the slowest beside it. A step of decoding is
taken to read its weights and rows once, at the measured speed; --gflops leaves this table out.

With --disk, the plan says what it costs to read weights while the model runs: bytes and seconds for
a token, and for a pass over many tokens that reads each layer once. These are bounds that the disk
sets; no program is faster. With --ram, it also says what could stay in memory, and how often a cache
of experts would hit.

Examples:
  glm52 plan
  glm52 plan --context 1K,8K --ram 24GB
  glm52 plan ~/models/GLM-5.2/config.json
  glm52 plan ~/models/GLM-5.2 --context 128K,1M --ram 24GB
  glm52 plan ~/models/GLM-5.2/config.json --disk 1.3 --ram 16GB
  glm52 plan ~/models/GLM-5.2 --ram 24GB --disk
  glm52 plan DIR --gflops 100 --json
  glm52 plan DIR --svg costs.svg

Exit codes:
  0    the command did its work
  1    the model is not usable or the file is not writable; stderr says why
  2    the command line is wrong
`;

/** Contexts to show when the user names none. The model's longest context is added to them. */
const CONTEXTS = [2 ** 12, 2 ** 15, 2 ** 17];

interface PlanOptions {
  readonly context?: readonly number[];
  readonly ram?: number;
  readonly disk?: number | true;
  readonly hits?: number;
  readonly gflops?: number;
  readonly threads: number;
  readonly json?: boolean;
  readonly svg?: string;
}

/** Adds `glm52 plan`. */
export function addPlan(program: Command, { stdout, stderr }: Terminal): void {
  program
    .command("plan")
    .summary("compute what contexts cost: FLOPs, bytes, time, and what fits in memory")
    .description("Computes the work and the memory that a model needs at each length of context.")
    .argument("[model]", "folder of a model, or a config.json (default: the demo model)")
    .option("--context <list>", "lengths of context in tokens, like 128K,1M", tokenCounts)
    .option("--ram <size>", "say what fits in this much memory, like 24GB", byteSize)
    .option(
      "--disk [speed]",
      "say what it costs to read weights from a disk of this speed, in GB/s (default: measured with the model's files)",
      POSITIVE,
    )
    .option(
      "--hits <share>",
      "share of the experts that a cache in --ram has, 0 … 1 (default: what an LRU cache had with like routes)",
      UNIT,
    )
    .option(
      "--gflops <n>",
      "compute times for this speed (default: the measured speed of the wasm kernel)",
      POSITIVE,
    )
    .option("--threads <n>", "number of threads to measure with", THREADS, allCores())
    .option("--json", "print JSON")
    .option("--svg <file>", "also write a chart of FLOPs per token to this file")
    .addHelpText("after", HELP)
    .action(async (given: string | undefined, options: PlanOptions) => {
      if (options.hits !== undefined && (options.disk === undefined || options.ram === undefined)) {
        throw new UsageError("--hits", "needs --disk and --ram");
      }
      const path = given ?? (await demoModel());
      if (options.svg !== undefined) await checkWritable(options.svg, [path]);
      const plan = await makePlan(path, options);
      if (options.svg !== undefined) {
        await writeText(options.svg, renderSvg(plan));
        stderr.write(`${options.svg}: FLOPs per token, ${plan.name}\n`);
      }
      stdout.write(options.json ? `${JSON.stringify(plan)}\n` : renderPlan(plan));
    });
}

async function makePlan(path: string, options: PlanOptions): Promise<Plan> {
  const { config, name, quantization, inspection } = await inspectPath(path);
  checkContexts("--context", options.context ?? [], config);
  const max = config.maxPositionEmbeddings;
  const { gflops } = options;
  const disk = options.disk === undefined ? undefined : await diskOf(path, options.disk);
  const { rate, reading } =
    gflops === undefined
      ? await measureRate(await kernels(), options.threads)
      : { rate: { gflops, source: "given" as const }, reading: undefined };
  return planFor(config, {
    name: officialName(config) ?? name,
    contexts: options.context ?? [...CONTEXTS.filter((n) => n < max), max],
    rate,
    reading,
    ramBytes: options.ram,
    disk,
    hits: options.hits,
    fileBytes: inspection.partial ? undefined : inspection.files?.bytes,
    quantization,
  });
}

/** The speed that was given, or that of the disk on which the model's files are. */
async function diskOf(path: string, given: number | true): Promise<DiskRate> {
  if (given !== true) return { gbps: given };
  if ((await stat(path)).isDirectory()) return measureDisk(path);
  throw new UsageError(
    "--disk",
    "a config.json has no weights to measure with: give the speed in GB/s",
  );
}
