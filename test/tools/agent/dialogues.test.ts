import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createTokenizer } from "../../../tokenizer/index.ts";
import { makeDialogue, makeFarDialogue } from "../../../tools/agent/dialogue.ts";
import { Draw, isHeldOutNumber } from "../../../tools/agent/draw.ts";
import { rowOf, turns } from "../../../tools/agent/rows.ts";
import { DEEDS, KEYS, PEOPLE, PLACES, QUALITIES, THINGS } from "../../../tools/agent/words.ts";
import { ROOT } from "../../support/paths.ts";

const tokenizer = createTokenizer(
  JSON.parse(readFileSync(join(ROOT, "demo-model", "tokenizer.json"), "utf8")),
);
const STORIES = [{ text: "one day a dog saw a ball.", things: ["dog", "ball"] }];
const dialogues = (isHeldOut: boolean, n = 150) =>
  Array.from({ length: n }, (_, seed) => {
    const draw = new Draw(seed, isHeldOut);
    return makeDialogue(draw, STORIES, 1 + draw.below(4));
  });

describe("dialogues with tools", () => {
  it("are the same for the same seed", () => {
    expect(dialogues(false, 20)).toEqual(dialogues(false, 20));
  });

  it("of the training have no word and no number that is held out", () => {
    const heldOut = new Set([THINGS, QUALITIES, PEOPLE, PLACES, DEEDS].flatMap((l) => l.heldOut));
    const said = JSON.stringify(dialogues(false));
    const words = said.match(/[A-Za-z]+/g) ?? [];
    expect(words.filter((word) => heldOut.has(word))).toEqual([]);
    expect(
      JSON.stringify(dialogues(true))
        .match(/[A-Za-z]+/g)
        ?.some((w) => heldOut.has(w)),
    ).toBe(true);
    const requests = dialogues(false).flatMap(({ exchanges }) => exchanges.map((e) => e.request));
    const numbers = requests.join(" ").match(/\b\d{2,4}\b/g) ?? [];
    expect(numbers.length).toBeGreaterThan(50);
    expect(numbers.map(Number).filter(isHeldOutNumber)).toEqual([]);
  });

  it("have no word on both sides of the border", () => {
    for (const list of [THINGS, QUALITIES, PEOPLE, PLACES, DEEDS, ...Object.values(KEYS)]) {
      expect(list.heldOut.filter((word) => list.trained.includes(word))).toEqual([]);
    }
  });

  it("call offered tools with their own parameters only, and refuse where none is offered", () => {
    for (const { tools, exchanges } of [...dialogues(false), ...dialogues(true)]) {
      const keys = new Map(
        tools.map(({ function: f }) => [f.name, Object.keys(Object(f.parameters).properties)]),
      );
      for (const { skill, steps, tools: needed } of exchanges) {
        for (const { calls, results } of steps) {
          expect(results.length).toBe(calls.length);
          for (const call of calls)
            expect(Object.keys(call.arguments)).toEqual(keys.get(call.name));
        }
        if (skill === "refusal") expect(needed.filter((tool) => tools.includes(tool))).toEqual([]);
      }
    }
  });

  it("answer with what the tools returned", () => {
    for (const { exchanges } of dialogues(true)) {
      for (const { answer, uses } of exchanges) {
        for (const part of uses) {
          if (part !== "done") expect(answer).toContain(part);
        }
      }
    }
  });

  it("of long texts hold the fact that a call needs", () => {
    const { exchanges } = makeFarDialogue(new Draw(3, false), STORIES, 900);
    const [reading, ...asks] = exchanges;
    expect(reading.request.length).toBeGreaterThan(900);
    for (const { steps } of asks) {
      const { word, b } = steps[0].calls[0].arguments;
      expect(reading.request).toContain(` is ${word ?? b}.`);
    }
  });
});

describe("rows of dialogues", () => {
  it("are the rendered prompt, the reply, and the token that ends it", () => {
    for (const dialogue of dialogues(false, 30)) {
      const all = turns(dialogue);
      for (const turn of all) {
        const { ids } = rowOf(tokenizer, dialogue, turn);
        const text = tokenizer.decode(ids);
        const { reply } = turn;
        const end = reply.tool_calls ? "</tool_call><|observation|>" : `${reply.content}<|user|>`;
        expect(text.endsWith(end)).toBe(true);
        if (reply.reasoning_content)
          expect(text).toContain(`<think>${reply.reasoning_content}</think>`);
      }
    }
  });

  it("weigh what the assistant says, and nothing else", () => {
    for (const dialogue of dialogues(false, 30)) {
      const all = turns(dialogue);
      const { ids, weights } = rowOf(tokenizer, dialogue, all[all.length - 1]);
      const counted = tokenizer.decode(ids.filter((_, i) => weights[i] > 0));
      for (const { request, steps, answer } of dialogue.exchanges) {
        expect(counted).toContain(answer);
        if (dialogue.effort !== "max" && request !== answer) expect(counted).not.toContain(request);
        expect(
          steps.every(({ results }) =>
            results.every((r) => !counted.includes(`<tool_response>${r}`)),
          ),
        ).toBe(true);
      }
      expect(counted).not.toMatch(/# Tools|<think>/);
    }
  });
});
