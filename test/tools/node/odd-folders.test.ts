/**
 * Folders as people have them: with keys, tensors and files that GLM-5.2's own does not have. Each
 * must run with the same ids as without them, or be refused in words.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { argmax, memoryFiles, openCheckpoint, Session } from "../../../engine/index.ts";
import type { StoredTensor } from "../../../engine/weights/checkpoint.ts";
import { writeSafetensors } from "../../../engine/weights/write-safetensors.ts";
import { loadModel, type OpenOptions } from "../../../tools/library/open-files.ts";
import { nodeHost } from "../../../tools/node/node-host.ts";
import { FP8_QUANTIZATION } from "../../engine/weights/configs.ts";
import { stored } from "../../engine/weights/fixtures.ts";
import { CASES } from "../../support/paths.ts";

type Json = Readonly<Record<string, unknown>>;
type Tensors = Readonly<Record<string, StoredTensor>>;

/** The parts of a model in memory. */
interface Folder {
  readonly config: Json;
  readonly tensors: Tensors;
  readonly files?: Readonly<Record<string, Uint8Array>>;
}

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

async function folderOf(name: string): Promise<Folder & { readonly prompt: readonly number[] }> {
  const read = (file: string) => readFileSync(join(CASES, name, file));
  const bytes = new Uint8Array(read("model/model.safetensors"));
  const checkpoint = await openCheckpoint(memoryFiles({ "model.safetensors": bytes }));
  const tensors: Record<string, StoredTensor> = {};
  for (const tensor of checkpoint.tensors.keys()) tensors[tensor] = await checkpoint.read(tensor);
  const { tokens } = JSON.parse(String(read("tokens.json")));
  return { config: JSON.parse(String(read("model/config.json"))), tensors, prompt: tokens };
}

async function load({ config, tensors, files = {} }: Folder, options: OpenOptions = {}) {
  const source = memoryFiles({
    "config.json": json(config),
    "model.safetensors": writeSafetensors(tensors),
    ...files,
  });
  return loadModel(source, { backend: "reference", ...options }, nodeHost);
}

/** The likeliest ids, and what was left aside. */
async function run(folder: Folder, prompt: readonly number[], options: OpenOptions = {}) {
  const { model, asides, close } = await load(folder, options);
  const session = new Session(model);
  const ids: number[] = [];
  for (
    let step = session.appendAll(prompt);
    ids.length < 6;
    step = session.appendAll(ids.slice(-1))
  ) {
    ids.push(argmax(step[step.length - 1]));
  }
  session.close();
  await close();
  return { ids, asides: asides.map(({ what }) => what) };
}

const tiny = await folderOf("tiny-all");
const allFull = await folderOf("all-full");
const clear = await folderOf("clear-mtp");
const fp8 = await folderOf("fp8-blocks");
const TINY_IDS = [15, 20, 12, 17, 36, 6];

it("runs the cases that the others are made from", async () => {
  expect((await run(tiny, tiny.prompt)).ids).toEqual(TINY_IDS);
  expect((await run(tiny, tiny.prompt)).asides).toEqual([]);
});

describe("keys that cannot change a result", () => {
  const cases: readonly (readonly [Json, readonly string[]])[] = [
    [{ output_router_logits: false }, []],
    [{ return_dict: true, id2label: { 0: "A" }, label2id: { A: 0 } }, []],
    [{ use_index_cache: true, unsloth_fixed: true }, []],
    [{ unsloth_version: "2025.11.3" }, ["config.json: unsloth_version"]],
    [
      { use_qk_norm: false, router_jitter_noise: 0.0 },
      ["config.json: use_qk_norm", "config.json: router_jitter_noise"],
    ],
    [
      { hc_mult: 0, engram_layers: [], lora: {}, note: "" },
      ["hc_mult", "engram_layers", "lora", "note"].map((key) => `config.json: ${key}`),
    ],
    [{ license: "mit", tags: ["a", "b"] }, ["config.json: license", "config.json: tags"]],
    [{ temperature: 1.0, max_length: 20, top_k: 50 }, []],
    [{ num_experts: 256 }, ["config.json: num_experts"]],
    [{ num_local_experts: 128 }, ["config.json: num_local_experts"]],
    [{ rope_scaling: { rope_type: "default", rope_theta: 8000000, factor: 1.0 } }, []],
    [
      {
        rope_parameters: {
          type: "default",
          rope_theta: 8e6,
          original_max_position_embeddings: 4096,
        },
      },
      [],
    ],
  ];
  it.each(cases)("%j", async (extra, asides) => {
    const folder = { ...tiny, config: { ...tiny.config, ...extra } };
    expect(await run(folder, tiny.prompt)).toEqual({ ids: TINY_IDS, asides });
  });

  it.each([
    [{ sliding_window: 128 }, 'unknown key "sliding_window" (value 128)'],
    [{ use_engram: true }, 'unknown key "use_engram" (value true)'],
    [{ attention_kind: "linear" }, 'unknown key "attention_kind" (value "linear")'],
    [{ engram_layers: [1, 5] }, 'unknown key "engram_layers" (value [1, 5])'],
    [{ temperature: 0.7 }, 'unknown key "temperature" (value 0.7)'],
    [{ rope_version: "2" }, 'unknown key "rope_version" (value "2")'],
    [
      { rope_scaling: { rope_type: "yarn", factor: 4 } },
      'rope_scaling: rope_type: expected "default" (positions are not scaled), got "yarn"',
    ],
    [
      { rope_scaling: { rope_type: "default", rope_theta: 10000 } },
      "rope_scaling: rope_theta: expected 8000000 (rope_parameters), got 10000",
    ],
    [
      { quantization: { bits: 4, group_size: 64 } },
      'quantization_config: expected quant_method "fp8" or "glm52-groups", the only quantisations here, got mlx',
    ],
  ])("but %j is refused", async (extra, message) => {
    const folder = { ...tiny, config: { ...tiny.config, ...extra } };
    await expect(load(folder)).rejects.toThrow(`config.json: ${message}`);
  });

  it("passes over a key that the caller names", async () => {
    const folder = { ...tiny, config: { ...tiny.config, sliding_window: 128 } };
    const options = { ignoreConfigKeys: ["sliding_window"] };
    const asides = ["config.json: sliding_window"];
    expect(await run(folder, tiny.prompt, options)).toEqual({ ids: TINY_IDS, asides });
  });
});

describe("tensors that cannot change a result", () => {
  it.each([0, undefined])("the MTP layer with num_nextn_predict_layers %s", async (n) => {
    const folder = { ...tiny, config: { ...tiny.config, num_nextn_predict_layers: n } };
    const { ids, asides } = await run(folder, tiny.prompt);
    expect(ids).toEqual(TINY_IDS);
    expect(asides).toEqual([expect.stringMatching(/^model\.layers\.5\.\* \(\d+ tensors\)$/)]);
    await expect(load(folder, { mtp: "load" })).rejects.toThrow(
      "draft: this checkpoint has no MTP layer: num_nextn_predict_layers in config.json is 0, although the files hold layer 5: 1 would use it",
    );
  });

  it("indexers of layers that the config lets borrow", async () => {
    const config = { ...allFull.config, index_topk_freq: 2 };
    const borrow = Object.entries(allFull.tensors).filter(([name]) => !/\.2\..*indexer/.test(name));
    const bare = await run({ config, tensors: Object.fromEntries(borrow) }, allFull.prompt);
    const { ids, asides } = await run({ ...allFull, config }, allFull.prompt);
    expect(asides).toEqual(["model.layers.*.self_attn.indexer.* (5 tensors)"]);
    expect(ids).toEqual(bare.ids);
    expect(ids).not.toEqual((await run(allFull, allFull.prompt)).ids);
  });

  it("layers above the model's, rotary frequencies, and copies for the MTP layer", async () => {
    const embed = tiny.tensors["model.embed_tokens.weight"];
    const extra = {
      "model.layers.0.self_attn.rotary_emb.inv_freq": stored("F32", [2], [1, 0.5]),
      "model.layers.5.embed_tokens.weight": embed,
      "model.layers.5.shared_head.head.weight": tiny.tensors["lm_head.weight"],
      "model.layers.9.input_layernorm.weight": stored("F32", [1], [1]),
    };
    const folder = { ...tiny, tensors: { ...tiny.tensors, ...extra } };
    const { ids, asides } = await run(folder, tiny.prompt, { mtp: "load" });
    expect(ids).toEqual(TINY_IDS);
    expect(asides).toEqual([
      "*.rotary_emb.inv_freq (1 tensor)",
      "model.layers.5.embed_tokens.weight (1 tensor)",
      "model.layers.5.shared_head.head.weight (1 tensor)",
      "model.layers.9.* (1 tensor)",
    ]);
  });
});

/** The first `n` experts of each main layer, and the MTP layer as it is. */
function pruned({ config, tensors }: Folder, n: number): Folder {
  const { num_hidden_layers: nLayers } = config;
  const kept = Object.entries(tensors).flatMap(([name, tensor]): [string, StoredTensor][] => {
    if (name.startsWith(`model.layers.${nLayers}.`)) return [[name, tensor]];
    const expert = /\.experts\.(\d+)\./.exec(name)?.[1];
    if (expert !== undefined && Number(expert) >= n) return [];
    if (!/\.mlp\.gate\./.test(name)) return [[name, tensor]];
    const { dtype, shape, bytes } = tensor;
    const rows = bytes.slice(0, (bytes.length / shape[0]) * n);
    return [[name, { dtype, shape: [n, ...shape.slice(1)], bytes: rows }]];
  });
  return { config: { ...config, n_routed_experts: n }, tensors: Object.fromEntries(kept) };
}

describe("a part that nobody asked for does not stop the rest", () => {
  const few = pruned(clear, 5);
  const isMtp = (name: string): boolean => name.startsWith("model.layers.5.");

  it("runs with pruned experts beside an MTP layer that has all, with and without guesses", async () => {
    const trunk = Object.entries(few.tensors).filter(([name]) => !isMtp(name));
    const bare = await run({ ...few, tensors: Object.fromEntries(trunk) }, clear.prompt);
    expect((await run(few, clear.prompt, { mtp: "skip" })).ids).toEqual(bare.ids);
    expect((await run(few, clear.prompt, { mtp: "load" })).ids).toEqual(bare.ids);
    const { model } = await load(few);
    const { ffn } = model.weights.mtp?.layer ?? {};
    expect(ffn?.kind === "sparse" && ffn.router.shape[0]).toBe(8);
  });

  it("runs without guesses when the MTP layer is of another width, half there, or not finite", async () => {
    const norm = "model.layers.5.enorm.weight";
    const { [norm]: lost, ...half } = tiny.tensors;
    expect(lost).toBeDefined();
    const broken: readonly (readonly [Tensors, string])[] = [
      [{ ...half, [norm]: stored("F32", [3], [1, 1, 1]) }, "expected [32], got [3]"],
      [half, "expected [32], got nothing"],
      [{ ...half, [norm]: stored("F32", [32], new Array(32).fill(Number.NaN)) }, "expected finite"],
    ];
    for (const [tensors, message] of broken) {
      const folder = { ...tiny, tensors };
      for (const mtp of ["skip", "ifUsable"] as const) {
        expect((await run(folder, tiny.prompt, { mtp })).ids).toEqual(TINY_IDS);
      }
      await expect(load(folder, { mtp: "load" })).rejects.toThrow(`${norm}: ${message}`);
      const { model } = await load(folder);
      expect(model.weights.noMtp).toContain(message);
    }
  });

  it("reads mtp.safetensors, and names it when it is damaged and asked for", async () => {
    const all = Object.entries(tiny.tensors);
    const trunk = Object.fromEntries(all.filter(([name]) => !isMtp(name)));
    const mtp = writeSafetensors(Object.fromEntries(all.filter(([name]) => isMtp(name))));
    const beside = { ...tiny, tensors: trunk, files: { "mtp.safetensors": mtp } };
    expect((await run(beside, tiny.prompt, { mtp: "load" })).ids).toEqual(TINY_IDS);
    const cut = { ...beside, files: { "mtp.safetensors": mtp.subarray(0, 99) } };
    expect((await run(cut, tiny.prompt)).ids).toEqual(TINY_IDS);
    await expect(load(cut, { mtp: "load" })).rejects.toThrow(/^mtp\.safetensors: expected/);
  });
});

describe("fp8 scales in other storage give the same numbers", () => {
  /** All scales rounded to powers of two, which every format can hold. */
  const powers = new Map(
    Object.entries(fp8.tensors)
      .filter(([name]) => name.endsWith("_scale_inv"))
      .map(([name, { shape, bytes }]) => {
        const values = new Float32Array(bytes.slice().buffer);
        return [name, { shape, exponents: Array.from(values, (x) => Math.round(Math.log2(x))) }];
      }),
  );
  const withScales = (
    make: (shape: readonly number[], exponents: readonly number[]) => StoredTensor,
    rename = (name: string) => name,
  ): Folder => ({
    ...fp8,
    tensors: Object.fromEntries(
      Object.entries(fp8.tensors).map(([name, tensor]) => {
        const scale = powers.get(name);
        return scale ? [rename(name), make(scale.shape, scale.exponents)] : [name, tensor];
      }),
    ),
  });
  const as = (format: "F32" | "BF16" | "F64") => (shape: readonly number[], e: readonly number[]) =>
    stored(
      format,
      shape,
      e.map((x) => 2 ** x),
    );
  const asE8m0 = (shape: readonly number[], e: readonly number[]): StoredTensor => ({
    dtype: "F8_E8M0",
    shape,
    bytes: Uint8Array.from(e, (x) => x + 127),
  });

  it("as BF16, as F64, as F8_E8M0 with ue8m0, and named _scale", async () => {
    const { ids } = await run(withScales(as("F32")), fp8.prompt);
    const short = (name: string): string => name.replace(/_scale_inv$/, "_scale");
    const ue8m0 = { ...FP8_QUANTIZATION, scale_fmt: "ue8m0", expert_dtype: "fp8" };
    const folders = [
      withScales(as("BF16")),
      withScales(as("F64")),
      withScales(asE8m0),
      withScales(as("F32"), short),
      { ...withScales(asE8m0, short), config: { ...fp8.config, quantization_config: ue8m0 } },
    ];
    for (const folder of folders)
      expect(await run(folder, fp8.prompt)).toEqual({ ids, asides: [] });
  });

  it("names what stands there when it is no scale", async () => {
    const bytes = (shape: readonly number[]): StoredTensor => ({
      dtype: "U8",
      shape,
      bytes: new Uint8Array(shape.reduce((a, b) => a * b, 1)),
    });
    await expect(load(withScales(bytes))).rejects.toThrow(
      /weight_scale_inv: expected F32, F64, BF16, F16 or F8_E8M0 \[\d+, \d+\], got U8 \[\d+, \d+\]$/,
    );
    const fmt = { ...FP8_QUANTIZATION, scale_fmt: "e5m2" };
    const folder = { ...fp8, config: { ...fp8.config, quantization_config: fmt } };
    await expect(load(folder)).rejects.toThrow(
      'scale_fmt: expected "float" or "ue8m0" (scales are numbers that multiply), got "e5m2"',
    );
  });
});

describe("what releases of HF transformers save", () => {
  const saved = ["5.13.1", "5.18.0", "5.24.0"].flatMap((version) => {
    const file = join(import.meta.dirname, "transformers", `${version}.json`);
    const { cases } = JSON.parse(readFileSync(file, "utf8")) as {
      cases: Record<string, { prompt: number[]; ids: number[]; files: Record<string, Json> }>;
    };
    return Object.entries(cases).map(([name, made]) => [version, name, made] as const);
  });

  it.each(saved)("%s, %s: the config loads and gives HF's ids", async (_, name, made) => {
    const { tensors } = await folderOf(name);
    const files = { "generation_config.json": json(made.files["generation_config.json"]) };
    const folder = { config: made.files["config.json"], tensors, files };
    const { ids, asides } = await run(folder, made.prompt, { latentEps: 1e-6 });
    expect(ids).toEqual(made.ids.slice(0, 6));
    expect(asides).toEqual([]);
  });
});
