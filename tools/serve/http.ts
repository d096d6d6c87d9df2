/**
 * The server on a port, under Node and Deno, with limits for clients that are slow or do not end.
 *
 * Next: service.ts
 * @module
 */
import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import type { Hono } from "hono";
import { ServeError } from "./serve-error.ts";
import type { ServeEnv } from "./service.ts";

/** Where to listen, and how long to wait for clients. */
export interface ListenOptions {
  /** The name or number of the interface; 127.0.0.1 by default, which only this computer reaches. */
  readonly host?: string | undefined;
  /** The port; 8080 by default, 0 for any that is free. */
  readonly port?: number | undefined;
  /** Milliseconds until the headers of a request are there. */
  readonly headersTimeout?: number | undefined;
  /** Milliseconds until all of a request is there. */
  readonly requestTimeout?: number | undefined;
  /** Milliseconds that a connection is kept for another request. */
  readonly keepAliveTimeout?: number | undefined;
  /** Most connections. */
  readonly maxConnections?: number | undefined;
}

/** A server that listens. */
export interface Listening {
  /** Where: `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly port: number;
  /** Takes no more connections, lets answers end within so many milliseconds, and ends. */
  close(graceMs: number): Promise<void>;
}

/** Milliseconds between two looks at whether connections have become idle. */
const LOOK_MS = 50;

/** Whether only this computer reaches an interface of this name. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Listens on a port.
 *
 * @throws {ServeError} when that port, or that interface, cannot be had
 */
export async function listen(app: Hono<ServeEnv>, options: ListenOptions = {}): Promise<Listening> {
  const { host = "127.0.0.1", port = 8080, headersTimeout = 10_000 } = options;
  const server = createAdaptorServer({
    fetch: app.fetch,
    overrideGlobalObjects: false,
    serverOptions: {
      headersTimeout,
      requestTimeout: options.requestTimeout ?? 30_000,
      keepAliveTimeout: options.keepAliveTimeout ?? 75_000,
      connectionsCheckingInterval: Math.min(1_000, headersTimeout),
    },
  }) as Server;
  server.maxConnections = options.maxConnections ?? 1_024;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(new ServeError("unavailable", `${host}:${port}`, reasonOf(error)));
    });
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const given = typeof address === "object" && address ? address.port : port;
  const name = host.includes(":") ? `[${host}]` : host;
  return { url: `http://${name}:${given}`, port: given, close: (ms) => close(server, ms) };
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === "EADDRINUSE") return "another program listens there; --port takes another";
  if (code === "EACCES") return "this user may not listen there; --port takes another";
  return message;
}

async function close(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const closeIdle = () => server.closeIdleConnections?.();
  closeIdle();
  const looking = setInterval(closeIdle, LOOK_MS);
  const atLast = setTimeout(() => server.closeAllConnections?.(), graceMs);
  await closed;
  clearInterval(looking);
  clearTimeout(atLast);
}
