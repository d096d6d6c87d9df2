/**
 * `--route-trace`: a file with the experts that each token of a run visited.
 * @module
 */
import { createHash } from "node:crypto";
import { Option } from "commander";
import type { TextResult } from "../library/generate-text.ts";
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

/** Writes what was recorded while a text was made. */
export async function writeRoutes(
  file: string,
  recorder: RouteRecorder,
  glm: Glm,
  { promptIds, tokens, timing }: TextResult,
  stderr: TextOut,
): Promise<void> {
  const { folder, name } = glm.source;
  const { prefillTokens } = timing;
  const ids = [...promptIds, ...tokens.map(({ id }) => id)].slice(promptIds.length - prefillTokens);
  const trace = recorder.trace({
    engine: `glm52.ts ${(await ourPackage()).version}`,
    model: name,
    tokensSha256: sha256(ids.slice(0, recorder.nTokens).join()),
    expertBytes: folder === undefined ? undefined : await storedExpertBytes(folder, glm.config),
    prefillTokens,
  });
  await writeWhole(file, routeFile(trace));
  stderr.write(`${file}: experts of ${trace.nTokens} tokens in ${trace.layers.length} layers\n`);
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
