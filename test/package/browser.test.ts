/**
 * A page without a bundler, from a plain static server. Memory can be shared with threads only where
 * the server says so; the page finds that out by itself, and prints the same text.
 */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { open } from "../../tools/node/index.ts";
import { ISOLATED, noBrowser, pageOf, printedBy, serve, startBrowser } from "../support/browser.ts";
import { sha256, write } from "../support/stranger.ts";

const PAGE = `
import { open } from "glm52.ts";
const glm = await open(undefined, { threads: 3 });
let text = "";
for await (const piece of glm.generate("Once upon a time", { maxTokens: 100 })) text += piece.text;
print(JSON.stringify({ text, arithmetic: glm.arithmetic }));
await glm.close();`;

/** What Node prints for the same, with the reference backend. */
async function expected(): Promise<string> {
  await using glm = await open(undefined, { backend: "reference" });
  let text = "";
  for await (const piece of glm.generate("Once upon a time", { maxTokens: 100 }))
    text += piece.text;
  return text;
}

describe.skipIf(noBrowser)(`a page${noBrowser ? ` (skipped: ${noBrowser})` : ""}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
    write("browser/page.html", pageOf(PAGE));
  });
  afterAll(() => browser.close());

  it.each([
    ["without the two headers has one thread", {}, "1 thread"],
    ["with the two headers has threads", ISOLATED, "3 threads"],
  ])("%s, and the same text", async (_, headers, threads) => {
    const server = await serve(inject("project"), headers);
    const printed = await printedBy(browser, `${server.origin}/browser/page.html`);
    server.close();
    const { text, arithmetic } = JSON.parse(printed);
    expect(arithmetic).toBe(`wasm, ${threads}, 256-bit vectors off`);
    expect(text.length).toBeGreaterThan(200);
    expect(sha256(text)).toBe(sha256(await expected()));
  });
});
