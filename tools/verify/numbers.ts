/**
 * The gate of the numbers: log-probabilities beside those of the reference. Perplexity cannot tell sparse
 * attention from dense, so positions are compared one by one. Where a server tells those of given texts, the
 * texts are stories; elsewhere it goes on with stories by itself, always with the likeliest token, and the
 * reference reads what it chose.
 *
 * Next: text-ways.ts
 * @module
 */
import type { Cost } from "./budget.ts";
import { FREE, sumOf } from "./budget.ts";
import { betsOn, driftChecks, type TextDrift } from "./drift.ts";
import { type Check, each, type Gate, type Probe, type Reference } from "./gate.ts";
import { type Matches, matchCheck, matchesOf } from "./match-rate.ts";
import { type ChosenToken, REPLY_WAYS, type ReplyAsk, type ReplyWay } from "./reply-ways.ts";
import { storyIds } from "./story.ts";
import { TEXT_WAYS, type TextWay } from "./text-ways.ts";

/** Tokens before this one are not counted as early: the first ones of a text are of another kind. */
const SETTLED = 8;

/** Lengths of texts: so many times `index_topk`, and how many of them. */
const LENGTH = { topks: 2.25, least: 192, most: 8192, manyBelow: 320 } as const;

/** Texts, more of them where they are short, and how many are asked for before it may be decided. */
const TEXTS = { few: 12, many: 32, least: 16 } as const;

/** Tokens that servers choose by themselves, in all texts together: enough to win a bet. */
const CHOSEN = 3840;

/** The gate. */
export const NUMBERS: Gate = {
  name: "numbers",
  shows: "weights and arithmetic, within the drift of 8-bit numbers, on these texts",
  hides: "other texts, other load, and mistakes that move less than 8-bit rounding",
  cost: ({ reference, seed }) => (hasNumbers(reference) ? costOf(reference, seed) : FREE),
  run: numbers,
};

const hasNumbers = ({ score, recorded }: Reference): boolean => (score ?? recorded) !== undefined;

/** Each way is tried once with a short text, and one of them is used. */
function costOf(reference: Reference, seed: number): Cost {
  const { tokenizer } = reference;
  const texts = textsOf(reference, seed);
  const whole = {
    requests: texts.length,
    tokensIn: texts.reduce((sum, ids) => sum + ids.length, 0),
    tokensOut: texts.length,
  };
  const trial = storyIds(tokenizer, seed, SETTLED);
  const asks = REPLY_WAYS.map((way) =>
    questionsOf(reference, seed, way)
      .flat()
      .map(({ ids, n }) => way.ask(ids, n, tokenizer).ask),
  );
  const replies = asks.map((list) => ({
    requests: list.length,
    tokensIn: list.reduce((sum, { tokensIn }) => sum + tokensIn, 0),
    tokensOut: list.reduce((sum, { tokensOut }) => sum + tokensOut, 0),
  }));
  const trials = [
    ...TEXT_WAYS.map((way) => way.ask(trial)),
    ...REPLY_WAYS.map((way) => way.ask(trial, 1, tokenizer).ask),
  ].map(({ tokensIn, tokensOut, extras = [] }) => {
    const times = 1 + extras.length;
    return { requests: times, tokensIn: times * tokensIn, tokensOut: times * tokensOut };
  });
  const most = (key: keyof Cost) => Math.max(...[whole, ...replies].map((cost) => cost[key]));
  return sumOf([
    ...trials,
    { requests: most("requests"), tokensIn: most("tokensIn"), tokensOut: most("tokensOut") },
  ]);
}

/** The texts as ids, all of the same length. */
function textsOf({ tokenizer, shape }: Reference, seed: number): readonly number[][] {
  const wanted = Math.max(LENGTH.least, Math.ceil(LENGTH.topks * (shape?.indexTopk ?? 0)));
  const length = Math.min(wanted, LENGTH.most);
  const n = length < LENGTH.manyBelow ? TEXTS.many : TEXTS.few;
  return Array.from({ length: n }, (_, i) => storyIds(tokenizer, seed * TEXTS.many + i, length));
}

/** A text to go on with, and for how many tokens. */
interface Question {
  readonly ids: readonly number[];
  readonly n: number;
}

/** For each text the questions of it: one before `index_topk`, where it is known, and one behind. */
function questionsOf(
  reference: Reference,
  seed: number,
  way: ReplyWay,
): readonly (readonly Question[])[] {
  const { shape, tokenizer } = reference;
  const { indexTopk: topk = 0 } = shape ?? {};
  const texts = textsOf(reference, seed);
  const wanted = Math.ceil(CHOSEN / texts.length);
  return texts.map((ids) => {
    const first = ids.slice(0, SETTLED);
    const room = topk - way.ask(first, 1, tokenizer).ids.length - 1;
    const early = Math.max(0, Math.min(Math.floor(wanted / 2), room));
    const late = { ids: ids.slice(0, Math.max(2 * topk, SETTLED)), n: wanted - early };
    return early > 0 ? [{ ids: first, n: early }, late] : [late];
  });
}

async function numbers(probe: Probe): Promise<readonly Check[]> {
  const { reference } = probe;
  if (!hasNumbers(reference)) {
    const evidence = "the reference has no weights, and no recording, to compare with";
    return [{ name: "drift", verdict: "unknown", evidence }];
  }
  const trial = storyIds(reference.tokenizer, probe.seed, SETTLED);
  for (const way of TEXT_WAYS) {
    const { json } = await probe.ask({ ...way.ask(trial), isWrong: true });
    if (way.read(json, trial)) return ofTexts(probe, way);
  }
  for (const way of REPLY_WAYS) {
    const { ask } = way.ask(trial, 1, reference.tokenizer);
    const { json } = await probe.ask({ ...ask, isWrong: true });
    const told = way.read(json, reference.tokenizer);
    if (told && told.length > 0) return ofReplies(probe, way);
  }
  const evidence = "the server neither tells log-probabilities nor goes on with a text";
  return [{ name: "drift", verdict: "unknown", evidence }];
}

/** Compares log-probabilities of given texts. */
async function ofTexts(probe: Probe, way: TextWay): Promise<readonly Check[]> {
  const { reference, seed, onProgress, ask } = probe;
  const { shape, score } = reference;
  const topk = shape?.indexTopk;
  const texts = textsOf(reference, seed);
  const drifts: TextDrift[] = [];
  const round = async (ids: readonly number[]): Promise<TextDrift | undefined> => {
    const got = way.read((await ask(way.ask(ids))).json, ids);
    const want = score && (await score(ids));
    onProgress?.(drifts.length, texts.length);
    if (!got || !want) return undefined;
    const all = got.map((x, at) => Math.abs(x - want[at]));
    if (topk === undefined || all.length < 2 * topk) return { all, early: [], late: [] };
    return { all, early: all.slice(SETTLED, topk - 1), late: all.slice(topk) };
  };
  const size = Math.max(1, probe.concurrency ?? 1);
  for (let at = 0; at < texts.length; ) {
    const n = drifts.length === 0 ? Math.min(TEXTS.least, texts.length) : size;
    const some = await each(probe, texts.slice(at, at + n), round);
    if (some.includes(undefined)) {
      return [
        told(way, "the server tells log-probabilities of some texts only, or the recording does"),
      ];
    }
    drifts.push(...some.flatMap((one) => one ?? []));
    at += n;
    if (drifts.length >= TEXTS.least && betsOn(drifts).verdict) break;
  }
  return named(way, driftChecks(drifts, topk));
}

/** Compares what the server says about tokens that it chooses. */
async function ofReplies(probe: Probe, way: ReplyWay): Promise<readonly Check[]> {
  const { reference, seed, onProgress } = probe;
  const { shape } = reference;
  const list = questionsOf(reference, seed, way);
  let done = 0;
  const texts = await each(probe, list, async (questions) => {
    const parts: Compared[] = [];
    for (const { ids, n } of questions) parts.push(await compared(probe, way, ids, n));
    onProgress?.(++done, list.length);
    const all = parts.flatMap(({ differences }) => differences);
    const [early, late] = questions.length === 2 ? parts.map((one) => one.differences) : [[], []];
    return { parts, drift: { all, early, late } satisfies TextDrift };
  });
  const parts = texts.flatMap((text) => text.parts);
  const found = parts.find(({ nothing }) => nothing !== undefined);
  if (found?.nothing !== undefined) return [told(way, found.nothing)];
  const matches = parts.flatMap((part) => part.matches);
  if (matches.length > 0) return named(way, [matchCheck(matches)]);
  return named(
    way,
    driftChecks(
      texts.map(({ drift }) => drift),
      shape?.indexTopk,
    ),
  );
}

/** What came of one question: differences, or where no log-probabilities are told the tokens that are the same. */
interface Compared {
  readonly differences: readonly number[];
  readonly matches: readonly Matches[];
  /** Why nothing can be compared, if so. */
  readonly nothing?: string;
}

async function compared(
  { reference, ask }: Probe,
  way: ReplyWay,
  text: readonly number[],
  n: number,
): Promise<Compared> {
  const { tokenizer } = reference;
  const question = way.ask(text, n, tokenizer);
  const read = way.read((await ask(question.ask)).json, tokenizer);
  const isTold = read?.every(({ logProb }) => logProb !== undefined) ?? false;
  const got = read && !isTold ? await withBlank(reference, question.ids, read) : read;
  if (!got)
    return { differences: [], matches: [], nothing: "the server does not go on with some texts" };
  const ids = got.map(({ id }) => id);
  const want = await wanted(reference, way, question, got);
  if (!want)
    return { differences: [], matches: [], nothing: "the reference does not tell what it chooses" };
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
 * The tokens of a reply whose first blank a server has cut off, with the one that the reference chooses: the text
 * was cut into tokens without it.
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

function told({ name }: { readonly name: string }, evidence: string): Check {
  return { name: "drift", verdict: "unknown", evidence: `${evidence} (${name})` };
}

/** The checks with the way in which the numbers were told. */
function named({ name }: { readonly name: string }, checks: readonly Check[]): readonly Check[] {
  return checks.map((check) => ({ ...check, evidence: `${check.evidence} (${name})` }));
}
