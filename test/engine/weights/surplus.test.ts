import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../engine/config/config.ts";
import type { StoredTensor } from "../../../engine/weights/checkpoint.ts";
import { matchTensors } from "../../../engine/weights/match-tensors.ts";
import { TINY } from "./configs.ts";
import { checkpointOf, randomTensors, stored, tinyConfig } from "./fixtures.ts";

const tensors = randomTensors(tinyConfig);
const one = stored("F32", [1], [1]);
const layer = (i: number): Record<string, StoredTensor> => ({
  [`model.layers.${i}.input_layernorm.weight`]: one,
  [`model.layers.${i}.mlp.gate_proj.weight`]: one,
});

async function match(extra: Record<string, StoredTensor>, mtp?: "load" | "skip" | "ifUsable") {
  return matchTensors(tinyConfig, await checkpointOf({ ...tensors, ...extra }), mtp);
}

describe("tensors that cannot matter are left aside, and listed", () => {
  const cases: readonly (readonly [string, Record<string, StoredTensor>, string, string])[] = [
    [
      "rotary frequencies",
      {
        "model.layers.0.self_attn.rotary_emb.inv_freq": one,
        "model.rotary_emb.inv_freq": one,
      },
      "*.rotary_emb.inv_freq (2 tensors)",
      "computed from rope_theta",
    ],
    [
      "an indexer on a layer that borrows, with scales",
      {
        "model.layers.2.self_attn.indexer.wk.weight": one,
        "model.layers.2.self_attn.indexer.wk.weight_scale_inv": one,
      },
      "model.layers.*.self_attn.indexer.* (2 tensors)",
      "of layers that borrow their top-k",
    ],
    [
      "a layer above the MTP layer",
      layer(5),
      "model.layers.5.* (2 tensors)",
      "num_hidden_layers is 4",
    ],
    ["a far layer", layer(77), "model.layers.77.* (2 tensors)", "num_hidden_layers is 4"],
    [
      "scales of quantised activations",
      {
        "model.layers.0.self_attn.o_proj.input_scale": one,
        "model.layers.1.self_attn.k_scale": one,
      },
      "*_scale (2 tensors)",
      "of quantised activations or caches, which are none here",
    ],
  ];
  it.each(cases)("%s", async (_, extra, what, why) => {
    expect((await match(extra)).asides).toEqual([{ what, why }]);
    expect((await match(extra)).bytes).toBe((await match({})).bytes);
  });

  it.each([
    "model.layers.0.self_attn.q_a_proj.bias",
    "model.layers.0.self_attn.sinks",
    "model.layers.0.self_attn.indexer.wk.bias",
    "model.layers.4.mlp.experts.8.up_proj.weight",
    "model.inv_freq",
    "lm_head.bias",
  ])("but %s may matter", async (name) => {
    await expect(match({ [name]: one })).rejects.toThrow(
      `${name}: expected nothing (the config implies no such tensor), got F32 [1]`,
    );
  });
});

describe("an MTP layer that nobody asks for", () => {
  const mtp = Object.keys(tensors).filter((name) => name.startsWith("model.layers.4."));

  it("is listed and not looked at", async () => {
    const { specs, noMtp, asides } = await match({ [mtp[0]]: one }, "skip");
    expect(specs.mtp).toBeUndefined();
    expect(noMtp).toBe("the model was opened without it");
    const what = `model.layers.4.* (${mtp.length} tensors)`;
    expect(asides).toEqual([{ what, why: "num_hidden_layers is 4" }]);
  });

  it("may be half there where it is loaded if usable", async () => {
    const { specs, noMtp } = await match({ [mtp[0]]: one }, "ifUsable");
    expect(specs.mtp).toBeUndefined();
    expect(noMtp).toMatch(/^model\.layers\.4\..*: expected \[.*\], got \[1\]$/);
    await expect(match({ [mtp[0]]: one })).rejects.toThrow(noMtp);
  });

  it("has as many experts as its own router, whatever was pruned elsewhere", async () => {
    const pruned = parseConfig({ ...TINY, n_routed_experts: 5 });
    const few = Object.entries(randomTensors(pruned, { hasMtp: false }));
    const own = Object.entries(tensors).filter(([name]) => name.startsWith("model.layers.4."));
    const checkpoint = await checkpointOf(Object.fromEntries([...few, ...own]));
    const { specs } = matchTensors(pruned, checkpoint);
    const experts = [specs.layers[3].ffn, specs.mtp?.layer.ffn].map((ffn) =>
      ffn?.kind === "sparse" ? ffn.experts.nExperts : 0,
    );
    expect(experts).toEqual([5, 8]);
  });
});
