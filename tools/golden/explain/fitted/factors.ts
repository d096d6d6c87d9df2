/**
 * A factor: one for all, one for each head, each channel, each row.
 * @module
 */
import type { ModelConfig } from "../../../../engine/config/model-config.ts";
import { type Fit, factorOf, type Grid, plain } from "./relation.ts";

/** Numbers of the model that engines multiply with, by name. */
const constants = (c: ModelConfig): readonly (readonly [string, number])[] => [
  ["routed_scaling_factor", c.routedScalingFactor],
  ["the root of hidden_size", Math.sqrt(c.hiddenSize)],
  ["the root of qk_head_dim", Math.sqrt(c.qkHeadDim)],
  ["the root of qk_nope_head_dim", Math.sqrt(c.qkNopeHeadDim)],
  ["the root of qk_rope_head_dim", Math.sqrt(c.qkRopeHeadDim)],
  ["the root of kv_lora_rank", Math.sqrt(c.kvLoraRank)],
  ["the root of index_head_dim", Math.sqrt(c.indexHeadDim)],
  ["the root of index_n_heads", Math.sqrt(c.indexNHeads)],
  ["num_experts_per_tok", c.numExpertsPerTok],
  ["num_attention_heads", c.numAttentionHeads],
  ["index_n_heads", c.indexNHeads],
  ["index_head_dim", c.indexHeadDim],
  ["qk_head_dim", c.qkHeadDim],
  ["hidden_size", c.hiddenSize],
];

/** A factor found, and the number of the model that it is, where it is one. */
export function factorText(factor: number, config: ModelConfig): string {
  const isNear = (x: number): boolean => Math.abs(factor / x - 1) < 1e-5;
  for (const [name, value] of constants(config)) {
    if (value === 1 || value === 2) continue;
    if (isNear(value)) return `${plain(factor)} (${name})`;
    if (isNear(1 / value)) return `${plain(factor)} (1 / ${name})`;
  }
  return plain(factor);
}

/** A factor for each of the groups that `of` puts indices into. */
function byGroup(
  grid: Grid,
  n: number,
  of: (i: number) => number,
): { factors: number[]; make: Fit["make"] } {
  const factors = Array.from({ length: n }, (_, g) => factorOf(grid, (i) => of(i) === g));
  return { factors, make: (e) => e.map((x, i) => x * (factors[of(i)] ?? 1)) };
}

/** What a list of factors tells: which are 0, −1, or others than 1. */
function listText(factors: readonly number[], of: string): string {
  const near = (f: number, x: number): boolean => Math.abs(f - x) < 1e-4;
  const other = factors.flatMap((f, i) => (near(f, 1) ? [] : [i]));
  const value = factors[other[0]] ?? 1;
  const isOne = other.every((i) => near(factors[i] / (value || 1), value === 0 ? 0 : 1));
  const which = namesOf(other);
  const few =
    other.length < factors.length ? `${of}${other.length > 1 ? "s" : ""} ${which}` : `all ${of}s`;
  if (isOne && near(value, 0)) return `is zero in ${few}`;
  if (isOne && near(value, -1)) return `is negated in ${few}`;
  if (isOne) return `is ${plain(value)} times what it should be in ${few}`;
  const shown = other.slice(0, 6).map((i) => plain(factors[i]));
  return `has another factor for each ${of} (${of} ${which}: ${shown.join(", ")}${other.length > 6 ? ", …" : ""})`;
}

/** Indices in short: `3`, `4 to 7`, `0, 2, 5, …`. */
export function namesOf(list: readonly number[]): string {
  const [first] = list;
  const last = list[list.length - 1];
  if (list.length > 2 && last - first + 1 === list.length) return `${first} to ${last}`;
  return list.slice(0, 6).join(", ") + (list.length > 6 ? ", …" : "");
}

/** Factors over one row, known functions of the position. */
const BY_POSITION: readonly (readonly [string, (t: number) => number])[] = [
  ["is multiplied by the number of rows up to its own", (t) => t + 1],
  ["is divided by the number of rows up to its own", (t) => 1 / (t + 1)],
  ["is multiplied by its position", (t) => t],
];

/** Factors of an axis; none where they say nothing of one index that they do not say of all. */
function listed(
  relation: Fit["relation"],
  of: string,
  factors: readonly number[],
  make: Fit["make"],
): Fit[] {
  const [first = 1] = factors;
  if (factors.every((f) => Math.abs(f - first) < 1e-4 * Math.max(1, Math.abs(first)))) return [];
  return [{ relation, what: listText(factors, of), nFree: factors.length, make }];
}

export function factors(grid: Grid, config: ModelConfig): Fit[] {
  const { nT, nH, nC } = grid;
  const all = factorOf(grid);
  const channelOf = (i: number): number => i % nC;
  const headOf = (i: number): number => Math.floor(i / nC) % nH;
  const rowOf = (i: number): number => Math.floor(i / (nC * nH));
  const columns = byGroup(grid, nH * nC, (i) => i % (nH * nC));
  const [heads, channels, rows] = [
    byGroup(grid, nH, headOf),
    byGroup(grid, nC, channelOf),
    byGroup(grid, nT, rowOf),
  ];
  const text =
    Math.abs(all + 1) < 1e-4
      ? "is negated"
      : Math.abs(all) < 1e-9
        ? "is zero"
        : `is ${factorText(all, config)} times what it should be`;
  return [
    { relation: "factor", what: text, nFree: 1, make: (e) => e.map((x) => x * all) },
    ...BY_POSITION.map(
      ([what, factor]): Fit => ({
        relation: "factor",
        what,
        nFree: 0,
        make: (e, n) => e.map((x, i) => x * factor(Math.floor(i / (e.length / n)))),
      }),
    ),
    ...(nH > 1 ? listed("factor", "head", heads.factors, heads.make) : []),
    ...listed("factor", "channel", channels.factors, channels.make),
    ...(nH > 1 ? listed("factor", "column", columns.factors, columns.make) : []),
    ...listed("factor", "row", rows.factors, rows.make),
  ];
}
