/**
 * The page as readers meet it, in Chromium: nothing for axe to find, all by keys, tables that hold the
 * numbers of the engine, and texts that nobody should type.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readRecorded } from "../../../tools/explorer/page/recorded-answers.ts";
import { PATH, SCENES, type SceneName } from "../../../tools/explorer/page/url.ts";
import { en } from "../../../tools/explorer/page/words/en.ts";
import { exploreApp } from "../../../tools/explorer/serve/explore-app.ts";
import { explorerFiles } from "../../../tools/explorer/serve/explorer-files.ts";
import { type Listening, listen } from "../../../tools/serve/http.ts";
import { noBrowser, startBrowser } from "../../support/browser.ts";
import { builtExplorer } from "../../support/explorer.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** How a reader may look at the page: language, colours, width. */
const LOOKS = (["en", "zh"] as const).flatMap((lang) =>
  (["light", "dark"] as const).flatMap((colours) =>
    [360, 1280].map((width) => ({ lang, colours, width })),
  ),
);

/** Two of them show each language, each colour and each width; the others cost as much again. */
const isCheap = ({ lang, colours, width }: (typeof LOOKS)[number]): boolean =>
  (lang === "en" && colours === "dark" && width === 360) ||
  (lang === "zh" && colours === "light" && width === 1280);
const { GLM52_FULL } = process.env;
const looks = GLM52_FULL ? LOOKS : LOOKS.filter(isCheap);

describe.skipIf(noBrowser)(
  `the page in Chromium${noBrowser ? ` (skipped: ${noBrowser})` : ""}`,
  () => {
    let built: string;
    let server: Listening;
    let browser: Browser;
    beforeAll(async () => {
      ({ folder: built } = await builtExplorer());
      server = await listen(exploreApp(await explorerFiles({ page: built })), { port: 0 });
      browser = await startBrowser();
    });
    afterAll(async () => {
      await browser?.close();
      await server?.close(0);
    });

    /** Opens a page of its own; its errors fail the test that opened it. */
    async function open(
      hash: string,
      options: Parameters<Browser["newPage"]>[0] = {},
    ): Promise<Page> {
      const page = await browser.newPage(options);
      page.on("pageerror", (error) => {
        throw error;
      });
      await page.goto(`${server.url}/${hash}`);
      await page.waitForSelector("#trace");
      return page;
    }

    /** Scrolls to a scene, and waits until its figures are drawn. */
    async function visit(page: Page, scene: SceneName): Promise<void> {
      await page.evaluate(`document.getElementById("${scene}").scrollIntoView()`);
      if (scene !== "trace") await page.waitForSelector(`#${scene} figure .tools button`);
    }

    for (const { lang, colours, width } of looks) {
      it(`axe finds nothing: ${lang}, ${colours}, ${width} wide`, async () => {
        const page = await open(`#lang=${lang}&what=g14&path=1`, {
          bypassCSP: true,
          colorScheme: colours,
          viewport: { width, height: 800 },
        });
        for (const scene of SCENES) await visit(page, scene);
        await page.addScriptTag({ content: AXE });
        const found = await page.evaluate(async () => {
          const { axe } = globalThis as unknown as {
            axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
          };
          const { violations } = await axe.run();
          return violations.map(
            ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`,
          );
        });
        expect(found).toEqual([]);
        expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
        await page.close();
      });
    }

    it("keys alone walk the guided path, and move through the positions", async () => {
      const page = await open("", { viewport: { width: 1280, height: 800 } });
      const isOnGuide = "document.activeElement?.matches('.rail > button')";
      for (let i = 0; i < 40 && !(await page.evaluate(isOnGuide)); i++)
        await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      for (const scene of PATH.slice(1)) {
        await page.locator(".guide .main").focus();
        await page.keyboard.press("Enter");
        const heading = `${scene}-heading`;
        await expect.poll(() => page.evaluate("document.activeElement?.id")).toBe(heading);
        await expect.poll(() => page.evaluate("location.hash")).toContain(`s=${scene}`);
      }
      await visit(page, "choose");
      const strip = page.locator("#choose [role=slider]");
      await strip.focus();
      const positions: number[] = [];
      for (const key of ["Home", "ArrowRight", "ArrowRight", "PageUp", "End", "PageDown"]) {
        await page.keyboard.press(key);
        positions.push(Number(await strip.getAttribute("aria-valuenow")));
        const said = await page.locator("#choose [aria-live]").first().textContent();
        expect(said).toContain(await strip.getAttribute("aria-valuetext"));
      }
      const last = Number(await strip.getAttribute("aria-valuemax"));
      expect(positions.slice(0, 3)).toEqual([0, 1, 2]);
      expect(positions[3]).toBeGreaterThan(2);
      expect(positions[4]).toBe(last);
      expect(positions[5]).toBeLessThan(last);
      await page.close();
    });

    it("the table behind the scores is what the engine said, bit for bit", async () => {
      const page = await open("#s=choose");
      await visit(page, "choose");
      const figure = page.locator("[data-figure=scores]");
      await figure.locator(".tools button").first().click();
      await figure.locator(".numbers .tools button").last().click();
      const rows = await figure
        .locator("tbody tr")
        .evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.textContent)));
      const answers = readRecorded(readFileSync(join(built, "recorded-more.json"), "utf8"));
      const look = answers.find("look");
      const layer = Number(
        await page.locator("#choose .layer-row [aria-pressed=true]").getAttribute("data-layer"),
      );
      const scores = look?.layers[layer].scores ?? new Float32Array();
      const chosen = new Set(look?.layers[layer].chosen);
      expect(rows).toHaveLength(scores.length);
      for (const [, s, score, mark] of rows) {
        expect(Math.fround(Number(score))).toBe(scores[Number(s)]);
        expect(mark === "✓").toBe(chosen.has(Number(s)));
      }
      await page.close();
    });

    it("each figure is filled and each question has an answer before there is a model", async () => {
      const page = await open("");
      for (const scene of SCENES) await visit(page, scene);
      const answers = await page.locator("details.question p").allTextContents();
      expect(answers.length).toBe(SCENES.length - 2);
      expect(answers.filter((answer) => answer.length < 20 || answer === en.needsEngine)).toEqual(
        [],
      );
      expect(await page.locator("figure", { hasText: en.needsEngine }).count()).toBe(0);
      await page.close();
    });

    it("takes a text that looks like a program, and runs the engine on it", async () => {
      const text = '<script>alert(1)</script> \u{1f600} & "Lily"';
      const page = await open(`#${new URLSearchParams({ text })}`);
      let hasAlert = false;
      page.on("dialog", (dialog) => {
        hasAlert = true;
        void dialog.dismiss();
      });
      await page.locator(".top > .main").click();
      await page.waitForSelector(".top .badge.live");
      await visit(page, "choose");
      const shown = await page.locator("#choose .text.scroll").textContent();
      // A token that ends within a character is shown as a dot.
      expect(shown?.replaceAll("·", "")).toContain(text);
      expect(await page.locator("#choose .badge.live").count()).toBeGreaterThan(0);
      expect(hasAlert).toBe(false);
      await page.close();
    });

    it("refuses a text that is too long with a sentence, and says what of a link means nothing", async () => {
      const page = await open("#l=six&t=2");
      expect(await page.locator(".note").first().textContent()).toContain("l=six");
      await page.locator("#own-text").fill("a".repeat(50_000));
      await page.waitForSelector("#tokens .note");
      expect(await page.locator("#tokens .main").isDisabled()).toBe(true);
      await page.close();
    });

    it("moves nothing by itself", async () => {
      const page = await open("", { reducedMotion: "reduce" });
      await page.waitForSelector("#choose figure .tools button");
      const before = await page.screenshot();
      await page.waitForTimeout(300);
      expect((await page.screenshot()).equals(before)).toBe(true);
      await page.close();
    });
  },
);
