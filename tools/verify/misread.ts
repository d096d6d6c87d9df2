/**
 * How a server's reading of a reply differs from our parser's, in sentences that name known mistakes.
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import type { Reply } from "../../tokenizer/chat/index.ts";
import type { ToldReply } from "./chat-reply.ts";

/** The differences. Blanks around texts are none: servers cut them off, and the template does so later. */
export function misread(told: ToldReply, mine: Reply): string[] {
  return [...textFaults(told, mine), ...callFaults(told, mine)];
}

function textFaults(told: ToldReply, mine: Reply): string[] {
  const content = { got: told.content.trim(), want: mine.content.trim() };
  const reasoning = { got: told.reasoning.trim(), want: mine.reasoning.trim() };
  if (content.got === content.want && reasoning.got === reasoning.want) return [];
  const both = `${mine.reasoning}${mine.content}`.trim();
  if (reasoning.got === "" && reasoning.want !== "" && content.got.includes(reasoning.want)) {
    return ["the reasoning stands in the content"];
  }
  if (content.got === "" && content.want !== "" && reasoning.got.replace("</think>", "") === both) {
    return ["the content stands in the reasoning"];
  }
  const faults = [];
  for (const [name, { got, want }] of [
    ["content", content],
    ["reasoning", reasoning],
  ] as const) {
    if (got === want) continue;
    const tag = /<[^<>\s]*>/.exec(got.replaceAll(want, ""))?.[0];
    if (tag !== undefined && !want.includes(tag))
      faults.push(`the tag ${tag} leaks into the ${name}`);
    else if (want.startsWith(got)) faults.push(`the end of the ${name} is lost`);
    else faults.push(`the ${name} is not what the tokens say`);
  }
  return faults;
}

function callFaults(told: ToldReply, mine: Reply): string[] {
  const want = mine.calls.filter(({ isComplete }) => isComplete);
  const got = told.calls.slice(0, want.length);
  const isWhole = told.finish !== "length";
  if (got.length < want.length || (isWhole && told.calls.length > want.length)) {
    return [`the tokens hold ${want.length} calls, and the server tells ${told.calls.length}`];
  }
  return want.flatMap((call, i) => {
    const { name, arguments: args } = got[i];
    if (name !== call.name) return [`a call of ${call.name} is told as one of ${name}`];
    const value = parsed(args);
    const right = parsed(call.json);
    if (isDeepStrictEqual(value, right)) return [];
    const areTexts = isDeepStrictEqual(texts(value), texts(right));
    return [
      areTexts
        ? `arguments have other types than the tool says: ${args} for ${call.json}`
        : `arguments are not what the tokens say: ${args} for ${call.json}`,
    ];
  });
}

function parsed(json: unknown): unknown {
  try {
    return typeof json === "string" ? JSON.parse(json) : json;
  } catch {
    return json;
  }
}

/** A value with all that is no list or object as text. */
function texts(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(texts);
  if (typeof value !== "object" || value === null) return String(value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, texts(item)]));
}
