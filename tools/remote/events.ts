/**
 * Reads an answer that comes as a stream of events.
 *
 * Next: client.ts
 * @module
 */
import { ends, LONGEST_ANSWER } from "./exchange.ts";
import { ServerError } from "./server-error.ts";

/** What ends a stream in OpenAI's API. */
const DONE = "[DONE]";

/** Fields of an event that say nothing here: comments, names, numbers, times. */
const SILENT = /^(:|(event|id|retry):)/;

/**
 * The JSON of each event, as it comes. An answer that is no stream but one JSON counts as one event:
 * some servers ignore that a stream was asked for.
 *
 * @throws {ServerError} when it is neither, or breaks off inside an event
 */
export async function* eventsOf(
  pieces: AsyncIterable<string>,
  url: string,
): AsyncGenerator<unknown, void> {
  let rest = "";
  let isWhole = false;
  for await (const piece of pieces) {
    rest += piece;
    if (rest.length > LONGEST_ANSWER) {
      throw new ServerError("json", url, `expected shorter events, got ${rest.length} characters`);
    }
    isWhole ||= /^\s*\{/.test(rest);
    if (isWhole) continue;
    const lines = rest.split(/\r?\n/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const data = dataOf(line, url);
      if (data === DONE) return;
      if (data !== undefined) yield eventOf(data, url);
    }
  }
  if (isWhole) {
    yield eventOf(rest, url);
    return;
  }
  const data = dataOf(rest, url);
  if (data !== undefined && data !== DONE) yield eventOf(data, url);
}

/** Reads one event. The error says nothing of a reply that may stand in it. */
function eventOf(data: string, url: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    const what = `expected JSON, got ${data.length} characters that are none or break off`;
    throw new ServerError("json", url, what);
  }
}

/** What a line says, if it says something. */
function dataOf(line: string, url: string): string | undefined {
  if (line.trim() === "" || SILENT.test(line)) return undefined;
  const [, data] = /^(?:data|error):\s*(.*)$/.exec(line) ?? [];
  if (data !== undefined) return data;
  throw new ServerError(
    "json",
    url,
    `expected JSON or events, got ${JSON.stringify(ends(line.trim()))}`,
  );
}
