/**
 * Tests that tasks are repeatable and contain their answer, and that scores tell right from wrong.
 * @module
 */
import { describe, expect, it } from "vitest";
import { score, wilson } from "../../../tools/eval/score.ts";
import { makeTask, TASKS } from "../../../tools/eval/tasks.ts";

const SPEC = { length: 65, depth: 50, seed: 7, first: 10, end: 100 };

describe.each(TASKS)("%s", (task) => {
  const made = makeTask({ ...SPEC, task });

  it("is the same for the same seed, and another for another", () => {
    expect(makeTask({ ...SPEC, task })).toEqual(made);
    expect(makeTask({ ...SPEC, task, seed: 8 })).not.toEqual(made);
  });

  it("is as long as asked, of the ids asked, with the answer at the needle", () => {
    const ids = [...made.prompt, ...made.answer];
    expect(ids).toHaveLength(task === "recall" ? 64 : 65);
    expect(ids.every((id) => id >= 10 && id < 100)).toBe(true);
    expect(made.needle.map((i) => made.prompt[i])).toEqual(made.answer);
  });

  it("scores 1 for the answer and 0 for none of it", async () => {
    const seen: number[] = [];
    const right = await score(made, async (ids, last) => {
      seen.push(ids.length, last);
      return made.answer;
    });
    expect(right).toBe(1);
    expect(seen).toEqual([made.prompt.length + made.answer.length - 1, made.answer.length]);
    expect(await score(made, async () => made.answer.map(() => 0))).toBe(0);
  });

  it("asks what only the context can tell: with another needle, another answer", () => {
    const answers = Array.from(
      { length: 20 },
      (_, seed) => makeTask({ ...SPEC, task, seed }).answer,
    );
    expect(new Set(answers.map((answer) => answer.join())).size).toBeGreaterThan(15);
  });

  it("refuses a length without room", () => {
    expect(() => makeTask({ ...SPEC, task, length: 2 })).toThrow(/expected a length of/);
  });
});

describe("wilson", () => {
  it("is the published interval", () => {
    const [low, high] = wilson(8, 10);
    expect(low).toBeCloseTo(0.4902, 4);
    expect(high).toBeCloseTo(0.9433, 4);
    expect(wilson(0, 0)).toEqual([0, 1]);
  });
});
