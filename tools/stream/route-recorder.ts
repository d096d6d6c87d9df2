/**
 * Records the routes of a run. It looks on through the taps `ffn_moe_topk` and, where that is wanted,
 * `ffn_moe_weights`; no result depends on it.
 * @module
 */
import { newTap, noTap, type Tap, type Taps } from "../../engine/base/tap.ts";
import type { ModelConfig } from "../../engine/config/model-config.ts";
import {
  DECODE,
  expertNumbers,
  PREFILL,
  type RouteOrigin,
  type RouteTrace,
} from "./route-trace.ts";

/** What a run does not show to taps. */
export interface RouteAbout extends Omit<RouteOrigin, "nExperts"> {
  /** How many of the recorded tokens belong to the prompt: the first ones. */
  readonly prefillTokens: number;
}

/** The rows of one layer, and their number in each step. */
interface LayerRoutes {
  readonly experts: Rows<ReturnType<typeof expertNumbers>>;
  readonly weights: Rows<Float32Array<ArrayBuffer>>;
  readonly steps: number[];
}

/** Numbers in memory that doubles when it is full. */
interface Rows<A> {
  all: A;
  length: number;
}

/** Taps to give to a session, which remember each token's experts. */
export class RouteRecorder implements Taps {
  /** Sees nothing. */
  readonly model: Tap = noTap;
  readonly #config: Pick<ModelConfig, "nRoutedExperts" | "numExpertsPerTok">;
  readonly #withWeights: boolean;
  readonly #layers = new Map<number, LayerRoutes>();

  /** @param options `weights`: whether to record the experts' weights, too; seven eighths of the file */
  constructor(
    config: Pick<ModelConfig, "nRoutedExperts" | "numExpertsPerTok">,
    options: { readonly weights?: boolean } = {},
  ) {
    this.#config = config;
    this.#withWeights = options.weights ?? false;
  }

  /** How many tokens every layer has seen. */
  get nTokens(): number {
    const counts = [...this.#layers.values()].map(({ steps }) =>
      steps.reduce((n, rows) => n + rows, 0),
    );
    return counts.length === 0 ? 0 : Math.min(...counts);
  }

  /** {@inheritDoc Taps.layer} */
  layer(index: number): Tap {
    return newTap(
      (stage, { data }) => {
        const routes = this.#routesOf(index);
        if (stage === "ffn_moe_topk") {
          add(routes.experts, data);
          routes.steps.push(data.length / this.#config.numExpertsPerTok);
        } else {
          add(routes.weights, data);
        }
      },
      (stage) => stage === "ffn_moe_topk" || (this.#withWeights && stage === "ffn_moe_weights"),
    );
  }

  /**
   * The routes so far.
   *
   * @throws {Error} when the layers have not run the same steps: a step is under way
   */
  trace({ prefillTokens, ...about }: RouteAbout): RouteTrace {
    const { nRoutedExperts: nExperts, numExpertsPerTok: nActive } = this.#config;
    const layers = [...this.#layers.keys()].sort((a, b) => a - b);
    const routes = layers.map((layer) => this.#routesOf(layer));
    const steps = routes[0]?.steps ?? [];
    if (routes.some((one) => one.steps.join() !== steps.join())) {
      throw new Error("expected whole steps, got layers that have run different ones");
    }
    const nTokens = steps.reduce((n, rows) => n + rows, 0);
    const n = nTokens * layers.length * nActive;
    const gather = <A extends NumberRows>(out: A, rowsOf: (one: LayerRoutes) => Rows<A>): A => {
      routes.forEach((one, l) => {
        const { all } = rowsOf(one);
        for (let t = 0; t < nTokens; t++) {
          const row = all.subarray(t * nActive, (t + 1) * nActive);
          out.set(row, (t * layers.length + l) * nActive);
        }
      });
      return out;
    };
    return {
      ...about,
      nExperts,
      nTokens,
      nActive,
      layers,
      experts: gather(expertNumbers(n, nExperts), (one) => one.experts),
      phase: Uint8Array.from({ length: nTokens }, (_, t) => (t < prefillTokens ? PREFILL : DECODE)),
      step: Int32Array.from(steps.flatMap((rows, i) => Array<number>(rows).fill(i))),
      ...(this.#withWeights && {
        weights: gather(new Float32Array(n), (one) => one.weights),
      }),
    };
  }

  #routesOf(layer: number): LayerRoutes {
    const there = this.#layers.get(layer);
    if (there) return there;
    const experts = { all: expertNumbers(0, this.#config.nRoutedExperts), length: 0 };
    const routes = { experts, weights: { all: new Float32Array(0), length: 0 }, steps: [] };
    this.#layers.set(layer, routes);
    return routes;
  }
}

type NumberRows = Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

/** Appends rows. Memory grows by doubling, so that a long text costs no more than twice its rows. */
function add<A extends NumberRows>(rows: Rows<A>, more: ArrayLike<number>): void {
  const length = rows.length + more.length;
  if (length > rows.all.length) {
    const grown = new (rows.all.constructor as new (n: number) => A)(2 * length);
    grown.set(rows.all.subarray(0, rows.length));
    rows.all = grown;
  }
  rows.all.set(more, rows.length);
  rows.length = length;
}
