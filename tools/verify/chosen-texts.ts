/**
 * Tokens that a server chooses by itself, always the likeliest, beside what the reference says of them. Without
 * log-probabilities, the tokens themselves are compared.
 *
 * Next: match-rate.ts
 * @module
 */
import type { Cost } from "../remote/budget.ts";
import { driftChecks, type TextDrift } from "./drift.ts";
import { type Check, each, type GateInput, type Probe, type Reference } from "./gate.ts";
import { ONLY_RECORDED, SETTLED, textsOf } from "./given-texts.ts";
import { type Matches, matchCheck, matchesOf } from "./match-rate.ts";
import type { ChosenToken, ReplyAsk, ReplyWay } from "./reply-ways.ts";

/** Tokens that are asked for in all texts together: enough to win a bet. */
const CHOSEN = 3840;

/** A text to go on with, and for how many tokens. */
interface Question {
  readonly ids: readonly number[];
  readonly n: number;
}

/** For each text the questions of it: one before `index_topk`, where it is known, and one behind. */
function questionsOf(input: GateInput, way: ReplyWay): readonly (readonly Question[])[] {
  const { shape, tokenizer } = input.reference;
  const { indexTopk: topk = 0 } = shape ?? {};
  const texts = textsOf(input);
  const wanted = Math.ceil(CHOSEN / texts.length);
  return texts.map((ids) => {
    const first = ids.slice(0, SETTLED);
    const room = topk - way.ask(first, 1, tokenizer).ids.length - 1;
    const early = Math.max(0, Math.min(Math.floor(wanted / 2), room));
    const late = { ids: ids.slice(0, Math.max(2 * topk, SETTLED)), n: wanted - early };
    return early > 0 ? [{ ids: first, n: early }, late] : [late];
  });
}

/** What it costs in one of the ways. */
export function costOfReplies(input: GateInput, way: ReplyWay): Cost {
  const { tokenizer } = input.reference;
  const asks = questionsOf(input, way)
    .flat()
    .map(({ ids, n }) => way.ask(ids, n, tokenizer).ask);
  return {
    requests: asks.length,
    tokensIn: asks.reduce((sum, { tokensIn }) => sum + tokensIn, 0),
    tokensOut: asks.reduce((sum, { tokensOut }) => sum + tokensOut, 0),
  };
}

/** Compares what the server says about tokens that it chooses. */
export async function ofReplies(probe: Probe, way: ReplyWay): Promise<readonly Check[]> {
  const { score, recorded, likeliest, shape } = probe.reference;
  const list = questionsOf(probe, way);
  let done = 0;
  const texts = await each(probe, list, async (questions) => {
    const parts: Compared[] = [];
    for (const { ids, n } of questions) parts.push(await compared(probe, way, ids, n));
    probe.onProgress?.(++done, list.length);
    return parts;
  });
  const unknown = (evidence: string): Check => ({ name: "drift", verdict: "unknown", evidence });
  if (!score && !recorded && !likeliest) return [unknown(ONLY_RECORDED)];
  const parts = texts.flat();
  const found = parts.find(({ nothing }) => nothing !== undefined);
  if (found?.nothing !== undefined) return [unknown(found.nothing)];
  const matches = parts.flatMap((part) => part.matches);
  if (matches.length > 0) return [matchCheck(matches)];
  return driftChecks(texts.map(driftOf), shape?.indexTopk, 0);
}

/** What came of one question: differences, or where no log-probabilities are told the tokens that are the same. */
interface Compared {
  readonly differences: readonly number[];
  readonly matches: readonly Matches[];
  /** Why nothing can be compared, if so. */
  readonly nothing?: string;
}

function driftOf(parts: readonly Compared[]): TextDrift {
  const lists = parts.map(({ differences }) => differences);
  const [early, late] = lists.length === 2 ? lists : [[], []];
  return { all: lists.flat(), early, late };
}

async function compared(
  { reference, ask }: Probe,
  way: ReplyWay,
  text: readonly number[],
  n: number,
): Promise<Compared> {
  const { tokenizer } = reference;
  const question = way.ask(text, n, tokenizer);
  const nothing = (why: string): Compared => ({ differences: [], matches: [], nothing: why });
  const read = way.read((await ask(question.ask)).json, tokenizer);
  if (!read) return nothing("the server does not go on with some texts");
  const isTold = read.every(({ logProb }) => logProb !== undefined);
  const got = isTold ? read : await withBlank(reference, question.ids, read);
  const ids = got.map(({ id }) => id);
  const want = await wanted(reference, way, question, got);
  if (!want) return nothing("the reference does not tell what it chooses");
  if (!isTold || want.some(({ logProb }) => logProb === undefined)) {
    const others = want.map(({ id }) => id);
    return { differences: [], matches: [matchesOf(ids, others, tokenizer)] };
  }
  const end = want.findIndex(({ id }, i) => id !== ids[i]);
  const same = got.slice(0, end < 0 ? Math.min(got.length, want.length) : end);
  const differences = same.map(({ logProb = 0 }, i) => Math.abs(logProb - (want[i].logProb ?? 0)));
  return { differences, matches: [] };
}

/** What the reference says of the tokens that a server chose, or, without log-probabilities, what it chooses. */
async function wanted(
  { recorded, score, likeliest, tokenizer }: Reference,
  way: ReplyWay,
  { ask, ids }: ReplyAsk,
  got: readonly ChosenToken[],
): Promise<readonly ChosenToken[] | undefined> {
  if (recorded) {
    const answer = recorded(ask);
    return answer && way.read(answer.json, tokenizer);
  }
  if (got.length === 0) return [];
  const all = [...ids, ...got.map(({ id }) => id)];
  if (got.every(({ logProb }) => logProb !== undefined)) {
    const scores = await score?.(all);
    return scores && got.map(({ id }, i) => ({ id, logProb: scores[ids.length - 1 + i] }));
  }
  const best = await likeliest?.(all.slice(0, -1));
  return best?.slice(ids.length - 1).map((id) => ({ id, logProb: undefined }));
}

/**
 * The tokens of a reply whose first blank a server has cut off, with the blank of the token that the reference
 * chooses: without it, the text is cut into other tokens.
 */
async function withBlank(
  { likeliest, tokenizer }: Reference,
  ids: readonly number[],
  got: readonly ChosenToken[],
): Promise<readonly ChosenToken[]> {
  const text = tokenizer.decode(got.map(({ id }) => id));
  if (likeliest === undefined || /^\s|^$/.test(text)) return got;
  const first = (await likeliest(ids)).at(-1);
  const [blank = ""] = first === undefined ? [] : (/^\s+/.exec(tokenizer.decode([first])) ?? []);
  if (blank === "") return got;
  return [...tokenizer.encodeOrdinary(blank + text)].map((id) => ({ id, logProb: undefined }));
}
