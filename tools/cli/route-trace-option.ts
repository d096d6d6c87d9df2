/**
 * `--route-trace`: a file with the experts that each token of a run visited.
 * @module
 */
import { createHash } from "node:crypto";
import { Option } from "commander";
import type { Glm } from "../library/glm.ts";
import { ourPackage } from "../node/our-package.ts";
import { UserError } from "../node/user-error.ts";
import { writeWhole } from "../node/write-whole.ts";
import { storedExpertBytes } from "../stream/expert-bytes.ts";
import { RouteRecorder } from "../stream/route-recorder.ts";
import { routeFile } from "../stream/route-trace.ts";
import type { TextOut } from "./text-out.ts";

/** The option. */
export const routeTraceOption = (): Option =>
  new Option(
    "--route-trace <file>",
    "also write which experts each token visited, for `glm52 cache replay`",
  ).conflicts(["draft", "show"]);

/**
 * What looks on while a model runs.
 *
 * @throws {UserError} for a model without experts
 */
export function routeRecorder(glm: Glm): RouteRecorder {
  if (glm.config.mlpLayerTypes.includes("sparse")) return new RouteRecorder(glm.config);
  throw new UserError("--route-trace", "this model has no experts to choose from");
}

/** The text during which routes were recorded. */
export interface TracedText {
  /** All tokens that the caches hold now; the recorder has seen the last ones of them. */
  readonly tokens: readonly number[];
  /** How many of them, the first ones, were there before any was generated. */
  readonly promptLength: number;
}

/** Writes what was recorded while a text was made. */
export async function writeRoutes(
  file: string,
  recorder: RouteRecorder,
  glm: Glm,
  { tokens, promptLength }: TracedText,
  stderr: TextOut,
): Promise<void> {
  const { folder, name } = glm.source;
  const from = tokens.length - recorder.nTokens;
  const trace = recorder.trace({
    engine: `glm52.ts ${(await ourPackage()).version}`,
    model: name,
    tokensSha256: sha256(tokens.slice(from).join()),
    expertBytes: folder === undefined ? undefined : await storedExpertBytes(folder, glm.config),
    prefillTokens: promptLength - from,
  });
  await writeWhole(file, routeFile(trace));
  stderr.write(`${file}: experts of ${trace.nTokens} tokens in ${trace.layers.length} layers
`);
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
