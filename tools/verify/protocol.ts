/**
 * The gate of the prompt: how many tokens the server makes of each conversation, or which ones where it
 * tells. Nothing of it depends on the model's weights, nor on chance.
 *
 * Next: replies.ts
 * @module
 */

import type { Answer, Ask } from "../remote/ask.ts";
import type { Cost } from "../remote/budget.ts";
import { complaint } from "../remote/exchange.ts";
import { fieldsOf } from "../remote/fields-of.ts";
import { type Conversation, conversations, LONGEST, requestOf, SPELLED } from "./conversations.ts";
import { askInCase, type Check, each, type Gate, type Probe, type Reference } from "./gate.ts";
import {
  faultSets,
  idsWith,
  limitsOfCounts,
  type SpelledMode,
  type TemplateFault,
} from "./template-faults.ts";

/** What a server says about the prompt of a conversation. */
interface Told {
  readonly conversation: Conversation;
  readonly count: number | undefined;
  readonly ids: readonly number[] | undefined;
}

/** The gate. */
export const PROTOCOL: Gate = {
  name: "protocol",
  shows: "template, tokenizer, and how the history is handled",
  hides: "the level of effort where only counts are told; what has the same number of tokens",
  cost: ({ reference, seed }) => costOf(reference, conversations(seed)),
  limits: ({ reference, seed }) => limitsOf(reference, conversations(seed)),
  run: protocol,
};

function limitsOf({ tokenizer }: Reference, list: readonly Conversation[]): readonly string[] {
  const chats = list.map(({ chat }) => chat);
  const { unseen, alike, pairs } = limitsOfCounts(chats, tokenizer);
  return [
    ...unseen.map((name) => `where only counts are told, it cannot be seen that ${name}`),
    ...[...alike, ...pairs].map(
      (names) => `where only counts are told, these look alike: ${names.join("; or: ")}`,
    ),
  ];
}

function costOf(reference: Reference, list: readonly Conversation[]): Cost {
  const tokens = list.map(({ chat }) => idsWith([], chat, reference.tokenizer, "protocol").length);
  const [first = 0] = tokens;
  return {
    requests: list.length + 1, // one to /tokenize
    tokensIn: tokens.reduce((sum, n) => sum + n, first),
    tokensOut: list.length,
  };
}

async function protocol(probe: Probe): Promise<readonly Check[]> {
  const { reference, seed, onProgress } = probe;
  const list = conversations(seed);
  const told: Told[] = [];
  const refused: string[] = [];
  let done = 0;
  const answers = await each(probe, list, async (conversation) => {
    const answer = await probe.ask(askOf(conversation, reference));
    onProgress?.(++done, list.length + 1);
    return { conversation, answer };
  });
  for (const { conversation, answer } of answers) {
    if (answer.status === 200) told.push({ conversation, ...promptOf(answer) });
    else refused.push(`${conversation.name}: status ${answer.status}, ${complaint(answer.text)}`);
  }
  const checks = [understood(refused), ...countChecks(told, reference)];
  return [...checks, await tokenizeCheck(probe, told)];
}

function askOf({ chat }: Conversation, { tokenizer }: Reference): Ask {
  return {
    path: "chat/completions",
    body: { ...requestOf(chat), max_tokens: 1, temperature: 0 },
    extras: [{ return_token_ids: true }],
    tokensIn: idsWith([], chat, tokenizer, "protocol").length,
    tokensOut: 1,
  };
}

/** Reads what an answer says about its prompt. vLLM has the ids beside the choices. */
function promptOf({ json }: Answer): Pick<Told, "count" | "ids"> {
  const { usage, prompt_token_ids: ids } = fieldsOf(json);
  const { prompt_tokens: count } = fieldsOf(usage);
  const areIds = Array.isArray(ids) && ids.every((id) => Number.isInteger(id));
  return { count: typeof count === "number" ? count : undefined, ids: areIds ? ids : undefined };
}

function understood(refused: readonly string[]): Check {
  const name = "all conversations are taken";
  if (refused.length === 0) return { name, verdict: "pass", evidence: "none was refused" };
  return { name, verdict: "fail", evidence: refused.join("; ") };
}

function countChecks(told: readonly Told[], reference: Reference): Check[] {
  const name = "prompts";
  if (told.every(({ count, ids }) => count === undefined && ids === undefined)) {
    const evidence = "neither usage.prompt_tokens nor prompt_token_ids is in an answer";
    return [{ name, verdict: "unknown", evidence }];
  }
  const wrongCounts = told.filter(
    ({ count, ids }) => count !== undefined && ids && count !== ids.length,
  );
  const counts: Check = {
    name: "usage counts the prompt",
    ...(wrongCounts.length === 0
      ? { verdict: "pass", evidence: "it is the number of ids where both are told" }
      : {
          verdict: "fail",
          evidence: wrongCounts
            .map(
              ({ conversation, count, ids }) =>
                `${conversation.name}: ${count} for ${ids?.length} ids`,
            )
            .join("; "),
          fault: "usage.prompt_tokens is not counted",
        }),
  };
  return [promptCheck(name, told, reference), counts];
}

/** Compares with a right server of either mode, then with servers that make known mistakes. */
function promptCheck(name: string, told: readonly Told[], { tokenizer }: Reference): Check {
  const matches = (faults: readonly TemplateFault[], mode: SpelledMode): boolean =>
    told.every((one) => isSame(one, idsWith(faults, one.conversation.chat, tokenizer, mode)));
  const modes = ["everywhere", "protocol"] as const;
  const mode = modes.find((one) => matches([], one));
  const how = told.every(({ ids }) => ids) ? "id by id" : "by their number of tokens";
  if (mode !== undefined) {
    const spelled = mode === "everywhere" ? "control tokens" : "plain text";
    const evidence = `${told.length} prompts are right ${how}; tokens that a user spells are ${spelled}`;
    return { name, verdict: "pass", evidence };
  }
  const found = firstOf(faultSets(), (faults) => modes.some((one) => matches(faults, one)));
  const fault =
    found.length > 0
      ? found.map((faults) => faults.map((one) => one.name).join(", and ")).join("; or: ")
      : (cutFault(told, tokenizer) ?? undefined);
  return { name, verdict: "fail", evidence: differences(told, tokenizer), fault };
}

/** Whether a server says what these ids are, as far as it says anything. */
function isSame({ count, ids }: Told, want: readonly number[]): boolean {
  if (ids) return ids.length === want.length && ids.every((id, i) => id === want[i]);
  return count === undefined || count === want.length;
}

/** The simplest explanations: all single mistakes, or else all pairs. */
function firstOf(
  sets: readonly (readonly TemplateFault[])[],
  fits: (faults: readonly TemplateFault[]) => boolean,
): readonly (readonly TemplateFault[])[] {
  const single = sets.filter((faults) => faults.length === 1 && fits(faults));
  return single.length > 0 ? single : sets.filter((faults) => faults.length === 2 && fits(faults));
}

/** A mistake that only long prompts show. */
function cutFault(told: readonly Told[], tokenizer: Reference["tokenizer"]): string | undefined {
  const off = told.filter((one) => differenceOf(one, tokenizer) !== 0);
  const [only] = off;
  if (off.length !== 1 || only.conversation.name !== LONGEST) return undefined;
  return differenceOf(only, tokenizer) < 0 ? "long prompts are cut" : undefined;
}

function differenceOf(
  { conversation, count, ids }: Told,
  tokenizer: Reference["tokenizer"],
): number {
  const got = ids?.length ?? count;
  if (got === undefined) return 0;
  const wants = (["everywhere", "protocol"] as const).map(
    (mode) => got - idsWith([], conversation.chat, tokenizer, mode).length,
  );
  return wants.reduce((a, b) => (Math.abs(b) < Math.abs(a) ? b : a));
}

function differences(told: readonly Told[], tokenizer: Reference["tokenizer"]): string {
  const parts = told.map((one) => {
    const difference = differenceOf(one, tokenizer);
    const { name } = one.conversation;
    if (difference !== 0) return `${name} ${difference > 0 ? "+" : ""}${difference}`;
    const want = idsWith([], one.conversation.chat, tokenizer, "everywhere");
    const isOther = one.ids !== undefined && name !== SPELLED && !isSame(one, want);
    return isOther ? `${name}: other ids` : `${name} 0`;
  });
  return `tokens more or less than expected: ${parts.join(", ")}`;
}

/** Whether `/tokenize` makes the prompt that a chat has. It need not be what chats get. */
async function tokenizeCheck(probe: Probe, told: readonly Told[]): Promise<Check> {
  const base = { name: "/tokenize", isExtra: true };
  const [first] = told;
  if (first === undefined) {
    return { ...base, verdict: "unknown", evidence: "no prompt to compare with" };
  }
  const { chat } = first.conversation;
  const answer = await askInCase(probe, {
    path: "/tokenize",
    body: requestOf(chat),
    tokensIn: idsWith([], chat, probe.reference.tokenizer, "protocol").length,
    tokensOut: 0,
  });
  const { count } = fieldsOf(answer?.json);
  if (typeof count !== "number") {
    return { ...base, verdict: "unknown", evidence: "the server has none for conversations" };
  }
  const want = first.ids?.length ?? first.count;
  if (want === undefined) {
    return { ...base, verdict: "unknown", evidence: "chats do not tell their number of tokens" };
  }
  const evidence = `${count} tokens for ${first.conversation.name}, and ${want} in the chat`;
  return { ...base, verdict: count === want ? "pass" : "fail", evidence };
}
