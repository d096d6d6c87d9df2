/**
 * Reads the base of the rotary angles, wherever a config has it. Positions are never scaled here, so
 * a config that scales them is refused.
 *
 * Next: config.ts
 * @module
 */
import { exactly, Fields, object, positiveNumber, type Rule } from "./fields.ts";
import type { UnknownKeys } from "./unknown-keys.ts";

const theta: Rule<number> = {
  what: "a number >= 1",
  is: (v): v is number => positiveNumber.is(v) && v >= 1,
};

/** What the ways of scaling need to know. `rope_type: "default"` is none of these ways. */
const SCALING: readonly string[] = [
  "factor",
  "original_max_position_embeddings",
  "attention_factor",
  "beta_fast",
  "beta_slow",
  "mscale",
  "mscale_all_dim",
  "low_freq_factor",
  "high_freq_factor",
];
const UNSCALED: ReadonlyMap<string, string> = new Map(
  SCALING.map((key) => [key, "rope_type default scales nothing"]),
);

/**
 * Reads `rope_theta` from `rope_parameters` of newer files, from `rope_scaling`, or from the top
 * level of older ones. It must be somewhere: the usual default of 10000 would be wrong. Where it
 * stands twice, both must agree.
 *
 * @throws {ConfigError} when it is nowhere, when two values differ, or when positions are scaled
 */
export function readRopeTheta(file: string, fields: Fields, unknown: UnknownKeys): number {
  const top = fields.optional("rope_theta", theta);
  const newer = readInner(file, fields, "rope_parameters", unknown);
  const older = readInner(file, fields, "rope_scaling", unknown);
  const inner = newer?.theta ?? older?.theta;
  const value = inner ?? top;
  if (value === undefined) {
    if (newer) throw newer.fields.error("rope_theta", theta.what, "nothing");
    throw fields.error("rope_parameters", "an object with rope_theta", "nothing");
  }
  const source = newer?.theta === undefined ? "rope_scaling" : "rope_parameters";
  if (top !== undefined && top !== value) {
    throw fields.error("rope_theta", `${value} (${source})`, String(top));
  }
  if (older?.theta !== undefined && older.theta !== value) {
    throw older.fields.error("rope_theta", `${value} (${source})`, String(older.theta));
  }
  return value;
}

interface Inner {
  readonly fields: Fields;
  readonly theta: number | undefined;
}

function readInner(
  file: string,
  fields: Fields,
  key: string,
  unknown: UnknownKeys,
): Inner | undefined {
  const json = fields.optional(key, object);
  if (json === undefined) return undefined;
  const rope = new Fields(file, json, key);
  const isNamed = [
    rope.optional("rope_type", exactly("default", "positions are not scaled")),
    rope.optional("type", exactly("default", "positions are not scaled")),
  ].some((type) => type !== undefined);
  rope.optional("partial_rotary_factor", exactly(1, "qk_rope_head_dim says what is rotated"));
  const value = rope.optional("rope_theta", theta);
  rope.finish(isNamed ? UNSCALED : new Map(), unknown);
  return { fields: rope, theta: value };
}
