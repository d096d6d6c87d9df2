/**
 * What all APIs of a server share: the desk, the options, and how errors are written.
 *
 * Next: app.ts
 * @module
 */
import type { Context } from "hono";
import type * as v from "valibot";
import type { Effort } from "../library/think.ts";
import type { Usage } from "./chat-ask.ts";
import type { Desk } from "./desk.ts";
import type { RequestIds } from "./request-ids.ts";
import type { ScriptedReplies } from "./script/scripted-replies.ts";
import type { ServeError, ServeErrorKind } from "./serve-error.ts";

/** How a server answers. */
export interface ServeOptions {
  /** Other names under which the model may be asked for. */
  readonly aliases?: readonly string[] | undefined;
  /** Whether requests for any model are answered with the one that is served. */
  readonly anyModel?: boolean | undefined;
  /** The key that requests must carry; without one, every request is answered. */
  readonly apiKey?: string | undefined;
  /** Values of the Host header that are taken, besides those of this computer itself. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Origins of web pages that may ask, to the letter. */
  readonly cors?: readonly string[] | undefined;
  /** Whether a field that is not known is an error. Else it is named in a header of the answer. */
  readonly strict?: boolean | undefined;
  /** Whether answers say when they were made. Without, the same requests get the same bytes. */
  readonly clock?: boolean | undefined;
  /** The seed of requests that have none; 0 by default. */
  readonly seed?: number | undefined;
  /** How much the model thinks where a request does not say; what the template says by default. */
  readonly think?: Effort | undefined;
  /** Whether tools are called where a request with tools does not say; `auto` by default. */
  readonly toolChoice?: "none" | "auto" | "required" | undefined;
  /** Replies that are given instead of what the model would say. */
  readonly script?: ScriptedReplies | undefined;
  /** Milliseconds after which a request is given up. */
  readonly timeout?: number | undefined;
  /** Milliseconds of silence after which a stream says that it is alive; 10 seconds by default. */
  readonly keepAlive?: number | undefined;
  /** Is told of each request when it is over. */
  readonly log?: ((request: RequestRecord) => void) | undefined;
  /** Is told of errors that are mistakes of this program. */
  readonly onBug?: ((error: unknown) => void) | undefined;
  /** The version of this program, for `/version`. */
  readonly version?: string | undefined;
}

/** One request, for the log: no text of it. */
export interface RequestRecord {
  readonly method: string;
  readonly path: string;
  /** When it came, in milliseconds of `performance.now()`. */
  readonly start: number;
  /** The status of the answer; 499 when the client did not wait for all of it. */
  status: number;
  /** The id of the answer. */
  id?: string;
  /** What it has cost until now, in tokens. */
  usage?: () => Usage;
  /** Which kind of error it ended with. */
  error?: ServeErrorKind;
  /** Whether the answer goes on after its first byte, and is logged at its end. */
  isStream: boolean;
}

/** The variables of a request in hono. */
export interface ServeEnv {
  /** What hono keeps for each request. */
  readonly Variables: { readonly record: RequestRecord };
}

/** A request, as handlers get it. */
export type ServeContext = Context<ServeEnv>;

/** The schema of a body. */
export type BodySchema = v.ObjectSchema<v.ObjectEntries, undefined>;

/** One thing that a server can be asked for, for the OpenAPI document. */
export interface ApiRoute {
  readonly method: "get" | "post";
  /** The path as hono writes it: `/v1/models/:id`. */
  readonly path: string;
  /** What it is for, in a sentence. */
  readonly about: string;
  /** The body. */
  readonly request?: BodySchema;
  /** The answer, where it is described. */
  readonly answer?: v.GenericSchema;
  /** Whether the answer can be a stream of events. */
  readonly streams?: boolean;
  /** The data of each of its events, but for the last, where they are described. */
  readonly chunk?: v.GenericSchema;
}

/** An error as an API writes it. */
export interface WrittenError {
  readonly status: number;
  readonly body: object;
  readonly headers: Readonly<Record<string, string>>;
}

/** Writes errors in the shape of an API. */
export type ErrorShape = (error: ServeError) => WrittenError;

/** What all APIs share. */
export interface Service {
  readonly desk: Desk;
  readonly options: ServeOptions;
  readonly ids: RequestIds;
  /** What the server can be asked for. */
  readonly routes: ApiRoute[];
  /** Paths with another shape of errors than OpenAI's, by their beginning. */
  readonly errorShapes: Map<string, ErrorShape>;
  /** Returns what a client is told of an error, and tells of mistakes of this program. */
  explain(error: unknown): ServeError;
  /** A request is over, with this status. What is told again is not heard. */
  isOver(record: RequestRecord, status: number): void;
}

/** The status of a request in the log whose client did not wait for the answer. */
export const CLIENT_GONE = 499;

/** Seconds since 1970, or 0 where answers carry no time. */
export function createdAt({ options }: Service): number {
  return options.clock === false ? 0 : Math.floor(Date.now() / 1000);
}
