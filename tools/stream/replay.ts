/**
 * Replays a route trace through caches of experts of several sizes.
 *
 * A budget is given in slots for each layer. With the scope `layer`, each layer has so many of its own;
 * with `global`, all layers share so many times their number.
 *
 * Next: replay-text.ts, replay-svg.ts
 * @module
 */
import { type Demands, hitsOf, type Policy } from "./cache-policies.ts";
import { type RouteStatistics, routeStatistics } from "./route-statistics.ts";
import { DECODE, PREFILL, type RouteTrace } from "./route-trace.ts";

/** Who shares a cache. */
export const SCOPES = ["layer", "global"] as const;

/** {@inheritDoc SCOPES} */
export type Scope = (typeof SCOPES)[number];

/** What to try. */
export interface ReplayOptions {
  readonly policies: readonly Policy[];
  readonly scopes: readonly Scope[];
  /** Slots for each layer, in ascending order. */
  readonly slots: readonly number[];
  /** Whether each token is a demand of its own, even where several ran together. */
  readonly tokenByToken?: boolean | undefined;
}

/** Experts that were looked for in a cache. */
export interface Counts {
  readonly visits: number;
  readonly hits: number;
}

/** One cache. */
export interface ReplayedCache {
  readonly policy: Policy;
  readonly scope: Scope;
  /** Slots for each layer. */
  readonly slots: number;
  /** Visits of tokens of the prompt. */
  readonly prefill: Counts;
  /** Visits of tokens after it. They find what the prompt left in the cache. */
  readonly decode: Counts;
}

/** The result of {@link replay}: plain data, ready for JSON. */
export interface Replay {
  readonly model: string;
  readonly tokens: { readonly prefill: number; readonly decode: number };
  readonly layers: number;
  readonly nExperts: number;
  readonly nActive: number;
  readonly expertBytes?: number;
  readonly statistics: RouteStatistics;
  readonly caches: readonly ReplayedCache[];
}

/** Tries all combinations of policies, scopes and slots. */
export function replay(trace: RouteTrace, options: ReplayOptions): Replay {
  const { policies, scopes, slots, tokenByToken = false } = options;
  const { model, nTokens, nActive, nExperts, expertBytes } = trace;
  const steps = stepsOf(trace, tokenByToken);
  const phases = steps.map(({ from }) => trace.phase[from]);
  const nLayers = trace.layers.length;
  const ofLayers = trace.layers.map((_, layer) => layerDemands(trace, steps, layer));
  const scopesOf = {
    layer: { demands: ofLayers, timesSlots: 1 },
    global: { demands: [together(ofLayers, nExperts)], timesSlots: nLayers },
  };
  const nDecode = trace.phase.reduce((n, phase) => n + (phase === DECODE ? 1 : 0), 0);
  return {
    model,
    tokens: { prefill: nTokens - nDecode, decode: nDecode },
    layers: nLayers,
    nExperts,
    nActive,
    ...(expertBytes !== undefined && { expertBytes }),
    statistics: routeStatistics(trace),
    caches: policies.flatMap((policy) =>
      scopes.flatMap((scope) =>
        slots.map((n) => {
          const { demands, timesSlots } = scopesOf[scope];
          const counts = demands.map((one) => count(one, policy, n * timesSlots, phases));
          const [prefill, decode] = [PREFILL, DECODE].map((phase) =>
            sum(counts.map((c) => c[phase])),
          );
          return { policy, scope, slots: n, prefill, decode };
        }),
      ),
    ),
  };
}

/** Tokens that ran together: `from … to - 1`. */
interface StepTokens {
  readonly from: number;
  readonly to: number;
}

function stepsOf({ step, nTokens }: RouteTrace, tokenByToken: boolean): StepTokens[] {
  const starts = Array.from({ length: nTokens }, (_, t) => t).filter(
    (t) => tokenByToken || t === 0 || step[t] !== step[t - 1],
  );
  return starts.map((from, i) => ({ from, to: starts[i + 1] ?? nTokens }));
}

/** The demands of one layer: for each step, the experts of its tokens, ascending. */
function layerDemands(trace: RouteTrace, steps: readonly StepTokens[], layer: number): Demands {
  const { experts, layers, nActive, nExperts } = trace;
  const rowOf = (t: number): number[] => {
    const at = (t * layers.length + layer) * nActive;
    return Array.from({ length: nActive }, (_, a) => experts[at + a]);
  };
  return {
    length: steps.length,
    perStep: 1,
    nKeys: nExperts,
    keysAt: (i) => {
      const { from, to } = steps[i];
      if (to === from + 1) return rowOf(from);
      const rows = Array.from({ length: to - from }, (_, k) => rowOf(from + k));
      return [...new Set(rows.flat())].sort((a, b) => a - b);
    },
  };
}

/** The demands of all layers in the order in which a step makes them. */
function together(all: readonly Demands[], nExperts: number): Demands {
  const nLayers = all.length;
  return {
    length: nLayers * (all[0]?.length ?? 0),
    perStep: nLayers,
    nKeys: nLayers * nExperts,
    keysAt: (i) => {
      const layer = i % nLayers;
      return all[layer].keysAt(Math.floor(i / nLayers)).map((e) => layer * nExperts + e);
    },
  };
}

/** Hits and visits by phase. */
function count(
  demands: Demands,
  policy: Policy,
  room: number,
  phases: readonly number[],
): Counts[] {
  const counts = [PREFILL, DECODE].map(() => ({ visits: 0, hits: 0 }));
  hitsOf(policy, demands, room).forEach((hits, i) => {
    const phase = counts[phases[Math.floor(i / demands.perStep)]];
    phase.visits += demands.keysAt(i).length;
    phase.hits += hits;
  });
  return counts;
}

const sum = (all: readonly Counts[]): Counts => ({
  visits: all.reduce((n, { visits }) => n + visits, 0),
  hits: all.reduce((n, { hits }) => n + hits, 0),
});

/** The share of hits; NaN without visits. */
export const hitShare = ({ visits, hits }: Counts): number => hits / visits;
