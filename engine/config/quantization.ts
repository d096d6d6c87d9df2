/**
 * Reads how a config says that weights are stored. Block-wise fp8 and this project's groups can run;
 * of the formats of other projects only the size is known, for those who plan.
 *
 * Next: config.ts
 * @module
 */

import { FP8_BLOCK, GROUP } from "../numbers/raw-tensor.ts";
import type { Activations } from "../ops/ops.ts";
import { boolean, ConfigError, exactly, Fields, object, type Rule } from "./fields.ts";
import { UnknownKeys } from "./unknown-keys.ts";

/** The `quant_method` of weights that are stored in groups. */
export const GROUPS_METHOD = "glm52-groups";

/** How the matrices of a checkpoint are stored, as its config says. */
export interface Quantization {
  /** Its name, such as `fp8`, `NVFP4` or `awq`. */
  readonly name: string;
  /** Whether such weights can be loaded here. */
  readonly canRun: boolean;
  /** What products with these weights see of activations, when nobody says otherwise; f32 by default. */
  readonly activations?: Activations | undefined;
  /** Whether the config says so itself. */
  readonly namesActivations?: boolean | undefined;
  /** Bits of one weight of a quantised matrix with its part of the scales, where that is known. */
  readonly bitsPerWeight?: number | undefined;
}

type Json = Readonly<Record<string, unknown>>;

/** The keys that the formats of other projects say their sizes in. */
interface Said extends Json {
  readonly quant_method?: unknown;
  readonly quant_algo?: unknown;
  readonly format?: unknown;
  readonly mode?: unknown;
  readonly quantization?: unknown;
  readonly quantization_config?: unknown;
  readonly compression_config?: unknown;
  readonly config_groups?: unknown;
  readonly weights?: unknown;
  readonly symmetric?: unknown;
  readonly activations?: unknown;
  readonly bits?: unknown;
  readonly num_bits?: unknown;
  readonly w_bit?: unknown;
  readonly group_size?: unknown;
  readonly q_group_size?: unknown;
  readonly load_in_4bit?: unknown;
}

const said: Rule<Said> = object;

/**
 * Reads the `quantization_config`, or MLX's `quantization`, of a config that is to run.
 *
 * The list of unconverted modules is not read, because in the released FP8 repository it misspells
 * `indexer.weights_proj`. A weight is fp8 iff its scales stand beside it, which
 * `weights/match-tensors.ts` finds out. Groups are a layout of this project,
 * docs/quantised-weights.md; the files tell which weights have them.
 *
 * @throws {ConfigError} when it describes anything but fp8 blocks or groups
 */
export function checkQuantization(
  file: string,
  json: Said | undefined,
  unknown: UnknownKeys,
): void {
  if (json === undefined) return;
  const fields = new Fields(file, json, "quantization_config");
  if (json.quant_method === GROUPS_METHOD) {
    checkGroups(fields, unknown);
    return;
  }
  if (json.quant_method !== "fp8") {
    const { name, bitsPerWeight: bits } = foreign(json);
    const got = bits === undefined ? name : `${name} (${bits} bits a weight)`;
    throw new ConfigError(
      `${file}: quantization_config`,
      `expected quant_method "fp8" or "${GROUPS_METHOD}", the only quantisations here, got ${got}; ` +
        "run the same model in bf16 or fp8 instead (inspect and plan work for this one, too)",
    );
  }
  fields.required("quant_method", exactly("fp8", "the one that is left"));
  fields.optional("fmt", exactly("e4m3", "the only fp8 format here"));
  // Both stand for the same numbers. ue8m0 has only powers of two, in one byte each.
  fields.optional("scale_fmt", {
    what: '"float" or "ue8m0" (scales are numbers that multiply)',
    is: (v): v is string => v === "float" || v === "ue8m0",
  });
  fields.optional("expert_dtype", exactly("fp8", "experts are stored as the other matrices"));
  fields.optional("dequantize", boolean); // says when HF multiplies, not what
  fields.required("weight_block_size", {
    what: `[${FP8_BLOCK}, ${FP8_BLOCK}]`,
    is: (v): v is readonly number[] =>
      Array.isArray(v) && v.length === 2 && v.every((n) => n === FP8_BLOCK),
  });
  fields.finish(FP8_IGNORED, unknown);
}

const FP8_IGNORED: ReadonlyMap<string, string> = new Map([
  ["activation_scheme", "activations are never quantised here"],
  ["modules_to_convert", "a weight is fp8 iff its scales stand beside it"],
  ["modules_to_not_convert", "a weight is fp8 iff its scales stand beside it"],
  ["ignored_layers", "another name of modules_to_not_convert"],
  ["ignore", "another name of modules_to_not_convert"],
]);

/** Numeric modes of products with groups. */
const ACTIVATIONS: readonly Activations[] = ["f32", "int8"];

/** The mode of folders that name none: those of before the key was there. It is that of ggml's formats. */
const USUAL_ACTIVATIONS: Activations = "int8";

/**
 * Checks the keys of groups. But for the mode, all must be there, or the file was not written for this layout.
 */
function checkGroups(fields: Fields, unknown: UnknownKeys): void {
  fields.required("quant_method", exactly(GROUPS_METHOD, "groups of int8 or int4"));
  fields.required("group_size", exactly(GROUP, "the only group here"));
  fields.required("bits", { what: "4 or 8", is: (v): v is number => v === 4 || v === 8 });
  fields.optional("activations", {
    what: ACTIVATIONS.map((name) => `"${name}"`).join(" or "),
    is: (v): v is Activations => ACTIVATIONS.some((name) => name === v),
  });
  fields.finish(new Map(), unknown);
}

/**
 * Describes the quantisation that a config names, whoever made it. Undefined where it names none.
 */
export function describeQuantization(file: string, json: unknown): Quantization | undefined {
  if (!said.is(json)) return undefined;
  const quantized = json.quantization_config ?? json.compression_config ?? json.quantization;
  if (!said.is(quantized)) return undefined;
  try {
    checkQuantization(file, quantized, new UnknownKeys());
    const name = textOf(quantized.quant_method) ?? "";
    if (name !== GROUPS_METHOD) return { name, canRun: true };
    const named = ACTIVATIONS.find((known) => known === quantized.activations);
    const activations = named ?? USUAL_ACTIVATIONS;
    return { name, canRun: true, activations, namesActivations: named !== undefined };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return foreign(quantized);
  }
}

/** A format of another project. What is not known about it stays open. */
function foreign(json: Said): Quantization {
  const isMlx = json.mode !== undefined || json.bits !== undefined;
  const method = textOf(json.quant_method) ?? (isMlx ? "mlx" : "unknown");
  const inner = said.is(json.quantization) ? json.quantization : json;
  const format = textOf(inner.quant_algo) ?? textOf(json.format);
  const name = format ? `${method} ${format}` : method;
  return { name, canRun: false, bitsPerWeight: foreignBits(method, name.toLowerCase(), inner) };
}

/** Bits of one weight and its part of the scales. */
function foreignBits(method: string, name: string, json: Said): number | undefined {
  if (name.includes("nvfp4")) return 4 + 8 / 16; // e2m1, an e4m3 scale for 16 of them
  if (name.includes("mxfp4") || json.mode === "mxfp4") return 4 + 8 / 32;
  if (method === "bitsandbytes") return json.load_in_4bit === true ? 4 + 32 / 64 : 8;
  if (name.includes("fp8") || name.includes("float-quantized")) return 8;
  const weights = firstGroup(json);
  const bits = numberOf(weights.num_bits ?? weights.bits ?? weights.w_bit);
  const group = numberOf(weights.group_size ?? weights.q_group_size);
  if (bits === undefined || group === undefined) return bits;
  const hasZeros = method === "awq" || method === "gptq" || weights.symmetric === false;
  const zero = method === "mlx" ? 16 : hasZeros ? bits : 0;
  return bits + (16 + zero) / group;
}

/** The description of the weights: that of the first group in compressed-tensors' layout. */
function firstGroup(json: Said): Said {
  const first = said.is(json.config_groups) ? Object.values(json.config_groups)[0] : undefined;
  const weights = said.is(first) ? first.weights : undefined;
  return said.is(weights) ? weights : json;
}

function numberOf(value: unknown): number | undefined {
  const isSize = typeof value === "number" && Number.isInteger(value) && value > 0;
  return isSize ? value : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value.slice(0, 40) : undefined;
}
