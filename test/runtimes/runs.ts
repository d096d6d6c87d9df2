/**
 * The commands whose results are compared between runtimes. They must depend only on their input.
 * @module
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** A command, and options that must not change a bit of its result. */
export interface Run {
  readonly args: readonly string[];
  /** The options; if there are none, the command runs once as it is. */
  readonly ways?: readonly string[];
  /** Whether the command writes a file, whose name is given with `--out`. */
  readonly writes?: boolean;
}

/** A schema without blanks, which would part arguments. */
const SCHEMA = JSON.stringify({
  type: "object",
  properties: { name: { type: "string", maxLength: 20 }, age: { type: "integer", minimum: 1 } },
  required: ["name", "age"],
});

export const root = resolve(import.meta.dirname, "../..");

const golden = (name: string): { model: string; tokens: string } => ({
  model: join(root, "golden/cases", name, "model"),
  tokens: JSON.parse(
    readFileSync(join(root, "golden/cases", name, "tokens.json"), "utf8"),
  ).tokens.join(),
});

/** Writes a file with the values of `key` in all cases of a conformance pack, as one JSON array. */
function packed(scratch: string, pack: string, key: "text" | "request"): string {
  const folder = join(root, "golden", pack);
  const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
  const items = files.flatMap((file) =>
    (JSON.parse(readFileSync(join(folder, file), "utf8")).cases as Record<string, unknown>[]).map(
      (entry) => entry[key],
    ),
  );
  const path = join(scratch, `${pack}.json`);
  writeFileSync(path, JSON.stringify(items));
  return path;
}

function traced(name: string, rest: string): Run {
  const { model, tokens } = golden(name);
  // The hashes are of the epsilon in config.json, not of the one in case.json, which trace would take.
  const eps = JSON.parse(readFileSync(join(model, "config.json"), "utf8")).rms_norm_eps;
  const options = [`--latent-eps=${eps}`, ...rest.split(" ").filter(Boolean)];
  const args = ["trace", "--model", model, "--tokens", tokens, ...options];
  const isWasm = rest.includes("wasm");
  const ways = isWasm ? THREADED : rest.includes("mtp") ? CHUNKED : [];
  return { args, ways, writes: true };
}

/** Traces of golden cases with both backends: every choice, every layer, and the logits. */
function packRuns(names: readonly string[]): Record<string, Run> {
  const stages = "--stages top_k,ffn_moe_topk,l_out,logits";
  return Object.fromEntries(
    names.flatMap((name) => [
      [`golden pack, ${name}, f32`, { ...traced(name, stages), ways: ["--chunk 1", "--chunk 64"] }],
      [
        `golden pack, ${name}, wasm`,
        {
          ...traced(name, `${stages} --backend wasm`),
          ways: ["--threads 1 --chunk 3", "--threads 2 --chunk 64"],
        },
      ],
    ]),
  );
}

function told(text: string, rest: string, ways: readonly string[]): Run {
  return { args: ["run", text, "--json", ...rest.split(" ")], ways };
}

/** The demo model is written in these formats before the runs, each in a folder of that name. */
export const QUANTISED = ["q8", "q4"] as const;

/** A trace of 90 tokens through the quantised demo model. These are more than its indexer keeps. */
function quantised(scratch: string, format: (typeof QUANTISED)[number], rest: string): Run {
  const tokens = Array.from({ length: 90 }, (_, i) => 2 + ((i * i * 31 + 7 * i) % 2000)).join();
  const args = ["trace", "--model", join(scratch, format), "--tokens", tokens];
  const options = `--stages logits,top_k --backend wasm ${rest}`.split(" ");
  return { args: [...args, ...options], ways: THREADED, writes: true };
}

/** Several counts of threads, and several sizes of chunks. */
const THREADED = [
  "--threads 1 --chunk 37",
  "--threads 2 --chunk 1",
  "--threads 3 --chunk 5",
  "--threads 4 --chunk 1000",
];
const CHUNKED = ["--chunk 64", "--chunk 1", "--chunk 7"];

/**
 * All runs by name.
 *
 * @param scratch folder for the files that the commands read
 */
export function runs(scratch: string): Record<string, Run> {
  const texts = packed(scratch, "tokenizer", "text");
  const requests = packed(scratch, "chat", "request");
  const demo = join(root, "demo-model");
  const numbers = Array.from({ length: 150 }, (_, i) => i).join(" ");
  return {
    "tiny-all, all stages, f32": traced("tiny-all", "--mtp-steps 3"),
    "tiny-all, all stages, f64": traced("tiny-all", "--mtp-steps 3 --precision f64"),
    "long-520, logits, f32": traced("long-520", "--stages logits,top_k"),
    "tiny-all, all stages, wasm": traced("tiny-all", "--mtp-steps 3 --backend wasm"),
    "long-520, logits, wasm": traced("long-520", "--stages logits,top_k --backend wasm"),
    ...packRuns(["clear-bf16", "clear-mtp", "real-ratios", "fp8-blocks", "groups2-bias"]),
    "demo model, sampled text": told(
      "Once upon a time",
      "--seed 7 --temperature 0.8 --max-tokens 100 --backend wasm",
      THREADED,
    ),
    "demo model, sampled text, reference": told(
      "Once upon a time",
      "--seed 7 --temperature 0.8 --max-tokens 60 --backend reference",
      [],
    ),
    "demo model, greedy text": told("The little dog", "--temperature 0 --max-tokens 40", [
      "--draft 0",
      "--draft 3",
      "--draft 3 --threads 3",
      "--backend reference",
    ]),
    "demo model, text of a streamed model": told("One day", "--temperature 0 --max-tokens 12", [
      "--draft 0",
      "--stream --ram 256MiB --draft 2 --threads 2",
    ]),
    "demo model, JSON of a schema": told(
      "A cat: ",
      `--temperature 1 --seed 3 --max-tokens 60 --json-schema ${SCHEMA}`,
      ["--threads 1", "--threads 3"],
    ),
    "demo model in q8, logits": quantised(scratch, "q8", "--activations f32"),
    "demo model in q8, logits, activations in int8": quantised(scratch, "q8", "--activations int8"),
    "demo model in q4, logits, activations in int8": quantised(scratch, "q4", "--activations int8"),
    "ids and pieces of the tokenizer pack's texts": {
      args: ["tokenize", texts, "--batch", "--json"],
    },
    "prompts and ids of the chat pack's conversations": {
      args: ["render", requests, "--batch", "--json", "--tokenizer", demo],
    },
    "demo model, cold rows in a file": told(numbers, "--temperature 0 --max-tokens 20", [
      "--chunk 64",
      `--kv-ram 170KB --kv-file ${join(scratch, "rows")}`,
      `--kv-ram 170KB --kv-file ${join(scratch, "rows")} --chunk 5 --threads 3`,
    ]),
    "demo model, rows in int8": told(
      numbers,
      "--temperature 0.8 --kv-type int8 --index-type int8",
      ["--chunk 64", `--kv-ram 170KB --kv-file ${join(scratch, "rows")} --chunk 7`],
    ),
  };
}
