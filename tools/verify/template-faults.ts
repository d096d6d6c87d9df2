/**
 * Known mistakes of servers in making a prompt, each as a change of the right way. What such a server
 * counts for each conversation is worked out, so that what an endpoint counts names its mistake.
 *
 * Next: protocol.ts
 * @module
 */
import {
  CHAT_FORMATS,
  type ChatFormat,
  type ChatRequest,
  GLM_5_2,
  type Message,
  promptIds,
  renderChat,
  type Segment,
  type Tool,
} from "../../tokenizer/chat/index.ts";
import type { Tokenizer } from "../../tokenizer/index.ts";

/** A mistake. */
export interface TemplateFault {
  readonly name: string;
  /** Changes the conversation. */
  readonly chat?: (chat: ChatRequest) => ChatRequest;
  /** Takes another model's format. */
  readonly format?: ChatFormat;
  /** Changes the parts of the prompt. */
  readonly segments?: (segments: readonly Segment[]) => readonly Segment[];
}

/** Whether control tokens that the user spells become control tokens. Servers differ, and both are right. */
export type SpelledMode = "everywhere" | "protocol";

/** The ids of a conversation on a server with these mistakes, of which there may be none. */
export function idsWith(
  faults: readonly TemplateFault[],
  chat: ChatRequest,
  tokenizer: Tokenizer,
  mode: SpelledMode,
): readonly number[] {
  let request: ChatRequest = { ...chat, add_generation_prompt: true };
  let format = GLM_5_2;
  for (const fault of faults) {
    request = fault.chat?.(request) ?? request;
    format = fault.format ?? format;
  }
  // A template does not read settings that its model lacks.
  if (!format.skipped) request = without(request, "enable_thinking");
  if (!format.effortLine) request = without(request, "reasoning_effort");
  const prompt = renderChat(request, { format });
  const segments = faults.reduce<readonly Segment[]>(
    (parts, fault) => fault.segments?.(parts) ?? parts,
    prompt.segments,
  );
  const text = segments.map((segment) => segment.text).join("");
  return [...promptIds(tokenizer, { ...prompt, text, segments }, { controlTokensIn: mode })];
}

const control = (text: string): Segment => ({ kind: "control", text });
const fixed = (text: string): Segment => ({ kind: "fixed", text });

const withMessages = (
  chat: ChatRequest,
  change: (messages: readonly Message[]) => readonly Message[],
): ChatRequest => ({ ...chat, messages: change(chat.messages) });

const without = (chat: ChatRequest, key: keyof ChatRequest): ChatRequest => {
  const { [key]: _, ...rest } = chat;
  return rest as ChatRequest;
};

const ROLES = ["<|user|>", "<|assistant|>", "<|system|>", "<|observation|>"];

/** Letters above ASCII in JSON, as `json.dumps` writes them unless it is told not to. */
const escaped = (text: string): string =>
  text.replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** Whether a part is the definition of a tool. */
const isDefinition = ({ kind, text }: Segment): boolean => kind === "input" && /^\{"/.test(text);

const overDefinitions =
  (change: (text: string) => string) =>
  (segments: readonly Segment[]): readonly Segment[] =>
    segments.map((one) => (isDefinition(one) ? { ...one, text: change(one.text) } : one));

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
};

const SINGLE: readonly TemplateFault[] = [
  { name: "the prompt lacks [gMASK]<sop>", segments: (parts) => parts.slice(2) },
  { name: "[gMASK] stands twice", segments: (parts) => [control("[gMASK]"), ...parts] },
  {
    name: "[gMASK]<sop> stands twice: the server adds it to a prompt that has it",
    segments: (parts) => [...parts.slice(0, 2), ...parts],
  },
  {
    name: "a newline follows <sop>",
    segments: (parts) => [...parts.slice(0, 2), fixed("\n"), ...parts.slice(2)],
  },
  {
    name: "the prompt does not end with the beginning of the reply",
    chat: (chat) => ({ ...chat, add_generation_prompt: false }),
  },
  {
    name: "the line of the effort is missing, as in the template of GLM-5.1",
    format: { ...GLM_5_2, effortLine: undefined },
  },
  {
    name: "a system prompt is put in: You are a helpful assistant.",
    chat: (chat) =>
      withMessages(chat, (messages) => [
        { role: "system", content: "You are a helpful assistant." },
        ...messages,
      ]),
  },
  {
    name: "the system prompt is dropped",
    chat: (chat) => withMessages(chat, (list) => list.filter(({ role }) => role !== "system")),
  },
  {
    name: "the switch that turns thinking off is ignored",
    chat: (chat) => without(chat, "enable_thinking"),
  },
  { name: "thinking is always off", chat: (chat) => ({ ...chat, enable_thinking: false }) },
  { name: "the effort is ignored", chat: (chat) => without(chat, "reasoning_effort") },
  {
    name: "thinking is dropped from the history",
    chat: (chat) =>
      withMessages(chat, (messages) =>
        messages.map((message) =>
          message.role === "assistant" ? { ...message, reasoning_content: null } : message,
        ),
      ),
  },
  { name: "clear_thinking is ignored", chat: (chat) => without(chat, "clear_thinking") },
  {
    name: "thinking is never cleared from the history",
    chat: (chat) => ({ ...chat, clear_thinking: false }),
  },
  {
    name: "a newline follows each role, as in the template of GLM-4.5",
    segments: (parts) =>
      parts.flatMap((one) => (ROLES.includes(one.text) ? [one, fixed("\n")] : [one])),
  },
  { name: "tools are dropped", chat: (chat) => without(chat, "tools") },
  {
    name: "letters in tools are escaped as \\u",
    segments: overDefinitions(escaped),
  },
  {
    name: "the keys of tools are sorted",
    chat: (chat) => (chat.tools ? { ...chat, tools: sorted(chat.tools) as readonly Tool[] } : chat),
  },
  {
    name: "tools are printed without blanks",
    segments: overDefinitions((text) => text.replaceAll('": ', '":').replaceAll(", ", ",")),
  },
  {
    name: "blanks around texts are cut off",
    chat: (chat) =>
      withMessages(chat, (messages) =>
        messages.map((message) => {
          const { content } = message;
          return typeof content === "string"
            ? ({ ...message, content: content.trim() } as Message)
            : message;
        }),
      ),
  },
  {
    name: "texts are normalised (NFC)",
    segments: (parts) => parts.map((one) => ({ ...one, text: one.text.normalize("NFC") })),
  },
  ...CHAT_FORMATS.filter((format) => format !== GLM_5_2).map((format) => ({
    name: `the template is ${format.name}'s`,
    format,
  })),
];

/** All single mistakes, then all pairs of them. */
export function faultSets(): readonly (readonly TemplateFault[])[] {
  const pairs = SINGLE.flatMap((a, i) => SINGLE.slice(i + 1).map((b) => [a, b]));
  return [...SINGLE.map((fault) => [fault]), ...pairs];
}

/** Mistakes that counts cannot show, and groups of those that they cannot tell apart. */
export interface CountLimits {
  readonly unseen: readonly string[];
  readonly alike: readonly (readonly string[])[];
  /** Groups with pairs of mistakes in them. Of mistakes that are alike, only the first stands in pairs. */
  readonly pairs: readonly (readonly string[])[];
}

/** What the numbers of tokens of these conversations do not tell. Ids tell all of it. */
export function limitsOfCounts(chats: readonly ChatRequest[], tokenizer: Tokenizer): CountLimits {
  const told = (faults: readonly TemplateFault[]): string =>
    chats.map((chat) => idsWith(faults, chat, tokenizer, "protocol").length).join(" ");
  const right = told([]);
  const singles = grouped(SINGLE, (fault) => told([fault]));
  const named = (list: readonly TemplateFault[]) => list.map(({ name }) => name);
  const unseen = named(singles.get(right) ?? []);
  singles.delete(right);
  const groups = [...singles.values()];
  const firsts = new Set(groups.map(([one]) => one));
  const sets = faultSets().filter((faults) => faults.every((one) => firsts.has(one)));
  return {
    unseen,
    alike: groups.filter(({ length }) => length > 1).map(named),
    pairs: [...grouped(sets, told).values()]
      .filter(({ length }) => length > 1)
      .map((group) => group.map((faults) => named(faults).join(", and "))),
  };
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return groups;
}
