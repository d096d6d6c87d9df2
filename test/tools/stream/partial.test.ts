/** The first layers of a model run with their files alone, and give the bits of the whole model. */
import { cpSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { makeCheckpoint } from "../../../bench/stream/make-checkpoint.ts";
import { LayerPass } from "../../../engine/generate/layer-pass.ts";
import type { ModelPart } from "../../../engine/weights/part.ts";
import { openModel } from "../../../tools/node/open.ts";
import { GLM52, type Json } from "../../../tools/stream/official-config.ts";
import { officialShards, shardsOf } from "../../../tools/stream/official-shards.ts";
import { scratchFolder } from "../../support/paths.ts";

const TINY: Json = {
  ...GLM52,
  ...{ hidden_size: 128, intermediate_size: 128, moe_intermediate_size: 16, vocab_size: 512 },
  ...{ num_attention_heads: 4, num_key_value_heads: 4, q_lora_rank: 64, kv_lora_rank: 32 },
  ...{ qk_head_dim: 24, qk_nope_head_dim: 16, qk_rope_head_dim: 8, v_head_dim: 16 },
  ...{ index_n_heads: 4, index_head_dim: 16, eos_token_id: 500, pad_token_id: 500 },
  ...{ n_routed_experts: 32, num_experts_per_tok: 4 },
};
const limit = 60_000;
const ram = 2 ** 30;
const tokens = Array.from({ length: 9 }, (_, t) => (37 * t) % 512);

describe("a checkpoint of four layers in many files", () => {
  const scratch = scratchFolder();
  const whole = join(scratch, "whole");
  beforeAll(() =>
    makeCheckpoint(whole, {
      ...{ json: TINY, dense: 1, sparse: 3, setting: "middle", seed: 1, tokens: 1 },
      ...{ threads: 1, limit },
    }),
  );

  /** The residual stream behind each layer, and the files that the part has. */
  async function pass(folder: string, part: ModelPart): Promise<number[][]> {
    const { model, close } = await openModel(folder, { threads: 1, stream: { ram, part } });
    try {
      const run = new LayerPass(model, tokens);
      const states: number[][] = [];
      while (run.step()) states.push([...run.state.hidden]);
      if (part.logits !== false) states.push([...run.end().logits]);
      return states;
    } finally {
      await close();
    }
  }

  it.each([1, 2, 3, 4])("%i of them, without the other files", async (layers) => {
    const part = { layers, logits: false };
    const { config, close } = await openModel(whole, { threads: 1, stream: { ram } });
    await close();
    const shards = officialShards(config, "fp8", limit);
    const needed = new Set(shardsOf(config, shards, part).map(({ file }) => file));
    const folder = join(scratch, `first-${layers}`);
    cpSync(whole, folder, { recursive: true });
    const others = readdirSync(folder).filter(
      (name) => name.endsWith(".safetensors") && !needed.has(name),
    );
    expect(others.length).toBeGreaterThan(0);
    for (const file of others) rmSync(join(folder, file));
    const states = await pass(folder, part);
    expect(states.length).toBe(layers);
    expect(states).toEqual((await pass(whole, {})).slice(0, layers));
    await expect(pass(folder, {})).rejects.toThrow(/ (is|are) not there$/);
    await expect(pass(folder, { layers: 4 })).rejects.toThrow(/ (is|are) not there/);
  });
});
