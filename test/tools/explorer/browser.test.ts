/** The built page in Chromium: its numbers are the engine's, nothing leaves it, and it says no word of error. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AskName, Asks } from "../../../tools/explorer/messages.ts";
import { exploreApp } from "../../../tools/explorer/serve/explore-app.ts";
import { explorerFiles } from "../../../tools/explorer/serve/explorer-files.ts";
import { type Listening, listen } from "../../../tools/serve/http.ts";
import { noBrowser, serve, startBrowser } from "../../support/browser.ts";
import { builtExplorer } from "../../support/explorer.ts";
import { DEMO_MODEL } from "../../support/paths.ts";
import { NOWHERE, STORY, startLive } from "./support.ts";

const TEXT = STORY.slice(0, 700);

/** What the long text takes as it travels, where only the short one was recorded. */
const LONG_TEXT = 20_000;

let built: string;
let missing: number;
let server: Listening;
beforeAll(async () => {
  const { folder, isQuick } = await builtExplorer();
  built = folder;
  missing = isQuick ? LONG_TEXT : 0;
  server = await listen(exploreApp(await explorerFiles({ page: built })), { port: 0 });
});
afterAll(() => server?.close(0));

const sizeOf = (name: string): number => statSync(join(built, name)).size;
const assets = (end: string): string[] =>
  readdirSync(join(built, "assets"))
    .filter((name) => name.endsWith(end))
    .map((name) => `assets/${name}`);
const zipped = (names: readonly string[]): number =>
  names.reduce((sum, name) => sum + gzipSync(readFileSync(join(built, name))).length, 0);

describe("bytes", () => {
  const worker = () => assets(".js").filter((name) => /worker|thread/.test(name));
  const recorded = () => assets(".js").filter((name) => name.includes("recorded"));
  const page = () => assets(".js").filter((name) => ![...worker(), ...recorded()].includes(name));

  it("script and style are at most 160 kB, as they travel", () => {
    expect([worker().length, recorded().length, page().length]).toEqual([2, 1, 1]);
    expect(zipped([...page(), ...worker(), ...assets(".css")])).toBeLessThan(160_000);
    expect(assets("").length).toBe(5);
  });

  it("what the first scene shows is at most 60 kB, and the first screen 120 kB", () => {
    expect(sizeOf(recorded()[0])).toBeLessThan(60_000);
    const first = [...page(), ...recorded(), ...assets(".css"), "index.html"];
    expect(zipped(first) + missing).toBeLessThan(120_000);
  });

  it("no script holds the address of another site", () => {
    for (const name of assets(".js")) {
      const found = readFileSync(join(built, name), "utf8").match(/https?:\/\/[^"'`\s)]+/g) ?? [];
      expect(found.filter((url) => !url.startsWith("http://www.w3.org/"))).toEqual([]);
    }
  });
});

describe.skipIf(noBrowser)(`in Chromium${noBrowser ? ` (skipped: ${noBrowser})` : ""}`, () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  const said: string[] = [];
  const asked: string[] = [];
  beforeAll(async () => {
    browser = await startBrowser();
    context = await browser.newContext();
    page = await context.newPage();
    page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => said.push(String(error)));
    context.on("request", (request) => asked.push(request.url()));
    await page.goto(`${server.url}/`);
    await page.waitForSelector("h1");
  });
  afterAll(() => browser.close());

  /** Asks a worker of the page, and returns what `pick` makes of the answers there. */
  async function askThere<N extends AskName>(
    origin: string,
    asks: readonly [N, Asks[N]["ask"]][],
  ): Promise<Asks[AskName]["answer"][]> {
    const [worker] = assets(".js").filter((name) => name.includes("worker"));
    return page.evaluate(
      async ([url, requests]) => {
        const line = new Worker(url, { type: "module" });
        const answers: unknown[] = [];
        // Typed arrays do not travel from the browser to the test, lists do.
        const plain = (value: unknown): unknown => {
          if (ArrayBuffer.isView(value)) return { array: [...(value as Float32Array)] };
          if (Array.isArray(value)) return value.map(plain);
          if (typeof value !== "object" || value === null) return value;
          return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
        };
        for (const [id, [name, ask]] of requests.entries()) {
          const answer = await new Promise<unknown>((resolve, reject) => {
            line.onerror = (event) => reject(new Error(event.message));
            line.onmessage = ({ data }) => {
              if (data.id !== id || data.kind === "progress") return;
              if (data.kind === "answer") resolve(plain(data.answer));
              else reject(new Error(data.sentence ?? data.kind));
            };
            line.postMessage({ id, name, ask });
          });
          answers.push(answer);
        }
        line.terminate();
        return answers;
      },
      [`${origin}/${worker}`, asks] as const,
    ) as Promise<Asks[AskName]["answer"][]>;
  }

  it("the first screen stands without the model, which nobody has asked for", async () => {
    await page.waitForLoadState("networkidle");
    // The list of the model's files says how much there is to fetch.
    const fetched = asked.filter((url) => !url.endsWith("/model/files.json"));
    expect(fetched.filter((url) => /\/model\/|kernels|worker/.test(url))).toEqual([]);
    expect(asked.some((url) => url.includes("recorded"))).toBe(true);
  });

  it("the worker's numbers are those of this process, bit for bit", async () => {
    const t = 150;
    const requests: [AskName, Asks[AskName]["ask"]][] = [
      ["open", modelAt(server.url)],
      ["read", { text: TEXT }],
      ["look", { t }],
      ["votes", { t, layer: 6 }],
      ["dense", { t, layer: 7 }],
      ["experts", {}],
      ["whatIf", { switches: ["g14"], count: 4 }],
    ];
    const there = await askThere(server.url, requests);
    const live = startLive(JSON.parse(readFileSync(join(built, "examples.json"), "utf8")));
    const here: unknown[] = [];
    for (const [name, ask] of requests) {
      here.push(await live.ask(name, name === "open" ? NOWHERE : ask));
    }
    await live.close();
    expect(there.length).toBe(here.length);
    here.forEach((answer, i) => {
      expect(untimed(there[i])).toEqual(untimed(answer));
    });
  });

  it("a plain web server without headers, under a path, gives the same bits", async () => {
    const plain = await serve(join(built, ".."));
    const origin = `${plain.origin}/${basename(built)}`;
    await page.goto(`${origin}/index.html`);
    expect(await page.evaluate("crossOriginIsolated")).toBe(false);
    const requests = (at: string): [AskName, Asks[AskName]["ask"]][] => [
      ["open", modelAt(at)],
      ["read", { text: TEXT }],
      ["look", { t: 99 }],
    ];
    const there = await askThere(origin, requests(origin));
    await page.goto(`${server.url}/`);
    const isolated = await askThere(server.url, requests(server.url));
    expect(untimed(there[2])).toEqual(untimed(isolated[2]));
    const cores = Number(await page.evaluate("navigator.hardwareConcurrency"));
    expect([there[0], isolated[0]]).toMatchObject([
      { arithmetic: "wasm, f32, threads: 1" },
      { arithmetic: `wasm, f32, threads: ${Math.min(4, cores)}` },
    ]);
    plain.close();
  });

  it("is isolated, has its policy in force, and asks for nothing but its own files", async () => {
    expect(await page.evaluate("crossOriginIsolated")).toBe(true);
    expect(
      await page.evaluate(`new Promise((resolve) => {
      addEventListener("securitypolicyviolation", ({ effectiveDirective }) => resolve(effectiveDirective));
      document.body.append(Object.assign(new Image(), { src: "https://example.com/x.png" }));
    })`),
    ).toBe("img-src");
    said.splice(0); // the word about this image
    expect(asked.filter((url) => !/^(data:|http:\/\/127\.0\.0\.1:)/.test(url))).toEqual([
      "https://example.com/x.png",
    ]);
  });

  it("needs no network once the model is there", async () => {
    const [worker] = assets(".js").filter((name) => name.includes("worker"));
    const ask = (requests: readonly unknown[]): Promise<unknown> =>
      page.evaluate(
        async ([url, all]) => {
          const scope = globalThis as { line?: Worker };
          scope.line ??= new Worker(url, { type: "module" });
          const { line } = scope;
          let last: unknown;
          for (const [id, request] of all.entries()) {
            last = await new Promise((resolve) => {
              line.onmessage = ({ data }) => {
                if (data.id === id && data.kind !== "progress") resolve(data.kind);
              };
              line.postMessage({ ...(request as object), id });
            });
          }
          return last;
        },
        [`${server.url}/${worker}`, requests] as const,
      );
    await ask([{ name: "open", ask: modelAt(server.url) }]);
    await context.setOffline(true);
    const offline = [
      { name: "read", ask: { text: TEXT.slice(0, 60) } },
      { name: "whatIf", ask: { switches: ["relu"], count: 2 } },
      { name: "look", ask: { t: 3 } },
    ];
    expect(await ask(offline)).toBe("answer");
    await context.setOffline(false);
  });

  it("said nothing on the console", () => {
    expect(said).toEqual([]);
  });

  it("starts the engine by itself where nothing was recorded, as for another model", async () => {
    const files = await explorerFiles({ page: built, model: DEMO_MODEL });
    const other = await listen(exploreApp(files), { port: 0 });
    const model = page.waitForRequest(`${other.url}/model/model.safetensors?**`);
    await page.goto(`${other.url}/`);
    expect((await model).method()).toBe("GET");
    await page.goto("about:blank");
    await other.close(0);
  });

  it("the annotated source opens without a word", async () => {
    await page.goto(`${server.url}/source.html`);
    expect(await page.locator("h2").count()).toBeGreaterThan(20);
    expect(said).toEqual([]);
  });
});

/** What `open` is asked where the built page lies. */
const modelAt = (url: string): Asks["open"]["ask"] => ({
  modelUrl: `${url}/model`,
  kernelsUrl: `${url}/kernels.wasm`,
  examplesUrl: `${url}/examples.json`,
});

/** Without times, and with typed arrays as lists. */
function untimed(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return { array: [...(value as Float32Array)] };
  if (Array.isArray(value)) return value.map(untimed);
  if (typeof value !== "object" || value === null) return value;
  const rest = Object.entries(value).filter(
    ([key]) => !["milliseconds", "arithmetic"].includes(key),
  );
  return Object.fromEntries(rest.map(([key, each]) => [key, untimed(each)]));
}
