import { describe, expect, it } from "vitest";
import type { Floats, Weight } from "../../../engine/base/tensor.ts";
import { parseConfig } from "../../../engine/config/config.ts";
import type { ModelConfig } from "../../../engine/config/model-config.ts";
import type { LayerWeights, MoeWeights } from "../../../engine/model/weights.ts";
import { decode, encodeF32, fromBf16, toBf16 } from "../../../engine/numbers/formats.ts";
import type { Dtype, RawTensor } from "../../../engine/numbers/raw-tensor.ts";
import { referenceOps } from "../../../engine/ops/reference/index.ts";
import { floatsOf } from "../../../engine/ops/reference/memory.ts";
import { memoryFiles } from "../../../engine/weights/byte-source.ts";
import {
  INDEX_FILE,
  openCheckpoint,
  type StoredTensor,
} from "../../../engine/weights/checkpoint.ts";
import { loadWeights } from "../../../engine/weights/load.ts";
import { WeightsError } from "../../../engine/weights/weights-error.ts";
import { writeSafetensors } from "../../../engine/weights/write-safetensors.ts";
import { everyExpert, inFull } from "../../support/in-full.ts";
import { TINY, without } from "./configs.ts";
import {
  checkpointOf,
  type Format,
  headersOf,
  randomTensors,
  stored,
  tinyConfig,
} from "./fixtures.ts";

type Tensors = Record<string, StoredTensor>;

const ops = referenceOps("f32");
const nLayers = tinyConfig.numHiddenLayers;

async function load(tensors: Tensors, config = tinyConfig): ReturnType<typeof loadWeights> {
  return loadWeights(ops, config, await checkpointOf(tensors));
}

/** The numbers of a placed weight. */
function floats(weight: Weight | undefined): Floats {
  return floatsOf(weight as Weight);
}

/** The numbers of a stored tensor, with its scales. */
function values(tensors: Tensors, name: string): Floats {
  const raw = tensors[name] as RawTensor;
  const scale = tensors[`${name}_scale_inv`] as RawTensor | undefined;
  return decode(scale ? { ...raw, scales: Float32Array.from(decode(scale)) } : raw);
}

function sparse(layer: LayerWeights | undefined): MoeWeights {
  if (layer?.ffn.kind !== "sparse") throw new Error("expected a sparse layer");
  return layer.ffn;
}

async function refusal(tensors: Tensors, config: ModelConfig = tinyConfig): Promise<string> {
  const error = await load(tensors, config).then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(WeightsError);
  return (error as WeightsError).message;
}

describe.each<Format>(["F32", "F64", "BF16", "F16", "F8_E4M3"])("a checkpoint in %s", (format) => {
  const tensors = randomTensors(tinyConfig, { format });

  it("puts every tensor where the model looks for it", async () => {
    const w = await load(tensors);
    const same = (weight: Weight | undefined, name: string): void => {
      expect(floats(weight), name).toEqual(Float32Array.from(values(tensors, name)));
    };
    same(w.embedTokens, "model.embed_tokens.weight");
    same(w.norm, "model.norm.weight");
    same(w.lmHead, "lm_head.weight");
    expect(w.layers.length).toBe(nLayers);
    for (const [i, layer] of [...w.layers, w.mtp?.layer].entries()) {
      const p = `model.layers.${i}`;
      same(layer?.inputNorm, `${p}.input_layernorm.weight`);
      same(layer?.postAttentionNorm, `${p}.post_attention_layernorm.weight`);
      same(layer?.attn.qAProj, `${p}.self_attn.q_a_proj.weight`);
      same(layer?.attn.qANorm, `${p}.self_attn.q_a_layernorm.weight`);
      same(layer?.attn.qBProj, `${p}.self_attn.q_b_proj.weight`);
      same(layer?.attn.kvAProj, `${p}.self_attn.kv_a_proj_with_mqa.weight`);
      same(layer?.attn.kvANorm, `${p}.self_attn.kv_a_layernorm.weight`);
      same(layer?.attn.oProj, `${p}.self_attn.o_proj.weight`);
      if (i === 2) {
        expect(layer?.indexer).toBeUndefined();
      } else {
        same(layer?.indexer?.wqB, `${p}.self_attn.indexer.wq_b.weight`);
        same(layer?.indexer?.wk, `${p}.self_attn.indexer.wk.weight`);
        same(layer?.indexer?.kNorm, `${p}.self_attn.indexer.k_norm.weight`);
        same(layer?.indexer?.kNormBias, `${p}.self_attn.indexer.k_norm.bias`);
        same(layer?.indexer?.weightsProj, `${p}.self_attn.indexer.weights_proj.weight`);
      }
      if (layer?.ffn.kind === "dense") {
        expect(i).toBe(0);
        same(layer.ffn.gate, `${p}.mlp.gate_proj.weight`);
        same(layer.ffn.up, `${p}.mlp.up_proj.weight`);
        same(layer.ffn.down, `${p}.mlp.down_proj.weight`);
      } else {
        const moe = sparse(layer);
        same(moe.router, `${p}.mlp.gate.weight`);
        same(moe.eScoreCorrectionBias, `${p}.mlp.gate.e_score_correction_bias`);
        same(moe.shared.gate, `${p}.mlp.shared_experts.gate_proj.weight`);
        same(moe.shared.up, `${p}.mlp.shared_experts.up_proj.weight`);
        same(moe.shared.down, `${p}.mlp.shared_experts.down_proj.weight`);
        for (const part of ["gate", "up", "down"] as const) {
          const bank = Array.from({ length: 8 }, (_, e) => [
            ...values(tensors, `${p}.mlp.experts.${e}.${part}_proj.weight`),
          ]);
          expect(everyExpert(moe)[part]).toEqual(bank.flat().map(Math.fround));
        }
      }
    }
    same(w.mtp?.enorm, `model.layers.${nLayers}.enorm.weight`);
    same(w.mtp?.hnorm, `model.layers.${nLayers}.hnorm.weight`);
    same(w.mtp?.ehProj, `model.layers.${nLayers}.eh_proj.weight`);
    same(w.mtp?.sharedHeadNorm, `model.layers.${nLayers}.shared_head.norm.weight`);
  });

  it("splits kv_b_proj by head and turns the keys", async () => {
    const { attn } = (await load(tensors)).layers[1];
    const kvB = values(tensors, "model.layers.1.self_attn.kv_b_proj.weight");
    const [nH, nope, v, nC] = [2, 8, 5, 10];
    expect(attn.kUp.shape).toEqual([nH, nC, nope]);
    expect(attn.vUp.shape).toEqual([nH, v, nC]);
    for (let h = 0; h < nH; h++) {
      for (let c = 0; c < nC; c++) {
        for (let d = 0; d < nope; d++) {
          const expected = Math.fround(kvB[(h * (nope + v) + d) * nC + c]);
          expect(floats(attn.kUp)[(h * nC + c) * nope + d]).toBe(expected);
        }
        for (let d = 0; d < v; d++) {
          const expected = Math.fround(kvB[(h * (nope + v) + nope + d) * nC + c]);
          expect(floats(attn.vUp)[(h * v + d) * nC + c]).toBe(expected);
        }
      }
    }
  });

  it("reads fused experts as the same bank", async () => {
    const fused = randomTensors(tinyConfig, { format, layout: "fused" });
    const p = "model.layers.1.mlp.experts";
    const experts = everyExpert(sparse((await load(fused)).layers[1]));
    const gateUp = values(fused, `${p}.gate_up_proj`);
    const [moe, hidden] = [6, 132];
    for (let e = 0; e < 8; e++) {
      const rows = gateUp.subarray(e * 2 * moe * hidden, (e + 1) * 2 * moe * hidden);
      const range = [e * moe * hidden, (e + 1) * moe * hidden] as const;
      const half = (from: number) => [...rows.subarray(from, from + moe * hidden)].map(Math.fround);
      expect(experts.gate.slice(...range)).toEqual(half(0));
      expect(experts.up.slice(...range)).toEqual(half(moe * hidden));
    }
    expect(experts.down).toEqual([...values(fused, `${p}.down_proj`)].map(Math.fround));
  });
});

describe("placing", () => {
  it("hands the backend the stored bits, not floats", async () => {
    const raws = new Map<string, Dtype>();
    const spy: typeof ops = {
      ...ops,
      place: (dims, shape, raw) => {
        raws.set(dims.join(" "), raw.dtype);
        return ops.place(dims, shape, raw);
      },
    };
    await loadWeights(
      spy,
      tinyConfig,
      await checkpointOf(randomTensors(tinyConfig, { format: "F8_E4M3" })),
    );
    expect(raws.get("moe hidden")).toBe("F8_E4M3");
    expect(raws.get("vocab hidden")).toBe("BF16");
    expect(raws.get("H v kvLora")).toBe("F32"); // fp8 blocks do not end where heads end
    await loadWeights(
      spy,
      tinyConfig,
      await checkpointOf(randomTensors(tinyConfig, { format: "BF16" })),
    );
    expect(new Set(raws.values())).toEqual(new Set(["BF16"]));
  });

  it("cuts fused fp8 experts between blocks when gate and up share none", async () => {
    const config = parseConfig({ ...TINY, moe_intermediate_size: 128 });
    const tensors = randomTensors(config, { format: "F8_E4M3", layout: "fused" });
    const raws: RawTensor[] = [];
    const spy: typeof ops = {
      ...ops,
      place: (dims, shape, raw) => {
        if (dims.join() === "moe,hidden") raws.push(raw);
        return ops.place(dims, shape, raw);
      },
    };
    const w = await loadWeights(spy, config, await checkpointOf(tensors));
    expect(raws[0].dtype).toBe("F8_E4M3");
    const all = values(tensors, "model.layers.1.mlp.experts.gate_up_proj");
    const { gate, up } = everyExpert(sparse(w.layers[1]));
    for (let e = 0; e < 8; e++) {
      for (const at of [0, 1, 128 * 132 - 1]) {
        expect(gate[e * 128 * 132 + at]).toBe(all[2 * e * 128 * 132 + at]);
        expect(up[e * 128 * 132 + at]).toBe(all[(2 * e + 1) * 128 * 132 + at]);
      }
    }
  });

  it("keeps f64 weights in an f64 backend", async () => {
    const tensors = randomTensors(tinyConfig, { format: "F64" });
    tensors["model.norm.weight"] = stored("F64", [132], new Array(132).fill(1 / 3));
    const w = await loadWeights(referenceOps("f64"), tinyConfig, await checkpointOf(tensors));
    expect(floats(w.norm)[7]).toBe(1 / 3);
  });

  it("reads each byte of the tensors once and says so", async () => {
    const checkpoint = await checkpointOf(randomTensors(tinyConfig, { format: "F8_E4M3" }));
    const reads: string[] = [];
    const watched: typeof checkpoint = {
      tensors: checkpoint.tensors,
      read: (name) => {
        reads.push(name);
        return checkpoint.read(name);
      },
    };
    const progress: [number, number][] = [];
    await loadWeights(ops, tinyConfig, watched, (done, total) => progress.push([done, total]));
    expect(reads.sort()).toEqual([...checkpoint.tensors.keys()].sort());
    const total = [...checkpoint.tensors.values()].reduce((n, { length }) => n + length, 0);
    expect(progress.at(-1)).toEqual([total, total]);
    expect(progress.every(([done], i) => i === 0 || done > progress[i - 1][0])).toBe(true);
  });

  it("reads a layer whose experts lie in two shards", async () => {
    const tensors = randomTensors(tinyConfig);
    const names = Object.keys(tensors).sort();
    const half = (which: number): Tensors =>
      Object.fromEntries(
        names.filter((_, i) => i % 2 === which).map((name) => [name, tensors[name]]),
      );
    const files = [0, 1].map((i) => `s-${i}.safetensors`);
    const weight_map = Object.fromEntries(names.map((name, i) => [name, files[i % 2]]));
    const checkpoint = await openCheckpoint(
      memoryFiles({
        [INDEX_FILE]: new TextEncoder().encode(JSON.stringify({ weight_map })),
        [files[0]]: writeSafetensors(half(0)),
        [files[1]]: writeSafetensors(half(1)),
      }),
    );
    expect(inFull(await loadWeights(ops, tinyConfig, checkpoint))).toEqual(
      inFull(await load(tensors)),
    );
  });
});

describe("bugs of other loaders", () => {
  it("G05: an indexer on a shared layer changes nothing; a full layer without one is refused", async () => {
    const tensors = randomTensors(tinyConfig);
    const wk = "self_attn.indexer.wk.weight";
    const extra = { ...tensors, [`model.layers.2.${wk}`]: stored("F32", [1], [1]) };
    expect(inFull(await load(extra))).toEqual(inFull(await load(tensors)));
    delete tensors[`model.layers.3.${wk}`];
    expect(await refusal(tensors)).toBe(`model.layers.3.${wk}: expected [12, 132], got nothing`);
  });

  it("G06: weights_proj stays bf16 in an fp8 checkpoint; the scale beside a weight decides", async () => {
    const tensors = randomTensors(tinyConfig, { format: "F8_E4M3" });
    const name = "model.layers.0.self_attn.indexer.weights_proj.weight";
    expect(tensors[name].dtype).toBe("BF16");
    const w = await load(tensors);
    expect(floats(w.layers[0].indexer?.weightsProj)).toEqual(values(tensors, name));
    // Also, a module of the list that is stored in fp8 all the same is read as fp8.
    const fp8 = {
      [name]: { dtype: "F8_E4M3", shape: [2, 132], bytes: new Uint8Array(264).fill(0x38) },
      [`${name}_scale_inv`]: encodeF32([1, 2], [2, 3]) as StoredTensor,
    } as const;
    const again = await load({ ...tensors, ...fp8 });
    const weightsProj = floats(again.layers[0].indexer?.weightsProj);
    expect([weightsProj[0], weightsProj[131]]).toEqual([2, 3]);
  });

  it("G07: the MTP layer loads from what is stored, and borrows no embedding or head", async () => {
    const tensors = randomTensors(tinyConfig);
    expect((await load(tensors)).mtp).toBeDefined();
    for (const [copy, original] of [
      ["embed_tokens.weight", "model.embed_tokens.weight"],
      ["shared_head.head.weight", "lm_head.weight"],
    ]) {
      const name = `model.layers.4.${copy}`;
      const again = await load({ ...tensors, [name]: tensors[original] });
      expect(inFull(again)).toEqual(inFull(await load(tensors)));
      expect(await refusal({ ...tensors, [name]: stored("F32", [1], [0]) })).toBe(
        `${name}: expected a copy of ${original}, got other numbers or dtype`,
      );
    }
  });

  it("an MTP layer may be configured and absent, but not half there", async () => {
    const tensors = randomTensors(tinyConfig, { hasMtp: false });
    expect(Object.keys(tensors).some((name) => name.startsWith("model.layers.4."))).toBe(false);
    expect((await load(tensors)).mtp).toBeUndefined();
    const half = {
      ...tensors,
      "model.layers.4.enorm.weight": stored("F32", [132], new Array(132).fill(1)),
    };
    expect(await refusal(half)).toBe("model.layers.4.hnorm.weight: expected [132], got nothing");
    const config = parseConfig(without(TINY, "num_nextn_predict_layers"));
    const { mtp, noMtp } = await loadWeights(ops, config, await checkpointOf(half));
    expect(mtp).toBeUndefined();
    expect(noMtp).toBe(
      "num_nextn_predict_layers in config.json is 0, although the files hold layer 4: 1 would use it",
    );
  });

  it("G08: the router's bias keeps its f32 bits, which bf16 would merge", async () => {
    const config = parseConfig({ ...TINY, n_routed_experts: 240 });
    const tensors = randomTensors(config, { format: "BF16" });
    const bias = Float32Array.from({ length: 240 }, (_, e) => 6.817 + 0.001 * ((e * 77) % 240));
    tensors["model.layers.1.mlp.gate.e_score_correction_bias"] = stored("F32", [240], bias);
    const loaded = sparse((await load(tensors, config)).layers[1]).eScoreCorrectionBias;
    expect(floats(loaded)).toEqual(bias);

    const top8 = (x: ArrayLike<number>): number[] =>
      Array.from(x, (value, e) => [value, e])
        .sort(([a, e], [b, f]) => b - a || e - f)
        .slice(0, 8)
        .map(([, e]) => e);
    expect(top8(floats(loaded))).toEqual(top8(bias));
    const merged = bias.map((b) => fromBf16(toBf16(b)));
    expect(new Set(merged).size).toBeLessThan(12);
    expect(top8(merged)).not.toEqual(top8(bias));
  });

  it("G09: a projection of 144 rows and 132 columns has 2 x 2 scales and loads", async () => {
    const tensors = randomTensors(tinyConfig, { format: "F8_E4M3" });
    const name = "model.layers.0.mlp.gate_proj.weight";
    expect(tensors[`${name}_scale_inv`].shape).toEqual([2, 2]);
    const { ffn } = (await load(tensors)).layers[0];
    if (ffn.kind !== "dense") throw new Error("expected a dense layer");
    const raw = tensors[name];
    const scales = decode(tensors[`${name}_scale_inv`] as RawTensor);
    const one = decode({ ...(raw as RawTensor), shape: [144 * 132] });
    for (const [i, j] of [
      [0, 0],
      [127, 128],
      [128, 127],
      [143, 131],
    ] as const) {
      const scale = scales[Math.floor(i / 128) * 2 + Math.floor(j / 128)];
      expect(floats(ffn.gate)[i * 132 + j]).toBe(Math.fround(one[i * 132 + j] * scale));
    }
  });
});

describe("refused in words", () => {
  const qA = "model.layers.3.self_attn.q_a_proj.weight";
  const bf16 = randomTensors(tinyConfig, { format: "BF16" });
  const fp8 = randomTensors(tinyConfig, { format: "F8_E4M3" });
  const zeros = (dtype: StoredTensor["dtype"], shape: number[], bytes: number): StoredTensor => ({
    dtype,
    shape,
    bytes: new Uint8Array(bytes),
  });
  const without1 = (tensors: Tensors, name: string): Tensors =>
    Object.fromEntries(Object.entries(tensors).filter(([key]) => key !== name));

  const cases: readonly (readonly [string, Tensors, string])[] = [
    [
      "a wrong shape",
      { ...bf16, [qA]: zeros("BF16", [15, 132], 3960) },
      `${qA}: expected [14, 132], got [15, 132]`,
    ],
    [
      "a transposed shape",
      { ...bf16, [qA]: zeros("BF16", [132, 14], 3696) },
      `${qA}: expected [14, 132], got [132, 14]`,
    ],
    [
      "a flattened shape",
      { ...bf16, [qA]: zeros("BF16", [1848], 3696) },
      `${qA}: expected [14, 132], got [1848]`,
    ],
    ["a missing tensor", without1(bf16, qA), `${qA}: expected [14, 132], got nothing`],
    [
      "a missing expert",
      without1(bf16, "model.layers.1.mlp.experts.5.up_proj.weight"),
      "model.layers.1.mlp.experts.5.up_proj.weight: expected [6, 132], got nothing",
    ],
    [
      "one expert too many",
      {
        ...bf16,
        "model.layers.1.mlp.experts.8.up_proj.weight":
          bf16["model.layers.1.mlp.experts.0.up_proj.weight"],
      },
      "model.layers.1.mlp.experts.8.up_proj.weight: expected nothing (the config implies no such tensor), got BF16 [6, 132]",
    ],
    [
      "a bias",
      { ...bf16, "model.layers.1.self_attn.q_a_proj.bias": zeros("BF16", [14], 28) },
      "model.layers.1.self_attn.q_a_proj.bias: expected nothing (the config implies no such tensor), got BF16 [14]",
    ],
    [
      "both expert layouts",
      { ...bf16, "model.layers.1.mlp.experts.gate_up_proj": zeros("BF16", [8, 12, 132], 25344) },
      "model.layers.1.mlp.experts.down_proj: expected [8, 132, 6], got nothing",
    ],
    [
      "integers",
      { ...bf16, [qA]: zeros("I8", [14, 132], 1848) },
      `${qA}: expected F32, F64, BF16, F16 or F8_E4M3, got I8`,
    ],
    [
      "the other fp8",
      { ...bf16, [qA]: zeros("F8_E5M2", [14, 132], 1848) },
      `${qA}: expected F32, F64, BF16, F16 or F8_E4M3, got F8_E5M2`,
    ],
    [
      "fp8 norms",
      { ...bf16, "model.norm.weight": zeros("F8_E4M3", [132], 132) },
      "model.norm.weight: expected F32, F64, BF16 or F16, got F8_E4M3",
    ],
    [
      "fp8 without scales",
      without1(fp8, `${qA}_scale_inv`),
      `${qA}_scale_inv: expected F32, F64, BF16, F16 or F8_E8M0 [1, 2], got nothing`,
    ],
    [
      "scales without fp8",
      { ...bf16, [`${qA}_scale_inv`]: stored("F32", [1, 2], [1, 1]) },
      `${qA}_scale_inv: expected nothing (no fp8 weight beside it), got F32 [1, 2]`,
    ],
    [
      "scales of another shape",
      { ...fp8, [`${qA}_scale_inv`]: stored("F32", [2, 1], [1, 1]) },
      `${qA}_scale_inv: expected F32, F64, BF16, F16 or F8_E8M0 [1, 2], got F32 [2, 1]`,
    ],
    [
      "scales as bytes",
      { ...fp8, [`${qA}_scale_inv`]: zeros("U8", [1, 2], 2) },
      `${qA}_scale_inv: expected F32, F64, BF16, F16 or F8_E8M0 [1, 2], got U8 [1, 2]`,
    ],
    [
      "an infinite scale",
      { ...fp8, [`${qA}_scale_inv`]: stored("F32", [1, 2], [1, Number.POSITIVE_INFINITY]) },
      `${qA}_scale_inv: expected a finite scale, got Infinity at 1`,
    ],
    [
      "a scale that overflows",
      { ...fp8, [`${qA}_scale_inv`]: stored("F32", [1, 2], [1e37, 1]) },
      `${qA}_scale_inv: expected a finite scale, got 9.999999933815813e+36 at 0`,
    ],
  ];
  it.each(cases)("%s", async (_, tensors, message) => {
    expect(await refusal(tensors)).toBe(message);
  });

  it.each([
    ["F64", 8, 7],
    ["F32", 4, 3],
    ["BF16", 2, 1],
    ["F16", 2, 1],
    ["F8_E4M3", 1, 0],
  ] as const)("NaN or infinity in %s, with its place", async (dtype, width, top) => {
    const tensors = randomTensors(tinyConfig, { format: dtype });
    const bytes = tensors[qA].bytes.slice();
    const at = (2 * 132 + 5) * width;
    bytes[at + top] = 0x7f; // exponent bits all ones, or in e4m3 all bits
    if (width > 1) bytes[at + top - 1] |= 0xf0;
    const message = `${qA}: expected finite numbers, got NaN or infinity at [2, 5]`;
    expect(await refusal({ ...tensors, [qA]: { ...tensors[qA], bytes } })).toBe(message);
  });

  it("lets the largest finite numbers and subnormals pass", async () => {
    const norm = "model.norm.weight";
    const f32 = Float32Array.from({ length: 132 }, (_, i) =>
      i % 2 ? 3.4028234663852886e38 : -1e-45,
    );
    const w = await load({ ...bf16, [norm]: stored("F32", [132], f32) });
    expect(floats(w.norm)).toEqual(f32);
    const bytes = new Uint8Array(14 * 132).fill(0xfe);
    const fine = await load({ ...fp8, [qA]: { ...fp8[qA], bytes } });
    expect(floats(fine.layers[3].attn.qAProj).every(Number.isFinite)).toBe(true);
  });

  it("reads no number of a checkpoint that does not fit", async () => {
    const checkpoint = headersOf(parseConfig({ ...TINY, vocab_size: 17 }), false);
    await expect(loadWeights(ops, tinyConfig, checkpoint)).rejects.toThrow(
      new WeightsError("model.embed_tokens.weight", "expected [16, 132], got [17, 132]"),
    );
  });
});
