/** Numbers that the format of an output cannot hold are refused before there is an output. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { memoryFiles, openCheckpoint } from "../../../engine/index.ts";
import type { StoredTensor } from "../../../engine/weights/checkpoint.ts";
import { writeSafetensors } from "../../../engine/weights/write-safetensors.ts";
import { exportModel } from "../../../tools/convert/export-model.ts";
import { quantize } from "../../../tools/convert/quantize-model.ts";
import { open } from "../../../tools/node/open.ts";
import { CASES, scratchFolder } from "../../support/paths.ts";

const scratch = scratchFolder();

/** A case's model with other numbers in some tensors. */
async function spoilt(
  name: string,
  from: string,
  change: (tensor: string, values: Float32Array) => void,
): Promise<string> {
  const folder = join(scratch, name);
  mkdirSync(folder);
  const model = join(CASES, from, "model");
  copyFileSync(join(model, "config.json"), join(folder, "config.json"));
  const bytes = new Uint8Array(readFileSync(join(model, "model.safetensors")));
  const checkpoint = await openCheckpoint(memoryFiles({ "model.safetensors": bytes }));
  const tensors: Record<string, StoredTensor> = {};
  for (const tensor of checkpoint.tensors.keys()) {
    const stored = await checkpoint.read(tensor);
    const copy = stored.bytes.slice();
    change(tensor, new Float32Array(copy.buffer));
    tensors[tensor] = { ...stored, bytes: copy };
  }
  writeFileSync(join(folder, "model.safetensors"), writeSafetensors(tensors));
  return folder;
}

const put = (where: string, value: number) => (tensor: string, values: Float32Array) => {
  if (tensor === `model.layers.1.${where}`) values[35] = value;
};

describe("an output that would hold infinity", () => {
  const cases = [
    [
      "mlp.shared_experts.gate_proj.weight",
      1e5,
      "f16",
      "blk.1.ffn_gate_shexp.weight",
      "100000 at [1, 3]; it fits in --type f32 or --type q8_0 or --type q4_0",
    ],
    [
      "mlp.experts.0.up_proj.weight",
      -65520,
      "f16",
      "blk.1.ffn_up_exps.weight",
      "-65520 at [1, 3]; it fits in --type f32 or --type q8_0 or --type q4_0",
    ],
    [
      "self_attn.q_a_proj.weight",
      1e6,
      "q4_0",
      "blk.1.attn_q_a.weight",
      "1000000 at [1, 3]; it fits in --type f32 or --type q8_0",
    ],
    [
      "self_attn.q_a_proj.weight",
      1e7,
      "q8_0",
      "blk.1.attn_q_a.weight",
      "10000000 at [1, 3]; it fits in --type f32",
    ],
  ] as const;
  it.each(cases)("export of %s = %d as %s", async (where, value, type, tensor, message) => {
    const folder = await spoilt(`${type}${value}`, "clear-mtp", put(where, value));
    const out = join(scratch, `${type}${value}.gguf`);
    const options = { type, latentEps: 1e-6 };
    await expect(exportModel(folder, out, options)).rejects.toThrow(
      `${tensor}: expected numbers that --type ${type} can hold, got ${message}`,
    );
    expect(readdirSync(scratch).filter((name) => name.includes(".gguf"))).toEqual([]);
    await exportModel(folder, out, { ...options, type: "f32" });
    expect(readdirSync(scratch).filter((name) => name.includes(".gguf"))).toHaveLength(1);
    rmSync(out);
  });

  it("the largest number that f16 holds passes", async () => {
    const change = put("mlp.shared_experts.gate_proj.weight", 65519);
    const folder = await spoilt("fits", "clear-mtp", change);
    await exportModel(folder, join(scratch, "fits.GGUF"), { to: "gguf", latentEps: 1e-6 });
  });

  it.each([
    ["bf16", 3.4e38, "got 3.3999999521443642e+38 at [1, 3]"],
    ["q8", 1e7, "got 10000000 at [1, 3]; it fits in --to bf16"],
  ] as const)("quantize to %s of %d", async (to, value, message) => {
    const folder = await spoilt(`quant-${to}`, "tiny-all", put("self_attn.q_a_proj.weight", value));
    const out = join(scratch, `out-${to}`);
    await expect(quantize(folder, out, { to })).rejects.toThrow(
      `model.layers.1.self_attn.q_a_proj.weight: expected numbers that --to ${to} can hold, ${message}`,
    );
    expect(readdirSync(scratch).filter((name) => name.includes(`out-${to}`))).toEqual([]);
  });
});

describe("finite weights whose products overflow end in words", () => {
  const PLACES = ["self_attn.o_proj", "kv_a_layernorm", "mlp.gate", "input_layernorm"];
  it.each(PLACES)("%s", async (place) => {
    const folder = await spoilt(place, "tiny-all", (tensor, values) => {
      if (tensor.includes(place)) values.fill(3e38);
    });
    for (const backend of ["reference", "wasm"] as const) {
      await using glm = await open(folder, { backend, threads: 1 });
      const steps = glm.generate([5, 6, 7, 8, 9, 10], { maxTokens: 3 });
      const run = (async () => {
        for await (const _ of steps);
      })();
      await expect(run).rejects.toMatchObject({
        code: expect.stringMatching(/^(overflow|sampling)$/),
      });
    }
  });
});
