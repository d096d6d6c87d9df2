/**
 * Prints the part of a plan that is about reading weights from a disk.
 * @module
 */

import type { StreamedCosts, StreamPlan } from "./streaming.ts";
import { bytes, digits, duration, row, tokens } from "./units.ts";

/** The lines of a {@link StreamPlan}, in sections. */
export function renderStreaming(plan: StreamPlan, contexts: readonly number[]): string[][] {
  return [tokenTable(plan), passTable(plan, contexts), ...(hasFit(plan) ? [fitTable(plan)] : [])];
}

/** One token: what the disk takes at least. */
function tokenTable({ disk, formats, arithmetic }: StreamPlan): string[] {
  return [
    `one token from a disk of ${digits(disk.gbps)} GB/s: seconds at least`,
    ...(disk.measured ? [`  (${disk.measured})`] : []),
    row("weights", ["all is read", "takes", "experts", "takes"]),
    ...formats.map(({ format, streamed, trunkKept }) =>
      row(format, [
        bytes(streamed.bytes),
        duration(streamed.seconds),
        bytes(trunkKept.bytes),
        duration(trunkKept.seconds),
      ]),
    ),
    "  (experts: only they are read, all else stays in memory; no cache hits)",
    ...(arithmetic.token === undefined
      ? []
      : [`  arithmetic: ${duration(arithmetic.token)}; where both overlap, the longer counts`]),
  ];
}

/** A pass over many tokens reads a layer once for all of them. */
function passTable({ formats, arithmetic }: StreamPlan, contexts: readonly number[]): string[] {
  return [
    "a pass over many tokens, which reads each layer once",
    row("tokens", [...formats.map(({ format }) => format), "arithmetic"], COLUMN),
    ...contexts.map((context, i) =>
      row(
        tokens(context),
        [...formats.map(({ passes }) => passes[i].seconds), arithmetic.passes[i]].map(duration),
        COLUMN,
      ),
    ),
    row("balanced", [...formats.map(({ crossover }) => String(crossover)), "tokens"], COLUMN),
    "  (balanced: with fewer tokens the disk is the clock, with more the arithmetic)",
  ];
}

const COLUMN = 12;

const hasFit = ({ formats }: StreamPlan): boolean => formats.some(({ fit }) => fit !== undefined);

/** What stays in memory, and what a token costs then. */
function fitTable({ formats, context }: StreamPlan): string[] {
  return [
    `what stays in memory, with caches for ${tokens(context)} tokens`,
    ...formats.flatMap((costs) => fitLines(costs)),
  ];
}

function fitLines({ format, fit }: StreamedCosts): string[] {
  if (!fit) return [];
  const { inMemory, buffers, slots, hits, token } = fit;
  const costs = `${bytes(token.bytes)}, ${duration(token.seconds)} for a token`;
  switch (inMemory) {
    case "none":
      return [`  ${format}: nothing; buffers alone need ${bytes(buffers)}`];
    case "buffers":
      return [`  ${format}: buffers of ${bytes(buffers)}; ${costs}`];
    case "trunk": {
      const share = hits === undefined ? "hits unknown" : `hits ${(100 * hits).toFixed(0)} %`;
      return [
        `  ${format}: all but experts, buffers of ${bytes(buffers)}, ${slots.toFixed(1)} experts of each layer;`,
        `      ${share}, ${costs}`,
      ];
    }
    default:
      return inMemory satisfies never;
  }
}
