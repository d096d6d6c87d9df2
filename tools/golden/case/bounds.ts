/**
 * How far may a stage be off? As far as the envelope of the case says (envelope-file.ts), and by the
 * one rounding that writing the dump adds.
 *
 * The envelope holds the largest error of each stage in engines of each class. Other engines of the
 * class may be off `room` times as far.
 * @module
 */
import type { EngineClass } from "./engine-class.ts";
import type { Envelope, StageError } from "./envelope-file.ts";
import { ROUNDING } from "./rounding.ts";

/** Shares of a stage's largest magnitude. */
export interface Bound {
  /** Limit of the root mean square. */
  readonly rms: number;
  /** Limit of the largest error. */
  readonly largest: number;
}

/** The bound of a stage for an engine of a class whose dump has the format `dtype`. */
export type Bounds = (stage: string, kind: EngineClass, dtype?: string) => Bound;

/** The bounds that an envelope gives. A stage that it does not hold gets the widest of all. */
export function boundsOf({ room, stages }: Envelope): Bounds {
  const all = Object.values(stages);
  const roundings = new Map<string, number>(Object.entries(ROUNDING));
  // Only a mutant has stages that the envelope does not hold.
  const widest = (kind: EngineClass): StageError => [
    Math.max(...all.map((stage) => stage[kind][0])),
    Math.max(...all.map((stage) => stage[kind][1])),
  ];
  return (stage, kind, dtype = "F32") => {
    const [rms, largest] = stages[stage]?.[kind] ?? widest(kind);
    // No engine of these classes is finer than f32, so a dump in F64 is rounded like one in F32.
    const once = roundings.get(dtype.toUpperCase()) ?? ROUNDING.F32;
    return { rms: room * rms + once, largest: room * largest + once };
  };
}
