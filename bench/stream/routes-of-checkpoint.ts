/**
 * The routes of a text through a checkpoint: of its routers alone, which read the embedding as if no layer
 * came before them, or of the engine.
 * @module
 */
import { bothTaps, newTap, noTap, type Taps } from "../../engine/base/tap.ts";
import type { ModelConfig } from "../../engine/config/model-config.ts";
import { LayerPass } from "../../engine/generate/layer-pass.ts";
import { decode, fromBf16 } from "../../engine/numbers/formats.ts";
import { sigmoid } from "../../engine/numbers/math.ts";
import type { Dtype } from "../../engine/numbers/raw-tensor.ts";
import { readExactly } from "../../engine/weights/byte-source.ts";
import { type Checkpoint, openCheckpoint } from "../../engine/weights/checkpoint.ts";
import { globalSpecs, routerSpecs } from "../../engine/weights/names.ts";
import { layerPrefix } from "../../engine/weights/table.ts";
import { withFiles } from "../../tools/node/file-source.ts";
import { openModel } from "../../tools/node/open.ts";
import { openConfig } from "../../tools/node/open-config.ts";
import { RouteRecorder } from "../../tools/stream/route-recorder.ts";
import type { RouteTrace } from "../../tools/stream/route-trace.ts";

/** Routes, and what the routers would have known of them a layer before. */
export interface Routes {
  readonly trace: RouteTrace;
  /** For each layer but the last, the share of the next one's experts that its router finds early. */
  readonly recall: readonly number[];
}

/** The router of a layer. */
interface Router {
  readonly rows: readonly Float32Array[];
  readonly bias: ArrayLike<number>;
}

/** The routes of the routers alone. */
export async function routesOfRouters(folder: string, tokens: readonly number[]): Promise<Routes> {
  const { config } = await openConfig(folder);
  return withFiles(folder, async (files) => {
    const checkpoint = await openCheckpoint(files);
    const { name, shape } = globalSpecs(config).embedTokens;
    const entry = checkpoint.tensors.get(name);
    if (entry?.dtype !== "BF16") throw new Error(`expected ${name} in BF16`);
    const source = await files.open(entry.file);
    const inputs: Float32Array[] = [];
    for (const token of tokens) {
      const bytes = await readExactly(source, entry.offset + token * shape[1] * 2, shape[1] * 2);
      const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, shape[1]);
      inputs.push(normalized(Float32Array.from(halves, fromBf16)));
    }
    const routers = await routersOf(config, checkpoint);
    const experts = inputs.flatMap((x) =>
      [...routers.values()].flatMap((router) => chosen(router, x, config.numExpertsPerTok)),
    );
    const nTokens = tokens.length;
    const trace: RouteTrace = {
      ...{ engine: "routers alone", model: folder, tokensSha256: "", nTokens },
      nExperts: config.nRoutedExperts,
      nActive: config.numExpertsPerTok,
      layers: [...routers.keys()],
      experts: Uint16Array.from(experts),
      phase: new Uint8Array(nTokens),
      step: Int32Array.from(tokens, (_, t) => t),
    };
    return { trace, recall: [] };
  });
}

/** Memory for a pass of the engine. */
const RAM = 6e9;

/** The routes of the engine, in one pass over the layers, which are read from the files. */
export async function routesOfEngine(folder: string, tokens: readonly number[]): Promise<Routes> {
  const { config, model, close } = await openModel(folder, { stream: { ram: RAM } });
  try {
    const routers = await withFiles(folder, async (files) =>
      routersOf(config, await openCheckpoint(files)),
    );
    const recorder = new RouteRecorder(config);
    const early = new Map<number, number[][]>();
    const guessing = guesses(config, routers, early);
    const layer = (i: number) => bothTaps(recorder.layer(i), guessing(i));
    const pass = new LayerPass(model, tokens, { model: noTap, layer });
    while (pass.step());
    const about = { engine: "glm52.ts", model: folder, tokensSha256: "" };
    const trace = recorder.trace({ ...about, prefillTokens: tokens.length });
    return { trace, recall: recallOf(trace, early) };
  } finally {
    await close();
  }
}

/** Taps that let the router of the next layer guess from each layer's input of the experts. */
function guesses(
  c: ModelConfig,
  routers: ReadonlyMap<number, Router>,
  early: Map<number, number[][]>,
): Taps["layer"] {
  return (layer) =>
    newTap(
      (_, { data, shape }) => {
        const router = routers.get(layer + 1);
        if (router === undefined) return;
        const rows = early.get(layer + 1) ?? [];
        for (let t = 0; t < shape[0]; t++) {
          const x = Float32Array.from(data.subarray(t * shape[1], (t + 1) * shape[1]));
          rows.push(chosen(router, x, c.numExpertsPerTok));
        }
        early.set(layer + 1, rows);
      },
      (stage) => stage === "ffn_norm" && routers.has(layer),
    );
}

/** The share of each layer's experts that were guessed, beginning with the second layer of the trace. */
function recallOf(trace: RouteTrace, early: ReadonlyMap<number, number[][]>): number[] {
  const { layers, nActive, experts } = trace;
  return layers.slice(1).map((layer, i) => {
    const guessed = early.get(layer) ?? [];
    const hits = guessed.map((row, t) => {
      const at = (t * layers.length + i + 1) * nActive;
      return row.filter((e) => experts.subarray(at, at + nActive).includes(e)).length;
    });
    return hits.reduce((sum, n) => sum + n, 0) / (guessed.length * nActive);
  });
}

async function routersOf(
  c: ModelConfig,
  checkpoint: Checkpoint,
): Promise<ReadonlyMap<number, Router>> {
  const read = async (name: string): Promise<Float32Array> => {
    const { dtype, shape, bytes } = await checkpoint.read(name);
    return Float32Array.from(decode({ dtype: dtype as Dtype, shape, bytes }));
  };
  const routers = new Map<number, Router>();
  for (const [layer, type] of c.mlpLayerTypes.entries()) {
    if (type === "dense") continue;
    const { router, eScoreCorrectionBias } = routerSpecs(c, layerPrefix(layer));
    const all = await read(router.name);
    const [nE, hidden] = router.shape;
    const rows = Array.from({ length: nE }, (_, e) => all.subarray(e * hidden, (e + 1) * hidden));
    routers.set(layer, { rows, bias: await read(eScoreCorrectionBias.name) });
  }
  return routers;
}

/** The experts that a router chooses for an input, ascending. */
function chosen({ rows, bias }: Router, x: Float32Array, nActive: number): number[] {
  const scores = rows.map((row, e) => {
    let logit = 0;
    for (let i = 0; i < x.length; i++) logit += row[i] * x[i];
    return sigmoid(logit) + bias[e];
  });
  const order = scores.map((_, e) => e).sort((a, b) => scores[b] - scores[a] || a - b);
  return order.slice(0, nActive).sort((a, b) => a - b);
}

/** A row divided by its root mean square, as the norm before the router does. */
function normalized(x: Float32Array): Float32Array {
  const meanSquare = x.reduce((sum, v) => sum + v * v, 0) / x.length;
  return x.map((v) => v / Math.sqrt(meanSquare));
}
