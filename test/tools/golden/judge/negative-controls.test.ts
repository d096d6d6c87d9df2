/** Tests that nine well-known mistakes fail the comparison of stages, each at a certain stage. */
import { describe, expect, it } from "vitest";
import { referenceOps, Session } from "../../../../engine/index.ts";
import type { Model } from "../../../../engine/model/model.ts";
import type { KeyRows } from "../../../../engine/ops/ops.ts";
import { keyAddress } from "../../../../engine/ops/stored-rows.ts";
import { type NamedTensor, Recorder } from "../../../../engine/trace/recorder.ts";
import { openCase } from "../../../../tools/golden/case/case.ts";
import {
  type Expectation,
  expectation,
  traceCase,
} from "../../../../tools/golden/case/expectation.ts";
import { asDump } from "../../../../tools/golden/dump/as-dump.ts";
import { judge } from "../../../../tools/golden/judge/judge.ts";
import { MUTANTS } from "../../../../tools/golden/mutants/all.ts";
import { withOps } from "../../../../tools/golden/mutants/mutant.ts";
import { CASES } from "../../../support/paths.ts";

/** Each mistake, the mutant that makes it, its case, and the stage where it begins. */
const CONTROLS = [
  [
    "norm eps 1e-6 instead of 1e-5",
    "all other norms use 1e-6 instead of 1e-5",
    "eps-visible",
    "attn_norm-0",
  ],
  [
    "half-split instead of interleaved indexer rope",
    "the indexer rotates halves instead of neighbours",
    "tiny-all",
    "indexer_q-0",
  ],
  ["missing ReLU in the index scores", "the scores lack the ReLU", "tiny-all", "indexer_score-0"],
  [
    "missing scale index_head_dim^-1/2",
    "the scores lack the factor index_head_dim^-1/2",
    "tiny-all",
    "indexer_score-0",
  ],
  [
    "off-by-one layer group",
    "the schedule is off by one layer (D6: off-by-one layer group)",
    "tiny-all",
    "top_k-2",
  ],
  [
    "shared layer with the wrong selection",
    "shared layers borrow from the last full layer but one",
    "tiny-all",
    "attn_out-2",
  ],
  ["top-k off by one", "the top-k chooses one row too few", "tiny-all", "top_k-0"],
  [
    "swapped rope halves",
    "the indexer's rotary channels are taken from the end (D6: swapped rope halves)",
    "tiny-all",
    "indexer_q-0",
  ],
] as const;

/** The position whose index key is kept by mistake after a truncate. */
const STALE = 3;

/** Index keys of `keys`, with the bytes of one position exchanged for `other`. */
function withKey<C extends string>(keys: KeyRows<C>, other: Uint8Array): KeyRows<C> {
  const bytes = new Uint8Array(keys.view.buffer).slice();
  bytes.set(other, keyAddress(keys, STALE));
  return { ...keys, view: new DataView(bytes.buffer) };
}

/**
 * Runs another text, truncates to nothing, and runs the case. With `keepsKey`, every indexer still
 * sees the key of the first text at {@link STALE}.
 */
function afterTruncate(right: Model, tokens: readonly number[], keepsKey: boolean): NamedTensor[] {
  const old: Uint8Array[] = [];
  let isSecond = false;
  let nCalls = 0; // one a full layer, since each text is one step
  const model = withOps((ops) => ({
    indexScores: (q, keys, w, start, scale) => {
      const at = keyAddress(keys, STALE);
      if (!isSecond) old.push(new Uint8Array(keys.view.buffer).slice(at, at + keys.stride));
      const used = isSecond && keepsKey ? withKey(keys, old[nCalls++] as Uint8Array) : keys;
      return ops.indexScores(q, used, w, start, scale);
    },
  }))(right);
  const recorder = new Recorder(() => isSecond);
  const taps = { model: recorder.model, layer: (l: number) => recorder.layer(l) };
  const session = new Session(model, { chunk: 64, taps });
  session.appendAll(tokens.map((token, t) => (t === STALE ? (token + 7) % 64 : token)));
  session.truncate(0);
  isSecond = true;
  session.appendAll(tokens);
  return recorder.tensors();
}

const opened = new Map<string, { readonly expected: Expectation; readonly right: Model }>();
for (const name of ["tiny-all", "eps-visible"]) {
  const folder = `${CASES}/${name}`;
  const expected = await expectation(folder);
  opened.set(name, {
    expected,
    right: await openCase(folder, expected.info, referenceOps("f32")),
  });
}
const caseOf = (name: string) => {
  const found = opened.get(name);
  if (!found) throw new Error(`expected one of ${[...opened.keys()]}, got ${name}`);
  return found;
};

const firstOff = (tensors: readonly NamedTensor[], expected: Expectation): string | undefined =>
  judge(asDump(tensors), expected, "f32").firstOff;

describe("a comparison that passes one of these is not accepted", () => {
  it.each(CONTROLS)("%s", (_control, what, golden, stage) => {
    const { expected, right } = caseOf(golden);
    const mutant = MUTANTS.find((other) => other.what === what);
    const wrong = mutant?.change(right) ?? right;
    expect(firstOff(traceCase(wrong, expected.info), expected)).toBe(stage);
  });

  it("one stale key after truncate", () => {
    const { expected, right } = caseOf("tiny-all");
    const dump = afterTruncate(right, expected.info.tokens, true);
    expect(firstOff(dump, expected)).toBe("indexer_score-0");
  });
});

describe("the same runs without the mistake pass", () => {
  it.each(["tiny-all", "eps-visible"])("%s", (name) => {
    const { expected, right } = caseOf(name);
    expect(firstOff(traceCase(right, expected.info), expected)).toBeUndefined();
  });

  it("a truncate that forgets every key", () => {
    const { expected, right } = caseOf("tiny-all");
    const dump = afterTruncate(right, expected.info.tokens, false);
    expect(dump.map(({ name }) => name)).toContain("indexer_score-0");
    expect(firstOff(dump, expected)).toBeUndefined();
  });
});
