/**
 * The gate of long contexts: whether words that stand far back in a text are found. Each text has eight facts
 * from its first tokens on, and more than `index_topk` tokens lie between the last of them and the question.
 * All questions share the text, so that a server with a prefix cache reads it once.
 *
 * A server that finds none of them sees the latest rows only, or has cut the prompt. Dense attention finds all:
 * whether it is sparse, only the numbers and the selections tell.
 *
 * Next: samples.ts
 * @module
 */
import type { ChatRequest } from "../../tokenizer/chat/index.ts";
import { makeRecallSet, type RecallQuestion, type RecallSet } from "../eval/word-tasks.ts";
import type { Answer, Ask } from "../remote/ask.ts";
import type { Cost } from "../remote/budget.ts";
import { fieldsOf } from "../remote/fields-of.ts";
import { requestOf } from "./conversations.ts";
import {
  askInCase,
  type Check,
  each,
  type Gate,
  type GateInput,
  type Probe,
  type Reference,
} from "./gate.ts";
import { idsWith } from "./template-faults.ts";
import { choiceOf } from "./text-ways.ts";

/** A text has so many times `index_topk` tokens, where no lengths are given and the model has that number. */
const LENGTH = { topks: 4, default: 8192 } as const;

/** Tokens of an answer. */
const ANSWER = { text: 6, chat: 24 } as const;

/** Words that must be found to pass, and so many that a right model never finds as few. */
const FOUND = { enough: 6, wrong: 3 } as const;

/** Tokens that templates and tools may add or leave out; what is missing beyond them was cut. */
const SPARE = 32;

/** The gate. */
export const LONG: Gate = {
  name: "long",
  shows: "words are found over the whole context, and nothing of it is cut",
  hides: "whether the attention is sparse or dense; longer contexts",
  cost: costOf,
  run: async (probe) => {
    const checks: Check[] = [];
    for (const length of lengthsOf(probe)) checks.push(...(await checksOf(probe, length)));
    return checks;
  },
};

function lengthsOf({ lengths, reference }: GateInput): readonly number[] {
  const topk = reference.shape?.indexTopk;
  return lengths ?? [topk === undefined ? LENGTH.default : LENGTH.topks * topk];
}

/** All questions in either form, and one that is tried in vain. */
function costOf(input: GateInput): Cost {
  const sets = lengthsOf(input).map((length) => setOf(input, length));
  const asks = sets.flatMap(({ context, questions }) => [
    textAsk(context, questions[0]),
    ...questions.map((one) => {
      const [text, chat] = [textAsk(context, one), chatAsk(context, one, input.reference)];
      return chat.tokensIn > text.tokensIn ? chat : { ...text, tokensOut: chat.tokensOut };
    }),
  ]);
  return {
    requests: asks.length,
    tokensIn: asks.reduce((sum, { tokensIn }) => sum + tokensIn, 0),
    tokensOut: asks.reduce((sum, { tokensOut }) => sum + tokensOut, 0),
  };
}

function setOf({ reference, seed }: GateInput, length: number): RecallSet {
  const { tokenizer, shape } = reference;
  const behind = Math.min(shape?.indexTopk ?? Math.floor(length / 4), Math.floor(length / 2));
  return makeRecallSet(
    { length, behind, seed },
    {
      start: [...tokenizer.encode("[gMASK]<sop>")],
      encode: (text) => [...tokenizer.encodeOrdinary(text)],
    },
  );
}

function textAsk(context: readonly number[], { question }: RecallQuestion): Ask {
  const prompt = [...context, ...question];
  return {
    path: "completions",
    body: { prompt, max_tokens: ANSWER.text, temperature: 0 },
    ...{ tokensIn: prompt.length, tokensOut: ANSWER.text },
  };
}

function chatAsk(
  context: readonly number[],
  { name }: RecallQuestion,
  { tokenizer }: Reference,
): Ask {
  const text = tokenizer.decode(context, { skipSpecial: true });
  const content = `${text}\nWhat is the secret word of ${name}? Answer with this word alone.`;
  const chat: ChatRequest = { messages: [{ role: "user", content }], enable_thinking: false };
  return {
    path: "chat/completions",
    body: { ...requestOf(chat), max_tokens: ANSWER.chat, temperature: 0 },
    tokensIn: idsWith([], chat, tokenizer, "protocol").length,
    tokensOut: ANSWER.chat,
  };
}

/** What came of a question. */
interface Found {
  readonly question: RecallQuestion;
  readonly isFound: boolean;
  /** Tokens of the prompt, as they should be and as the server counts them. */
  readonly tokens: { readonly want: number; readonly got: number | undefined };
}

async function checksOf(probe: Probe, length: number): Promise<readonly Check[]> {
  const { context, questions } = setOf(probe, length);
  const name = `words over ${length} tokens`;
  const first = await askInCase(probe, textAsk(context, questions[0]));
  const takesIds = first !== undefined && saidIn(first) !== undefined;
  let done = 0;
  const found = await each(probe, questions, async (question, i): Promise<Found | undefined> => {
    const ask = takesIds ? textAsk(context, question) : chatAsk(context, question, probe.reference);
    const answer = takesIds && i === 0 ? first : await probe.ask(ask);
    probe.onProgress?.(++done, questions.length);
    const said = saidIn(answer);
    if (said === undefined) return undefined;
    const { usage } = fieldsOf(answer.json);
    const { prompt_tokens: got } = fieldsOf(usage);
    const tokens = { want: ask.tokensIn, got: typeof got === "number" ? got : undefined };
    return { question, isFound: names(said, question.secret), tokens };
  });
  const all = found.flatMap((one) => one ?? []);
  if (all.length < questions.length) {
    const evidence = `the server answers ${all.length} of ${questions.length} questions: prompts may be too long for it`;
    return [{ name, verdict: "unknown", evidence }];
  }
  return [await recallCheck(probe, name, context, all), lengthCheck(length, all)];
}

/** What a reply says. */
function saidIn({ status, json }: Answer): string | undefined {
  const { text, message } = choiceOf(json);
  const said = text ?? fieldsOf(message).content;
  return status === 200 && typeof said === "string" ? said : undefined;
}

function names(said: string, word: string): boolean {
  return new RegExp(`\\b${word}\\b`, "i").test(said);
}

async function recallCheck(
  { reference }: Probe,
  name: string,
  context: readonly number[],
  all: readonly Found[],
): Promise<Check> {
  const lost = all.filter(({ isFound }) => !isFound);
  const n = all.length - lost.length;
  const places = lost.map(({ question }) => question.place).join(", ");
  const where = lost.length === 0 ? "" : `; not those at ${places} of ${context.length}`;
  const evidence = `${n} of ${all.length} words are found${where}`;
  if (n >= FOUND.enough) return { name, verdict: "pass", evidence };
  const hard = await hardOnes(reference, context, lost);
  if (hard > 0) {
    const why = `; the reference does not find ${hard} of them either`;
    return { name, verdict: "unknown", evidence: evidence + why };
  }
  if (n > FOUND.wrong) return { name, verdict: "unknown", evidence };
  const fault =
    "what stands far back is not found: the latest rows alone are read, or prompts are cut";
  return { name, verdict: "fail", evidence, fault };
}

/** How many words the reference does not find, where it has weights. */
async function hardOnes(
  { likeliest }: Reference,
  context: readonly number[],
  lost: readonly Found[],
): Promise<number> {
  let n = 0;
  for (const { question, answer } of lost.map((one) => one.question)) {
    const best = await likeliest?.([...context, ...question, ...answer.slice(0, -1)]);
    const tail = best?.slice(-answer.length);
    if (tail?.some((id, i) => id !== answer[i])) n++;
  }
  return n;
}

/** Whether the server counts the whole prompt. */
function lengthCheck(length: number, all: readonly Found[]): Check {
  const name = `prompts of ${length} tokens`;
  const told = all.filter(({ tokens }) => tokens.got !== undefined);
  if (told.length === 0) {
    const evidence = "the server does not count the tokens of prompts";
    return { name, isExtra: true, verdict: "unknown", evidence };
  }
  const missing = told.map(({ tokens }) => tokens.want - (tokens.got ?? 0));
  const most = Math.max(...missing);
  if (most > SPARE) {
    const evidence = `${most} tokens of a prompt are missing`;
    return { name, verdict: "fail", evidence, fault: "long prompts are cut" };
  }
  const isExact = missing.every((n) => n === 0);
  const evidence = isExact ? "all tokens are counted" : `they differ by ${missing.join(", ")}`;
  return { name, isExtra: true, verdict: isExact ? "pass" : "unknown", evidence };
}
