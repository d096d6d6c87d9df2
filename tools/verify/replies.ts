/**
 * The gate of the replies: whether the server reads what the model wrote as it was meant. Where the ids of
 * a reply are told, our own parser reads them, too, and both must find the same: then it does not matter
 * what the model says. Elsewhere the same reply is asked for whole and as a stream.
 *
 * Next: sampling.ts
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import {
  type ChatRequest,
  collectReply,
  type Reply,
  ReplyParser,
} from "../../tokenizer/chat/index.ts";
import { replyStopIds } from "../../tokenizer/chat/reply-tags.ts";
import type { Ask } from "../remote/ask.ts";
import { replyOf, type ToldReply } from "./chat-reply.ts";
import { requestOf } from "./conversations.ts";
import type { Check, Gate, Probe, Reference } from "./gate.ts";
import { misread } from "./misread.ts";
import { CASES, type ReplyCase, WRONG } from "./reply-cases.ts";
import { idsWith } from "./template-faults.ts";

/** How often a reply is asked for, whole and as a stream, where no ids are told. */
const REPEATS = 3;

/** Tokens of a request that is wrong, if the server does answer it. */
const WRONG_TOKENS = { in: 32, out: 16 } as const;

/** The gate. */
export const REPLIES: Gate = {
  name: "replies",
  shows: "parser, types of arguments, streams, reasons of the end",
  hides: "that the model is right",
  cost: ({ reference }) => {
    const prompts = CASES.map(({ chat }) => promptLength(chat, reference));
    return {
      requests: 2 * REPEATS * CASES.length + WRONG.length,
      tokensIn: 2 * REPEATS * prompts.reduce((a, b) => a + b, 0) + WRONG.length * WRONG_TOKENS.in,
      tokensOut:
        2 * REPEATS * CASES.reduce((sum, { maxTokens }) => sum + maxTokens, 0) +
        WRONG.length * WRONG_TOKENS.out,
    };
  },
  run: replies,
};

function promptLength(chat: ChatRequest, { tokenizer }: Reference): number {
  return idsWith([], chat, tokenizer, "protocol").length;
}

async function replies(probe: Probe): Promise<readonly Check[]> {
  const checks: Check[] = [];
  const all: ToldReply[] = [];
  for (const [i, one] of CASES.entries()) {
    probe.onProgress?.(i, CASES.length + 1);
    checks.push(...(await caseChecks(probe, one, all)));
  }
  return [...checks, callIds(all), ...(await wrongRequests(probe))];
}

async function caseChecks(probe: Probe, one: ReplyCase, all: ToldReply[]): Promise<Check[]> {
  const { name, isExtra = false } = one;
  const whole: ToldReply[] = [];
  const streamed: ToldReply[] = [];
  for (let i = 0; i < REPEATS; i++) {
    for (const [list, stream] of [
      [whole, false],
      [streamed, true],
    ] as const) {
      const answer = await probe.ask(askOf(one, stream, probe.reference));
      const reply = replyOf(answer);
      if (reply) list.push(reply);
      else if (answer.status === 200) {
        const evidence = stream
          ? "the stream breaks off, or has no data with choices"
          : "the answer has no choice";
        return [{ name, verdict: "fail", evidence }];
      } else {
        const evidence = `the server refuses it with status ${answer.status}`;
        return [{ name, isExtra, verdict: "unknown", evidence }];
      }
    }
    const hasIds = [...whole, ...streamed].every(({ ids }) => ids !== undefined);
    if (hasIds) break;
  }
  all.push(...whole, ...streamed);
  const faults = [...whole, ...streamed].flatMap((reply) => shapeFaults(reply, one));
  const read = [...whole, ...streamed].flatMap((reply) => readFaults(reply, one, probe.reference));
  const [fault] = [...read, ...faults];
  if (fault !== undefined) {
    return [{ name, isExtra, verdict: "fail", evidence: quoted(whole[0]), fault }];
  }
  const usages = streamed.every(({ nUsages }) => nUsages === 1);
  const usage: Check = {
    name: `${name}: usage of the stream`,
    isExtra: true,
    verdict: usages ? "pass" : "fail",
    evidence: `once is expected in each stream; it came ${streamed.map(({ nUsages }) => nUsages).join(", ")} times`,
  };
  return [{ name, isExtra, ...streamCheck(whole, streamed) }, usage];
}

function askOf(one: ReplyCase, stream: boolean, reference: Reference): Ask {
  return {
    path: "chat/completions",
    body: {
      ...requestOf(one.chat),
      ...{ max_tokens: one.maxTokens, temperature: 0, seed: 1 },
      ...one.fields,
      ...(stream && { stream, stream_options: { include_usage: true } }),
    },
    extras: [{ return_token_ids: true }],
    tokensIn: promptLength(one.chat, reference),
    tokensOut: one.maxTokens,
  };
}

/** What is wrong with a reply whatever the model wrote. */
function shapeFaults(reply: ToldReply, { maxTokens, chat }: ReplyCase): string[] {
  const { calls, finish, nTokens, content, reasoning } = reply;
  const faults: string[] = [];
  if (nTokens !== undefined && nTokens > maxTokens) {
    faults.push(`max_tokens is ${maxTokens}, and usage counts ${nTokens}`);
  }
  if (finish === undefined) faults.push("there is no finish_reason");
  if (finish === "tool_calls" && calls.length === 0) {
    faults.push("finish_reason is tool_calls, and there are no calls");
  }
  if (finish === "stop" && calls.length > 0) {
    faults.push("there are calls, and finish_reason is stop");
  }
  if (calls.length > 0 && !chat.tools) faults.push("there are calls without tools");
  const isAlone = content === "" && reasoning !== "" && calls.length === 0;
  if (isAlone && finish === "stop" && reply.ids === undefined) {
    faults.push("a reply that has ended is reasoning alone");
  }
  const tag = /<\|(user|assistant|observation|system)\|>|<\/?(think|tool_call|arg_key|arg_value)>/;
  const leaked = reply.ids === undefined ? tag.exec(content + reasoning) : null;
  if (leaked) faults.push(`the tag ${leaked[0]} stands in the text`);
  if (finish !== "length") for (const call of calls) faults.push(...argumentFaults(call.arguments));
  return faults;
}

function argumentFaults(args: unknown): string[] {
  if (typeof args !== "string") return ["arguments are no text of JSON"];
  try {
    const value: unknown = JSON.parse(args);
    if (typeof value === "string") return ["arguments are JSON text inside of JSON text"];
    return typeof value === "object" && value !== null ? [] : ["arguments are no object"];
  } catch {
    return ["arguments are no JSON"];
  }
}

/** What our parser reads otherwise. */
function readFaults(reply: ToldReply, one: ReplyCase, { tokenizer }: Reference): string[] {
  const { ids, finish, nTokens } = reply;
  if (ids === undefined) return [];
  const expectsCall = one.fields !== undefined;
  const startsIn = one.chat.enable_thinking === false ? "content" : "reasoning";
  const parser = new ReplyParser(tokenizer, { startsIn, tools: one.chat.tools ?? [], expectsCall });
  const stops = new Set(replyStopIds(tokenizer));
  const hasStopped = ids.some((id) => stops.has(id));
  const isFull = ids.length >= one.maxTokens && !hasStopped;
  const events = [...parser.push(...ids), ...parser.end(isFull ? "length" : "stop")];
  const mine: Reply = collectReply(events);
  const faults = misread(reply, mine);
  if (isFull && finish !== "length" && mine.calls.every(({ isComplete }) => !isComplete)) {
    faults.push(`the reply was cut off at max_tokens, and finish_reason is ${finish}`);
  }
  if (nTokens !== undefined && Math.abs(nTokens - ids.length) > 1) {
    faults.push(`usage counts ${nTokens} tokens of the reply, there are ${ids.length} ids`);
  }
  return faults;
}

/** Compares whole and streamed replies. Only what is told the same way each time can accuse. */
function streamCheck(
  whole: readonly ToldReply[],
  streamed: readonly ToldReply[],
): Pick<Check, "verdict" | "evidence" | "fault"> {
  const [first] = whole;
  if (first.ids !== undefined && streamed.every(({ ids }) => ids !== undefined)) {
    return {
      verdict: "pass",
      evidence: `${first.ids.length} ids are read as our parser reads them`,
    };
  }
  const said = ({ content, reasoning, calls }: ToldReply) => [
    content,
    reasoning,
    calls.map(({ name, arguments: args }) => [name, args]),
  ];
  const same = (a: ToldReply, b: ToldReply) => isDeepStrictEqual(said(a), said(b));
  if (whole.some((one) => streamed.some((other) => same(one, other)))) {
    return { verdict: "pass", evidence: "the stream says what the whole reply says" };
  }
  const areSteady = [whole, streamed].every((list) => list.every((one) => same(one, list[0])));
  if (!areSteady) {
    const evidence = "temperature 0 gives another reply each time, so they cannot be compared";
    return { verdict: "unknown", evidence };
  }
  const isCut =
    first.content !== streamed[0].content && first.content.startsWith(streamed[0].content);
  return {
    verdict: "fail",
    evidence: `whole ${quoted(first)}, streamed ${quoted(streamed[0])}, ${REPEATS} times each`,
    fault: isCut
      ? "the end of a stream is lost"
      : "a stream says something else than the whole reply",
  };
}

function callIds(all: readonly ToldReply[]): Check {
  const name = "ids of calls";
  const lists = all.map(({ calls }) => calls.map(({ id }) => id)).filter((ids) => ids.length > 0);
  if (lists.length === 0) {
    return { name, isExtra: true, verdict: "unknown", evidence: "the model made no call" };
  }
  const isWrong = lists.some((ids) => ids.includes("") || new Set(ids).size < ids.length);
  const fault = isWrong ? "calls have no id, or share one" : undefined;
  const evidence = lists.map((ids) => ids.join(" ")).join("; ");
  return { name, isExtra: true, verdict: isWrong ? "fail" : "pass", evidence, fault };
}

async function wrongRequests(probe: Probe): Promise<Check[]> {
  const taken: string[] = [];
  const broken: string[] = [];
  for (const { name, body } of WRONG) {
    const cost = { tokensIn: WRONG_TOKENS.in, tokensOut: WRONG_TOKENS.out };
    const { status } = await probe.ask({ path: "chat/completions", body, ...cost, isWrong: true });
    if (status === 200) taken.push(name);
    if (status >= 500) broken.push(`${name} (status ${status})`);
  }
  const isRight = taken.length === 0 && broken.length === 0;
  const parts = [
    ...(taken.length > 0 ? [`answered: ${taken.join(", ")}`] : []),
    ...(broken.length > 0 ? [`broke on: ${broken.join(", ")}`] : []),
  ];
  return [
    {
      name: "wrong requests are refused",
      verdict: isRight ? "pass" : "fail",
      evidence: isRight ? `${WRONG.length} were refused` : parts.join("; "),
      fault: isRight ? undefined : "the server does not check requests",
    },
  ];
}

/** The beginning of a reply, for a report. */
function quoted({ content, reasoning, calls, finish }: ToldReply): string {
  const shown = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
  const call = calls.map(({ name, arguments: args }) => `${name}(${args})`).join(", ");
  const thought = reasoning === "" ? "" : `reasoning ${shown(reasoning)}, `;
  return `${thought}${shown(content)}${call ? `, calls ${call.slice(0, 120)}` : ""}, ${finish}`;
}
