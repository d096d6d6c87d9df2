/**
 * Reads route traces. The files come from strangers, so everything in them is checked.
 * @module
 */
import { type ByteSource, readExactly } from "../../engine/weights/byte-source.ts";
import {
  type Header,
  readHeader,
  type StoredDtype,
  showShape,
} from "../../engine/weights/safetensors.ts";
import { handleSource, openRegular } from "../node/file-source.ts";
import { UserError } from "../node/user-error.ts";
import {
  DECODE,
  expertsDtype,
  ROUTES_FORMAT,
  type RouteOrigin,
  type RouteTrace,
} from "./route-trace.ts";

/** As many experts as their numbers can tell apart. */
const MOST_EXPERTS = 2 ** 16;

/** Tensors that a file may lack. */
const OPTIONAL: readonly string[] = ["step", "weights"];

/** {@link readRoutes} for a file on disk. */
export async function readRouteFile(path: string): Promise<RouteTrace> {
  const handle = await openRegular(path, path);
  try {
    return await readRoutes(await handleSource(path, handle));
  } finally {
    await handle.close();
  }
}

/**
 * Reads a route trace. Where it has no `step`, each token is a step of its own.
 *
 * @throws {WeightsError} when it is no safetensors file
 * @throws {UserError} when it is no route trace, or one that no run can have made
 */
export async function readRoutes(source: ByteSource): Promise<RouteTrace> {
  const header = await readHeader(source);
  const origin = readOrigin(source.name, header.metadata);
  const shape = checkTensors(source.name, header, origin.nExperts);
  const [nTokens, nLayers, nActive] = shape;
  const read = async (name: string): Promise<ArrayBuffer | undefined> => {
    const entry = header.tensors.get(name);
    if (!entry) return undefined;
    const bytes = await readExactly(source, entry.offset, entry.length);
    return Uint8Array.from(bytes).buffer; // a copy, because numbers want to be aligned
  };
  const buffers = {
    experts: await read("experts"),
    layers: await read("layers"),
    phase: await read("phase"),
    step: await read("step"),
    weights: await read("weights"),
  };
  const isBytes = expertsDtype(origin.nExperts) === "U8";
  const trace: RouteTrace = {
    ...origin,
    nTokens,
    nActive,
    layers: [...new Int32Array(buffers.layers ?? new ArrayBuffer(4 * nLayers))],
    experts: new (isBytes ? Uint8Array : Uint16Array)(buffers.experts ?? new ArrayBuffer(0)),
    phase: new Uint8Array(buffers.phase ?? new ArrayBuffer(0)),
    step: buffers.step
      ? new Int32Array(buffers.step)
      : Int32Array.from({ length: nTokens }, (_, t) => t),
    ...(buffers.weights && { weights: new Float32Array(buffers.weights) }),
  };
  checkNumbers(source.name, trace);
  return trace;
}

function readOrigin(where: string, metadata: Header["metadata"]): RouteOrigin {
  const said = (key: string): string => {
    const value = metadata.get(key);
    if (value !== undefined) return value;
    throw new UserError(where, `expected a route trace with ${key} in its metadata, got none`);
  };
  const count = (key: string, most: number): number => {
    const n = Number(said(key));
    if (/^[0-9]+$/.test(said(key)) && n >= 1 && n <= most) return n;
    const got = JSON.stringify(said(key)).slice(0, 80);
    throw new UserError(where, `${key}: expected a number 1 … ${most}, got ${got}`);
  };
  const format = said("format");
  if (format !== ROUTES_FORMAT) {
    const got = JSON.stringify(format).slice(0, 80);
    throw new UserError(where, `expected a route trace, ${ROUTES_FORMAT}, got ${got}`);
  }
  return {
    engine: said("engine"),
    model: said("model"),
    nExperts: count("experts", MOST_EXPERTS),
    tokensSha256: said("tokens_sha256"),
    ...(metadata.has("expert_bytes") && {
      expertBytes: count("expert_bytes", Number.MAX_SAFE_INTEGER),
    }),
  };
}

/** Checks names, formats and shapes of all tensors, and returns the shape of `experts`. */
function checkTensors(where: string, { tensors }: Header, nExperts: number): readonly number[] {
  const shape = tensors.get("experts")?.shape ?? [];
  const [nTokens, nLayers, nActive] = shape;
  if (shape.length !== 3 || nLayers < 1 || nActive < 1 || nActive > nExperts) {
    const got = showShape(shape);
    throw new UserError(
      where,
      `experts: expected [tokens, layers, 1 … ${nExperts} of them], got ${got}`,
    );
  }
  const expected: Readonly<Record<string, [StoredDtype, readonly number[]]>> = {
    experts: [expertsDtype(nExperts), shape],
    layers: ["I32", [nLayers]],
    phase: ["U8", [nTokens]],
    step: ["I32", [nTokens]],
    weights: ["F32", shape],
  };
  for (const [name, [dtype, want]] of Object.entries(expected)) {
    const entry = tensors.get(name);
    if (!entry && OPTIONAL.includes(name)) continue;
    if (entry?.dtype === dtype && entry.shape.join() === want.join()) continue;
    const got = entry ? `${entry.dtype} ${showShape(entry.shape)}` : "none";
    throw new UserError(where, `${name}: expected ${dtype} ${showShape(want)}, got ${got}`);
  }
  const other = [...tensors.keys()].find((name) => !Object.hasOwn(expected, name));
  if (other === undefined) return shape;
  throw new UserError(where, `${other.slice(0, 80)}: a route trace has no such tensor`);
}

/** Checks what a run would never have written. */
function checkNumbers(where: string, trace: RouteTrace): void {
  const { experts, layers, nActive, nExperts, nTokens, phase, step, weights } = trace;
  const fail = (name: string, at: number, what: string): never => {
    throw new UserError(where, `${name}, element ${at}: ${what}`);
  };
  layers.forEach((layer, i) => {
    const least = i === 0 ? 0 : layers[i - 1] + 1;
    if (layer < least) fail("layers", i, `expected ${least} or more, got ${layer}`);
  });
  for (let i = 0; i < experts.length; i++) {
    const least = i % nActive === 0 ? 0 : experts[i - 1] + 1;
    if (experts[i] >= least && experts[i] < nExperts) continue;
    fail("experts", i, `expected ${least} … ${nExperts - 1}, got ${experts[i]}`);
  }
  for (let t = 0; t < nTokens; t++) {
    if (phase[t] > DECODE) fail("phase", t, `expected 0 or 1, got ${phase[t]}`);
    const before = t === 0 ? -1 : step[t - 1];
    const isSame = step[t] === before && phase[t] === phase[t - 1];
    if (!isSame && step[t] !== before + 1) {
      fail("step", t, `expected ${before + 1}, or tokens of one phase in a step, got ${step[t]}`);
    }
  }
  const odd = weights?.findIndex((weight) => !Number.isFinite(weight)) ?? -1;
  if (weights && odd >= 0) fail("weights", odd, `expected a finite number, got ${weights[odd]}`);
}
