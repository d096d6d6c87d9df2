/**
 * Pages of the bare project in Debian's Chromium, from a plain static server.
 * @module
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { inject } from "vitest";

const PROGRAM = "/usr/bin/chromium";

/** The reason why there is no browser, or undefined if there is one. */
export const noBrowser: string | undefined = existsSync(PROGRAM)
  ? undefined
  : `there is no ${PROGRAM} here`;

const FLAGS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts a new browser with an empty profile. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: PROGRAM, args: FLAGS });
}

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** The headers with which a page may share memory with its workers. */
export const ISOLATED = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** Serves the files of a folder. */
export interface StaticServer {
  readonly origin: string;
  close(): void;
}

/** @param headers the headers of every answer */
export async function serve(
  folder: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<StaticServer> {
  const server: Server = createServer(({ url = "/", method }, response) => {
    const path = join(folder, normalize(new URL(url, "http://localhost").pathname));
    if (!existsSync(path) || !statSync(path).isFile()) {
      response.writeHead(404).end();
      return;
    }
    const type = TYPES[extname(path)] ?? "application/octet-stream";
    response.writeHead(200, { ...headers, "Content-Type": type });
    response.end(method === "HEAD" ? undefined : readFileSync(path));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, close: () => server.close() };
}

/** A page that runs a module straight from the installed package, without a bundler. */
export function pageOf(program: string): string {
  const ours = join(inject("project"), "node_modules/glm52.ts/package.json");
  const { exports } = JSON.parse(readFileSync(ours, "utf8"));
  const imports: Record<string, string> = {
    "@petamoriken/float16": "/node_modules/@petamoriken/float16/src/index.mjs",
  };
  for (const [door, target] of Object.entries<{ default?: string }>(exports)) {
    if (!target.default) continue;
    imports[`glm52.ts${door.slice(1)}`] = `/node_modules/glm52.ts/${target.default.slice(2)}`;
  }
  return `<!doctype html>
<meta charset="utf-8">
<script type="importmap">${JSON.stringify({ imports })}</script>
<script>globalThis.printed = ""; globalThis.print = (text) => { printed += text; };</script>
<script type="module">${program}; globalThis.isDone = true;</script>
`;
}

/**
 * Opens a page and waits until its program has ended.
 *
 * @returns what it printed
 * @throws what the page threw
 */
export async function printedBy(browser: Browser, url: string): Promise<string> {
  const context = await browser.newContext();
  const page = await context.newPage();
  try {
    const thrown = new Promise<never>((_, reject) => {
      page.on("pageerror", reject);
    });
    await page.goto(url);
    await Promise.race([page.waitForFunction("globalThis.isDone === true"), thrown]);
    return await page.evaluate("globalThis.printed");
  } finally {
    await context.close();
  }
}
