import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../engine/config/config.ts";
import type { TensorSpec } from "../../../engine/weights/names.ts";
import { everySpec, type ModelSpecs, modelSpecs } from "../../../engine/weights/table.ts";
import { GLM51, GLM52 } from "./configs.ts";

const config = parseConfig(GLM52);

const specs = modelSpecs(config);
const every = (model: ModelSpecs): TensorSpec[] => [...everySpec(model)];
/** The tensors of layer `i`, under names relative to the layer. */
const layer = (i: number, model: ModelSpecs = specs): TensorSpec[] => {
  const prefix = `model.layers.${i}.`;
  return every(model)
    .filter(({ name }) => name.startsWith(prefix))
    .map((spec) => ({ ...spec, name: spec.name.slice(prefix.length) }));
};
const withScales = (tensors: readonly TensorSpec[]): number =>
  tensors.length + tensors.filter(({ quantized }) => quantized).length;

describe("the table against the released checkpoint (MODEL.md §3)", () => {
  it("G11: counts 59,585 tensors in bf16 and 118,629 in fp8", () => {
    const tensors = every(specs);
    expect(tensors.length).toBe(59_585);
    expect(withScales(tensors)).toBe(118_629);
    expect(new Set(tensors.map(({ name }) => name)).size).toBe(tensors.length);
  });

  it.each([
    ["dense + full", 0, 17, 27],
    ["sparse + full", 6, 787, 1565],
    ["sparse + shared", 3, 782, 1558],
    ["G07: MTP", 78, 791, 1569],
  ])("%s: layer %i holds %i tensors, %i in fp8", (_, i, bf16, fp8) => {
    expect(layer(i).length).toBe(bf16);
    expect(withScales(layer(i))).toBe(fp8);
  });

  it("names and shapes a dense full layer, line by line", () => {
    const lines = layer(0).map(
      ({ name, shape, quantized }) => `${name} ${shape.join("x")}${quantized ? " fp8" : ""}`,
    );
    expect(lines.sort()).toEqual(
      [
        "input_layernorm.weight 6144",
        "post_attention_layernorm.weight 6144",
        "self_attn.q_a_proj.weight 2048x6144 fp8",
        "self_attn.q_a_layernorm.weight 2048",
        "self_attn.q_b_proj.weight 16384x2048 fp8",
        "self_attn.kv_a_proj_with_mqa.weight 576x6144 fp8",
        "self_attn.kv_a_layernorm.weight 512",
        "self_attn.kv_b_proj.weight 28672x512 fp8",
        "self_attn.o_proj.weight 6144x16384 fp8",
        "self_attn.indexer.wq_b.weight 4096x2048 fp8",
        "self_attn.indexer.wk.weight 128x6144 fp8",
        "self_attn.indexer.weights_proj.weight 32x6144",
        "self_attn.indexer.k_norm.weight 128",
        "self_attn.indexer.k_norm.bias 128",
        "mlp.gate_proj.weight 12288x6144 fp8",
        "mlp.up_proj.weight 12288x6144 fp8",
        "mlp.down_proj.weight 6144x12288 fp8",
      ].sort(),
    );
  });

  it("names what a sparse layer adds, and how fused experts are called", () => {
    const dense = new Set(layer(0).map(({ name }) => name));
    const added = (specs: readonly TensorSpec[]): string[] =>
      specs
        .filter(({ name }) => !dense.has(name) && !/experts\.([1-9]|\d\d)/.test(name))
        .map(({ name, shape }) => `${name} ${shape.join("x")}`);
    expect(added(layer(6))).toEqual([
      "mlp.gate.weight 256x6144",
      "mlp.gate.e_score_correction_bias 256",
      "mlp.shared_experts.gate_proj.weight 2048x6144",
      "mlp.shared_experts.up_proj.weight 2048x6144",
      "mlp.shared_experts.down_proj.weight 6144x2048",
      "mlp.experts.0.gate_proj.weight 2048x6144",
      "mlp.experts.0.up_proj.weight 2048x6144",
      "mlp.experts.0.down_proj.weight 6144x2048",
    ]);
    const fused = modelSpecs(config, { layoutOf: () => "fused" });
    expect(added(layer(6, fused)).slice(-2)).toEqual([
      "mlp.experts.gate_up_proj 256x4096x6144",
      "mlp.experts.down_proj 256x6144x2048",
    ]);
    expect(layer(6).at(-1)?.name).toBe("mlp.experts.255.down_proj.weight");
  });

  it("G07: the MTP layer adds four tensors, and neither an embedding nor a head", () => {
    const ordinary = new Set(layer(6).map(({ name }) => name));
    const added = layer(78).filter(({ name }) => !ordinary.has(name));
    expect(added.map(({ name, shape }) => `${name} ${shape.join("x")}`)).toEqual([
      "enorm.weight 6144",
      "hnorm.weight 6144",
      "eh_proj.weight 6144x12288",
      "shared_head.norm.weight 6144",
    ]);
  });

  it("G05: a shared layer has no indexer, and 22 layers of the whole have one", () => {
    const indexers = every(specs).filter(({ name }) => name.endsWith(".indexer.wk.weight"));
    expect(layer(3).some(({ name }) => name.includes("indexer"))).toBe(false);
    expect(indexers.length).toBe(22);
    const old = parseConfig(GLM51);
    expect(every(modelSpecs(old)).length).toBe(59_585 + 57 * 5);
  });

  it("has as many axes as lengths everywhere", () => {
    for (const { axes, shape } of layer(78)) expect(axes.length).toBe(shape.length);
  });
});
