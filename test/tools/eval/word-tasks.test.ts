/** Tests of the tasks in words. */
import { afterAll, expect, it } from "vitest";
import { makeWordTask, PEOPLE, SECRETS, WORD_TASKS } from "../../../tools/eval/word-tasks.ts";
import { open } from "../../../tools/node/open.ts";

const glm = await open();
afterAll(() => glm.close());
const coder = {
  start: glm.textStart,
  encode: (text: string) => glm.promptIds(text, { isStart: false }),
};
const SPEC = { length: 200, depth: 50, seed: 3 };

it.each(WORD_TASKS)("%s has the wanted length, and the answer where it says", (task) => {
  const { prompt, answer, needle } = makeWordTask({ ...SPEC, task }, coder);
  expect(prompt.length + answer.length).toBe(200);
  expect(needle.map((at) => prompt[at])).toEqual(answer);
  const text = glm.decode(prompt);
  const [, name] = /What is the secret word of (\w+)\? The secret word of \1 is$/.exec(text) ?? [];
  expect(text).toContain(`The secret word of ${name} is${glm.decode(answer)}.`);
  expect(text.match(/The secret word of \w+ is \w+\./g)).toHaveLength(
    task === "secretWord" ? 1 : 8,
  );
  expect(makeWordTask({ ...SPEC, task }, coder)).toEqual({ prompt, answer, needle });
  expect(makeWordTask({ ...SPEC, task, seed: 4 }, coder)).not.toEqual({ prompt, answer, needle });
});

it("puts the secret at its depth", () => {
  const at = (depth: number) =>
    makeWordTask({ ...SPEC, task: "secretWord", depth }, coder).needle[0];
  expect([at(0) < 20, at(50) > 80 && at(50) < 120, at(100) > 160]).toEqual([true, true, true]);
});

it("has names and words of one token, and none of the words in the story", () => {
  for (const word of [...PEOPLE, ...SECRETS])
    expect([word, coder.encode(` ${word}`).length]).toEqual([word, 1]);
  const told = glm.decode(makeWordTask({ ...SPEC, length: 600, task: "secretWord" }, coder).prompt);
  const secrets = SECRETS.filter((word) => new RegExp(`\\b${word}\\b`).test(told));
  expect(secrets).toHaveLength(1);
});

it("says how long a text must be", () => {
  expect(() => makeWordTask({ ...SPEC, task: "secretWords", length: 50 }, coder)).toThrow(
    /expected a length of \d+ or more, got 50/,
  );
});
