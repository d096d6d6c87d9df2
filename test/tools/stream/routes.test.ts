/** Tests of routes like GLM-5.2's, and of what caches make of them, against figures of another program. */
import { describe, expect, it } from "vitest";
import { POLICIES, type Policy } from "../../../tools/stream/cache-policies.ts";
import { hitShare, replay } from "../../../tools/stream/replay.ts";
import { layerStatistics } from "../../../tools/stream/route-statistics.ts";
import type { RouteTrace } from "../../../tools/stream/route-trace.ts";
import { N_ACTIVE, SETTINGS, syntheticRoutes, uniformRoutes } from "../../support/routing.ts";

/** Layers of each trace. They are independent, so figures spread as those of many runs do. */
const LAYERS = 6;

/** One figure of each layer. */
type Figure = (trace: RouteTrace, layer: number) => number;

const hits =
  (policy: Policy, slots: number): Figure =>
  (trace, layer) => {
    const options = { policies: [policy], scopes: ["layer"], slots: [slots] } as const;
    return 100 * hitShare(replay(onlyLayer(trace, layer), options).caches[0].decode);
  };

/** The routes of one layer alone. */
function onlyLayer(trace: RouteTrace, layer: number): RouteTrace {
  const { nTokens, nActive, layers } = trace;
  const experts = Uint8Array.from({ length: nTokens * nActive }, (_, i) => {
    const t = Math.floor(i / nActive);
    return trace.experts[(t * layers.length + layer) * nActive + (i % nActive)];
  });
  return { ...trace, layers: [layers[layer]], experts };
}

const FIGURES: readonly Figure[] = [
  (trace, layer) => layerStatistics(trace, layer).sameAsLast,
  (trace, layer) => layerStatistics(trace, layer).gini,
  (trace, layer) => 100 * layerStatistics(trace, layer).popular,
  ...[1, 2, 4, 8].map((n) => hits("belady", n)),
  ...[8, 13, 19, 32, 48].map((n) => hits("lru", n)),
];

const TRACES = {
  restless: syntheticRoutes(SETTINGS.restless, LAYERS, 4),
  middle: syntheticRoutes(SETTINGS.middle, LAYERS, 4),
  calm: syntheticRoutes(SETTINGS.calm, LAYERS, 4),
  uniform: uniformRoutes(LAYERS, 4),
} as const;

/**
 * The same figures from a program in Python with NumPy's random numbers: means of two layers, as they
 * are printed. Below 8 slots its LRU keeps what it has just read rather than what it had, so these
 * figures of it are left out.
 */
// biome-ignore format: a table
const WITNESS: Readonly<Record<keyof typeof TRACES, readonly number[]>> = {
  restless: [2.27, 0.48, 37, 12, 22, 35, 49, 28, 37, 45, 56, 64],
  middle:   [2.67, 0.49, 38, 12, 23, 38, 53, 33, 44, 52, 62, 70],
  calm:     [3.58, 0.50, 39, 12, 24, 43, 62, 45, 57, 65, 73, 78],
  uniform:  [0.24, 0.09, 16,  5,  8, 13, 20,  3,  5,  7, 12, 19],
};

/** Half of the last digit that is printed. */
const PRINTED = [0.005, 0.005, ...Array(10).fill(0.5)];

const mean = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0) / all.length;

/**
 * How far the means of our layers and of the witness's two are apart, for each figure, in units of
 * what the spread of layers explains. Above 4 it would be one chance in a hundred (Student, five
 * degrees of freedom).
 */
function distances(trace: RouteTrace, witness: readonly number[]): number[] {
  return FIGURES.map((figure, i) => {
    const values = trace.layers.map((_, layer) => figure(trace, layer));
    const own = mean(values);
    const variance = values.reduce((sum, x) => sum + (x - own) ** 2, 0) / (values.length - 1);
    const expected = Math.sqrt(variance * (1 / values.length + 1 / 2));
    return Math.max(0, Math.abs(own - witness[i]) - PRINTED[i]) / expected;
  });
}

describe("routes made of random numbers", () => {
  it.each(["restless", "middle", "calm", "uniform"] as const)(
    "have the figures of another program: %s",
    (name) => {
      expect(distances(TRACES[name], WITNESS[name]).filter((distance) => distance > 4)).toEqual([]);
    },
  );

  it("of another setting would be caught", () => {
    expect(Math.max(...distances(TRACES.middle, WITNESS.calm))).toBeGreaterThan(4);
    expect(Math.max(...distances(TRACES.restless, WITNESS.middle))).toBeGreaterThan(4);
  });

  it("lose what tokens have in common when their order is lost, and keep the popularity", () => {
    const { middle } = TRACES;
    const { nTokens, layers } = middle;
    const width = layers.length * N_ACTIVE;
    const experts = new Uint8Array(middle.experts.length);
    for (let t = 0; t < nTokens; t++) {
      const from = (t * 389) % nTokens; // 389 is a prime that does not divide 1270
      experts.set(middle.experts.subarray(from * width, (from + 1) * width), t * width);
    }
    const [before, after] = [middle, { ...middle, experts }].map((t) => layerStatistics(t, 0));
    expect(after.gini).toBe(before.gini);
    expect(after.sameAsLast).toBeLessThan(0.35 * before.sameAsLast);
  });
});

describe("a replay", () => {
  const { middle } = TRACES;

  it("finds nothing in a cache for all layers that holds less than a cycle of them", () => {
    const slots = [2, 4, 6]; // 6 · 6 layers = 36 slots; another layer's 40 visits come in between
    const { caches } = replay(middle, { policies: ["lru"], scopes: ["global", "layer"], slots });
    const shares = caches.map(({ scope, decode }) => [scope, hitShare(decode)] as const);
    expect(shares.filter(([scope]) => scope === "global").map(([, share]) => share)).toEqual([
      0, 0, 0,
    ]);
    expect(Math.min(...shares.slice(3).map(([, share]) => share))).toBeGreaterThan(0.05);
  });

  it("would lose a third of its hits if experts were let in one after the other", () => {
    let hits = 0;
    const last: number[] = [];
    for (let t = 0; t < middle.nTokens; t++) {
      for (let a = 0; a < N_ACTIVE; a++) {
        const expert = middle.experts[t * LAYERS * N_ACTIVE + a];
        const at = last.indexOf(expert);
        if (at >= 0) hits++;
        last.splice(at >= 0 ? at : 0, at >= 0 || last.length === 8 ? 1 : 0);
        last.push(expert);
      }
    }
    const options = { policies: ["lru"], scopes: ["layer"], slots: [8] } as const;
    const [{ decode }] = replay(onlyLayer(middle, 0), options).caches;
    expect(hits / decode.hits).toBeGreaterThan(0.6);
    expect(hits / decode.hits).toBeLessThan(0.75);
  });

  it("counts every visit, of prompt and text apart, and lets tokens of one step ask together", () => {
    const trace: RouteTrace = {
      ...{ engine: "", model: "m", tokensSha256: "", nExperts: 4, nTokens: 4, nActive: 2 },
      layers: [3],
      experts: Uint8Array.of(0, 1, 1, 2, 1, 2, 0, 3),
      phase: Uint8Array.of(0, 0, 1, 1),
      step: Int32Array.of(0, 0, 1, 2),
    };
    const options = { policies: POLICIES, scopes: ["layer", "global"], slots: [4] } as const;
    for (const { prefill, decode } of replay(trace, options).caches) {
      expect(prefill).toEqual({ visits: 3, hits: 0 });
      expect(decode).toEqual({ visits: 4, hits: 3 });
    }
    for (const { prefill } of replay(trace, { ...options, tokenByToken: true }).caches) {
      expect(prefill).toEqual({ visits: 4, hits: 1 });
    }
  });
});
