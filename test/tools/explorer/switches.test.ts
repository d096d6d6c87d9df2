/** Each switch of the what-if scene begins where it says, and shows only in texts that can show it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { argmax, type Model, type NamedTensor, Session, trace } from "../../../engine/index.ts";
import { stageAt } from "../../../engine/trace/stage-names.ts";
import { withTopk } from "../../../tools/explorer/live/changed-ops.ts";
import { changedModel, switchesOf } from "../../../tools/explorer/live/switches.ts";
import type { ExampleFacts, Opened } from "../../../tools/explorer/messages.ts";
import { MUTANTS } from "../../../tools/golden/mutants/all.ts";
import { type Glm, open } from "../../../tools/node/index.ts";
import { type Live, NOWHERE, STORY, startLive } from "./support.ts";

/** A text that is longer than a query may choose rows, and one that is shorter. */
const [LONG, SHORT] = [STORY.slice(0, 300), STORY.slice(0, 90)];

const EXAMPLES: readonly ExampleFacts[] = [
  {
    id: "six",
    text: `${LONG}\nThe secret word of Tom is apple.\n`,
    questions: [
      { question: "What is the secret word of Tom? The secret word of Tom is", answer: " apple" },
      { question: "What is the secret word of Tom? The secret word of Tom is", answer: " zebra" },
    ],
  },
];

let live: Live;
let glm: Glm;
let opened: Opened;
beforeAll(async () => {
  live = startLive(EXAMPLES);
  opened = await live.ask("open", NOWHERE);
  glm = await open(undefined, { threads: 1 });
});
afterAll(async () => {
  await live.close();
  await glm.close();
});

const ask = (switches: readonly string[], text = LONG, others = {}) =>
  live.ask("whatIf", { switches, text, count: 0, ...others });

describe("every switch", () => {
  it("differs first at the stage where it says it begins", async () => {
    expect(opened.switches.length).toBeGreaterThanOrEqual(14);
    for (const { id, begins } of opened.switches) {
      const { stage, meanLogP, read } = await ask([id]);
      expect([id, stage]).toEqual([id, begins]);
      expect(meanLogP).toBeGreaterThan(0);
      expect(read).toBeGreaterThan(opened.sizes.indexTopk);
    }
  });

  it("that needs a long text moves no logit of a short one, bit for bit", async () => {
    const ids = glm.promptIds(SHORT);
    expect(ids.length).toBeLessThanOrEqual(opened.sizes.indexTopk);
    for (const { id, needsLongText } of opened.switches) {
      const result = await ask([id], SHORT, { count: 2 });
      expect([id, result.meanLogP === 0]).toEqual([id, needsLongText]);
      if (needsLongText) expect(result).toMatchObject({ why: "short", tokenAt: undefined });
    }
  });

  it("with a mutant's number begins where this mutant is declared to begin", () => {
    const stageOf = (name: string): string => name.replace(/-\d+$/, "");
    for (const { id, bug, begins } of opened.switches) {
      if (bug === undefined) continue;
      const stages = MUTANTS.filter((mutant) => mutant.bug === bug).map(({ stage }) =>
        stageOf(stage),
      );
      expect([id, ...stages]).toContain(stageOf(begins));
    }
  });
});

describe("the first stage", () => {
  it("is the one that two whole traces part at", async () => {
    const ids = glm.promptIds(LONG);
    const [right, wrong] = [glm.model, changedModel(glm.model, ["g22", "g36-bias"])];
    if (!wrong) throw new Error("expected two switches");
    const want = new Map(trace(right, { tokens: ids }).map((x) => [x.name, x]));
    const got = new Map(trace(wrong, { tokens: ids }).map((x) => [x.name, x]));
    const first = [...want].find(([name, x]) => !isSame(x, got.get(name)));
    const { stage, stageAt: at } = await ask(["g22", "g36-bias"]);
    expect(stage).toBe(first?.[0]);
    expect(at).toBe(firstRow(first?.[1], got.get(stage ?? "")));
  });

  it("of no switch is none, and of one row more to choose is the choice", async () => {
    expect(await ask([], LONG)).toMatchObject({
      stage: undefined,
      meanLogP: 0,
      tokenAt: undefined,
    });
    const { indexTopk } = opened.sizes;
    const most = await ask([], LONG, { k: indexTopk + 1 });
    expect(most).toMatchObject({ stage: stageAt("top_k", 0), stageAt: indexTopk });
    expect(await ask([], LONG, { k: 8 })).toMatchObject({ stage: "top_k-0", stageAt: 8 });
  });
});

describe("the answer", () => {
  it("has both continuations, and the first token that differs", async () => {
    const { right, changed, tokenAt } = await ask(["first"], LONG, { count: 12 });
    const [a, b] = [right, changed].map((tokens) => tokens.map(({ id }) => id));
    expect(a).toHaveLength(12);
    expect(tokenAt).toBe(a.findIndex((id, i) => id !== b[i]));
  });

  it("counts the right answers to questions, of the model and of the changed one", async () => {
    const { recall } = await ask(["recent"], LONG, { recall: true });
    const [{ text, questions = [] }] = EXAMPLES;
    const rightOf = (model: Model): number =>
      questions.filter(({ question, answer }) => {
        const session = new Session(model);
        const { logits } = session.sync(glm.promptIds(text + question));
        session.close();
        return argmax(logits) === glm.encode(answer)[0];
      }).length;
    const recent = changedModel(glm.model, ["recent"]);
    expect(recall).toEqual({
      right: rightOf(glm.model),
      changed: rightOf(recent ?? glm.model),
      of: questions.length,
    });
  });

  it("refuses a switch that there is not, and a number of rows that cannot be", async () => {
    await expect(ask(["g99"])).rejects.toThrow(/^switches: expected some of recent, first/);
    await expect(ask([], LONG, { k: 0 })).rejects.toThrow(/^k: expected a number of rows above 0/);
  });
});

it("a model without shared layers has no switches that need one", () => {
  const { config } = withTopk(4)(glm.model);
  const full = { ...config, indexerTypes: config.indexerTypes.map(() => "full" as const) };
  const ids = switchesOf(full).map(({ id }) => id);
  expect(ids).toContain("g14");
  for (const id of ["noshare", "g04", "g22"]) expect(ids).not.toContain(id);
});

/** Equal numbers, whatever the width of lists of rows. */
function isSame(a: NamedTensor, b: NamedTensor | undefined): boolean {
  return firstRow(a, b) === undefined;
}

function firstRow(a: NamedTensor | undefined, b: NamedTensor | undefined): number | undefined {
  if (!a || !b) return 0;
  const rows = ({ data, shape }: NamedTensor, t: number): string => {
    const n = data.length / shape[0];
    const row = [...data.subarray(t * n, (t + 1) * n)];
    return (data instanceof Int32Array ? row.filter((s) => s >= 0) : row).join();
  };
  for (let t = 0; t < a.shape[0]; t++) if (rows(a, t) !== rows(b, t)) return t;
  return undefined;
}
