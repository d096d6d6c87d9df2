/**
 * Writes a synthetic checkpoint: GLM-5.2's dimensions, layout of files and routing, random numbers.
 *
 *     npm run build && node dist/bench/stream/make-checkpoint.js FOLDER                1 dense, 2 sparse layers: 24 GB
 *     node dist/bench/stream/make-checkpoint.js FOLDER --sparse 1 --setting restless   14 GB
 *     node dist/bench/stream/make-checkpoint.js FOLDER --narrow --shard-limit 4000000    the same router, 256 channels: 24 MB
 *     node dist/bench/stream/make-checkpoint.js FOLDER --config FILE                   dimensions of another config.json
 *
 * Beside the files of a model stands synthetic.json, with the seed, the setting (topics.ts) and the tokens
 * of a text. Their routing is like that of GLM-5.2; check-checkpoint.ts says how like.
 * @module
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exit, stderr, stdout } from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { INDEX_FILE } from "../../engine/weights/checkpoint.ts";
import { SETTINGS } from "../../test/support/routing.ts";
import { newModelFolder } from "../../tools/node/new-model-folder.ts";
import { GLM52, type Json } from "../../tools/stream/official-config.ts";
import { officialIndex, officialShards } from "../../tools/stream/official-shards.ts";
import { syntheticJson, syntheticModel } from "./synthetic.ts";
import { walk } from "./topics.ts";
import { writeAll } from "./write-pieces.ts";

/** GLM-5.2's router over narrow layers. */
export const NARROW: Json = {
  ...GLM52,
  ...{ hidden_size: 256, intermediate_size: 256, moe_intermediate_size: 16, vocab_size: 16384 },
  ...{ num_attention_heads: 4, num_key_value_heads: 4, q_lora_rank: 64, kv_lora_rank: 32 },
  ...{ qk_head_dim: 48, qk_nope_head_dim: 32, qk_rope_head_dim: 16, v_head_dim: 32 },
  ...{ index_n_heads: 4, index_head_dim: 32, eos_token_id: 16000, pad_token_id: 16000 },
};
/** The name of a setting of test/support/routing.ts. */
export type SettingName = keyof typeof SETTINGS;

/** The file that says how the others were made. */
export const SYNTHETIC_FILE = "synthetic.json";

/** What stands in {@link SYNTHETIC_FILE}. */
export interface SyntheticNote {
  readonly seed: number;
  readonly setting: SettingName;
  /** A text whose routing is like that of GLM-5.2. */
  readonly tokens: readonly number[];
}

/** Which checkpoint is written. */
export interface CheckpointOptions {
  /** The config whose dimensions it has. */
  readonly json: Json;
  readonly dense: number;
  readonly sparse: number;
  readonly setting: SettingName;
  readonly seed: number;
  /** How many tokens the text has. */
  readonly tokens: number;
  /** Most bytes of tensors in one file. */
  readonly limit?: number | undefined;
  readonly threads: number;
}

/** Writes the folder, which appears only when it is complete. */
export async function makeCheckpoint(out: string, options: CheckpointOptions): Promise<void> {
  const { dense, sparse, setting, seed, limit, threads } = options;
  const json = syntheticJson(options.json, dense, sparse);
  const { config } = syntheticModel(json, seed, SETTINGS[setting]);
  const tokens = walk(options.tokens, config.vocabSize, seed);
  await newModelFolder(out, undefined, async (folder) => {
    await writeAll({ folder, json, seed, setting: SETTINGS[setting], limit }, threads);
    const note: SyntheticNote = { seed, setting, tokens };
    await writeFile(join(folder, INDEX_FILE), officialIndex(officialShards(config, "fp8", limit)));
    await writeFile(join(folder, SYNTHETIC_FILE), `${JSON.stringify(note)}\n`);
    await writeFile(join(folder, "config.json"), `${JSON.stringify(json, null, 2)}\n`);
  });
}

async function jsonOf(options: { config?: string; narrow: boolean }): Promise<Json> {
  if (options.config !== undefined) return JSON.parse(await readFile(options.config, "utf8"));
  return options.narrow ? NARROW : GLM52;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      config: { type: "string" },
      narrow: { type: "boolean", default: false },
      dense: { type: "string", default: "1" },
      sparse: { type: "string", default: "2" },
      setting: { type: "string", default: "middle" },
      seed: { type: "string", default: "1" },
      tokens: { type: "string", default: "1270" },
      "shard-limit": { type: "string" },
      threads: { type: "string", default: "2" },
    },
  });
  const [out] = positionals;
  if (out === undefined || !Object.hasOwn(SETTINGS, values.setting)) {
    stderr.write(
      `expected a folder, and as --setting one of ${Object.keys(SETTINGS).join(", ")}\n`,
    );
    exit(2);
  }
  const started = performance.now();
  await makeCheckpoint(out, {
    json: await jsonOf(values),
    dense: Number(values.dense),
    sparse: Number(values.sparse),
    setting: values.setting as SettingName,
    seed: Number(values.seed),
    tokens: Number(values.tokens),
    limit: values["shard-limit"] === undefined ? undefined : Number(values["shard-limit"]),
    threads: Number(values.threads),
  });
  stdout.write(`${out}: written in ${((performance.now() - started) / 1000).toFixed(0)} s\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
