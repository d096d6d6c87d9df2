/**
 * The faulty server: each mistake of the plan of the verifier as a switch, with the gate that must find it and the
 * words with which it must be named.
 */
import {
  CHAT_FORMATS,
  type Json as ChatJson,
  renderChat,
  type Segment,
} from "../../../tokenizer/chat/index.ts";
import { BUILTIN_TEMPLATE } from "../../../tools/library/chat-template.ts";
import type { Order } from "../../../tools/serve/desk.ts";
import type { Gate } from "../../../tools/verify/gate.ts";
import { bare, type Json, type ServerFaults } from "./faulty-server.ts";

/** A mistake that is put into a server. */
export interface Planted {
  readonly name: string;
  readonly gate: Gate["name"];
  readonly faults: ServerFaults;
  /** How the gate must name it. */
  readonly sentence: RegExp;
  readonly seed: number;
}

type Row = [name: string, faults: ServerFaults, sentence: RegExp];

const planted = (gate: Gate["name"], rows: readonly Row[], seed = 0): readonly Planted[] =>
  rows.map(([name, faults, sentence]) => ({ name, gate, faults, sentence, seed }));

const control = (text: string): Segment => ({ kind: "control", text });

/** A server whose template changes parts of the prompt. */
function template(change: (segments: readonly Segment[]) => readonly Segment[]): ServerFaults {
  return {
    model: {
      template: {
        ...BUILTIN_TEMPLATE,
        render: (request, options) => {
          const prompt = BUILTIN_TEMPLATE.render(request, options);
          const segments = change(prompt.segments);
          return { ...prompt, segments, text: segments.map(({ text }) => text).join("") };
        },
      },
    },
  };
}

/** A server with the template of another model, which does not read the switches of ours. */
function templateOf(name: string): ServerFaults {
  const format = CHAT_FORMATS.find((one) => one.name === name);
  if (!format) throw new Error(name);
  const render: typeof BUILTIN_TEMPLATE.render = (request, options) => {
    const chat = new Map(request as ReadonlyMap<string, ChatJson>);
    if (!format.skipped) for (const key of ["thinking", "chat_template_kwargs"]) chat.delete(key);
    if (!format.effortLine) chat.delete("reasoning_effort");
    return renderChat(chat, { ...options, format });
  };
  return { model: { template: { ...BUILTIN_TEMPLATE, render } } };
}

const withoutSwitches = ({ thinking: _, chat_template_kwargs: _a, ...body }: Json): Json => body;

const withPrompt: ServerFaults["body"] = (body) => {
  const prompt = { role: "system", content: "You are a helpful assistant." };
  const { messages } = body;
  return Array.isArray(messages) ? { ...body, messages: [prompt, ...messages] } : body;
};

/** Changes the definitions of tools in a prompt. */
const definitions = (change: (text: string) => string): ServerFaults =>
  template((parts) =>
    parts.map((one) =>
      one.kind === "input" && one.text.startsWith('{"') ? { ...one, text: change(one.text) } : one,
    ),
  );

const withoutEffortLine = (s: readonly Segment[]): readonly Segment[] =>
  s.filter(({ text }, i) => !/^Reasoning/.test(text) && !/^Reasoning/.test(s[i + 1]?.text ?? ""));

const ROLES = ["<|user|>", "<|assistant|>", "<|system|>", "<|observation|>"];

/** Mistakes in prompts that counts alone show. */
const PROMPTS: readonly Row[] = [
  [
    "doubled prefix",
    template((s) => [control("[gMASK]"), control("<sop>"), ...s]),
    /stands twice: the server adds/,
  ],
  ["no prefix", template((s) => s.slice(2)), /lacks \[gMASK\]<sop>/],
  ["no line of the effort", template(withoutEffortLine), /line of the effort is missing/],
  [
    "thinking always on",
    {
      body: (body) => {
        const { thinking: _, chat_template_kwargs: kwargs = {}, ...rest } = body;
        const { enable_thinking: _a, ...others } = kwargs;
        return { ...rest, chat_template_kwargs: others };
      },
    },
    /switch that turns thinking off is ignored/,
  ],
  [
    "clear_thinking ignored",
    { body: (body) => (body.thinking?.type === "disabled" ? body : withoutSwitches(body)) },
    /clear_thinking is ignored/,
  ],
  ["GLM-5.3's template", templateOf("GLM-5.3"), /template is GLM-5.3's/],
  ["GLM-5's template", templateOf("GLM-5"), /template is GLM-5's/],
  ["tools dropped", { body: ({ tools: _, ...body }) => body }, /tools are dropped/],
  [
    "a prompt put in",
    {
      body: withPrompt,
    },
    /a system prompt is put in/,
  ],
  [
    "a prompt put in, and the old template",
    {
      ...template(withoutEffortLine),
      body: withPrompt,
    },
    /effort is missing.*, and a system prompt is put in/,
  ],
  [
    "GLM-4.5's newlines",
    template((s) =>
      s.flatMap((one) => (ROLES.includes(one.text) ? [one, { kind: "fixed", text: "\n" }] : [one])),
    ),
    /newline follows each role/,
  ],
  [
    "a newline behind <sop>, or [gMASK] twice",
    template((s) => [control("[gMASK]"), ...s]),
    /\[gMASK\] stands twice/,
  ],
  [
    "thinking dropped from the history",
    {
      body: (body) =>
        Array.isArray(body.messages)
          ? {
              ...body,
              messages: body.messages.map(({ reasoning_content: _, ...m }: Json) => m),
            }
          : body,
    },
    /thinking is dropped from the history/,
  ],
  [
    "tools escaped",
    definitions((text) =>
      text.replace(
        /[\u0080-\uffff]/g,
        (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
      ),
    ),
    /letters in tools are escaped/,
  ],
  [
    "long prompts cut",
    template((s) =>
      s.map((one) => ({ ...one, text: one.text.length > 900 ? one.text.slice(-900) : one.text })),
    ),
    /long prompts are cut/,
  ],
];

/** Mistakes in prompts that only ids show. */
const IDS: readonly Row[] = [
  [
    "effort ignored",
    { body: ({ reasoning_effort: _, ...body }: Json) => body },
    /^the effort is ignored$/,
  ],
  [
    "tools in another order",
    {
      body: (body) => (body.tools ? { ...body, tools: body.tools.map(sortedKeys) } : body),
    },
    /keys of tools are sorted/,
  ],
  [
    "a formula for usage",
    {
      answer: (answer) => ({
        ...answer,
        ...(answer.usage && { usage: { ...answer.usage, prompt_tokens: 11 } }),
      }),
    },
    /usage.prompt_tokens is not counted/,
  ],
];

function sortedKeys(value: Json): Json {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (typeof value !== "object" || value === null) return value;
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, sortedKeys(value[key])]));
}

/** Changes the message, or the delta, of an answer. */
function said(change: (message: Json, choice: Json) => Json): ServerFaults {
  return {
    answer: (answer) => {
      const [choice] = answer.choices ?? [];
      if (!choice || !(choice.message ?? choice.delta)) return answer;
      const key = choice.message ? "message" : "delta";
      return { ...answer, choices: [{ ...choice, [key]: change(choice[key], choice) }] };
    },
  };
}

const whole = (change: (message: Json) => Json): ServerFaults =>
  said((message, choice) => (choice.message ? change(message) : message));

const callsAs = (change: (args: string) => string): ServerFaults =>
  whole(({ tool_calls: calls, ...message }) => ({
    ...message,
    ...(calls && {
      tool_calls: calls.map((call: Json) => ({
        ...call,
        function: { ...call.function, arguments: change(call.function.arguments) },
      })),
    }),
  }));

const REPLIES: readonly Row[] = [
  [
    "integers as text",
    callsAs((args) => args.replace(/: ?3/, ':"3"')),
    /other types than the tool says/,
  ],
  [
    "JSON in JSON",
    callsAs((args) => JSON.stringify(args)),
    /JSON text inside|not what the tokens say/,
  ],
  [
    "reasoning in the content",
    whole(({ reasoning, ...m }) => ({
      ...m,
      reasoning_content: null,
      content: (reasoning ?? "") + (m.content ?? ""),
    })),
    /the reasoning stands in the content/,
  ],
  [
    "tags leak",
    whole((m) => ({ ...m, ...(m.content && { content: `${m.content}</think>` }) })),
    /the tag <\/think> leaks into the content/,
  ],
  [
    "the end is lost",
    whole((m) => ({ ...m, ...(m.content && { content: m.content.slice(0, -9) }) })),
    /the end of the content is lost/,
  ],
  [
    "no ids of calls",
    whole((m) => ({
      ...m,
      ...(m.tool_calls && { tool_calls: m.tool_calls.map((c: Json) => ({ ...c, id: "" })) }),
    })),
    /calls have no id, or share one/,
  ],
  [
    "length told as stop",
    {
      answer: (a) => ({
        ...a,
        ...(a.choices && {
          choices: a.choices.map((c: Json) => ({
            ...c,
            finish_reason: c.finish_reason === "length" ? "stop" : c.finish_reason,
          })),
        }),
      }),
    },
    /cut off at max_tokens, and finish_reason is stop/,
  ],
  [
    "max_tokens off by one",
    { order: (order: Order) => ({ ...order, maxTokens: order.maxTokens + 1 }) },
    /max_tokens is/,
  ],
  [
    "a stream without its end",
    { text: (text, body) => (body.stream ? text.replace("data: [DONE]\n\n", "") : text) },
    /breaks off/,
  ],
  [
    "one id for all calls",
    {
      calls: 2,
      ...whole((m) => ({
        ...m,
        ...(m.tool_calls && { tool_calls: m.tool_calls.map((c: Json) => ({ ...c, id: "call" })) }),
      })),
    },
    /calls have no id, or share one/,
  ],
  [
    "the content in the reasoning",
    whole(({ content, ...m }) => ({
      ...m,
      content: "",
      reasoning: `${m.reasoning ?? ""}${content ?? ""}`,
    })),
    /content stands in the reasoning|content is lost/,
  ],
];

/** Mistakes in replies of a server that tells no ids. */
const BARE_REPLIES: readonly Row[] = [
  [
    "the last delta of a stream is lost",
    said((message, choice) =>
      choice.message ? message : { ...message, ...(message.content && { content: "" }) },
    ),
    /end of a stream is lost/,
  ],
  [
    "reasoning alone",
    {
      answer: (answer) => ({
        ...answer,
        ...(answer.choices && {
          choices: answer.choices.map((choice: Json) => ({
            ...choice,
            ...(choice.message && {
              finish_reason: "stop",
              message: { ...choice.message, content: "", reasoning_content: "Hm.", tool_calls: [] },
            }),
          })),
        }),
      }),
    },
    /reasoning alone/,
  ],
];

const sampled = (change: (order: Order, n: number) => Partial<Order>): ServerFaults => ({
  order: (order, n) => ({ ...order, ...change(order, n) }),
});
const without = (key: keyof Order["sampling"], value: unknown): ServerFaults =>
  sampled(({ sampling }) => ({ sampling: { ...sampling, [key]: value } }));

const SAMPLING: readonly Row[] = [
  [
    "temperature, always greedy",
    without("temperature", 0),
    /temperature is ignored: replies are greedy/,
  ],
  ["temperature, never greedy", without("temperature", 1), /temperature 0 is not greedy/],
  ["top_k", without("topK", 0), /top_k is ignored/],
  ["top_p", without("topP", 1), /top_p is ignored/],
  ["seed", sampled((order, n) => ({ seed: order.seed * 1000 + n })), /the seed is ignored/],
  ["logit_bias", without("logitBias", new Map()), /logit_bias is ignored/],
  ["stop", { body: ({ stop: _, ...body }) => body }, /stop is ignored/],
  [
    "log-probabilities after the temperature",
    {
      logProb: (x, _, { sampling: { temperature = 0 } }) =>
        temperature > 0 ? x / temperature - 0.5 : x,
    },
    /after the temperature/,
  ],
  [
    "max_tokens, off by one",
    { order: (order) => ({ ...order, maxTokens: order.maxTokens + 1 }) },
    /max_tokens is passed/,
  ],
  [
    "length told as stop",
    {
      answer: (a) => ({
        ...a,
        ...(a.choices && {
          choices: a.choices.map((c: Json) => ({ ...c, finish_reason: "stop" })),
        }),
      }),
    },
    /cut off at max_tokens, and finish_reason is stop/,
  ],
  [
    "guesses that change the text (G46)",
    { rank: (n) => (n % 3 === 1 ? 4 : 0) },
    /not the likeliest/,
  ],
  ["a text of another model", { rank: () => 5 }, /not the likeliest/],
];

/** Moves log-probabilities from a position on. */
const far = (size: number, from: number): ServerFaults => ({
  logProb: (x, position) => (position < from ? x : Math.min(0, x + (position % 2 ? size : -size))),
});

/** A cache of beginnings that looks at the first tokens alone: it answers for the text that was there first. */
function mixed(): ServerFaults {
  const seen = new Map<string, Order["ids"]>();
  return {
    order: (order) => {
      const key = order.ids.slice(0, 64).join(" ");
      const first = seen.get(key) ?? order.ids;
      seen.set(key, first);
      return first.length === order.ids.length ? { ...order, ids: first } : order;
    },
  };
}

const NUMBERS: readonly Row[] = [
  ["drift from index_topk on", far(0.12, 65), /from index_topk on/],
  ["other weights", far(0.2, 0), /drifts from the start/],
  [
    "other weights, more so far from the start",
    { logProb: (x, at, order) => far(at < 64 ? 0.3 : 0.4, 0).logProb?.(x, at, order) ?? x },
    /drifts from the start/,
  ],
  ["a prefix cache that mixes texts", mixed(), /cache of beginnings mixes them/],
  [
    "effort ignored, without ids of prompts",
    { body: ({ reasoning_effort: _, ...body }: Json) => body },
    /^the effort is ignored$/,
  ],
];

/** Keeps the beginning and the end of a prompt. */
const cut = (first: number, last: number): ServerFaults => ({
  body: (body) =>
    Array.isArray(body.prompt) && body.prompt.length > first + last
      ? { ...body, prompt: [...body.prompt.slice(0, first), ...body.prompt.slice(-last)] }
      : body,
});

const LONG: readonly Row[] = [
  ["recent rows only", { reach: 64 }, /latest rows alone are read/],
  ["cut in the middle", cut(24, 80), /long prompts are cut/],
  ["cut at the start", cut(0, 100), /long prompts are cut/],
];

/** All of them. */
export const PLANTED: readonly Planted[] = [
  ...planted("protocol", PROMPTS),
  ...planted(
    "protocol",
    PROMPTS.map(([name, faults, sentence]) => [`${name}, by counts alone`, bare(faults), sentence]),
  ),
  ...planted("protocol", IDS),
  ...planted("replies", REPLIES),
  ...planted(
    "replies",
    BARE_REPLIES.map(([name, faults, sentence]) => [name, bare(faults), sentence]),
  ),
  ...planted("sampling", SAMPLING, 5),
  ...planted("numbers", NUMBERS),
  ...planted("long", LONG),
];
