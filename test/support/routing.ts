/**
 * Routes like those of GLM-5.2, made of random numbers at the level of the router, without a model.
 *
 * The logits of a token are sums of three random parts, each with mean 0 and variance 1 for each expert:
 *
 * `√topic · topic[k] + √context · c(t) + √(1 − topic − context) · word[k][w]`
 *
 * The topic `k` changes once in {@link STAY} tokens on average. The context wanders:
 * `c(t) = φ · c(t−1) + √(1 − φ²) · noise`, `φ = e^(−1/tau)`. The word `w` is one of `words` of its
 * topic, drawn by Zipf's law. Chosen are the 8 largest of `sigmoid(logit) + bias`, where the biases of a
 * layer have the deviation {@link BIAS}, which is that of the released model.
 *
 * Each layer has random numbers of its own. What is like the real model's routes, and what is not, is in
 * MODEL.md, §8.4.
 * @module
 */
import { type Random, seededRandom } from "../../engine/generate/random.ts";
import { exp, log, sigmoid, sinCos } from "../../engine/numbers/math.ts";
import { DECODE, type RouteTrace } from "../../tools/stream/route-trace.ts";

/** How the routes are made. */
export interface Setting {
  /** Share of the logits' variance that stays while the topic does. */
  readonly topic: number;
  /** Share that wanders. */
  readonly context: number;
  /** Tokens in which the context forgets all but 1/e. */
  readonly tau: number;
  /** Different words of a topic. */
  readonly words: number;
}

/** Settings around what was measured of GLM-5.2. */
export const SETTINGS = {
  restless: { topic: 0.2, context: 0.5, tau: 4, words: 2000 },
  middle: { topic: 0.25, context: 0.5, tau: 5, words: 400 },
  calm: { topic: 0.25, context: 0.6, tau: 8, words: 400 },
} as const satisfies Readonly<Record<string, Setting>>;

/** Shape of GLM-5.2's router. */
export const [N_EXPERTS, N_ACTIVE] = [256, 8] as const;

/** Tokens of a trace, as many as the published one has. */
export const N_TOKENS = 1270;

const TOPICS = 10;
/** Tokens for which a topic stays, on average. */
const STAY = 127;
/** Deviation of the biases. */
const BIAS = 0.04;

/** Routes of `nLayers` layers, as a trace of generated tokens. */
export function syntheticRoutes(setting: Setting, nLayers: number, seed: number): RouteTrace {
  return traceOf(nLayers, (layer) => routesOfLayer(setting, seededRandom(seed * 1000 + layer)));
}

/** Routes without any preference: each token visits 8 experts at random. */
export function uniformRoutes(nLayers: number, seed: number): RouteTrace {
  return traceOf(nLayers, (layer) => {
    const random = seededRandom(seed * 1000 + layer);
    return tokens(() => largest(Float64Array.from({ length: N_EXPERTS }, random)));
  });
}

function routesOfLayer({ topic, context, tau, words }: Setting, random: Random): number[][] {
  const normal = normals(random);
  const row = (scale = 1) => Float64Array.from({ length: N_EXPERTS }, () => scale * normal());
  const topics = Array.from({ length: TOPICS }, () => row());
  const spoken = topics.map(() => Array<Float64Array | undefined>(words).fill(undefined));
  const bias = row(BIAS);
  const zipf = zipfian(words, random);
  const [phi, c] = [exp(-1 / tau), row()];
  const [ofTopic, ofContext, ofWord] = [topic, context, 1 - topic - context].map(Math.sqrt);
  let k = Math.floor(TOPICS * random());
  return tokens(() => {
    if (random() < 1 / STAY) k = Math.floor(TOPICS * random());
    const w = zipf();
    const word = spoken[k][w] ?? row();
    spoken[k][w] = word;
    return largest(
      bias.map((b, e) => {
        c[e] = phi * c[e] + Math.sqrt(1 - phi * phi) * normal();
        return sigmoid(ofTopic * topics[k][e] + ofContext * c[e] + ofWord * word[e]) + b;
      }),
    );
  });
}

const tokens = (route: () => number[]): number[][] => Array.from({ length: N_TOKENS }, route);

/** The 8 experts with the largest scores, ascending. */
function largest(scores: Float64Array): number[] {
  const least = scores.slice().sort()[N_EXPERTS - N_ACTIVE];
  const chosen = Array.from(scores, (_, e) => e).filter((e) => scores[e] >= least);
  return chosen.slice(0, N_ACTIVE); // equal scores are as good as impossible
}

/** Draws numbers `0 … n - 1`, number `i` with a probability that is proportional to `1 / (i + 1)`. */
function zipfian(n: number, random: Random): () => number {
  let sum = 0;
  const upTo = Float64Array.from({ length: n }, (_, i) => {
    sum += 1 / (i + 1);
    return sum;
  });
  return () => {
    const x = random() * sum;
    return Math.min(n - 1, upTo.findIndex((end) => x < end) >>> 0);
  };
}

/** Draws from the normal distribution, with the engine's own functions: the same numbers everywhere. */
function normals(random: Random): () => number {
  const spare: number[] = [];
  return () => {
    if (spare.length > 0) return spare.pop() as number;
    const radius = Math.sqrt(-2 * log(1 - random()));
    const [sin, cos] = sinCos(2 * Math.PI * random());
    spare.push(radius * sin);
    return radius * cos;
  };
}

function traceOf(nLayers: number, routes: (layer: number) => number[][]): RouteTrace {
  const layers = Array.from({ length: nLayers }, (_, l) => l);
  const all = layers.map(routes);
  const rows = Array.from({ length: N_TOKENS }, (_, t) => all.flatMap((one) => one[t]));
  return {
    engine: "synthetic",
    model: "synthetic",
    tokensSha256: "",
    nExperts: N_EXPERTS,
    nTokens: N_TOKENS,
    nActive: N_ACTIVE,
    layers,
    experts: Uint8Array.from(rows.flat()),
    phase: new Uint8Array(N_TOKENS).fill(DECODE),
    step: Int32Array.from({ length: N_TOKENS }, (_, t) => t),
  };
}
