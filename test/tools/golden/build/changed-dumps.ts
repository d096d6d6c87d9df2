/**
 * Dumps of a case that readers of the pack must judge as `glm52 golden check` does.
 * @module
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { traceFile } from "../../../../engine/trace/trace-file.ts";
import { type GoldenTensor, readDump } from "../../../../tools/golden/case/case.ts";
import { TINY } from "../../../support/paths.ts";

const ORIGIN = {
  ...{ engineVersion: "0", model: "tiny-all", configSha256: "", precision: "f64" as const },
  ...{ latentEps: 1e-6, tokens: [], command: "" },
};

/** What is expected of tiny-all. */
export const expected = await readDump(join(TINY, "f64.safetensors"));

/** A stage of tiny-all. */
export function tensor(name: string): GoldenTensor {
  const found = expected.get(name);
  if (!found) throw new Error(`no ${name}`);
  return found;
}

/** Writes what is expected of tiny-all with one tensor changed, and gives the file. */
export function changed(
  folder: string,
  name: string,
  change: (data: GoldenTensor["data"]) => void,
  has = (_name: string): boolean => true,
): string {
  const file = join(folder, `${name}.safetensors`);
  const tensors = [...expected]
    .filter(([key]) => has(key))
    .map(([key, { shape, data }]) => {
      const copy = data.slice();
      if (key === name) change(copy);
      return { name: key, shape, data: copy };
    });
  writeFileSync(file, traceFile(tensors, ORIGIN));
  return file;
}

/**
 * Row 23 of top_k-1 with the last chosen position exchanged for the next best. Their scores are as close
 * as bf16 can turn, and not as f32 can. What the scores are made of is left out: `golden check` would
 * measure from it how far they are off, which the readers do not.
 */
export function turned(folder: string): string {
  const [row, width] = [23, tensor("top_k-1").shape[1] ?? 0];
  const scores = [...tensor("indexer_score-1").data.subarray(row * 24, row * 24 + 24)];
  const ranked = scores.map((score, s) => ({ score, s })).sort((a, b) => b.score - a.score);
  const [last, next] = [ranked[width - 1]?.s ?? -1, ranked[width]?.s ?? -1];
  const turn = (data: GoldenTensor["data"]): void => {
    data[data.indexOf(last, row * width)] = next;
  };
  return changed(folder, "top_k-1", turn, (name) => !name.startsWith("indexer_"));
}
