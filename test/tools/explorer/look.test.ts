/** What the page draws of a token is what a trace of the same text has, bit for bit. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type NamedTensor, newPagePool, storedLatents } from "../../../engine/index.ts";
import { attentionWeights } from "../../../tools/eval/attention-mass.ts";
import { Focus } from "../../../tools/explorer/live/focus.ts";
import type { Look, Opened, ReadText } from "../../../tools/explorer/messages.ts";
import { type Glm, open } from "../../../tools/node/index.ts";
import { type Live, LONG_STORY, NOWHERE, STORY, startLive } from "./support.ts";

const { GLM52_FULL } = process.env;
/** With GLM52_FULL=1, a text of some 3,600 tokens. */
const TEXT = GLM52_FULL ? LONG_STORY : STORY.slice(0, 620);

let live: Live;
let glm: Glm;
let opened: Opened;
let text: ReadText;
let traced: ReadonlyMap<string, NamedTensor>;
beforeAll(async () => {
  live = startLive();
  opened = await live.ask("open", NOWHERE);
  text = await live.ask("read", { text: TEXT });
  glm = await open(undefined, { threads: 1 });
  const tensors = await glm.trace(text.tokens.map(({ id }) => id));
  traced = new Map(tensors.map((tensor) => [tensor.name, tensor]));
});
afterAll(async () => {
  await live.close();
  await glm.close();
});

/** The row of a stage of the trace; of scores, as many as the query sees. */
function rowOf(name: string, t: number): number[] {
  const { shape, data } = traced.get(name) as NamedTensor;
  const n = data.length / shape[0];
  const row = [...data.subarray(t * n, (t + 1) * n)];
  return name.startsWith("indexer_score") ? row.slice(0, t + 1) : row;
}

/** What a look has of the stages, under their names. */
function stagesIn(look: Look): Map<string, ArrayLike<number>> {
  const all = look.layers.flatMap((layer) => {
    const { router } = layer;
    const parts: [string, ArrayLike<number> | undefined][] = [
      ["indexer_score", layer.scores],
      ["indexer_weights", layer.indexWeights],
      ["top_k", layer.chosen],
      ["kv_cmpr", layer.latent],
      ["k_pe", layer.rotaryKey],
      ["ffn_moe_logits", router?.logits],
      ["ffn_moe_topk", router?.chosen],
      ["ffn_moe_weights", router?.weights],
    ];
    return parts.map(([stage, value]) => [`${stage}-${layer.layer}`, value] as const);
  });
  return new Map(
    [...all, ["logits", look.logits] as const].flatMap(([n, v]) => (v ? [[n, v]] : [])),
  );
}

describe("a look", () => {
  it("has the numbers of the trace at any position", async () => {
    for (const t of [0, 1, 63, 64, 65, text.tokens.length - 1]) {
      const look = await live.ask("look", { t });
      const stages = stagesIn(look);
      expect(stages.size).toBeGreaterThan(45);
      for (const [name, value] of stages) {
        const row = rowOf(name, t);
        const want = name.startsWith("top_k") ? row.filter((s) => s >= 0) : row;
        expect([name, ...Array.from(value)]).toEqual([name, ...want]);
      }
      expect(look.ran).toBeLessThanOrEqual(64);
    }
  });

  it("of another position is told apart", async () => {
    const look = await live.ask("look", { t: 80 });
    const same = [...stagesIn(look)].filter(([name, value]) => {
      const row = rowOf(name, 79);
      return Array.from(value).join() === row.join();
    });
    expect(same).toEqual([]);
  });

  it("glances at every stage, in the order in which the model makes them", async () => {
    const t = text.tokens.length - 1;
    const { stages } = await live.ask("look", { t });
    expect(stages.map(({ name }) => name)).toEqual(opened.stages.map(({ name }) => name));
    expect([...traced.keys()]).toEqual(opened.stages.map(({ name }) => name));
    for (const { name, first, least, most } of stages) {
      const row = rowOf(name, t);
      expect([name, ...first]).toEqual([name, ...row.slice(0, 8)]);
      expect([least, most]).toEqual([Math.min(...row), Math.max(...row)]);
    }
  });

  it("has a lens that ends at the logits, and follows the token that is asked for", async () => {
    const look = await live.ask("look", { t: 40 });
    const last = look.layers.at(-1);
    expect(last?.lens?.top.map(({ id, p }) => [id, p])).toEqual(
      look.top.slice(0, 5).map(({ id, p }) => [id, p]),
    );
    expect(last?.lens).toMatchObject({ rank: 1, p: look.top[0].p });
    const second = await live.ask("look", { t: 40, watch: look.top[1].id });
    expect(second.layers.at(-1)?.lens).toMatchObject({ rank: 2, p: look.top[1].p });
  });

  it("has thresholds that part the chosen from the others", async () => {
    const { layers } = await live.ask("look", { t: text.tokens.length - 1 });
    for (const { scores, chosen, threshold, layer } of layers) {
      expect(chosen?.length).toBe(opened.sizes.indexTopk);
      if (!scores) continue;
      const isChosen = new Set(chosen);
      const [inside, outside] = [true, false].map((wanted) =>
        Array.from(scores).filter((_, s) => isChosen.has(s) === wanted),
      );
      expect([layer, Math.min(...inside)]).toEqual([layer, threshold]);
      expect(Math.max(...outside)).toBeLessThanOrEqual(threshold ?? Number.NaN);
    }
  });
});

describe("what no stage has", () => {
  it("votes sum to the scores", async () => {
    const t = text.tokens.length - 1;
    const { layers } = await live.ask("look", { t });
    for (const { scores, layer } of layers) {
      if (!scores) continue;
      const { votes, heads } = await live.ask("votes", { t, layer });
      scores.forEach((score, s) => {
        let sum = 0;
        for (let h = 0; h < heads; h++) sum += votes[h * (t + 1) + s];
        expect(Math.abs(sum - score)).toBeLessThan(1e-4 * Math.max(1, Math.abs(score)));
      });
    }
  });

  it("dense weights, cut to the choice and normed again, are the attention weights", async () => {
    const t = text.tokens.length - 1;
    const { layers } = await live.ask("look", { t });
    const { heads } = opened.sizes;
    for (const { layer, chosen, weights } of layers) {
      const dense = await live.ask("dense", { t, layer });
      for (let h = 0; h < heads; h++) {
        const all = dense.weights.subarray(h * (t + 1), (h + 1) * (t + 1));
        const mass = Array.from(chosen ?? []).reduce((sum, s) => sum + all[s], 0);
        expect(Math.abs(mass - dense.mass[layer][h])).toBeLessThan(1e-5);
        chosen?.forEach((s, i) => {
          expect(Math.abs(all[s] / mass - (weights?.[h * chosen.length + i] ?? 2))).toBeLessThan(
            1e-5,
          );
        });
      }
      for (const s of dense.lost) expect(chosen).not.toContain(s);
    }
  });

  it("attention weights give what the attention of the model gives", () => {
    const ids = text.tokens.map(({ id }) => id).slice(0, 80);
    const { model } = glm;
    const outputs: Float32Array[] = [];
    const { ops } = model;
    const spied = {
      ...model,
      ops: {
        ...ops,
        latentAttention: ((...args) => {
          const y = ops.latentAttention(...args);
          outputs.push(Float32Array.from(y.data));
          return y;
        }) as typeof ops.latentAttention,
      },
    };
    const focus = new Focus(spied, newPagePool(model.ops, model.config), ids, 79);
    const layer = 5;
    const y = outputs.slice(-opened.sizes.layers)[layer];
    const { query, past } = focus.attention[layer];
    const chosen = focus.stages.get(`top_k-${layer}`)?.data as Int32Array;
    const { latent } = storedLatents(past);
    attentionWeights(query, past, chosen).forEach((weights, h) => {
      for (let c = 0; c < query.nLatent; c++) {
        const sum = weights.reduce(
          (total, w, i) => total + w * latent.data[chosen[i] * query.nLatent + c],
          0,
        );
        expect(Math.abs(sum - y[h * query.nLatent + c])).toBeLessThan(1e-4);
      }
    });
    focus.close();
  });

  it("the bias of the router chooses the experts, and weighs nothing", async () => {
    const { layers } = await live.ask("look", { t: 100 });
    for (const { router, layer } of layers) {
      expect([layer, router !== undefined]).toEqual([layer, opened.layers[layer].ffn === "sparse"]);
      if (!router?.bias) continue;
      expect(router.bias).toEqual(opened.layers[layer].routerBias);
      const biased = Array.from(router.scores, (s, e) => s + (router.bias?.[e] ?? Number.NaN));
      const best = biased
        .map((_, e) => e)
        .sort((a, b) => biased[b] - biased[a])
        .slice(0, opened.sizes.expertsPerToken);
      expect([...router.chosen]).toEqual(best.sort((a, b) => a - b));
      const ratio = router.weights[0] / router.scores[router.chosen[0]];
      router.chosen.forEach((e, i) => {
        expect(Math.abs(router.weights[i] / router.scores[e] / ratio - 1)).toBeLessThan(1e-5);
      });
    }
  });
});
