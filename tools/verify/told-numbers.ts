/**
 * Reads numbers that a server tells of all tokens and layers: base64 of int32, as SGLang has it, or of one
 * of NumPy's files, as vLLM has it.
 * @module
 */
import { Buffer } from "node:buffer";
import { GlmError } from "../../engine/index.ts";
import { isNpy, readNpy } from "../golden/dump/npy.ts";
import { unpack } from "../golden/dump/stored.ts";

/** Numbers of tokens and layers, `k` of each. */
export interface ToldRows {
  readonly nTokens: number;
  readonly nLayers: number;
  /** The numbers of a token in a layer. */
  row(token: number, layer: number): Int32Array;
}

/**
 * Reads them. In their place, a sentence says why they cannot be read.
 *
 * @param nTokens tokens that are told, where the numbers do not say it themselves
 */
export function toldRows(told: unknown, k: number, nTokens: number): ToldRows | string {
  if (told === undefined || told === null) return "the server does not tell them";
  if (typeof told !== "string") return "they are told in a form that is not known here";
  const bytes = new Uint8Array(Buffer.from(told, "base64"));
  try {
    if (!isNpy(bytes)) return ofPlain(bytes, k, nTokens);
    const { dtype, shape, data } = readNpy("numbers of the server", bytes);
    const [nRows = 0, nLayers = 0, width] = shape;
    if ((dtype === "I32" || dtype === "I64") && shape.length === 3 && width === k) {
      return rowsOf(Int32Array.from(data), nRows, nLayers, k);
    }
    return `expected integers of [tokens, layers, ${k}], got ${dtype} of [${shape.join(", ")}]`;
  } catch (error) {
    if (error instanceof GlmError) return error.message;
    throw error;
  }
}

/** Numbers without a header. */
function ofPlain(bytes: Uint8Array, k: number, nTokens: number): ToldRows | string {
  const nLayers = bytes.length / (Int32Array.BYTES_PER_ELEMENT * k * nTokens);
  if (!Number.isInteger(nLayers) || nLayers === 0) {
    return `expected int32 of [${nTokens}, layers, ${k}], got ${bytes.length} bytes`;
  }
  const { data } = unpack("numbers of the server", "I32", [nTokens, nLayers, k], bytes);
  return rowsOf(Int32Array.from(data), nTokens, nLayers, k);
}

function rowsOf(all: Int32Array, nTokens: number, nLayers: number, k: number): ToldRows {
  return {
    nTokens,
    nLayers,
    row: (token, layer) => {
      const start = (token * nLayers + layer) * k;
      return all.subarray(start, start + k);
    },
  };
}
