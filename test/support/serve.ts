/**
 * Asks a server without a port, and reads what it answers as a client would.
 * @module
 */
import type { Hono } from "hono";
import { serveApp } from "../../tools/serve/app.ts";
import type { ServedModel } from "../../tools/serve/desk.ts";
import type { ServeEnv, ServeOptions } from "../../tools/serve/service.ts";
import { ScriptedDesk, type Scripts } from "./scripted-desk.ts";

/** A server over a scripted desk, and what it reported. */
export interface Served {
  readonly app: Hono<ServeEnv>;
  readonly desk: ScriptedDesk;
  /** Errors that are mistakes of the program: a test that wants none checks that it is empty. */
  readonly bugs: unknown[];
}

/** Makes a server that plays a script. Its answers carry no time, and requests need not name a model. */
export function served(
  script: Scripts = {},
  options: ServeOptions = {},
  model: Partial<ServedModel> = {},
): Served {
  const desk = new ScriptedDesk(script, model);
  const bugs: unknown[] = [];
  const app = serveApp(desk, {
    clock: false,
    anyModel: true,
    onBug: (error) => bugs.push(error),
    ...options,
  });
  return { app, desk, bugs };
}

/** Sends a body, as it stands when it is a text. */
export async function post(
  { app }: Pick<Served, "app">,
  path: string,
  body: unknown,
  init: RequestInit = {},
): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return app.request(path, { method: "POST", body: text, ...init });
}

/** An event of a stream: its name, if it has one, and its data. */
export interface ServerEvent {
  readonly event: string | undefined;
  readonly data: string;
}

/** Reads a stream to its end. Comments are left out, as clients do. */
export async function eventsOf(response: Response): Promise<ServerEvent[]> {
  const text = await response.text();
  if (!text.endsWith("\n\n")) throw new Error(`the stream breaks off: ${text.slice(-80)}`);
  return text
    .split("\n\n")
    .filter((part) => part !== "" && !part.startsWith(":"))
    .map((part) => {
      const lines = part.split("\n");
      const field = (name: string) =>
        lines
          .filter((line) => line.startsWith(`${name}: `))
          .map((line) => line.slice(name.length + 2));
      return { event: field("event")[0], data: field("data").join("\n") };
    });
}

/** The data of a stream of OpenAI's APIs, parsed, without the `[DONE]` that must be its end. */
export async function chunksOf<T>(response: Response): Promise<T[]> {
  const events = await eventsOf(response);
  if (events.at(-1)?.data !== "[DONE]") throw new Error("the stream does not end with [DONE]");
  return events.slice(0, -1).map(({ data }) => JSON.parse(data) as T);
}
