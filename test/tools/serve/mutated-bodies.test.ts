/**
 * Bodies that are nearly right: a field is missing, of another kind, doubled, or the text is damaged. Each is
 * answered, or refused with a typed error; none is a mistake of the program.
 */
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../engine/index.ts";
import type { Served } from "../../support/serve.ts";
import { post, served } from "../../support/serve.ts";

const { GLM52_FULL } = process.env;
/** With GLM52_FULL=1 10,000. */
const N_BODIES = GLM52_FULL ? 10_000 : 400;

const BODIES: Readonly<Record<string, object>> = {
  "/v1/chat/completions": {
    model: "glm-5.2-demo",
    messages: [
      { role: "system", content: "Be brief." },
      {
        role: "user",
        content: [
          { type: "text", text: "Hi 🦙" },
          { type: "image_url", image_url: {} },
        ],
      },
      {
        role: "assistant",
        content: null,
        reasoning_content: "Hm.",
        tool_calls: [
          { id: "a", type: "function", function: { name: "f", arguments: '{"a": 1.0}' } },
        ],
      },
      { role: "tool", tool_call_id: "a", content: "1" },
      { role: "user", content: "And?" },
    ],
    tools: [
      {
        type: "function",
        function: {
          name: "f",
          parameters: { type: "object", properties: { a: { type: "number" } } },
        },
      },
    ],
    tool_choice: { type: "function", function: { name: "f" } },
    ...{ temperature: 0.5, top_p: 0.9, top_k: 5, min_p: 0.1, seed: 7, n: 2, max_tokens: 9 },
    ...{ presence_penalty: 1, frequency_penalty: -1, logit_bias: { 5: 1 }, stop: ["x", "y"] },
    ...{ stop_token_ids: [5], logprobs: true, top_logprobs: 2, parallel_tool_calls: false },
    response_format: {
      type: "json_schema",
      json_schema: { name: "a", schema: { type: "object" } },
    },
    chat_template_kwargs: { enable_thinking: true },
    reasoning_effort: "high",
    stream_options: { include_usage: true },
    stream: true,
  },
  "/v1/completions": {
    ...{ model: "glm-5.2-demo", prompt: ["Once", "upon"], max_tokens: 3, echo: true, logprobs: 2 },
    ...{ n: 2, stop: "x", seed: 1, temperature: 0, suffix: "", structured_outputs: { regex: "a" } },
  },
  "/v1/responses": {
    model: "glm-5.2-demo",
    input: [
      { role: "user", content: [{ type: "input_text", text: "Hi 🦙" }, { type: "input_image" }] },
      { type: "reasoning", summary: [{ type: "summary_text", text: "Hm." }] },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "Yes." }] },
      { type: "function_call", call_id: "a", name: "f", namespace: "n", arguments: '{"a": 1.0}' },
      { type: "function_call_output", call_id: "a", output: [{ type: "input_text", text: "1" }] },
      { role: "developer", content: "And?" },
    ],
    tools: [
      { type: "namespace", name: "n", tools: [{ type: "function", name: "f", parameters: {} }] },
      { type: "function", name: "g", description: "G.", parameters: { type: "object" } },
      { type: "web_search" },
    ],
    tool_choice: { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "g" }] },
    ...{ instructions: "Be brief.", max_output_tokens: 9, parallel_tool_calls: false },
    ...{ temperature: 0.5, top_p: 0.9, top_logprobs: 2, reasoning: { effort: "high" } },
    text: { format: { type: "json_schema", name: "a", schema: { type: "object" } } },
    ...{ include: ["reasoning.encrypted_content"], metadata: { a: "b" }, stream: true },
  },
  "/v1/messages": {
    model: "glm-5.2-demo",
    max_tokens: 9,
    system: [{ type: "text", text: "Be brief." }],
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: "Hi 🦙" },
          { type: "image", source: {} },
        ],
      },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "Hm.", signature: "x" },
          { type: "tool_use", id: "a", name: "f", input: { a: 1 } },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "a", content: [{ type: "text", text: "1" }] },
          { type: "document", source: { type: "text", data: "Words." } },
        ],
      },
    ],
    tools: [{ name: "f", description: "F.", input_schema: { type: "object" } }],
    tool_choice: { type: "tool", name: "f", disable_parallel_tool_use: true },
    thinking: { type: "enabled", budget_tokens: 1024, display: "omitted" },
    output_config: {
      effort: "low",
      format: { type: "json_schema", schema: { type: "object" } },
    },
    ...{ stop_sequences: ["x"], temperature: 0.5, top_k: 5, stream: true },
  },
  "/tokenize": { prompt: "Once", add_special_tokens: true, return_token_strs: true },
  "/detokenize": { tokens: [1, 2, 3] },
};

/** What takes the place of a value. */
const ODD: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    -1,
    1,
    0.5,
    1e21,
    -1e308,
    2 ** 53,
    2040,
    "",
    "x",
    "auto",
    "🦙",
    "\ud800",
  ],
  ...["a".repeat(3000), "<|user|>", "1", "{}", [], {}, [[]], [null], [{}], [1, "a"], [[1], [2]]],
  ...[
    { type: "text" },
    { type: "function" },
    { role: "user" },
    { "": "" },
    { a: { b: { c: [] } } },
  ],
  ...[
    JSON.parse('{"__proto__": 1, "constructor": 2, "10": 3}'),
    Array.from({ length: 300 }, () => 1),
  ],
];

/** Keys that are put where none was. */
const ODD_KEYS: readonly string[] = ["x", "name", "type", "10", "", "\ud800", "a b\n", "__proto__"];

type Pick = (n: number) => number;

/** Changes something, somewhere in a value. */
function mutate(value: unknown, pick: Pick): unknown {
  const isLeaf = typeof value !== "object" || value === null;
  if (isLeaf || pick(4) === 0) return structuredClone(ODD[pick(ODD.length)]);
  if (Array.isArray(value)) {
    const items = [...value];
    const at = pick(items.length + 1);
    const kind = pick(4);
    if (kind === 0) items.splice(at, 1);
    else if (kind === 1) items.splice(at, 0, items[pick(items.length || 1)]);
    else if (at < items.length) items[at] = mutate(items[at], pick);
    return items;
  }
  const entries = Object.entries(value);
  const at = pick(entries.length || 1);
  const kind = pick(6);
  if (entries.length === 0 || kind === 0)
    entries.push([ODD_KEYS[pick(ODD_KEYS.length)], ODD[pick(ODD.length)]]);
  else if (kind === 1) entries.splice(at, 1);
  else entries[at] = [entries[at][0], mutate(entries[at][1], pick)];
  return Object.fromEntries(entries);
}

/** Damages a text. */
function damage(text: string, pick: Pick): string {
  const at = pick(text.length);
  const kind = pick(4);
  if (kind === 0) return text.slice(0, at);
  if (kind === 1) return text.slice(0, at) + text.slice(at + 1 + pick(5));
  const odd = ['"', "{", "]", ",", "\\u", "\u0000", "1e999", "NaN", "-", "null"][pick(10)];
  return text.slice(0, at) + odd + text.slice(kind === 2 ? at : at + 1);
}

function mutant(path: string, pick: Pick): string {
  let body: unknown = BODIES[path];
  for (let n = 1 + pick(3); n > 0; n--) body = mutate(body, pick);
  const text = JSON.stringify(body) ?? "";
  return pick(5) === 0 ? damage(text, pick) : text;
}

async function judge(server: Served, path: string, body: string): Promise<number> {
  const response = await post(server, path, body);
  const text = await response.text();
  if (response.status !== 200) {
    const { error } = JSON.parse(text);
    const keys =
      path === "/v1/messages" ? ["type", "message"] : ["message", "type", "param", "code"];
    expect(Object.keys(error)).toEqual(keys);
    expect(error.message.length).toBeGreaterThan(10);
    expect(error.message.length).toBeLessThan(1500);
  }
  return response.status;
}

describe("mutated bodies", () => {
  it.each(Object.keys(BODIES))("of %s are answered or refused in words", async (path) => {
    const server = served({ texts: ["Hm.</think>Yes."] });
    const counts = new Map<number, number>();
    expect(await judge(server, path, JSON.stringify(BODIES[path]))).toBe(200);
    for (let seed = 0; seed < N_BODIES / 4; seed++) {
      const random = seededRandom(seed);
      const body = mutant(path, (n) => Math.floor(random() * n));
      const status = await judge(server, path, body);
      counts.set(status, (counts.get(status) ?? 0) + 1);
      if (![200, 400, 404].includes(status) || server.bugs.length > 0) {
        throw new Error(`status ${status}, ${server.bugs[0]}, for the body ${body.slice(0, 2000)}`);
      }
    }
    // Both happen: the mutations are neither harmless nor all of one kind.
    expect(counts.get(200)).toBeGreaterThan(0);
    expect(counts.get(400)).toBeGreaterThan(0);
  });
});
