/**
 * How the choices of a text resemble each other: between layers, and from one query to the next.
 * @module
 */
import { distances, layerOverlap, lruMissShare, overlap } from "../../eval/selection.ts";
import type { Overlaps } from "../messages.ts";
import type { TextRecord } from "./text-record.ts";

/** Rows that a cache may hold, in the statistic of what it lacks: twice the choice. */
const CACHE = 2;

/** @param k how many rows a query chooses; queries before twice that have little to choose from */
export function overlapsOf(record: TextRecord, t: number, k: number): Overlaps {
  const layers = record.chooses;
  const choices = layers.map((layer) => record.rowsOf(layer));
  const from = 2 * k;
  const common = (a: readonly number[], b: readonly number[]): number =>
    Math.round(overlap(a, b) * a.length);
  return {
    layers,
    atT: choices.map((a) => choices.map((b) => common(a[t], b[t]))),
    mean: choices.map((a) => choices.map((b) => layerOverlap(a, b, from))),
    before: choices.map((a) => (t === 0 ? 0 : common(a[t], a[t - 1]))),
    distances: choices.map((a) => distances(a, from)),
    missing: choices.map((a) => lruMissShare(a, from, CACHE * k)),
  };
}
