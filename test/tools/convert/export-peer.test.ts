/**
 * Compares llama.cpp, which reads the files that `glm52 export` writes, with the wasm backend. It
 * runs through node-llama-cpp, which is not a dependency of the package, so these tests run only
 * where GLM52_PEERS names a folder that has node_modules/node-llama-cpp.
 */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { trace } from "../../../engine/trace/trace.ts";
import { llamaLogits } from "../../../tools/golden/witness/llama.ts";
import { openModel } from "../../../tools/node/open.ts";
import { hasLlama, PEERS } from "../../support/llama.ts";
import { DEMO_MODEL, scratchFolder } from "../../support/paths.ts";
import { glm52 } from "../cli/fake-terminal.ts";

const N = 300;

function logSoftmax(x: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(x);
  const largest = values.reduce((a, b) => Math.max(a, b));
  const sum = values.reduce((a, b) => a + Math.exp(b - largest), 0);
  return values.map((v) => v - largest - Math.log(sum));
}

const argmax = (x: Float64Array): number => x.indexOf(x.reduce((a, b) => Math.max(a, b)));

/** How far two distributions are apart, over some positions. */
function compare(ours: Float64Array[], theirs: Float64Array[], from: number, to: number) {
  let same = 0;
  const kls: number[] = [];
  for (let t = from; t < to; t++) {
    let atT = 0;
    for (let i = 0; i < ours[t].length; i++) {
      atT += Math.exp(ours[t][i]) * (ours[t][i] - theirs[t][i]);
    }
    kls.push(atT);
    same += Number(argmax(ours[t]) === argmax(theirs[t])) / (to - from);
  }
  const sorted = [...kls].sort((a, b) => a - b);
  const mean = kls.reduce((a, b) => a + b) / kls.length;
  return { same, mean, median: sorted[sorted.length >> 1] };
}

describe.skipIf(!hasLlama)(
  "node-llama-cpp (skipped: GLM52_PEERS names no folder that has it)",
  () => {
    it("agrees with us below index_topk and above it", { timeout: 300_000 }, async () => {
      const file = join(scratchFolder(), "demo.gguf");
      const done = await glm52(["export", DEMO_MODEL, file, "--type", "f32"]);
      expect(done.code, done.stderr).toBe(0);

      const { model, config } = await openModel(DEMO_MODEL, { backend: "wasm" });
      const tokens = Array.from({ length: N }, (_, i) =>
        i === 0 ? 2004 : (i * i * 31 + 7 * i) % 2004,
      );
      const traced = trace(model, { tokens, chunk: 64, stages: [] });
      const logits = traced.find(({ name }) => name === "logits");
      if (logits === undefined) throw new Error("no logits");
      const flat = Array.from(logits.data as ArrayLike<number>);
      const vocab = config.vocabSize;
      const ours = tokens.map((_, t) => logSoftmax(flat.slice(t * vocab, (t + 1) * vocab)));
      const theirs = (await llamaLogits(PEERS, file, tokens)).map(logSoftmax);

      const below = compare(ours, theirs, 0, config.indexTopk);
      const above = compare(ours, theirs, config.indexTopk, N);
      expect(below.median).toBeLessThan(1e-4);
      expect(below.same).toBeGreaterThan(0.98);
      // These are medians, because single positions are further apart (KL up to 0.02). The reasons
      // were not traced; llama.cpp's caches are f16, which can change a choice of experts or rows.
      expect(above.median).toBeLessThan(1e-4);
      expect(above.mean).toBeLessThan(1e-2);
      expect(above.same).toBeGreaterThan(0.95);
    });

    it("chooses the ids of our greedy texts, up to a near-tie", { timeout: 300_000 }, async () => {
      const file = join(scratchFolder(), "demo.gguf");
      await glm52(["export", DEMO_MODEL, file, "--type", "f32"]);
      for (const prompt of ["Once upon a time", "Sara had a red ball."]) {
        const args = [
          "--temperature",
          "0",
          "--max-tokens",
          "200",
          "--latent-eps",
          "1e-6",
          "--json",
        ];
        const { stdout } = await glm52(["run", prompt, ...args]);
        const { prompt_ids, ids } = JSON.parse(stdout) as { prompt_ids: number[]; ids: number[] };
        const theirs = await llamaLogits(PEERS, file, [...prompt_ids, ...ids]);
        const rows = theirs.slice(prompt_ids.length - 1, -1);
        const at = rows.findIndex((row, i) => argmax(row) !== ids[i]);
        if (at < 0) continue;
        const [first, second] = rows[at].toSorted((a, b) => b - a);
        expect(first - second, `${prompt}: id ${at} of ${ids.length}`).toBeLessThan(0.05);
      }
    });
  },
);
