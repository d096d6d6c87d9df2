/**
 * Route traces: which experts the tokens of a run visited. A cache of experts can be tried on them
 * without the model, and GLM-5.2's routes need 600 bytes for a token.
 *
 * A file is safetensors with these tensors:
 *
 * | tensor    | format                               | shape                 | holds                                      |
 * |-----------|--------------------------------------|-----------------------|--------------------------------------------|
 * | `experts` | U8, or U16 for more than 256 experts | `[T, layers, active]` | experts of a token, ascending              |
 * | `layers`  | I32                                  | `[layers]`            | numbers of the layers, ascending           |
 * | `phase`   | U8                                   | `[T]`                 | 0 for a token of a prompt, 1 for a later one |
 * | `step`    | I32                                  | `[T]`                 | tokens with one number ran together; optional |
 * | `weights` | F32                                  | as `experts`          | weights of the experts; optional           |
 *
 * Its metadata are `format`, `engine`, `model`, `experts` (how many a layer has), `tokens_sha256` and,
 * where it is known, `expert_bytes`.
 *
 * Next: read-routes.ts, route-recorder.ts, replay.ts
 * @module
 */
import type { StoredTensor } from "../../engine/weights/checkpoint.ts";
import { writeSafetensors } from "../../engine/weights/write-safetensors.ts";

/** The name of the format. Its number must change when names or layout of the tensors change. */
export const ROUTES_FORMAT = "glm52-routes 1";

/** The phase of a token. */
export const [PREFILL, DECODE] = [0, 1] as const;

/** Most experts whose numbers fit in a byte. */
const BYTE_EXPERTS = 256;

/** Numbers of experts. */
export type ExpertNumbers = Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

/** What a route trace is of. */
export interface RouteOrigin {
  /** Name and version of the engine. */
  readonly engine: string;
  /** Name of the model. */
  readonly model: string;
  /** Number of routed experts that a layer has. */
  readonly nExperts: number;
  /** SHA-256 of the tokens, written as `1,2,3`, in hex. */
  readonly tokensSha256: string;
  /** Bytes of one expert as it is stored, its scales included. */
  readonly expertBytes?: number | undefined;
}

/** The experts that each token visited in each layer. */
export interface RouteTrace extends RouteOrigin {
  readonly nTokens: number;
  /** Number of experts that a token visits in a layer. */
  readonly nActive: number;
  /** Numbers of the layers that route, ascending. */
  readonly layers: readonly number[];
  /** `[T, layers, active]`; ascending within a token and layer. */
  readonly experts: ExpertNumbers;
  /** `[T]`: {@link PREFILL} or {@link DECODE}. */
  readonly phase: Uint8Array<ArrayBuffer>;
  /** `[T]`: the step in which a token ran, counted from 0. */
  readonly step: Int32Array<ArrayBuffer>;
  /** `[T, layers, active]`. */
  readonly weights?: Float32Array<ArrayBuffer> | undefined;
}

/** Makes room for `n` numbers of experts. */
export const expertNumbers = (n: number, nExperts: number): ExpertNumbers =>
  nExperts <= BYTE_EXPERTS ? new Uint8Array(n) : new Uint16Array(n);

/** The bytes of a route trace file. */
export function routeFile(trace: RouteTrace): Uint8Array {
  const { nTokens, nActive, layers, experts, phase, step, weights, expertBytes } = trace;
  const shape = [nTokens, layers.length, nActive];
  const tensors: Record<string, StoredTensor> = {
    experts: { dtype: expertsDtype(trace.nExperts), shape, bytes: bytesOf(experts) },
    layers: { dtype: "I32", shape: [layers.length], bytes: bytesOf(Int32Array.from(layers)) },
    phase: { dtype: "U8", shape: [nTokens], bytes: phase },
    step: { dtype: "I32", shape: [nTokens], bytes: bytesOf(step) },
    ...(weights && { weights: { dtype: "F32", shape, bytes: bytesOf(weights) } }),
  };
  return writeSafetensors(tensors, {
    format: ROUTES_FORMAT,
    engine: trace.engine,
    model: trace.model,
    experts: String(trace.nExperts),
    tokens_sha256: trace.tokensSha256,
    ...(expertBytes !== undefined && { expert_bytes: String(expertBytes) }),
  });
}

/** The format in which numbers of experts are stored. */
export const expertsDtype = (nExperts: number): "U8" | "U16" =>
  nExperts <= BYTE_EXPERTS ? "U8" : "U16";

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView<ArrayBuffer>): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
