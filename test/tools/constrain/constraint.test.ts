/** Tests of constraints as the engine uses them: masks, steps back, forks, scripts, tags that are spelled. */
import { describe, expect, test } from "vitest";
import {
  type Constraint,
  ConstraintError,
  isAllowed,
  seededRandom,
} from "../../../engine/index.ts";
import { collectReply, ReplyParser } from "../../../tokenizer/chat/index.ts";
import { constraintOf, openMatchers, type ReplySpec } from "../../../tools/constrain/index.ts";
import { idsOf } from "./draw.ts";
import { drawer, matchers, tokenizer } from "./replies.ts";

const STOP = tokenizer.eosIds[0] as number;
const idOf = (tag: string) => tokenizer.idOf(tag) as number;

const parameters = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "array", items: { type: "integer" } } },
  required: ["city"],
};
const REPLY: ReplySpec = {
  kind: "reply",
  startsIn: "reasoning",
  tools: [
    { name: "weather", parameters: JSON.stringify(parameters) },
    { name: "weather_map", parameters: undefined },
  ],
  toolChoice: { kind: "auto" },
  parallel: true,
  content: { kind: "json" },
};

/** Takes a text in which tags are control tokens. Returns the constraint. */
function follow(spec: ReplySpec, text: string): Constraint {
  const constraint = constraintOf(spec, matchers);
  for (const id of tokenizer.encode(text)) constraint.accept(id);
  return constraint;
}

/** The tags and stop ids that may come. */
function tagsAfter(text: string, spec: Partial<ReplySpec> = {}): string[] {
  const mask = follow({ ...REPLY, ...spec }, text).allowed() as Uint32Array;
  const found = tokenizer.addedTokens.filter(({ id }) => isAllowed(mask, id));
  return found.map(({ content }) => content).sort();
}

const STOPS = tokenizer.eosIds.map((id) => tokenizer.decode([id])).sort();
const CALL = "<tool_call>weather<arg_key>city</arg_key><arg_value>Oslo</arg_value>";

test.each<[string, Partial<ReplySpec>, string[]]>([
  ["thinking", {}, ["</think>"]],
  ["</think>", {}, ["<tool_call>"]],
  ["</think>{}", {}, [...STOPS, "<tool_call>"]],
  ["</think>", { content: undefined }, [...STOPS, "<tool_call>"]],
  ["</think>", { content: undefined, toolChoice: { kind: "none" } }, STOPS],
  ["</think>", { content: undefined, tools: [] }, STOPS],
  ["</think>{", { toolChoice: { kind: "none" } }, []],
  ["", { startsIn: "content", toolChoice: { kind: "required" } }, ["<tool_call>"]],
  ["</think><tool_call>weather", {}, ["<arg_key>"]],
  ["</think><tool_call>weather_", {}, []],
  ["</think><tool_call>weather_map", {}, ["</tool_call>", "<arg_key>"]],
  ["</think><tool_call>weather<arg_key>city", {}, ["</arg_key>"]],
  ["</think><tool_call>weather<arg_key>city</arg_key>", {}, ["<arg_value>"]],
  [`</think>${CALL}`, {}, ["</tool_call>", "<arg_key>"]],
  [`</think>${CALL}<arg_key>days</arg_key><arg_value>[1`, {}, []],
  [`</think>${CALL}<arg_key>days</arg_key><arg_value>[1]</arg_value>`, {}, ["</tool_call>"]],
  [`</think>${CALL}</tool_call>`, {}, [...STOPS, "<tool_call>"]],
  [`</think>${CALL}</tool_call>`, { parallel: false }, STOPS],
  [`</think>${CALL}</tool_call>${STOPS[0]}`, {}, STOPS],
])("after %j, %j, these tags may come", (text, spec, tags) => {
  expect(tagsAfter(text, spec)).toEqual([...tags].sort());
});

test.each<[string, Partial<ReplySpec>]>([
  ["</think><tool_call>weather_map", { toolChoice: { kind: "named", name: "weather" } }],
  ["</think><tool_call>map", {}],
  ["</think><tool_call>weather<arg_key>town</arg_key>", {}],
  [`</think>${CALL}<arg_key>city</arg_key>`, {}],
  ["</think><tool_call>weather_map<arg_key> </arg_key>", {}],
  [
    "</think><tool_call>weather_map<arg_key>a</arg_key><arg_value></arg_value><arg_key> a </arg_key>",
    {},
  ],
  ["</think>Hello", {}],
  ["<tool_call>", {}],
  ["</think></think>", { content: undefined }],
])("%j may not come", (text, spec) => {
  expect(() => follow({ ...REPLY, ...spec }, text)).toThrow(ConstraintError);
});

test("tags that are spelled with ordinary tokens are text, for the parser too", () => {
  const spelled = tokenizer.encodeOrdinary("</think><tool_call>weather</tool_call><|user|>");
  const spec = { ...REPLY, startsIn: "content", content: undefined } as const;
  const constraint = constraintOf(spec, matchers);
  const end = [idOf("<tool_call>"), ...tokenizer.encodeOrdinary("weather_map"), idOf("<arg_key>")];
  const key = [
    ...spelled,
    idOf("</arg_key>"),
    idOf("<arg_value>"),
    ...spelled,
    idOf("</arg_value>"),
  ];
  const ids = [...spelled, ...end, ...key, idOf("</tool_call>"), STOP];
  for (const id of ids) {
    expect(isAllowed(constraint.allowed() as Uint32Array, id)).toBe(true);
    constraint.accept(id);
  }
  const parser = new ReplyParser(tokenizer, { startsIn: "content", strict: true });
  const reply = collectReply(parser.push(...ids));
  const text = tokenizer.decode(spelled);
  expect(reply).toMatchObject({ content: text, repairs: [], finishReason: "tool_calls" });
  expect(reply.calls).toMatchObject([{ name: "weather_map", arguments: { [text]: text } }]);
});

describe("steps back", () => {
  const specs = [REPLY, { ...REPLY, toolChoice: { kind: "required" } } as const];

  test.each([0, 1, 2, 3, 4, 5])("lead to the same masks, in forks too (seed %i)", (seed) => {
    const random = seededRandom(seed);
    const constraint = constraintOf(specs[seed % 2] as ReplySpec, matchers);
    const masks: number[][] = [];
    const ids: number[] = [];
    for (let step = 0; step < 150; step++) {
      const allowed = idsOf(constraint.allowed() as Uint32Array);
      masks.length = ids.length;
      masks.push(allowed);
      const id = drawer.draw(allowed, random);
      constraint.accept(id);
      ids.push(id);
      if (random() < 0.2) {
        const n = Math.floor(random() * Math.min(ids.length, 20));
        constraint.undo(n);
        ids.length -= n;
        if (n > 0) expect(idsOf(constraint.allowed() as Uint32Array)).toEqual(masks[ids.length]);
      }
      if (random() < 0.1) {
        const fork = constraint.fork();
        expect(fork.allowed()).toEqual(constraint.allowed());
        fork.accept(drawer.draw(idsOf(fork.allowed() as Uint32Array), random));
        fork.undo(1 + ids.length); // a fork remembers what was before it
        expect(idsOf(fork.allowed() as Uint32Array)).toEqual(masks[0]);
        fork.close();
      }
    }
  });

  test("are no more than there were steps", () => {
    const constraint = follow(REPLY, "ab");
    expect(() => constraint.undo(100)).toThrow(ConstraintError);
    constraint.close();
    expect(() => constraint.allowed()).toThrow("it was closed");
  });
});

test("a mask holds exactly what a constraint then takes", () => {
  const random = seededRandom(9);
  for (const spec of [REPLY, { ...REPLY, startsIn: "content" } as const]) {
    const constraint = constraintOf(spec, matchers);
    for (let step = 0; step < 20; step++) {
      const mask = constraint.allowed() as Uint32Array;
      for (let id = step % 5; id < tokenizer.vocabSize; id += 5) {
        let isTaken = true;
        try {
          constraint.accept(id);
          constraint.undo(1);
        } catch {
          isTaken = false;
        }
        expect(isTaken, `${id}`).toBe(isAllowed(mask, id));
      }
      constraint.accept(drawer.draw(idsOf(mask), random));
    }
  }
});

test("a script is this text, then a stop id", () => {
  const ids = [...tokenizer.encode("</think>Hi<tool_call>")];
  const constraint = constraintOf({ kind: "script", ids }, matchers);
  for (const id of ids) {
    expect(idsOf(constraint.allowed() as Uint32Array)).toEqual([id]);
    constraint.accept(id);
  }
  expect(idsOf(constraint.allowed() as Uint32Array)).toEqual([...tokenizer.eosIds].sort());
  constraint.undo(2);
  expect(idsOf(constraint.allowed() as Uint32Array)).toEqual([ids.at(-2)]);
  const wrong = () => constraintOf({ kind: "script", ids: [3, 10 ** 6] }, matchers);
  expect(wrong).toThrow("script: token 1: expected an id of 0");
});

test.each<[Partial<ReplySpec>, string]>([
  [{ toolChoice: { kind: "named", name: "none" } }, "expected a tool none, which must be called"],
  [{ tools: [], toolChoice: { kind: "required" } }, "expected a tool, which must be called"],
  [
    { tools: [...REPLY.tools, ...REPLY.tools] },
    "tools[2].name: expected a name that no other tool",
  ],
  [{ content: { kind: "regex", pattern: "(" } }, "content: character 2"],
])("a reply with %j is refused", (spec, what) => {
  expect(() => constraintOf({ ...REPLY, ...spec }, matchers)).toThrow(what);
});

test("a text that could never end is refused", () => {
  const spec = { kind: "text", grammar: { kind: "json" } } as const;
  expect(() => constraintOf(spec, openMatchers(tokenizer, []))).toThrow("eosIds: expected an id");
});
