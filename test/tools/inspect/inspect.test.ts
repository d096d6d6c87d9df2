/** Tests of the counts of `glm52 inspect`, on published configs and headers. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../engine/config/config.ts";
import { writeSafetensors } from "../../../engine/weights/write-safetensors.ts";
import { type Inspection, inspectCheckpoint } from "../../../tools/inspect/inspect.ts";
import { inspectPath } from "../../../tools/inspect/inspect-folder.ts";
import { renderInspection } from "../../../tools/inspect/inspect-text.ts";
import { planFor } from "../../../tools/inspect/plan.ts";
import { renderPlan } from "../../../tools/inspect/plan-text.ts";
import { GLM51, GLM52 } from "../../engine/weights/configs.ts";
import {
  checkpointOf,
  headersOf,
  randomTensors,
  tinyConfig,
} from "../../engine/weights/fixtures.ts";

const config = parseConfig(GLM52);

/** The number of elements that the headers have in one format. */
function elements({ files }: Inspection, dtype: string): number | undefined {
  return files?.dtypes[dtype]?.elements;
}

describe("GLM-5.2 from its config alone", () => {
  const inspection = inspectCheckpoint({ config });

  it("counts the parameters as MODEL.md §8.1 does", () => {
    expect(inspection.parameters).toEqual({
      stored: 753_329_940_480,
      main: 743_377_019_904,
      mainWithoutEmbedAndHead: 741_473_854_464,
      mtp: 9_952_920_576,
      active: 39_347_364_864,
      activeWithHead: 40_298_947_584,
      activeWithEmbedAndHead: 41_250_530_304,
      attention: 165_022_208,
      indexer: 9_371_904,
      expert: 37_748_736,
    });
    expect(inspection.tensors).toBe(59_585);
    expect(inspection.files).toBeUndefined();
  });

  it("counts the cache bytes as MODEL.md §8.2 does", () => {
    const { bf16, f32, fp8 } = inspection.cacheBytesPerToken;
    expect([bf16.latent, bf16.index]).toEqual([89_856, 5_376]);
    expect([f32.latent, f32.index]).toEqual([179_712, 10_752]);
    expect([fp8.latent, fp8.index, fp8.latent + fp8.index]).toEqual([51_168, 2_772, 53_940]);
    expect(fp8.latent + fp8.indexIfAllFull).toBe(61_464);
  });

  it("counts and draws the layers", () => {
    expect(inspection.layers).toEqual({
      "dense + full": 3,
      "sparse + shared": 57,
      "sparse + full": 18,
      mtp: 1,
    });
    expect(inspection.schedule).toBe(`FF${"Fsss".repeat(19)}`);
    expect(inspection.mlpSchedule).toBe(`ddd${"m".repeat(75)}`);
  });
});

it("GLM-5.1 has 743,911,218,432 parameters in its main layers, embedding and head", () => {
  expect(inspectCheckpoint({ config: parseConfig(GLM51) }).parameters.main).toBe(743_911_218_432);
});

it("G11: counts the headers of the fp8 repository as published, scales apart", () => {
  const inspection = inspectCheckpoint({ config }, headersOf(config, true));
  const { files, parameters } = inspection;
  expect(parameters.stored).toBe(753_329_940_480);
  expect(files?.tensors).toBe(118_629);
  expect(files?.scales).toBe(59_044);
  expect(files?.bytes).toBe(755_617_140_416);
  expect(elements(inspection, "F8_E4M3")).toBe(751_226_191_872);
  expect(elements(inspection, "BF16")).toBe(2_103_729_152);
  expect(elements(inspection, "F32")).toBe(45_872_560);
});

it("G11: counts the headers of the bf16 repository as published", () => {
  const inspection = inspectCheckpoint({ config }, headersOf(config, false));
  expect(inspection.files?.tensors).toBe(59_585);
  expect(elements(inspection, "BF16")).toBe(753_329_921_024);
  expect(elements(inspection, "F32")).toBe(19_456);
});

it("counts no MTP layer that the files do not hold", async () => {
  const checkpoint = await checkpointOf(randomTensors(tinyConfig, { hasMtp: false }));
  const inspection = inspectCheckpoint({ config: tinyConfig }, checkpoint);
  expect(inspection.mtp).toBe(false);
  expect(inspection.parameters.mtp).toBe(0);
  expect(inspection.parameters.stored).toBe(elements(inspection, "F32"));
});

it("counts fused experts like single ones", async () => {
  const fused = await checkpointOf(randomTensors(tinyConfig, { layout: "fused" }));
  const inspection = inspectCheckpoint({ config: tinyConfig }, fused);
  const { parameters } = inspection;
  expect(parameters).toEqual(inspectCheckpoint({ config: tinyConfig }).parameters);
  expect(elements(inspection, "F32")).toBe(parameters.stored);
});

it("renders as text", () => {
  const text = renderInspection(inspectCheckpoint({ config }, headersOf(config, true)));
  expect(text).toBe(`parameters
  all that is stored                753,329,940,480
  main model                        743,377,019,904
    without embedding and head      741,473,854,464
  MTP layer                         9,952,920,576
  active for one token              39,347,364,864
    with head                       40,298,947,584
    with head and embedding         41,250,530,304
  one attention / indexer / expert  165,022,208 / 9,371,904 / 37,748,736

layers
  dense + full                      3
  sparse + shared                   57
  sparse + full                     18
  mtp                               1

schedule  F full indexer, s shared · d dense, m experts
    0  F F F s s s F s s s F s s s F s s s F s s s F s s s F s s s F s
       d d d m m m m m m m m m m m m m m m m m m m m m m m m m m m m m
   32  s s F s s s F s s s F s s s F s s s F s s s F s s s F s s s F s
       m m m m m m m m m m m m m m m m m m m m m m m m m m m m m m m m
   64  s s F s s s F s s s F s s s | F  MTP
       m m m m m m m m m m m m m m | m

cache bytes per token of context
  bf16: latent + index = both       89,856 + 5,376 = 95,232
    if no layer shared              109,824
  f32: latent + index = both        179,712 + 10,752 = 190,464
    if no layer shared              219,648
  fp8: latent + index = both        51,168 + 2,772 = 53,940
    if no layer shared              61,464

files
  tensors                           118,629, 59,044 of them fp8 scales
  bytes of tensors                  755,617,140,416
    BF16                            2,103,729,152 in 465 tensors
    F8_E4M3                         751,226,191,872 in 59,044 tensors
    F32                             45,872,560 in 59,120 tensors
`);
  expect(renderInspection(inspectCheckpoint({ config }))).toBe(
    text.slice(0, text.indexOf("\nfiles")),
  );
});

describe("weights of other projects, of which only lengths are needed", () => {
  const cases: readonly (readonly [Record<string, unknown>, string, number | undefined])[] = [
    [{ quant_method: "modelopt", quant_algo: "NVFP4" }, "modelopt NVFP4", 4.5],
    [{ quantization: { quant_algo: "NVFP4", group_size: 16 } }, "unknown NVFP4", 4.5],
    [{ quant_method: "awq", bits: 4, group_size: 128, zero_point: true }, "awq", 4 + 20 / 128],
    [{ quant_method: "gptq", bits: 4, group_size: 128, sym: true }, "gptq", 4 + 20 / 128],
    [
      {
        quant_method: "compressed-tensors",
        format: "pack-quantized",
        config_groups: { group_0: { weights: { num_bits: 4, group_size: 128, symmetric: true } } },
      },
      "compressed-tensors pack-quantized",
      4 + 16 / 128,
    ],
    [{ group_size: 64, bits: 4, mode: "affine" }, "mlx", 4 + 32 / 64],
    [{ group_size: 32, bits: 4, mode: "mxfp4" }, "mlx", 4.25],
    [{ quant_method: "gguf" }, "gguf", undefined],
    [{ quant_method: "bitsandbytes", load_in_4bit: true }, "bitsandbytes", 4.5],
  ];
  it.each(cases)("%j", async (quantization_config, name, bitsPerWeight) => {
    const folder = mkdtempSync(join(tmpdir(), "glm52-inspect-"));
    try {
      const json = { ...GLM52, quantization_config, use_engram: true };
      writeFileSync(join(folder, "config.json"), JSON.stringify(json));
      const weight = "model.layers.3.mlp.experts.0.gate_proj.weight_packed";
      const packed = { dtype: "U8", shape: [4], bytes: new Uint8Array(4) } as const;
      writeFileSync(join(folder, "model.safetensors"), writeSafetensors({ [weight]: packed }));
      const { inspection, quantization } = await inspectPath(folder);
      expect(inspection.quantization).toEqual({ name, canRun: false, bitsPerWeight });
      expect(inspection.parameters.main).toBe(743_377_019_904);
      expect(inspection.files?.bytes).toBe(4);
      expect(inspection.stops.map(({ what }) => what)).toEqual([
        "config.json: use_engram",
        `weights in ${name}`,
      ]);
      const question = {
        name: "x",
        contexts: [4096],
        rate: { gflops: 1, source: "given" as const },
      };
      const plan = planFor(config, { ...question, quantization } as Parameters<typeof planFor>[1]);
      if (bitsPerWeight === undefined) expect(plan.quantized).toBeUndefined();
      else {
        const { total } = plan.quantized ?? { total: 0 };
        expect(total / 753_329_940_480).toBeCloseTo(bitsPerWeight / 8, 1);
        expect(renderPlan(plan)).toContain(`${name}, as the config says:`);
      }
      expect(renderInspection(inspection)).toContain(`weights quantised as ${name}`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
