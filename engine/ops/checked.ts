/**
 * Runs every op twice, on a fast backend and on the f64 reference, and stops at the first result
 * that is further off than its bound. It is slow, and made for finding mistakes.
 *
 * Both backends get the same inputs, those that the fast one made. So an error does not travel from op
 * to op, and the op that the message names is the one that is wrong.
 * @module
 */
import { GlmError } from "../base/errors.ts";
import { describe, type Floats, type Indices, type Tensor, type Weight } from "../base/tensor.ts";
import type { RawTensor } from "../numbers/raw-tensor.ts";
import { splitKvB } from "../numbers/split-kv-b.ts";
import type { Expert, ExpertBank, Ops } from "./ops.ts";

/** An op gave a result outside its bound. The message names the op, the place, both values and the bound. */
export class DisagreementError extends GlmError {
  override readonly name = "DisagreementError";
  readonly code = "disagreement";
}

/** The arithmetic ops: those that can be off. */
export type CheckedOp =
  | "embed"
  | "linear"
  | "perHead"
  | "rmsNorm"
  | "layerNorm"
  | "ropeInterleaved"
  | "indexScores"
  | "topK"
  | "latentAttention"
  | "route"
  | "experts"
  | "siluMul"
  | "add";

/**
 * How far each element of a result may be off.
 *
 * @param args what the op was called with, as the f64 reference sees it
 * @param want the reference's result
 */
export type Bound = (args: readonly unknown[], want: Tensor) => Floats;

/** Is told about each result: its largest error as a share of its bound. */
export type OnChecked = (op: CheckedOp, errorOverBound: number) => void;

/** A weight that both backends have placed. */
interface Pair {
  readonly fast: Weight;
  readonly spec: Weight;
}

const CHECKED: readonly CheckedOp[] = [
  "embed",
  "linear",
  "perHead",
  "rmsNorm",
  "layerNorm",
  "ropeInterleaved",
  "indexScores",
  "topK",
  "latentAttention",
  "route",
  "experts",
  "siluMul",
  "add",
];

/**
 * `fast`, watched by `spec`. Weights must be placed by what this returns.
 *
 * @param spec the reference in f64
 */
export function checkedOps(
  fast: Ops,
  spec: Ops,
  bounds: Readonly<Record<CheckedOp, Bound>>,
  onChecked: OnChecked = () => {},
): Ops {
  const place: Ops["place"] = (dims, shape, raw) => {
    const home: Pair = { fast: fast.place(dims, shape, raw), spec: spec.place(dims, shape, raw) };
    return { dims, shape, home };
  };
  const placeKvB = pairedHalves(fast, spec);
  const shelf: Ops["shelf"] = () => {
    const [a, b] = [fast.shelf(), spec.shelf()];
    return {
      get bytes() {
        return a.bytes;
      },
      room: (n, phase) => a.room(n, phase),
      areFinite: (dtype, bytes) => a.areFinite(dtype, bytes),
      place: (dims, shape, raw) => {
        const home: Pair = { fast: a.place(dims, shape, raw), spec: b.place(dims, shape, raw) };
        return { dims, shape, home };
      },
      placeKvB: pairedHalves(a, b),
      clear: () => {
        a.clear();
        b.clear();
      },
    };
  };
  const watch =
    (op: CheckedOp) =>
    (...args: unknown[]): unknown => {
      const call = (ops: Ops, x: unknown[]): unknown =>
        (ops[op] as (...a: unknown[]) => unknown)(...x);
      const got = call(
        fast,
        args.map((arg) => inputs(arg, "fast", fast)),
      );
      const specArgs = args.map((arg) => inputs(arg, "spec", spec));
      onChecked(op, compare(op, got, call(spec, specArgs), specArgs, bounds[op]));
      return got;
    };
  const watched = Object.fromEntries(CHECKED.map((op) => [op, watch(op)])) as Pick<Ops, CheckedOp>;
  return { ...fast, ...watched, place, placeKvB, shelf };
}

/** Both halves of `kv_b_proj`: on one side as the fast backend wants them, on the other as two parameters. */
function pairedHalves(
  fast: Pick<Ops, "placeKvB">,
  spec: Pick<Ops, "place">,
): NonNullable<Ops["placeKvB"]> {
  return (raw, nH, nope, v) => {
    const halves = fast.placeKvB?.(raw, nH, nope, v);
    if (!halves) return undefined;
    const split = splitKvB(raw, nH, nope, v);
    const pair = <const D extends readonly string[]>(w: Weight<D>, half: RawTensor): Weight<D> => {
      const home: Pair = { fast: w, spec: spec.place<D>(w.dims, w.shape, half) };
      return { ...w, home };
    };
    return { kUp: pair(halves.kUp, split.kUp), vUp: pair(halves.vUp, split.vUp) };
  };
}

/** An argument as one side may read it, whatever records it is wrapped in. */
function inputs(arg: unknown, side: keyof Pair, ops: Ops): unknown {
  if (typeof arg !== "object" || arg === null || ArrayBuffer.isView(arg)) return arg;
  if ("view" in arg) return arg; // rows as they are stored: the same for both
  if ("home" in arg) return ((arg as Weight).home as Pair)[side];
  if ("bringIn" in arg) {
    const bank = arg as ExpertBank;
    const bringIn: ExpertBank["bringIn"] = (wanted, from) =>
      bank.bringIn(wanted, from).map((expert) => inputs(expert, side, ops) as Expert);
    return { ...bank, bringIn };
  }
  if ("dims" in arg) {
    const t = arg as Tensor | Indices;
    const isFloat = !(t.data instanceof Int32Array);
    return side === "spec" && isFloat ? ops.tensor(t.dims, t.shape, t.data) : t;
  }
  return Object.fromEntries(Object.entries(arg).map(([k, v]) => [k, inputs(v, side, ops)]));
}

/** Largest error over bound of one result; records of several are looked at one by one. */
function compare(
  op: CheckedOp,
  got: unknown,
  want: unknown,
  args: readonly unknown[],
  bound: Bound,
): number {
  if (!("dims" in (want as object))) {
    const parts = Object.entries(want as Record<string, unknown>).map(([key, part]) =>
      compare(op, (got as Record<string, unknown>)[key], part, args, bound),
    );
    return Math.max(...parts);
  }
  const g = got as Tensor | Indices;
  const w = want as Tensor | Indices;
  if (describe(g) !== describe(w)) {
    throw new DisagreementError(op, `${describe(g)}, expected ${describe(w)}`);
  }
  const limit = w.data instanceof Int32Array ? undefined : bound(args, w as Tensor);
  let worst = 0;
  for (let i = 0; i < w.data.length; i++) {
    if (g.data[i] === w.data[i]) continue;
    const over = limit ? Math.abs(g.data[i] - w.data[i]) / limit[i] : Number.POSITIVE_INFINITY;
    if (!(over <= 1)) {
      const allowed = limit ? `within ${limit[i]}` : "exactly";
      throw new DisagreementError(
        `${op} ${describe(w)} at ${i}`,
        `${g.data[i]}, expected ${w.data[i]} ${allowed}`,
      );
    }
    worst = Math.max(worst, over);
  }
  return worst;
}
