/**
 * `glm52 trace --stream`: a pass through a model that is larger than memory, layer by layer.
 * @module
 */
import { createHash } from "node:crypto";
import type { Activations, ModelConfig, Precision } from "../../engine/index.ts";
import { type ModelPart, openPart } from "../../engine/weights/part.ts";
import type { Backend } from "../library/arithmetic.ts";
import { withFiles } from "../node/file-source.ts";
import { openModel } from "../node/open.ts";
import { openConfig } from "../node/open-config.ts";
import { ourPackage } from "../node/our-package.ts";
import { type PassSummary, writePass } from "../stream/pass-folder.ts";
import { interruptible } from "./interrupt.ts";
import { progressLine } from "./progress.ts";
import { shellWord } from "./shell-word.ts";
import { type StreamChoice, streamedLine, streamOf } from "./stream-option.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

/** What is run. */
export interface PassSubject {
  readonly folder: string;
  readonly tokens: readonly number[];
  readonly latentEps: number | undefined;
  readonly mtpSteps: number | undefined;
}

/** The options of the command that a pass heeds. */
export interface PassCommandOptions extends StreamChoice {
  readonly backend: Backend;
  readonly threads: number;
  readonly activations?: Activations;
  readonly precision: Precision;
  readonly stages?: readonly string[];
  readonly layers?: readonly number[];
  readonly ignoreConfigKey?: readonly string[];
  readonly resume?: boolean;
  readonly out: string;
  readonly argv: readonly string[];
}

/** Makes the pass and prints what it has come to. */
export async function passCommand(
  { folder, tokens, latentEps, mtpSteps }: PassSubject,
  options: PassCommandOptions,
  terminal: Terminal,
): Promise<void> {
  const { backend, threads, activations, precision, stages, layers, resume, out, argv } = options;
  const { stderr } = terminal;
  if (mtpSteps !== undefined) {
    throw new UsageError("--mtp-steps", "expected a model in memory: a pass has no MTP layer");
  }
  const part = partOf(layers);
  const settings = { latentEps, ignoreConfigKeys: options.ignoreConfigKey };
  const { config } = await openConfig(folder, settings);
  const filesSha256 = await placesSha256(folder, config, part);
  const { model, name, sha256, arithmetic, streamed, close } = await openModel(folder, {
    ...settings,
    ...{ backend, threads, activations, precision },
    turbo: true,
    mtp: "skip",
    stream: await streamOf(options, folder, { part }),
  });
  const { version } = await ourPackage();
  stderr.write(`arithmetic: ${arithmetic}\n`);
  const running = progressLine(stderr, "layer by layer", "layers");
  try {
    const summary = await interruptible(terminal, (signal) =>
      writePass(model, out, {
        origin: {
          engine: `glm52.ts ${version}`,
          model: name,
          configSha256: sha256,
          filesSha256,
          tokens,
          backend,
          precision,
          activations: model.ops.activations,
          latentEps: config.latentNormEps,
          command: ["glm52", ...argv].map(shellWord).join(" "),
          hasEnd: part.logits !== false,
        },
        ...(stages && { stages }),
        ...(resume && { resume }),
        onProgress: running.update,
        signal,
      }),
    );
    running.end();
    stderr.write(passLine(out, tokens.length, summary));
    const report = streamed?.();
    if (report) stderr.write(streamedLine(report));
  } finally {
    running.end();
    await close();
  }
}

/** The first layers, up to the last that is named. A pass begins at the first. */
function partOf(layers: readonly number[] | undefined): ModelPart {
  if (layers === undefined) return {};
  if (layers.some((layer, i) => layer !== i)) {
    throw new UsageError("--layers", "a pass begins at layer 0: expected layers like 0-10");
  }
  return { layers: layers.length, logits: false };
}

/** SHA-256 of where all tensors stand, so that no pass goes on with other files. */
async function placesSha256(folder: string, config: ModelConfig, part: ModelPart): Promise<string> {
  return withFiles(folder, async (files) => {
    const { tensors } = await openPart(files, config, part);
    const hash = createHash("sha256");
    for (const name of [...tensors.keys()].sort()) {
      const { dtype, shape, file, offset, length } = tensors.get(name) ?? {};
      hash.update(JSON.stringify([name, dtype, shape, file, offset, length]));
    }
    return hash.digest("hex");
  });
}

function passLine(out: string, nTokens: number, { layers, chain, isWhole }: PassSummary): string {
  const what = isWhole ? "whole" : "not at its end";
  return `${out}: ${layers} layers of ${nTokens} tokens, ${what}, chain ${chain.slice(0, 16)}\n`;
}
