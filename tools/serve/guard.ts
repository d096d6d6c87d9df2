/**
 * Who may ask: requests for this computer itself, with the key if there is one, from the web pages that
 * are named.
 *
 * A page of any site can send requests to a server on the reader's own computer, under a name that
 * leads there. So the Host header must be one of this computer, and no page may read an answer
 * unless its origin was allowed.
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Hono, MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { IGNORED_HEADER } from "./body.ts";
import { ServeError } from "./serve-error.ts";
import type { ServeEnv, ServeOptions } from "./service.ts";

/** Names of this computer. */
const LOCAL = ["localhost", "127.0.0.1", "[::1]"];

/** The path that is answered without a key: a probe has none. */
const OPEN_PATH = "/health";

/** Adds the checks, which come before all else. */
export function addGuards(app: Hono<ServeEnv>, options: ServeOptions): void {
  app.use(hostGuard(options.allowedHosts ?? []));
  const origins = options.cors ?? [];
  if (origins.length > 0) {
    app.use(
      cors({
        origin: (origin) => (origins.includes(origin) ? origin : null),
        exposeHeaders: [IGNORED_HEADER, "request-id", "x-request-id", "retry-after"],
        maxAge: 600,
      }),
    );
  }
  if (options.apiKey !== undefined) app.use(keyGuard(options.apiKey));
}

/** Whether a Host header names this computer, or one of the other names that are allowed. */
export function isAllowedHost(host: string, allowed: readonly string[]): boolean {
  const names = [...LOCAL, ...allowed].map((name) => name.toLowerCase());
  const name = host.toLowerCase().replace(/:\d+$/, "");
  return names.includes(name) || names.includes(host.toLowerCase());
}

function hostGuard(allowed: readonly string[]): MiddlewareHandler<ServeEnv> {
  return async (c, next) => {
    const host = c.req.header("host") ?? new URL(c.req.url).host;
    if (!isAllowedHost(host, allowed)) {
      const what = `expected ${LOCAL.join(", ")} or a name of --allow-host, got another`;
      throw new ServeError("permission", "Host header", what);
    }
    await next();
  };
}

function keyGuard(key: string): MiddlewareHandler<ServeEnv> {
  return async (c, next) => {
    if (c.req.path === OPEN_PATH) return next();
    const bearer = /^Bearer +(.+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
    const given = [bearer, c.req.header("x-api-key")].filter((value) => value !== undefined);
    // No value ends the comparison early: how long it takes says nothing about the key.
    if (given.map((value) => areEqual(value.trim(), key)).includes(true)) return next();
    const got = given.length === 0 ? "none" : "another one";
    const what = `expected the key of this server in Authorization or x-api-key, got ${got}`;
    throw new ServeError("authentication", "key", what);
  };
}

/** Compares two texts in a time that does not depend on where they differ. */
function areEqual(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
