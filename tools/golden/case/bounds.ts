/**
 * How far may a stage be off? As far as the case's envelope says, and one rounding of the dump.
 *
 * The envelope is measured (pack/envelope.ts): engines of each class run the case with the right
 * choices forced upon them, and the largest error of each stage against float64 is kept. Other
 * engines of the class may be off `room` times as far. A dump then rounds its numbers once more.
 * @module
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { F32_ROUNDING } from "../../../engine/numbers/formats.ts";
import { UserError } from "../../node/user-error.ts";
import type { Envelope, StageError } from "../build/envelope.ts";
import type { Dump } from "../dump/dump.ts";
import type { EngineClass } from "./arithmetics.ts";

/** Shares of a stage's largest magnitude. */
export interface Bound {
  readonly rms: number;
  readonly largest: number;
}

/** The bound of a stage for an engine of a class whose dump has the format `dtype`. */
export type Bounds = (stage: string, kind: EngineClass, dtype?: string) => Bound;

/** One rounding of the dump to a coarser format than f32. No engine of these classes is finer than f32. */
const COARSER: Readonly<Record<string, number>> = { F16: 2 ** -11, BF16: 2 ** -8 };

const FORMAT: Envelope["format"] = "glm52-envelope 1";

/**
 * Reads a case's envelope.
 *
 * @throws {UserError} for a case without one, or with one of another format
 */
export async function readBounds(dir: string): Promise<Bounds> {
  const file = join(dir, "envelope.json");
  const text = await readFile(file, "utf8").catch(() => {
    throw new UserError(file, "expected an envelope, found none; glm52 golden build measures it");
  });
  const { format, room, stages }: Envelope = JSON.parse(text);
  if (format !== FORMAT) throw new UserError(file, `expected ${FORMAT}, got ${format}`);
  const all = Object.values(stages);
  // For stages that only a mutant has.
  const widest = (kind: EngineClass): StageError => [
    Math.max(...all.map((stage) => stage[kind][0])),
    Math.max(...all.map((stage) => stage[kind][1])),
  ];
  return (stage, kind, dtype = "F32") => {
    const [rms, largest] = stages[stage]?.[kind] ?? widest(kind);
    const rounding = COARSER[dtype.toUpperCase()] ?? F32_ROUNDING;
    return { rms: room * rms + rounding, largest: room * largest + rounding };
  };
}

/** The class that a dump's coarsest format speaks for, when nothing is said. */
export function classOf(dump: Dump): EngineClass {
  const dtypes = new Set([...dump.values()].map(({ dtype }) => dtype.toUpperCase()));
  if (dtypes.has("BF16")) return "bf16";
  return dtypes.has("F16") ? "f16-cache" : "f32";
}
