/**
 * Puts the results of tools into the order of their calls.
 *
 * No prompt of this protocol shows an id: the first result belongs to the first call. But a client
 * that runs calls at the same time sends their results as they come, each with the id of its call.
 *
 * Next: render.ts
 * @module
 */
import { TokenizerError } from "../tokenizer-error.ts";
import type { CheckedCall, CheckedMessage, CheckedResult } from "./check-message.ts";

/**
 * Orders each run of results by the calls of the reply before it. Where no call of that reply has
 * an id, the order is left as it is.
 *
 * @throws {TokenizerError} when a result has an id of no call or of an answered one, or none beside others that have one
 */
export function orderResults(messages: readonly CheckedMessage[]): CheckedMessage[] {
  const ordered: CheckedMessage[] = [];
  let calls: readonly CheckedCall[] = [];
  for (let at = 0; at < messages.length; ) {
    const message = messages[at] as CheckedMessage;
    if (message.role !== "tool") {
      if (message.role === "assistant") ({ calls } = message);
      ordered.push(message);
      at++;
      continue;
    }
    const run: CheckedResult[] = [];
    for (let next = messages[at]; next?.role === "tool"; next = messages[++at]) run.push(next);
    ordered.push(...inOrder(run, calls));
  }
  return ordered;
}

function inOrder(run: readonly CheckedResult[], calls: readonly CheckedCall[]): CheckedResult[] {
  const ids = calls.map(({ id }) => id);
  if (ids.every((id) => id === undefined) || run.every(({ callId }) => !callId)) return [...run];
  const rank = (result: CheckedResult) => {
    const { value = "", path = "tool_call_id" } = result.callId ?? {};
    const at = ids.indexOf(value);
    if (at >= 0 && at === ids.lastIndexOf(value)) return at;
    const list = ids.map((id) => JSON.stringify(id ?? null)).join(", ");
    const got = at >= 0 ? "one that several calls have" : JSON.stringify(value).slice(0, 60);
    throw new TokenizerError(path, `the id of one call: ${list}`, got);
  };
  const ordered: CheckedResult[] = [];
  for (const result of run) {
    const at = rank(result);
    if (ordered[at] !== undefined) {
      const where = result.callId?.path ?? "tool_call_id";
      throw new TokenizerError(where, "one result of each call", "another one");
    }
    ordered[at] = result;
  }
  return ordered.filter((result) => result !== undefined);
}
