/**
 * Routed experts as the backends go through them: expert by expert, each with all tokens that visit it,
 * so that its matrices are read once. They come in waves, because a bank may have no room for all.
 * @module
 */
import { matrixOf, type RawTensor } from "../numbers/raw-tensor.ts";
import type { Expert, ExpertBank, Ops, Routing } from "./ops.ts";

/** One expert, and who visits it. */
export interface Visit {
  /** Its matrices. */
  readonly expert: Expert;
  /** Rows of the tokens, ascending. */
  readonly tokens: readonly number[];
  /** How much each token takes. */
  readonly weights: readonly number[];
}

/** A bank whose experts are all in memory. */
export function residentBank(experts: readonly Expert[]): ExpertBank {
  const [nMoe, nHidden] = experts[0].gate.shape;
  const bringIn = (wanted: readonly number[], from: number): Expert[] =>
    wanted.slice(from).map((e) => experts[e]);
  return { nE: experts.length, nMoe, nHidden, bringIn };
}

/** Places experts whose matrices are stacked: `[E, moe, hidden]`, and `[E, hidden, moe]` for `down`. */
export function placeBank(
  ops: Pick<Ops, "place">,
  gate: RawTensor,
  up: RawTensor,
  down: RawTensor,
): ExpertBank {
  const [nE, nHidden, nMoe] = down.shape;
  const each = <X>(make: (e: number) => X): X[] => Array.from({ length: nE }, (_, e) => make(e));
  const inner = (raw: RawTensor) =>
    each((e) => ops.place(["moe", "hidden"], [nMoe, nHidden], matrixOf(raw, e, nE)));
  const [gates, ups] = [inner(gate), inner(up)];
  const downs = each((e) => ops.place(["hidden", "moe"], [nHidden, nMoe], matrixOf(down, e, nE)));
  return residentBank(each((e) => ({ gate: gates[e], up: ups[e], down: downs[e] })));
}

/** Every expert that a token names, ascending. The experts of a wave are in memory until the next one. */
export function* wavesOf(routing: Routing, bank: ExpertBank): Generator<readonly Visit[]> {
  const visitors = visitorsOf(routing);
  const wanted = [...visitors.keys()].sort((a, b) => a - b);
  for (let from = 0; from < wanted.length; ) {
    const wave = bank.bringIn(wanted, from);
    yield wave.map((expert, i) => {
      const { tokens, weights } = visitors.get(wanted[from + i]) as Visitors;
      return { expert, tokens, weights };
    });
    from += wave.length;
  }
}

/** The same one by one, for those who go through them one by one. */
export function* visitsOf(routing: Routing, bank: ExpertBank): Generator<Visit> {
  for (const wave of wavesOf(routing, bank)) yield* wave;
}

interface Visitors {
  readonly tokens: number[];
  readonly weights: number[];
}

/** The visitors of each expert, by its number. */
function visitorsOf({ experts, weights }: Routing): Map<number, Visitors> {
  const [, nA] = experts.shape;
  const byExpert = new Map<number, Visitors>();
  experts.data.forEach((expert, at) => {
    const visitors = byExpert.get(expert) ?? { tokens: [], weights: [] };
    byExpert.set(expert, visitors);
    visitors.tokens.push(Math.floor(at / nA));
    visitors.weights.push(weights.data[at]);
  });
  return byExpert;
}
