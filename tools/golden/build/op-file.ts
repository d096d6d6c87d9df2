/**
 * ops.json and ops.safetensors of the pack: docs/golden-pack.md tells how to use them.
 * @module
 */
import { seededRandom } from "../../../engine/generate/random.ts";
import { type Ops, referenceOps } from "../../../engine/index.ts";
import { decode } from "../../../engine/numbers/formats.ts";
import type { StoredTensor } from "../../../engine/weights/checkpoint.ts";
import { writeSafetensors } from "../../../engine/weights/write-safetensors.ts";
import { ROUNDING } from "../case/rounding.ts";
import { distanceOf } from "../judge/distance.ts";
import { CHOICE_CASES } from "./choice-cases.ts";
import { ROOM } from "./envelope.ts";
import { measured } from "./json-text.ts";
import { NUMBER_CASES } from "./op-cases.ts";
import type { OpCase, Output } from "./op-numbers.ts";

/** Every operation's case. */
export const OP_CASES: readonly OpCase[] = [...NUMBER_CASES, ...CHOICE_CASES];

/** How many runs with shaken inputs an allowance is measured on. */
const TRIES = 8;

/**
 * How far an engine in f32 may be off, as a share of the largest magnitude of `y`: room times what
 * it makes when every input moves by one rounding. No engine can do better than its inputs.
 */
export function allowedError({ run }: OpCase): number {
  const want = run(referenceOps("f64")).y;
  if (want.data instanceof Int32Array) return 0;
  const moves = Array.from({ length: TRIES }, (_, seed) => {
    const got = run(shaken(seed)).y;
    return distanceOf(got.data, want.data, want.data.length).largest;
  });
  return measured(ROOM * Math.max(ROUNDING.F32, ...moves));
}

/** The float64 reference on inputs that are off by up to one f32 rounding. */
function shaken(seed: number): Ops {
  const ops = referenceOps("f64");
  const random = seededRandom(seed);
  const move = (x: number): number => x * (1 + (2 * random() - 1) * 2 * ROUNDING.F32);
  return {
    ...ops,
    tensor: (dims, shape, values) => ops.tensor(dims, shape, Float64Array.from(values, move)),
    place: (dims, shape, raw) => {
      const moved = Float64Array.from(decode(raw), move);
      return ops.place(dims, shape, {
        dtype: "F64",
        shape: raw.shape,
        bytes: new Uint8Array(moved.buffer),
      });
    },
  };
}

/** ops.json: what each case is, in words, and how exact an answer must be. */
export function describeOps(): object {
  const entries = OP_CASES.map((one) => {
    const { equation, breaks, numbers, inputs } = one;
    const allowed = allowedError(one);
    return [one.name, { equation, breaks, numbers, inputs: Object.keys(inputs), allowed }] as const;
  });
  return { format: "glm52-ops 1", cases: Object.fromEntries(entries) };
}

/** ops.safetensors: `<case>/<input>`, and what the float64 reference makes of them: `<case>/<output>`. */
export function opFile(): Uint8Array {
  const tensors: [string, StoredTensor][] = [];
  for (const { name, inputs, run } of OP_CASES) {
    const outputs = run(referenceOps("f64"));
    for (const [key, tensor] of Object.entries({ ...inputs, ...outputs })) {
      tensors.push([`${name}/${key}`, stored(tensor)]);
    }
  }
  return writeSafetensors(Object.fromEntries(tensors));
}

const DTYPES = [
  [Int32Array, "I32"],
  [Float64Array, "F64"],
  [Float32Array, "F32"],
  [Uint8Array, "F8_E4M3"],
] as const;

function stored({ shape, data }: Output | OpCase["inputs"][string]): StoredTensor {
  const [, dtype] = DTYPES.find(([kind]) => data instanceof kind) ?? DTYPES[0];
  return { dtype, shape, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}
