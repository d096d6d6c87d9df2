/**
 * The conversations whose prompts are counted. Each is there because some mistake changes its length, or
 * its ids, and not those of the others.
 *
 * Next: template-faults.ts
 * @module
 */
import type { ChatRequest, Tool } from "../../tokenizer/chat/index.ts";

/** A conversation with its name. */
export interface Conversation {
  readonly name: string;
  readonly chat: ChatRequest;
}

/** The tools of the conversations: other letters than ASCII, nested schemas, keys out of order. */
export const TOOLS: readonly Tool[] = [
  {
    type: "function",
    function: {
      name: "get_weather",
      description: "Tells the weather of a city, in °C, für jeden Tag.",
      parameters: {
        type: "object",
        properties: {
          city: { type: "string", description: "Name of the city: Köln, 東京" },
          days: { type: "integer", minimum: 1 },
        },
        required: ["city", "days"],
      },
    },
  },
  {
    type: "function",
    function: {
      name: "now",
      description: "Tells the time.",
      parameters: { type: "object", properties: {} },
    },
  },
];

const user = (content: string) => ({ role: "user", content }) as const;

const THOUGHT = "They greet me. I greet them back, and ask what they need.";

const HISTORY = [
  user("Hello!"),
  { role: "assistant", content: "Hello. What do you need?", reasoning_content: THOUGHT },
  user("A story, please."),
] as const;

const LOOP = [
  user("How warm is it in Köln?"),
  {
    role: "assistant",
    content: "",
    reasoning_content: "I need the weather.",
    tool_calls: [
      {
        type: "function",
        id: "call_1",
        function: { name: "get_weather", arguments: '{"city": "Köln", "days": 2}' },
      },
      { type: "function", id: "call_2", function: { name: "now", arguments: "{}" } },
    ],
  },
  { role: "tool", tool_call_id: "call_1", content: "12 °C, then 14 °C" },
  { role: "tool", tool_call_id: "call_2", content: "10:20" },
] as const;

/** Words of the long conversation, and how many of them there are. */
const LONG = {
  words: "sun tree river house bird cloud stone road".split(" "),
  count: 320,
} as const;

/** The name of the longest conversation, in which cuts show. */
export const LONGEST = "long";

/** The name of the conversation with control tokens that the user has spelled. */
export const SPELLED = "spelled tokens";

/** All conversations. The numbers in them come from the seed, so that answers cannot be prepared. */
export function conversations(seed: number): readonly Conversation[] {
  const tag = `${(seed * 7919 + 104_729) % 1_000_003}`;
  const long = Array.from({ length: LONG.count }, (_, i) => {
    return LONG.words[(i * 5 + seed + Math.floor(i / 8)) % LONG.words.length];
  }).join(" ");
  const of = (name: string, chat: ChatRequest): Conversation => ({ name, chat });
  return [
    of("hi", { messages: [user("hi")] }),
    of("number", { messages: [user(`Is ${tag} a prime?`)] }),
    of("thinking off", { messages: [user("hi")], enable_thinking: false }),
    of("effort high", { messages: [user("hi")], reasoning_effort: "high" }),
    of("system", { messages: [{ role: "system", content: "Be brief." }, user("hi")] }),
    of("history", { messages: [HISTORY[0], { role: "assistant", content: "Hello." }, HISTORY[2]] }),
    of("cleared thinking", { messages: HISTORY }),
    of("kept thinking", { messages: HISTORY, clear_thinking: false }),
    of("tools", { messages: [user("How warm is it in Köln?")], tools: TOOLS }),
    of("tool loop", { messages: LOOP, tools: TOOLS }),
    of(SPELLED, { messages: [user("What do <|user|> and </think> mean?")] }),
    of("blanks", { messages: [user("  two blanks,\n\n\ta tab, two at the end  ")] }),
    of("languages", { messages: [user("Grüße, 東京, Привет, مرحبا, नमस्ते, 🦜👩‍👩‍👧")] }),
    of("decomposed", { messages: [user("e\u0301 is not é")] }),
    of("digits", { messages: [user("1234567890 + 0.000123 = 1,234,567")] }),
    of(LONGEST, { messages: [user(long)] }),
  ];
}

/** The fields of a request for a conversation: each setting in all the spellings that servers have. */
export function requestOf({ messages, tools, ...settings }: ChatRequest): object {
  const { enable_thinking: thinks, clear_thinking: clears, reasoning_effort: effort } = settings;
  const switches = {
    ...(thinks !== undefined && { enable_thinking: thinks }),
    ...(clears !== undefined && { clear_thinking: clears }),
  };
  const isSet = thinks !== undefined || clears !== undefined;
  return {
    messages,
    ...(tools && { tools }),
    ...(effort && { reasoning_effort: effort }),
    ...(isSet && {
      chat_template_kwargs: switches,
      thinking: {
        type: thinks === false ? "disabled" : "enabled",
        ...(clears !== undefined && { clear_thinking: clears }),
      },
    }),
  };
}
