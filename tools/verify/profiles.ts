/**
 * Which gates are run together.
 * @module
 */
import type { Gate } from "./gate.ts";
import { LONG } from "./long-context.ts";
import { NUMBERS } from "./numbers.ts";
import { PROTOCOL } from "./protocol.ts";
import { REPLIES } from "./replies.ts";
import { SAMPLES } from "./samples.ts";
import { SAMPLING } from "./sampling.ts";
import { SELECTIONS } from "./selections.ts";

/** What any server can answer, in a minute. */
const QUICK: readonly Gate[] = [PROTOCOL, REPLIES, SAMPLING];

/** All gates, in their order. */
export const GATES: readonly Gate[] = [...QUICK, NUMBERS, LONG, SAMPLES, SELECTIONS];

/** Gates by the name of a profile, the cheapest first. */
export const PROFILES = {
  quick: QUICK,
  numbers: [...QUICK, NUMBERS],
  long: [...QUICK, LONG],
  full: GATES,
} as const satisfies Readonly<Record<string, readonly Gate[]>>;

/** The name of a profile. */
export type ProfileName = keyof typeof PROFILES;
