/**
 * A dump of any engine against a golden case, stage by stage in the order of the model, up to the
 * first stage that rounding cannot explain.
 *
 * How far a stage may be off is not guessed: it is what float32 costs HF transformers at this stage
 * of this case, {@link SLACK} times over, and as much more as the engine's own format is coarser.
 * @module
 */
import { join } from "node:path";
import { referenceOps } from "../../engine/index.ts";
import { floatsOf } from "../../engine/ops/reference/memory.ts";
import { trace } from "../trace.ts";
import { type GoldenTensor, openCase, readCase, readDump } from "./case.ts";
import { type Dump, scoresOf } from "./compare.ts";
import {
  type Distance,
  distance,
  headOrder,
  type LogitsDistance,
  logitsDistance,
} from "./distance.ts";
import { compareSelections, type SelectionReport } from "./selections.ts";

/** Relative spacing of the formats that engines compute in. */
export const FORMATS = { f32: 2 ** -24, f16: 2 ** -11, bf16: 2 ** -8 } as const;

/** A format of {@link FORMATS}. */
export type Format = keyof typeof FORMATS;

/** Share of rows whose selection may differ where two runs make the same mistake. */
const FLIPS: Readonly<Record<Format, number>> = { f32: 0, f16: 0.05, bf16: 0.2 };

/** Errors of another order of sums, in units of HF's own float32 error (root mean square). */
const SLACK = 8;

/** No format excuses more than this root mean square error. */
const WORST = 0.1;

/** One stage: numbers or a selection. */
export interface StageCheck {
  readonly name: string;
  /** `explained`: a selection that differs where the engine's rounding allows it. */
  readonly verdict: "same" | "explained" | "differs";
  readonly distance?: Distance;
  /** Error over the bound, both root mean square. */
  readonly overBound?: number;
  readonly selection?: SelectionReport;
  /** What is wrong, in a sentence. */
  readonly message?: string;
}

/** The whole comparison. Stages after the last one of `stages` were not judged. */
export interface CheckReport {
  readonly case: string;
  readonly format: Format;
  readonly verdict: StageCheck["verdict"];
  readonly stages: readonly StageCheck[];
  /** Stages of the case that the dump has not, and of the dump that the case has not. */
  readonly absent: readonly string[];
  readonly unknown: readonly string[];
  readonly logits?: LogitsDistance;
}

/** A golden case, read. */
export interface OpenCase {
  readonly name: string;
  /** The oracle's stages, in the order of the model. */
  readonly want: Dump;
  /** The same in HF's float32. */
  readonly f32: Dump;
  /** Router biases by layer. */
  readonly bias: (layer: number) => ArrayLike<number> | undefined;
}

/** Reads a case; the reference runs it once, to know the order of the stages. */
export async function openGolden(dir: string): Promise<OpenCase> {
  const info = await readCase(dir);
  const model = await openCase(dir, info, referenceOps("f64"));
  const { mtpSteps } = info;
  const order = trace(model, { tokens: info.tokens, ...(mtpSteps && { mtpSteps }) });
  const oracle = await readDump(join(dir, "f64.safetensors"));
  const want = new Map<string, GoldenTensor>();
  for (const { name } of order) {
    const tensor = oracle.get(name);
    if (tensor) want.set(name, tensor);
  }
  const bias = (layer: number) => {
    const { layers, mtp } = model.weights;
    const ffn = (layer < layers.length ? layers[layer] : mtp?.layer)?.ffn;
    return ffn?.kind === "sparse" ? floatsOf(ffn.eScoreCorrectionBias) : undefined;
  };
  return { name: info.name, want, f32: await readDump(join(dir, "f32.safetensors")), bias };
}

/** Compares what the dump has with the case. */
export function checkDump(golden: OpenCase, dump: Dump, format: Format): CheckReport {
  const stages: StageCheck[] = [];
  for (const [name, want] of golden.want) {
    const got = dump.get(name);
    if (!got) continue;
    const stage = checkStage(golden, dump, name, got, want, format);
    stages.push(stage);
    if (stage.verdict !== "same") break;
  }
  const [got, want] = [dump.get("logits"), golden.want.get("logits")];
  const isComparable = got && want && String(got.shape) === String(want.shape);
  return {
    case: golden.name,
    format,
    verdict: stages.at(-1)?.verdict ?? "differs",
    stages,
    absent: [...golden.want.keys()].filter((name) => !dump.has(name)),
    unknown: [...dump.keys()].filter((name) => !golden.want.has(name)),
    ...(isComparable && { logits: logitsDistance(got, want) }),
  };
}

function checkStage(
  golden: OpenCase,
  dump: Dump,
  name: string,
  got: GoldenTensor,
  want: GoldenTensor,
  format: Format,
): StageCheck {
  const wrong = misfit(got, want);
  if (wrong) return { name, verdict: "differs", message: wrong };
  if (want.data instanceof Int32Array) {
    const { scores, bounds } = scoresOf(name, dump, golden.want, golden.bias);
    const selection = compareSelections(got, want, scores, bounds);
    if (selection.equal === selection.rows) return { name, verdict: "same", selection };
    const { unexplained } = selection;
    if (unexplained === 0) return { name, verdict: "explained", selection };
    const why = bounds
      ? "by more than the differences of the scores' inputs allow"
      : "and the dump lacks the stages that the scores are made of";
    return {
      name,
      verdict: "differs",
      selection,
      message: `${unexplained} of ${selection.rows} rows chose others, ${why}`,
    };
  }
  const far = distance(got.data, want.data);
  const bound = boundOf(golden, name, want, format);
  const overBound = Math.sqrt(far.nmse) / bound;
  const numbers = { name, distance: far, overBound };
  if (overBound <= 1) return { ...numbers, verdict: "same" };
  const order = want.shape.length === 3 ? headOrder(got, want, bound * bound) : undefined;
  return {
    ...numbers,
    verdict: "differs",
    ...(order && { message: `the heads are right, but in another order: ${order}` }),
  };
}

/** Whether two dumps say the same at a stage, and their error (see {@link StageCheck}). */
export function agreement(
  golden: OpenCase,
  name: string,
  a: Dump,
  b: Dump,
  format: Format,
): { readonly agrees: boolean; readonly error: number } {
  const [got, want, right] = [a.get(name), b.get(name), golden.want.get(name)];
  if (!got || !want || !right || misfit(got, want)) {
    return { agrees: false, error: Number.POSITIVE_INFINITY };
  }
  if (want.data instanceof Int32Array) {
    const { rows, equal } = compareSelections(got, want, undefined, undefined);
    return { agrees: rows - equal <= rows * FLIPS[format], error: (rows - equal) / rows };
  }
  const { nmse } = distance(got.data, want.data);
  return { agrees: Math.sqrt(nmse) <= boundOf(golden, name, right, format), error: nmse };
}

/** Root mean square error that is allowed, relative to that of the stage. */
function boundOf(golden: OpenCase, name: string, want: GoldenTensor, format: Format): number {
  const f32 = golden.f32.get(name);
  const hf = f32 ? Math.sqrt(distance(f32.data, want.data).nmse) : 0;
  const unit = Math.max(hf, FORMATS.f32);
  return Math.min((SLACK * unit * FORMATS[format]) / FORMATS.f32, WORST);
}

/** Why two tensors cannot be compared at all. */
function misfit(got: GoldenTensor, want: GoldenTensor): string | undefined {
  if (String(got.shape) !== String(want.shape)) {
    return `expected shape [${want.shape}], got [${got.shape}]`;
  }
  const [wantsInts, hasInts] = [want, got].map(({ data }) => data instanceof Int32Array);
  if (wantsInts !== hasInts) {
    const [a, b] = wantsInts ? ["integers", "floats"] : ["floats", "integers"];
    return `expected ${a}, got ${b}`;
  }
  const at = want.data.findIndex(
    (x, i) => !Number.isFinite(got.data[i]) && !Object.is(got.data[i], x),
  );
  if (at < 0) return undefined;
  return `expected ${want.data[at]}, got ${got.data[at]} at [${indexOf(at, want.shape)}]`;
}

function indexOf(at: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  for (const n of [...shape].reverse()) {
    index.unshift(at % n);
    at = Math.floor(at / n);
  }
  return index;
}
