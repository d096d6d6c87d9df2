/** Pages that bundlers make of the installed package, run in Chromium. */
import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { build as esbuild } from "esbuild";
import type { Browser } from "playwright-core";
import { build, createServer, type InlineConfig } from "vite";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { open } from "../../tools/node/index.ts";
import { ISOLATED, noBrowser, printedBy, serve, startBrowser } from "../support/browser.ts";
import { DEMO_MODEL } from "../support/paths.ts";
import { sha256, write } from "../support/stranger.ts";

/** A page's program. The model is data, which a page fetches and no bundler packs. */
const program = (options: string): string => `
import { open } from "glm52.ts";
const glm = await open("/demo-model", ${options});
let printed = "";
for await (const { text } of glm.generate("The little dog", { maxTokens: 60 })) printed += text;
globalThis.printed = JSON.stringify({ text: printed, arithmetic: glm.arithmetic });
await glm.close();
globalThis.isDone = true;
`;

const page = (script: string): string =>
  `<!doctype html><meta charset="utf-8"><script type="module" src="${script}"></script>\n`;

async function expected(): Promise<string> {
  await using glm = await open(undefined, { backend: "reference" });
  let text = "";
  for await (const piece of glm.generate("The little dog", { maxTokens: 60 })) text += piece.text;
  return text;
}

describe.skipIf(noBrowser)(`bundled${noBrowser ? ` (skipped: ${noBrowser})` : ""}`, () => {
  const root = join(inject("project"), "bundled");
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
    write("bundled/main.js", program("{ threads: 2 }"));
    write("bundled/index.html", page("/main.js"));
    cpSync(DEMO_MODEL, join(root, "public/demo-model"), { recursive: true });
  });
  afterAll(() => browser.close());

  async function expectRuns(url: string): Promise<void> {
    const { text, arithmetic } = JSON.parse(await printedBy(browser, url));
    expect(arithmetic).toBe("wasm, 2 threads, 256-bit vectors off");
    expect(sha256(text)).toBe(sha256(await expected()));
  }

  const vite: InlineConfig = {
    root,
    configFile: false,
    logLevel: "silent",
    build: { target: "esnext" },
    server: { port: 0, host: "127.0.0.1", headers: ISOLATED },
  };

  it("by vite, which finds the kernels by itself", async () => {
    await build(vite);
    const assets = readdirSync(join(root, "dist/assets"));
    expect(assets.filter((name) => name.endsWith(".wasm"))).toHaveLength(1);
    const server = await serve(join(root, "dist"), ISOLATED);
    await expectRuns(`${server.origin}/index.html`);
    server.close();
  });

  it("served by vite while one writes the page", async () => {
    const server = await createServer(vite);
    try {
      await server.listen();
      await expectRuns(server.resolvedUrls?.local[0] ?? "");
    } finally {
      await server.close();
    }
  });

  it("by esbuild, which is told where the kernels are", async () => {
    const main = write("bundled/esbuild.js", program('{ threads: 2, kernels: "/kernels.wasm" }'));
    const outdir = join(root, "esbuild");
    await esbuild({
      entryPoints: [main],
      outdir,
      bundle: true,
      format: "esm",
      target: "es2022",
    });
    write("bundled/esbuild/index.html", page("/esbuild.js"));
    const installed = join(inject("project"), "node_modules/glm52.ts/dist");
    cpSync(join(installed, "kernels-as/build/kernels.wasm"), join(outdir, "kernels.wasm"));
    cpSync(join(installed, "demo-model"), join(outdir, "demo-model"), { recursive: true });
    const server = await serve(outdir, ISOLATED);
    await expectRuns(`${server.origin}/index.html`);
    server.close();
  });
});
