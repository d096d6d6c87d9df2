/**
 * Asks a server for a reply that is given, and reads streams whose events have names.
 * @module
 */
import type { ServeOptions } from "../../../tools/serve/service.ts";
import type { Scripts } from "../../support/scripted-desk.ts";
import { eventsOf, post, served } from "../../support/serve.ts";

/** A server that plays a script, and takes no requests for other models. */
export function played(script: Scripts = {}, options: ServeOptions = {}) {
  const server = served(script, { anyModel: false, ...options });
  const { desk } = server;
  return {
    ...server,
    post: (path: string, body: unknown, init?: RequestInit) => post(server, path, body, init),
    /** The last prompt, as text. */
    prompt: () => desk.model.tokenizer.decode([...desk.last.order.ids]),
  };
}

/** The events of a stream, with their data as objects. What is no JSON stays a text. */
export async function namedEvents(response: Response) {
  return (await eventsOf(response)).map(({ event: name, data }) => ({
    name,
    data: data.startsWith("{") ? JSON.parse(data) : data,
  }));
}
