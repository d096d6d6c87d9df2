/** Tests that right servers pass all gates, and that what is put in wrong is found and named. */
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../engine/generate/random.ts";
import {
  CHAT_FORMATS,
  type Json as ChatJson,
  renderChat,
  type Segment,
} from "../../../tokenizer/chat/index.ts";
import { BUILTIN_TEMPLATE } from "../../../tools/library/chat-template.ts";
import type { Order } from "../../../tools/serve/desk.ts";
import { NUMBERS } from "../../../tools/verify/numbers.ts";
import { PROFILES } from "../../../tools/verify/profiles.ts";
import { PROTOCOL } from "../../../tools/verify/protocol.ts";
import { REPLIES } from "../../../tools/verify/replies.ts";
import { SAMPLING } from "../../../tools/verify/sampling.ts";
import { planOf } from "../../../tools/verify/verify.ts";
import {
  bare,
  checksOf,
  faultsOf,
  type Json,
  REFERENCE,
  type ServerFaults,
  verified,
} from "./faulty-server.ts";

/** Noise as another order of sums makes it: of the same size everywhere. */
function noise(size: number): (logProb: number) => number {
  const random = seededRandom(1);
  return (logProb) => Math.min(0, logProb + (random() - 0.5) * 4 * size);
}

describe("a right server", () => {
  it.each([0, 1, 2])(
    "passes all gates with seed %i, and costs no more than planned",
    async (seed) => {
      const outcome = await verified({}, PROFILES.numbers, { seed });
      expect(checksOf(outcome).filter(({ verdict }) => verdict !== "pass")).toEqual([]);
      expect(outcome.verdict).toBe("pass");
      const { total } = planOf({ reference: REFERENCE, seed, gates: PROFILES.numbers });
      expect(outcome.spent.requests).toBeLessThanOrEqual(total.requests);
      expect(outcome.spent.tokensIn).toBeLessThanOrEqual(total.tokensIn);
      expect(outcome.spent.tokensOut).toBeLessThanOrEqual(total.tokensOut);
    },
  );

  it("that tells neither ids nor log-probabilities is not accused", async () => {
    const outcome = await verified(bare(), [PROTOCOL, REPLIES, SAMPLING]);
    expect(faultsOf(outcome)).toEqual([]);
    expect(
      checksOf(outcome).filter(({ verdict, isExtra }) => !isExtra && verdict !== "pass"),
    ).toEqual([]);
  });

  it("that refuses extra fields is asked without them", async () => {
    const picky: ServerFaults = {
      body: (body) => (body.return_token_ids ? { ...body, max_tokens: "none" } : body),
    };
    expect(faultsOf(await verified(picky, [PROTOCOL, REPLIES, SAMPLING]))).toEqual([]);
  });

  it.each([0, 1, 2])("whose greedy text varies is not accused, seed %i", async (seed) => {
    for (const faults of [{ rounding: 0.1 }, bare({ rounding: 0.1 })]) {
      const outcome = await verified(faults, [PROTOCOL, REPLIES, SAMPLING], { seed });
      expect(faultsOf(outcome)).toEqual([]);
    }
  });

  it("with rounding of its own passes", async () => {
    const outcome = await verified({ logProb: noise(0.005) }, [NUMBERS]);
    expect(outcome.verdict).toBe("pass");
  });
});

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

describe("a wrong prompt is named", () => {
  const table: [name: string, faults: ServerFaults, sentence: RegExp][] = [
    [
      "doubled prefix",
      template((s) => [control("[gMASK]"), control("<sop>"), ...s]),
      /stands twice: the server adds/,
    ],
    ["no prefix", template((s) => s.slice(2)), /lacks \[gMASK\]<sop>/],
    [
      "no line of the effort",
      template((s) =>
        s.filter(
          ({ text }, i) => !/^Reasoning/.test(text) && !/^Reasoning/.test(s[i + 1]?.text ?? ""),
        ),
      ),
      /line of the effort is missing/,
    ],
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
        ...template((s) =>
          s.filter(
            ({ text }, i) => !/^Reasoning/.test(text) && !/^Reasoning/.test(s[i + 1]?.text ?? ""),
          ),
        ),
        body: withPrompt,
      },
      /effort is missing.*, and a system prompt is put in/,
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
  it.each(table)("%s", async (_, faults, sentence) => {
    const outcome = await verified(faults, [PROTOCOL]);
    expect(outcome.verdict).toBe("fail");
    expect(faultsOf(outcome).join("\n")).toMatch(sentence);
  });
  it.each(table.filter(([name]) => name !== "a formula for usage"))(
    "%s, by counts alone",
    async (_, faults, sentence) => {
      const outcome = await verified(bare(faults), [PROTOCOL]);
      expect(faultsOf(outcome).join("\n")).toMatch(sentence);
    },
  );
  it("effort ignored, by ids", async () => {
    const faults = { body: ({ reasoning_effort: _, ...body }: Json) => body };
    expect(faultsOf(await verified(faults, [PROTOCOL]))).toEqual(["the effort is ignored"]);
  });
  it("long prompts that are cut", async () => {
    const cut = template((s) =>
      s.map((one) => ({ ...one, text: one.text.length > 900 ? one.text.slice(-900) : one.text })),
    );
    expect(faultsOf(await verified(bare(cut), [PROTOCOL]))).toEqual(["long prompts are cut"]);
  });
});

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

describe("a wrong reply is named", () => {
  const table: [name: string, faults: ServerFaults, sentence: RegExp][] = [
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
  ];
  it.each(table)("%s", async (_, faults, sentence) => {
    expect(faultsOf(await verified(faults, [REPLIES])).join("\n")).toMatch(sentence);
  });

  it("the last delta of a stream is lost, where no ids are told", async () => {
    const faults = said((message, choice) =>
      choice.message ? message : { ...message, ...(message.content && { content: "" }) },
    );
    expect(faultsOf(await verified(bare(faults), [REPLIES])).join("\n")).toMatch(
      /end of a stream is lost/,
    );
  });
});

const sampled = (change: (order: Order, n: number) => Partial<Order>): ServerFaults => ({
  order: (order, n) => ({ ...order, ...change(order, n) }),
});
const without = (key: keyof Order["sampling"], value: unknown): ServerFaults =>
  sampled(({ sampling }) => ({ sampling: { ...sampling, [key]: value } }));

describe("a parameter that is ignored is named", () => {
  const table: [name: string, faults: ServerFaults, sentence: RegExp][] = [
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
  ];
  it.each(table)("%s", async (_, faults, sentence) => {
    expect(faultsOf(await verified(faults, [SAMPLING], { seed: 5 })).join("\n")).toMatch(sentence);
  });
});

describe("numbers that drift are named", () => {
  const far = (size: number, from: number) => (x: number, position: number) =>
    position < from ? x : Math.min(0, x + (position % 2 ? size : -size));
  it.each([
    ["sparse attention off", far(0.12, 65), /from index_topk on/],
    ["other weights", far(0.2, 0), /drifts from the start/],
    [
      "other weights, more so far from the start",
      (x: number, at: number) => far(at < 64 ? 0.3 : 0.4, 0)(x, at),
      /drifts from the start/,
    ],
  ])("%s", async (_, logProb, sentence) => {
    const outcome = await verified({ logProb }, [NUMBERS]);
    expect(outcome.verdict).toBe("fail");
    expect(faultsOf(outcome)[0]).toMatch(sentence);
  });
});
