/**
 * The explorer as a function from requests to answers: files that are listed, for this computer alone.
 *
 * Its headers isolate the page from other origins, and its policy lets the page load nothing but these files:
 * what a reader types stays in the browser.
 *
 * Next: explorer-files.ts
 * @module
 */
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { Hono } from "hono";
import { isAllowedHost } from "../../serve/guard.ts";
import type { ServeEnv } from "../../serve/service.ts";
import type { ServedFile } from "./explorer-files.ts";

/** What the page may do: run its own code and kernels, and read its own files. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "connect-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy": POLICY,
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "Cache-Control": "no-cache",
  "Accept-Ranges": "bytes",
};

/** @param files by their paths, which begin with a slash */
export function exploreApp(files: ReadonlyMap<string, ServedFile>): Hono<ServeEnv> {
  const app = new Hono<ServeEnv>();
  app.use(async (c, next) => {
    const host = c.req.header("host") ?? new URL(c.req.url).host;
    if (!isAllowedHost(host, [])) return c.text("expected a Host header of this computer\n", 403);
    return next();
  });
  app.on(["GET", "HEAD"], "*", (c) => {
    const { pathname } = new URL(c.req.url);
    const file = files.get(pathname === "/" ? "/index.html" : pathname);
    if (!file) return c.text("no such file\n", 404);
    const range = rangeOf(c.req.header("range"), file.bytes);
    if (range === undefined) {
      return c.body(null, 416, { ...HEADERS, "Content-Range": `bytes */${file.bytes}` });
    }
    const { from, to, isPart } = range;
    const headers = {
      ...HEADERS,
      "Content-Type": file.type,
      "Content-Length": String(to - from),
      ...(isPart && { "Content-Range": `bytes ${from}-${to - 1}/${file.bytes}` }),
    };
    const status = isPart ? 206 : 200;
    if (c.req.method === "HEAD" || from === to) return c.body(null, status, headers);
    return c.body(bodyOf(file, from, to), status, headers);
  });
  app.all("*", (c) => c.text("expected GET or HEAD\n", 405, { Allow: "GET, HEAD" }));
  return app;
}

/** The bytes that a request asks for: all, or one range of them; undefined for a range that is not there. */
function rangeOf(
  header: string | undefined,
  bytes: number,
): { from: number; to: number; isPart: boolean } | undefined {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(header ?? "") ?? [];
  if (first === undefined) return { from: 0, to: bytes, isPart: false };
  const from = Number(first);
  const to = Math.min(bytes, last === "" ? bytes : Number(last) + 1);
  return from < to ? { from, to, isPart: true } : undefined;
}

function bodyOf(file: ServedFile, from: number, to: number): ReadableStream<Uint8Array> {
  if (file.text !== undefined) {
    return new Blob([new TextEncoder().encode(file.text).subarray(from, to)]).stream();
  }
  const stream = createReadStream(file.path, { start: from, end: to - 1 });
  return Readable.toWeb(stream) as ReadableStream<Uint8Array>;
}
