/**
 * The tables of MODEL.md that are computed are made again here. `npm run docs:model` writes them.
 *
 * Such a table stands between `<!-- computed: name -->` and `<!-- end -->`.
 */
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseConfig } from "../../../engine/config/config.ts";
import { weightParts } from "../../../tools/inspect/sizes.ts";
import { streamPlan } from "../../../tools/inspect/streaming.ts";
import { POLICIES, type Policy } from "../../../tools/stream/cache-policies.ts";
import { hitShare, replay, SCOPES, type Scope } from "../../../tools/stream/replay.ts";
import { routeStatistics } from "../../../tools/stream/route-statistics.ts";
import { GLM52 } from "../../engine/weights/configs.ts";
import { ROOT } from "../../support/paths.ts";
import { N_ACTIVE, SETTINGS, syntheticRoutes, uniformRoutes } from "../../support/routing.ts";
import { read } from "./markdown.ts";

const [LAYERS, SEED] = [8, 4];

const config = parseConfig(GLM52);

const routes = {
  restless: syntheticRoutes(SETTINGS.restless, LAYERS, SEED),
  middle: syntheticRoutes(SETTINGS.middle, LAYERS, SEED),
  calm: syntheticRoutes(SETTINGS.calm, LAYERS, SEED),
  uniform: uniformRoutes(LAYERS, SEED),
};

type Name = keyof typeof routes;

/** Hits in caches of several sizes. */
function hits(
  name: Name,
  policy: Policy,
  slots: readonly number[],
  scope: Scope = "layer",
): number[] {
  const { caches } = replay(routes[name], { policies: [policy], scopes: [scope], slots });
  return caches.map(({ decode }) => hitShare(decode));
}

const percent = (share: number): string => (100 * share).toFixed(1);
const percents = (shares: readonly number[]): string =>
  shares.map((share) => (100 * share).toFixed(0)).join(" / ");

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

/** What each table is made of. */
const TABLES: Readonly<Record<string, () => string>> = {
  routes: () => {
    const row = (name: Name): string[] => {
      const { sameAsLast, gini, popular } = routeStatistics(routes[name]);
      const figures = [sameAsLast.toFixed(2), gini.toFixed(2), `${percents([popular])} %`];
      const belady = percents(hits(name, "belady", [1, 2, 4, 8]));
      return [name, ...figures, belady, percents(hits(name, "lru", [2, 4, 8, 13, 19, 32, 48]))];
    };
    return table(
      [
        "routes",
        "in common with the last token, of 8",
        "Gini",
        "top 32",
        "Belady 1 / 2 / 4 / 8",
        "LRU 2 / 4 / 8 / 13 / 19 / 32 / 48",
      ],
      [
        ...(["restless", "middle", "calm"] as const).map(row),
        [
          "**GLM-5.2**",
          "3.3",
          "0.47",
          "38 %",
          "11 / 21 / 37 / 54",
          "– / – / ≤ 38 / 24–45 / 40 / 51 / 60",
        ],
        row("uniform"),
      ],
    );
  },

  flooding: () => {
    const slots = [2, 4, 6, 8, 12];
    const rows = SCOPES.toReversed().map((scope) => [
      scope === "layer" ? "LRU, each layer its own" : "LRU, one for all layers",
      ...hits("middle", "lru", slots, scope).map(percent),
    ]);
    return table(["hits in percent, slots for each layer", ...slots.map(String)], rows);
  },

  policies: () => {
    const slots = [1, 2, 4, 8, 16, 32, 64];
    const lru = hits("restless", "lru", slots);
    return table(
      ["hits in percent, slots for each layer", ...slots.map(String)],
      [
        ...POLICIES.map((policy) => [policy, ...hits("restless", policy, slots).map(percent)]),
        [
          "bytes that lru saves a token, for each byte of cache",
          ...lru.map((share, i) => ((N_ACTIVE * share) / slots[i]).toFixed(2)),
        ],
      ],
    );
  },

  streaming: () => {
    const rate = { gflops: 90, source: "given" } as const;
    const plan = streamPlan(config, { disk: { gbps: 1.3 }, contexts: [512], rate });
    const giga = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
    return table(
      [
        "format",
        "trunk and head",
        "8 experts in 75 layers",
        "a token from a disk of 1.3 GB/s: all, experts alone",
        "one slot in each layer",
        "a pass over 512 tokens: disk, arithmetic",
        "balanced at",
      ],
      plan.formats.map(({ format, streamed, trunkKept, passes: [pass], crossover }) => {
        const { trunk, head, expert, sparseLayers } = weightParts(config, format);
        const seconds = `${streamed.seconds.toFixed(1)} s, ${trunkKept.seconds.toFixed(1)} s`;
        const [computing] = plan.arithmetic.passes;
        const minutes = [pass.seconds, computing]
          .map((s) => `${(s / 60).toFixed(1)} min`)
          .join(", ");
        return [
          format,
          giga(trunk + head),
          giga(trunkKept.bytes),
          seconds,
          giga(expert * sparseLayers),
          minutes,
          `${crossover} tokens`,
        ];
      }),
    );
  },
};

/** The document with all computed tables made anew. */
function withTables(text: string): string {
  return text.replace(
    /(<!-- computed: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, begin: string, name: string, end: string) => {
      if (!Object.hasOwn(TABLES, name)) throw new Error(`no table is called ${name}`);
      return `${begin}\n${TABLES[name]()}\n\n${end}`;
    },
  );
}

test("the computed tables of MODEL.md are what the code gives today", async () => {
  const text = read("MODEL.md");
  for (const name of Object.keys(TABLES)) expect(text).toContain(`<!-- computed: ${name} -->`);
  await expect(withTables(text)).toMatchFileSnapshot(join(ROOT, "MODEL.md"));
}, 120_000);

test("another figure in such a table would be caught", () => {
  const block = (text: string) => `<!-- computed: streaming -->\n${text}\n<!-- end -->`;
  expect(withTables(block("| 1 |"))).not.toBe(block("| 1 |"));
  expect(() => withTables("<!-- computed: other -->\n\n<!-- end -->")).toThrow("called other");
});
