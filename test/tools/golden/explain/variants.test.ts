/**
 * Tests that each variant, put into an engine in f32, is explained by itself or by one that gives the same
 * dump. A failure lists what is not.
 */
import { expect, it } from "vitest";
import { referenceOps } from "../../../../engine/index.ts";
import { openCase } from "../../../../tools/golden/case/case.ts";
import { asDump } from "../../../../tools/golden/dump/as-dump.ts";
import { explain } from "../../../../tools/golden/explain/explain.ts";
import { Runner } from "../../../../tools/golden/explain/runner.ts";
import type { Variant } from "../../../../tools/golden/explain/variant.ts";
import { VARIANTS } from "../../../../tools/golden/explain/variants/all.ts";
import { judge } from "../../../../tools/golden/judge/judge.ts";
import { TINY } from "../../../support/paths.ts";
import { expected } from "./explained.ts";

const { GLM52_FULL } = process.env as { readonly GLM52_FULL?: string };

const right = await openCase(TINY, expected.info, referenceOps("f32"));
const runner = new Runner(right, expected.info);

/** How a variant is explained from all stages; undefined where it changes nothing that a dump shows. */
async function outcome(
  variant: Variant,
): Promise<"named" | "equal" | "none" | "wrong" | undefined> {
  const run = runner.run(variant.changes);
  if (!run) return undefined;
  const dump = asDump([...run].map(([name, tensor]) => ({ name, ...tensor })));
  const judgement = judge(dump, expected, "f32");
  const told = await explain({ dump, expected, kind: "f32", judgement });
  if (!told) return undefined;
  if (told.relation === "none") return "none";
  const isNamed = [told.sentence, ...told.also].some((one) => one.startsWith(variant.what));
  if (isNamed || (variant.bug && variant.bug === told.bug)) return "named";
  return told.fits ? "equal" : "wrong";
}

/** Each takes about a second of processor time. */
const EVERY = GLM52_FULL === "1" ? 20 : 450;

it("variants are named, and none is explained as something that does not give its dump", async () => {
  const sample = VARIANTS.filter((_, i) => i % EVERY === 11);
  const told: string[] = [];
  for (const variant of sample) {
    const one = await outcome(variant);
    if (one) told.push(`${one}: ${variant.what}`);
  }
  const count = (kind: string): number => told.filter((one) => one.startsWith(kind)).length;
  const others = told.filter((one) => !one.startsWith("named")).join("\n");
  expect(told.length).toBeGreaterThanOrEqual(5);
  expect(count("wrong"), others).toBeLessThanOrEqual(0.01 * told.length);
  expect(count("named") / told.length, others).toBeGreaterThanOrEqual(0.8);
});

it("no two variants say the same", () => {
  const names = VARIANTS.map(({ what }) => what);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});
