/**
 * The gate of sampling: whether the parameters of a request reach the sampler. A server is accused only of
 * what chance, and the rounding of another order of sums, cannot explain.
 *
 * Next: first-token.ts
 * @module
 */
import { replyStopIds } from "../../tokenizer/chat/reply-tags.ts";
import type { ToldReply, ToldToken } from "./chat-reply.ts";
import {
  CLEAR_LEAD,
  choiceOf,
  isBehind,
  leadOf,
  logprobChecks,
  probabilityOf,
  widthOf,
} from "./first-token.ts";
import type { Check, Gate, Probe } from "./gate.ts";
import { type Ground, lengthOf, PROMPTS, replies, reply, SHORT } from "./short-replies.ts";

/** Chance alone accuses a right server once in so many runs. */
const FALSE_ALARM = 1e-3;

/** Tokens of the longer greedy replies, and of one that must end in its middle. */
const TOKENS = { greedy: 24, limit: 4 } as const;

/** How often each thing is asked. */
const TIMES = { greedy: 4, hot: 20, seeds: 6, narrow: 6 } as const;

/** Tokens that show whether a text is greedy. */
const ENOUGH = 24;

/** Where the sampler is asked for much variety. */
const HOT = 1.5;

/** The gate. */
export const SAMPLING: Gate = {
  name: "sampling",
  shows: "parameters of sampling reach the sampler",
  hides: "the quality of what is sampled",
  cost: ({ reference }) => {
    const longest = Math.max(...PROMPTS.map((text) => lengthOf(text, reference)));
    const short = TIMES.hot + TIMES.seeds + 2 * TIMES.narrow + 3; // two of a bias, one of a scale
    const requests = PROMPTS.length + TIMES.greedy + short + 3; // one of max_tokens, two of stop
    return {
      requests,
      tokensIn: requests * longest,
      tokensOut:
        (PROMPTS.length + short) * SHORT + (TIMES.greedy + 2) * TOKENS.greedy + TOKENS.limit,
    };
  },
  run: sampling,
};

async function sampling(probe: Probe): Promise<readonly Check[]> {
  const grounds: Ground[] = [];
  for (const prompt of PROMPTS) {
    const greedy = await reply(probe, prompt, { temperature: 0 });
    if (greedy === undefined) continue;
    const lead = leadOf(greedy.logprobs[0]);
    const probability = probabilityOf(greedy.logprobs[0]);
    grounds.push({ prompt, greedy, first: choiceOf(greedy), lead, probability });
  }
  if (grounds.length === 0) {
    const evidence = "no reply at temperature 0 came";
    return [{ name: "sampling", verdict: "unknown", evidence }];
  }
  const open = grounds.reduce((a, b) => ((b.probability ?? 1) < (a.probability ?? 1) ? b : a));
  const sure = grounds.reduce((a, b) => ((b.lead ?? 0) > (a.lead ?? 0) ? b : a));
  const tokens: ToldToken[] = grounds.flatMap(({ greedy }) => greedy.logprobs);
  const steps = [
    () => greedyCheck(probe, sure),
    () => hotChecks(probe, open),
    () => scaleChecks(probe, grounds, tokens),
    () => narrowCheck(probe, open, "top_k", { top_k: 1 }),
    () => narrowCheck(probe, open, "top_p", { top_p: 1e-6 }),
    () => biasChecks(probe, open),
    () => limitCheck(probe),
    () => stopCheck(probe, open),
  ];
  const checks: Check[] = [];
  for (const [i, step] of steps.entries()) {
    probe.onProgress?.(i, steps.length);
    checks.push(...(await step()));
  }
  return checks;
}

const seeds = (from: number, n: number) => Array.from({ length: n }, (_, i) => from + i);

function refused(name: string): Check {
  return { name, isExtra: true, verdict: "unknown", evidence: "the server refuses the parameter" };
}

async function greedyCheck(probe: Probe, sure: Ground): Promise<Check[]> {
  const name = "temperature 0";
  const fields = seeds(probe.seed, TIMES.greedy).map((seed) => ({ temperature: 0, seed }));
  const list = await replies(probe, sure.prompt, fields, TOKENS.greedy);
  if (list === undefined) return [{ ...refused(name), isExtra: false }];
  const firsts = new Set([sure.first, ...list.map(choiceOf)]);
  const whole = new Set(list.map(({ content }) => content));
  const evidence = `${firsts.size} first tokens and ${whole.size} texts in ${list.length} replies`;
  if (firsts.size === 1 && whole.size === 1) return [{ name, verdict: "pass", evidence }];
  // One near tie can turn; three different beginnings are no rounding, nor is a choice far behind.
  const nBehind = list.flatMap(({ logprobs }) => logprobs).filter(isBehind).length;
  const isClear = firsts.size > 2 || (firsts.size > 1 && (sure.lead ?? 0) > CLEAR_LEAD);
  if (isClear || nBehind > 0) {
    const behind = nBehind > 0 ? `; ${nBehind} tokens are far from the likeliest` : "";
    const fault = "temperature 0 is not greedy: it is ignored";
    return [{ name, verdict: "fail", evidence: evidence + behind, fault }];
  }
  const why = "; sums in another order can turn a near tie";
  return [{ name, verdict: isGreedy(list) ? "pass" : "unknown", evidence: evidence + why }];
}

/**
 * Whether enough tokens are told with the likeliest ones in their place, and none is far from them. A server
 * that draws tokens chooses one of them that is.
 */
function isGreedy(list: readonly ToldReply[]): boolean {
  const tokens = list.flatMap(({ logprobs }) => logprobs).filter(({ top }) => top.length > 1);
  return tokens.length >= ENOUGH && !tokens.some(isBehind);
}

/** Temperature and seeds. */
async function hotChecks(probe: Probe, open: Ground): Promise<Check[]> {
  const fields = seeds(probe.seed, TIMES.hot).map((seed) => ({ temperature: HOT, top_p: 1, seed }));
  const list = await replies(probe, open.prompt, fields);
  if (list === undefined) return [refused("temperature"), refused("seed")];
  const again = await replies(probe, open.prompt, fields.slice(0, TIMES.seeds));
  return [hotCheck(list, open), ...(again ? [seedCheck(list, again)] : [])];
}

/** Log-probabilities at two temperatures, where the likeliest tokens are farthest apart. */
async function scaleChecks(
  probe: Probe,
  grounds: readonly Ground[],
  greedy: readonly ToldToken[],
): Promise<Check[]> {
  const width = ({ greedy: { logprobs } }: Ground) => widthOf(logprobs[0]);
  const wide = grounds.reduce((a, b) => (width(b) > width(a) ? b : a));
  const hot = await reply(probe, wide.prompt, { temperature: HOT, top_p: 1 });
  return hot ? logprobChecks(greedy, wide.greedy, hot, HOT) : [];
}

function hotCheck(list: readonly ToldReply[], { probability, first }: Ground): Check {
  const name = "temperature";
  const firsts = new Set(list.map(choiceOf));
  const evidence = `${firsts.size} first tokens in ${list.length} replies at temperature ${HOT}`;
  if (firsts.size > 1) return { name, verdict: "pass", evidence };
  const texts = new Set(list.map(({ content }) => content));
  if (texts.size > list.length / 2) {
    const why = "; the replies differ behind it";
    return { name, verdict: "pass", evidence: evidence + why };
  }
  // At a temperature above 1, the likeliest token is no likelier than at 1.
  const chance = probability === undefined ? 1 : probability ** (list.length - 1);
  if (firsts.has(first) && chance < FALSE_ALARM) {
    const share = `; chance would do so once in ${Math.round(1 / chance)} runs`;
    const fault = "the temperature is ignored: replies are greedy";
    return { name, verdict: "fail", evidence: evidence + share, fault };
  }
  const why = "; without a probability of the first token chance can explain it";
  return { name, verdict: "unknown", evidence: evidence + why };
}

function seedCheck(list: readonly ToldReply[], again: readonly ToldReply[]): Check {
  const name = "seed";
  const same = again.filter(({ content }, i) => content === list[i].content).length;
  const others = new Set(again.map(({ content }) => content)).size;
  const evidence = `${same} of ${again.length} seeds give the same reply twice; ${others} different replies`;
  if (same === again.length) {
    const verdict = others > 1 ? "pass" : "unknown";
    return { name, verdict, evidence };
  }
  if (same === 0 && others > 1)
    return { name, verdict: "fail", evidence, fault: "the seed is ignored" };
  const why = "; a server without batch invariance can do so";
  // Replies that chance makes are rarely equal where most of them differ.
  const isMost = 2 * same >= again.length && 2 * others > again.length;
  return { name, verdict: isMost ? "pass" : "unknown", evidence: evidence + why };
}

/** A filter that leaves one token makes any temperature greedy. */
async function narrowCheck(
  probe: Probe,
  open: Ground,
  name: string,
  filter: object,
): Promise<Check[]> {
  const fields = seeds(probe.seed + TIMES.hot, TIMES.narrow).map((seed) => ({
    ...{ temperature: HOT, seed },
    ...filter,
  }));
  const list = await replies(probe, open.prompt, fields);
  if (list === undefined) return [refused(name)];
  const firsts = new Set([open.first, ...list.map(choiceOf)]);
  const evidence = `${firsts.size} first tokens in ${list.length} replies that may have one`;
  const nBehind = list.flatMap(({ logprobs }) => logprobs).filter(isBehind).length;
  if (firsts.size === 1 && nBehind === 0) return [{ name, verdict: "pass", evidence }];
  if (isGreedy(list)) {
    return [{ name, verdict: "pass", evidence: `${evidence}; they are nearly as likely` }];
  }
  const isSure = firsts.size > 2 || nBehind > 0 || (open.lead ?? 0) > CLEAR_LEAD;
  return [
    isSure
      ? { name, verdict: "fail", evidence, fault: `${name} is ignored` }
      : { name, verdict: "unknown", evidence: `${evidence}; two are nearly as likely` },
  ];
}

/** A bias of 100 forces a token, one of −100 forbids it. */
async function biasChecks(probe: Probe, open: Ground): Promise<Check[]> {
  const name = "logit_bias";
  const { tokenizer } = probe.reference;
  const [forced] = tokenizer.encodeOrdinary("zebra");
  const named = tokenizer.encodeOrdinary(open.greedy.logprobs[0]?.token ?? "");
  const banned = open.greedy.ids?.[0] ?? (named.length === 1 ? named[0] : undefined);
  const bias = await reply(probe, open.prompt, { temperature: 0, logit_bias: { [forced]: 100 } });
  if (bias === undefined) return [refused(name)];
  const want = tokenizer.decode([forced]);
  const isForced = bias.ids ? bias.ids[0] === forced : bias.content.startsWith(want.trim());
  const evidence = `+100 on ${JSON.stringify(want)} gives ${JSON.stringify(bias.content.slice(0, 20))}`;
  if (!isForced) return [{ name, verdict: "fail", evidence, fault: "logit_bias is ignored" }];
  if (banned === undefined) return [{ name, verdict: "pass", evidence }];
  const without = await reply(probe, open.prompt, {
    temperature: 0,
    logit_bias: { [banned]: -100 },
  });
  if (without === undefined) return [refused(name)];
  const isBanned = choiceOf(without) !== open.first;
  return [
    {
      name,
      verdict: isBanned ? "pass" : "fail",
      evidence: `${evidence}; −100 on ${JSON.stringify(open.first)} gives ${JSON.stringify(choiceOf(without))}`,
      fault: isBanned ? undefined : "a bias of −100 does not forbid a token",
    },
  ];
}

async function limitCheck(probe: Probe): Promise<Check[]> {
  const name = "max_tokens";
  const got = await reply(probe, PROMPTS[0], { temperature: 0 }, TOKENS.limit);
  if (got === undefined) return [{ ...refused(name), isExtra: false }];
  const n = got.ids?.length ?? got.nTokens;
  const evidence = `${n ?? "unknown"} tokens for ${TOKENS.limit}, ${got.finish}`;
  if (n === undefined) return [{ name, verdict: "unknown", evidence }];
  if (n > TOKENS.limit) return [{ name, verdict: "fail", evidence, fault: "max_tokens is passed" }];
  if (n === TOKENS.limit && got.finish === "length") return [{ name, verdict: "pass", evidence }];
  if (n < TOKENS.limit && got.finish === "length") {
    return [{ name, verdict: "fail", evidence, fault: "a reply ends before max_tokens" }];
  }
  const stops = new Set(replyStopIds(probe.reference.tokenizer));
  if (n === TOKENS.limit && got.ids && !got.ids.some((id) => stops.has(id))) {
    const fault = `the reply was cut off at max_tokens, and finish_reason is ${got.finish}`;
    return [{ name, verdict: "fail", evidence, fault }];
  }
  return [{ name, verdict: "unknown", evidence: `${evidence}; the model may have ended` }];
}

async function stopCheck(probe: Probe, open: Ground): Promise<Check[]> {
  const name = "stop";
  const free = await reply(probe, open.prompt, { temperature: 0 }, TOKENS.greedy);
  const word = /(?<=\w\W+)\w{3,}/.exec(free?.content ?? "");
  if (free === undefined || word === null) {
    return [{ name, verdict: "unknown", evidence: "no reply with a word to stop at" }];
  }
  const fields = { temperature: 0, stop: [word[0]] };
  const got = await reply(probe, open.prompt, fields, TOKENS.greedy);
  if (got === undefined) return [refused(name)];
  const before = free.content.slice(0, free.content.indexOf(word[0]));
  const told = `stop at ${JSON.stringify(word[0])} gives ${JSON.stringify(got.content)}, ${got.finish}`;
  if (got.content.includes(word[0])) {
    return [
      {
        name,
        verdict: "fail",
        evidence: told,
        fault: "stop is ignored, or the text of it is told",
      },
    ];
  }
  if (got.content.trimEnd() !== before.trimEnd()) {
    return [{ name, verdict: "unknown", evidence: `${told}; temperature 0 gives another reply` }];
  }
  const isRight = got.finish === "stop";
  const fault = isRight ? undefined : "the reason of a stop is told as another";
  return [{ name, verdict: isRight ? "pass" : "fail", evidence: told, fault }];
}
