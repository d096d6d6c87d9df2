/**
 * Makes a golden case with a dump of about 50 MB, with which `glm52 golden check` can be timed:
 *
 *     node dist/bench/golden/big-dump.js FOLDER [TOKENS]
 *     time node dist/tools/cli/glm52.js golden check FOLDER/dump.safetensors --case FOLDER
 *     time node dist/tools/cli/glm52.js golden check FOLDER/dump.npz --case FOLDER
 *
 * The model is that of the case long-520, the tokens are random, and the dump is a float64 run of
 * this engine, written as F32.
 * @module
 */
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { argv, stdout } from "node:process";
import { referenceOps, seededRandom } from "../../engine/index.ts";
import { encodeF32 } from "../../engine/numbers/formats.ts";
import type { NamedTensor } from "../../engine/trace/recorder.ts";
import type { StoredTensor } from "../../engine/weights/checkpoint.ts";
import { writeSafetensors } from "../../engine/weights/write-safetensors.ts";
import { openCase, readCase } from "../../tools/golden/case/case.ts";
import { traceCase } from "../../tools/golden/case/expectation.ts";
import { caseFolders } from "../../tools/golden/case/pack-cases.ts";
import { writeNpz } from "./write-npz.ts";

const SEED = 50;

/** This many tokens give about 50 MB. The indexer's scores grow with the square of the tokens. */
const TOKENS = 1650;

/** A tensor in the form that a safetensors file has. */
const stored = ({ shape, data }: NamedTensor): StoredTensor =>
  data instanceof Int32Array
    ? { dtype: "I32", shape, bytes: new Uint8Array(data.slice().buffer) }
    : { dtype: "F32", shape, bytes: encodeF32(shape, data).bytes };

async function main(out: string, nTokens: number): Promise<void> {
  const [from = ""] = await caseFolders(["long-520"]);
  const right = await readCase(from);
  const model = await openCase(from, right, referenceOps("f64"));
  const random = seededRandom(SEED);
  const { vocabSize } = model.config;
  const tokens = Array.from({ length: nTokens }, () => Math.floor(random() * vocabSize));
  await mkdir(out, { recursive: true });
  await cp(join(from, "model"), join(out, "model"), { recursive: true });
  await cp(join(from, "envelope.json"), join(out, "envelope.json"));
  const info = { name: "big", purpose: `${nTokens} tokens`, latentEps: right.latentEps };
  await writeFile(join(out, "case.json"), JSON.stringify(info));
  await writeFile(join(out, "tokens.json"), JSON.stringify({ tokens }));
  const run = traceCase(model, { ...right, tokens });
  const dump = writeSafetensors(
    Object.fromEntries(run.map((tensor) => [tensor.name, stored(tensor)])),
  );
  await writeFile(join(out, "dump.safetensors"), dump);
  await writeFile(join(out, "dump.npz"), writeNpz(run, true));
  const logits = run.filter(({ name }) => name === "logits");
  const known = Object.fromEntries(logits.map((tensor) => [tensor.name, stored(tensor)]));
  await writeFile(join(out, "f64.safetensors"), writeSafetensors(known));
  stdout.write(`${out}: a dump of ${(dump.length / 1e6).toFixed(1)} MB\n`);
}

await main(argv[2] ?? "big-case", Number(argv[3] ?? TOKENS));
