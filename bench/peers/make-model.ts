/**
 * Makes models to measure with. They have the whole architecture, and random weights from a seed.
 *
 *     node dist/bench/peers/make-model.js .cache/bench            `medium`, 1.7 GB in bf16
 *     node dist/bench/peers/make-model.js .cache/bench --small    `small`, 0.1 GB in bf16, for a first try
 *     node dist/bench/peers/make-model.js .cache/bench --large    `large`, 5 GiB in q8, for bench/memory.ts
 *
 * `medium` and `small` are made in every format of races.ts: folders `f32`, `f16`, `bf16`, `q8` and
 * `q4` for this engine, and `f32.gguf`, `f16.gguf`, `q8_0.gguf` and `q4_0.gguf` with the same
 * numbers for llama.cpp. `large` is made in `q8` only, of random bytes. Models that exist are not
 * made again.
 * @module
 */
import { spawn } from "node:child_process";
import { once as onceEvent } from "node:events";
import { existsSync } from "node:fs";
import { copyFile, mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { argv, execPath, exit, stderr, stdout } from "node:process";
import { parseArgs } from "node:util";
import { sizeOf } from "../../engine/base/tensor.ts";
import { parseConfig } from "../../engine/config/config.ts";
import { GROUPS_METHOD } from "../../engine/config/quantization.ts";
import { decode, toF16 } from "../../engine/numbers/formats.ts";
import { GROUP } from "../../engine/numbers/raw-tensor.ts";
import type { StoredTensor } from "../../engine/weights/checkpoint.ts";
import { GROUP_SCALE_SUFFIX, mayHaveGroups, type TensorSpec } from "../../engine/weights/names.ts";
import { everySpec, modelSpecs } from "../../engine/weights/table.ts";
import { safetensorsHeader } from "../../engine/weights/write-safetensors.ts";
import { encode, type GgmlType } from "../../tools/convert/gguf/encode.ts";
import { writeGguf } from "../../tools/convert/gguf/write-gguf.ts";
import type { WeightFormat } from "../../tools/convert/quantize.ts";
import { writeQuantized } from "../../tools/convert/quantize-folder.ts";
import { demoModel } from "../../tools/node/our-package.ts";
import { allCores } from "../../tools/node/threads.ts";
import { writePieces, writeWhole } from "../../tools/node/write-whole.ts";
import { LARGE, MEDIUM, SMALL } from "./sizes.ts";

const SEED = 0x9e3779b9;

/** How many bytes are made at once. */
const PIECE = 2 ** 24;

/** Random signed 32-bit numbers: xorshift, written to whole arrays, because a call for each takes longer. */
class RandomWords {
  #x = SEED | 0;

  fill(words: Int32Array): void {
    let x = this.#x;
    for (let i = 0; i < words.length; i++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      words[i] = x;
    }
    this.#x = x;
  }
}

/** bf16 numbers, uniform between ± √(3 / columns), so that rows have length 1 on average. */
function* weights(shape: readonly number[], random: RandomWords): Generator<Uint8Array> {
  const nColumns = shape[shape.length - 1];
  const step = Math.max(1, Math.floor(PIECE / 4 / nColumns)) * nColumns;
  const scale = Math.sqrt(3 / nColumns) / 2 ** 31;
  const n = sizeOf(shape);
  for (let at = 0; at < n; at += step) {
    const words = new Int32Array(Math.min(step, n - at));
    random.fill(words);
    const values = new Float32Array(words.buffer);
    for (let i = 0; i < words.length; i++) values[i] = words[i] * scale;
    yield upperHalves(values);
  }
}

/** A vector: ones for the gain of a norm, zeros for a bias. */
function vector({ name, shape }: TensorSpec): Uint8Array {
  return upperHalves(new Float32Array(shape[0]).fill(name.endsWith("bias") ? 0 : 1));
}

/** Cuts f32 numbers to bf16. The numbers are random, so they need not be rounded correctly. */
function upperHalves(values: Float32Array): Uint8Array {
  const bits = new Uint32Array(values.buffer);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i++) halves[i] = bits[i] >>> 16;
  return new Uint8Array(halves.buffer);
}

/** Random bytes. */
function* bytes(n: number, random: RandomWords): Generator<Uint8Array> {
  for (let at = 0; at < n; at += PIECE) {
    const words = new Int32Array(Math.ceil(Math.min(PIECE, n - at) / 4));
    random.fill(words);
    yield new Uint8Array(words.buffer, 0, Math.min(PIECE, n - at));
  }
}

/** A tensor of the file, and its numbers. */
interface Part extends Omit<StoredTensor, "bytes"> {
  readonly pieces: () => Iterable<Uint8Array>;
}

function bf16Part(spec: TensorSpec, random: RandomWords): [string, Part][] {
  const isVector = spec.shape.length === 1;
  const pieces = () => (isVector ? [vector(spec)] : weights(spec.shape, random));
  return [[spec.name, { dtype: "BF16", shape: spec.shape, pieces }]];
}

/** The same numbers as {@link bf16Part}'s, in a wider format. */
const widePart =
  (to: "f32" | "f16"): typeof bf16Part =>
  (spec, random) =>
    bf16Part(spec, random).map(([name, { shape, pieces }]): [string, Part] => {
      function* wider(): Generator<Uint8Array> {
        for (const bytes of pieces()) {
          yield encode(to, decode({ dtype: "BF16", shape: [bytes.length / 2], bytes }));
        }
      }
      return [name, { dtype: to === "f32" ? "F32" : "F16", shape, pieces: wider }];
    });

function q8Parts(spec: TensorSpec, random: RandomWords): [string, Part][] {
  if (!mayHaveGroups(spec)) return bf16Part(spec, random);
  const { name, shape } = spec;
  const nColumns = shape[shape.length - 1];
  const groups = [...shape.slice(0, -1), nColumns / GROUP];
  const scale = toF16(Math.sqrt(3 / nColumns) / 127);
  const scales = new Uint8Array(new Uint16Array(sizeOf(groups)).fill(scale).buffer);
  return [
    [name, { dtype: "I8", shape, pieces: () => bytes(sizeOf(shape), random) }],
    [name + GROUP_SCALE_SUFFIX, { dtype: "F16", shape: groups, pieces: () => [scales] }],
  ];
}

async function makeFolder(
  folder: string,
  json: typeof MEDIUM & { readonly quantization_config?: object },
  partsOf: typeof bf16Part,
): Promise<void> {
  const config = parseConfig(json);
  const specs = [...everySpec(modelSpecs(config, { hasMtp: false }))];
  const random = new RandomWords();
  const parts = Object.fromEntries(specs.flatMap((spec) => partsOf(spec, random)));
  const header = safetensorsHeader(parts, { format: "pt" });
  function* pieces(): Generator<Uint8Array> {
    yield header.bytes;
    for (const name of header.names) yield* parts[name].pieces();
  }
  await writePieces(join(folder, "model.safetensors"), pieces());
  await writeWhole(join(folder, "config.json"), new TextEncoder().encode(JSON.stringify(json)));
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
    await copyFile(join(await demoModel(), name), join(folder, name));
  }
}

/** Makes a model in one format from the one in bf16, or from the same random numbers. */
type Make = (path: string, bf16: string, config: typeof MEDIUM) => Promise<unknown>;

const quantized =
  (to: WeightFormat): Make =>
  (path, bf16) =>
    writeQuantized(bf16, path, to, { threads: 1 });
const wide =
  (to: "f32" | "f16"): Make =>
  (path, _, config) =>
    makeFolder(path, config, widePart(to));
const gguf =
  (type: GgmlType): Make =>
  (path, bf16) =>
    writeGguf(bf16, path, type, {});

const MAKE: Readonly<Record<string, Make>> = {
  q8: quantized("q8"),
  q4: quantized("q4"),
  f32: wide("f32"),
  f16: wide("f16"),
  "f32.gguf": gguf("f32"),
  "f16.gguf": gguf("f16"),
  "q8_0.gguf": gguf("q8_0"),
  "q4_0.gguf": gguf("q4_0"),
};

const FORMATS: readonly string[] = ["bf16", ...Object.keys(MAKE)];

/** Takes formats from a list until it is empty, and makes each in a process of its own. */
async function makeApart(formats: string[]): Promise<void> {
  for (let name = formats.shift(); name !== undefined; name = formats.shift()) {
    const child = spawn(execPath, [...argv.slice(1), "--only", name], { stdio: "inherit" });
    const [code] = await onceEvent(child, "exit");
    if (code !== 0) throw new Error(`${name}: its process ended with ${code}`);
  }
}

/** Calls `make` with a temporary path, and renames it to `path` when it is complete. */
async function once(path: string, make: (path: string) => Promise<unknown>): Promise<void> {
  if (existsSync(path)) return;
  stderr.write(`${path}\n`);
  const partial = `${path}.part`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(path.endsWith(".gguf") ? dirname(path) : partial, { recursive: true });
  await make(partial);
  await rename(partial, path);
}

const HELP = `node dist/bench/peers/make-model.js FOLDER [--small | --large] [--only FORMAT,…]

Makes models with random weights in a folder, to measure with: medium, 14 GB in all formats; small,
0.9 GB; or large, 5 GiB. The formats are ${FORMATS.join(", ")}; bf16 is made in any case.
`;

const { values, positionals } = given();
const [folder, ...more] = positionals;
if (values.help || folder === undefined || more.length > 0) leave(values.help ? 0 : 2);

/** The command line; for one that is wrong, the program says how it is called and ends. */
function given() {
  const flag = { type: "boolean" } as const;
  const options = { small: flag, large: flag, help: flag, only: { type: "string" } } as const;
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch {
    return leave(2);
  }
}

function leave(code: number): never {
  (code === 0 ? stdout : stderr).write(HELP);
  exit(code);
}

if (values.large) {
  const large = {
    ...LARGE,
    quantization_config: { quant_method: GROUPS_METHOD, bits: 8, group_size: GROUP },
  };
  await once(join(folder, "large/q8"), (path) => makeFolder(path, large, q8Parts));
} else {
  const { small = false, only = FORMATS.join(",") } = values;
  const formats = only.split(",").filter((name) => name !== "bf16");
  if (!formats.every((name) => name in MAKE)) leave(2);
  const root = join(folder, small ? "small" : "medium");
  const config = small ? SMALL : MEDIUM;
  const bf16 = join(root, "bf16");
  await once(bf16, (path) => makeFolder(path, config, bf16Part));
  const make = (name: string) => once(join(root, name), (path) => MAKE[name](path, bf16, config));
  if (formats.length === 1) await make(formats[0]);
  else await Promise.all(Array.from({ length: allCores() }, () => makeApart(formats)));
}
