/** Files for streaming hold the same model: experts in one piece each, from multiples of 4096 bytes on. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { syntheticJson } from "../../../bench/stream/synthetic.ts";
import { parseConfig } from "../../../engine/config/config.ts";
import { type Ops, openCheckpoint, referenceOps } from "../../../engine/index.ts";
import type { Model } from "../../../engine/model/model.ts";
import { PANEL_ROWS } from "../../../engine/numbers/panels.ts";
import { runsOf } from "../../../engine/stream/delivery.ts";
import { READ_BLOCK } from "../../../engine/stream/read-store.ts";
import { streamedWeights } from "../../../engine/stream/streamed-weights.ts";
import { trace } from "../../../engine/trace/trace.ts";
import { memoryFiles } from "../../../engine/weights/byte-source.ts";
import type { Checkpoint } from "../../../engine/weights/checkpoint.ts";
import { loadWeights } from "../../../engine/weights/load.ts";
import { matchTensors } from "../../../engine/weights/match-tensors.ts";
import { officialTensors } from "../../../engine/weights/official-tensors.ts";
import { storedNames } from "../../../engine/weights/raw-tensor.ts";
import { formBytes } from "../../../engine/weights/safetensors.ts";
import { everySpec, fixedSpecs, modelSpecs, routedSpecs } from "../../../engine/weights/table.ts";
import { exportModel } from "../../../tools/convert/export-model.ts";
import { conversions } from "../../../tools/convert/quantize.ts";
import { writeQuantized } from "../../../tools/convert/quantize-folder.ts";
import { quantize } from "../../../tools/convert/quantize-model.ts";
import { targetsOf } from "../../../tools/convert/shards.ts";
import { filesForStreaming } from "../../../tools/convert/stream-layout.ts";
import { inspectPath } from "../../../tools/inspect/inspect-folder.ts";
import { newModelFolder } from "../../../tools/node/new-model-folder.ts";
import { openConfig } from "../../../tools/node/open-config.ts";
import { GLM52 } from "../../../tools/stream/official-config.ts";
import { fastOps } from "../../engine/ops/wasm/wasm.ts";
import { lazyStore } from "../../support/lazy-store.ts";
import { CASES, scratchFolder } from "../../support/paths.ts";

const scratch = scratchFolder();

/** Enough for several experts of each layer. */
const N_TOKENS = 8;

type To = "q8" | "q4" | "bf16";

/** A case's model in another format, as its files in memory. */
async function made(name: string, to: To, use: "stream" | undefined, keep: readonly string[] = []) {
  const out = join(scratch, [name, to, use, ...keep].join("-"));
  if (!existsSync(out)) {
    await quantize(join(CASES, name, "model"), out, { to, for: use, keep, threads: 1 });
  }
  const { config } = await openConfig(out);
  const names = readdirSync(out);
  const files = Object.fromEntries(
    names.map((file) => [file, new Uint8Array(readFileSync(join(out, file)))]),
  );
  const { tokens } = JSON.parse(readFileSync(join(CASES, name, "tokens.json"), "utf8"));
  return { out, config, files, tokens: (tokens as number[]).slice(0, N_TOKENS) };
}

type Made = Awaited<ReturnType<typeof made>>;

async function resident({ config, files }: Made, ops: Ops): Promise<Model> {
  const checkpoint = await openCheckpoint(memoryFiles(files));
  return { ops, config, weights: await loadWeights(ops, config, checkpoint, undefined, "skip") };
}

/** A hash of every stage. */
function bitsOf(model: Model, tokens: readonly number[]): Map<string, string> {
  return new Map(
    trace(model, { tokens, chunk: N_TOKENS }).map(({ name, data }) => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      return [name, createHash("sha256").update(bytes).digest("hex")];
    }),
  );
}

const BACKENDS = [() => referenceOps("f32"), () => fastOps("f32"), () => fastOps("int8")];

describe.each([
  ["fp8-blocks", "q4"],
  ["fused-experts", "q8"],
  ["fused-experts", "bf16"],
  ["clear-mtp", "q4"],
  ["fp8-blocks", "q8", "mlp.experts"],
] as const)("%s for streaming, as %s", (name, to, ...keep) => {
  it("has the bits of the folder that is not for streaming, resident and streamed", async () => {
    const [plain, laidOut] = [
      await made(name, to, undefined, keep),
      await made(name, to, "stream", keep),
    ];
    for (const start of BACKENDS) {
      const want = bitsOf(await resident(plain, await start()), plain.tokens);
      expect(bitsOf(await resident(laidOut, await start()), plain.tokens)).toEqual(want);
      const ops = await start();
      const checkpoint = await openCheckpoint(memoryFiles(laidOut.files));
      const matched = matchTensors(laidOut.config, checkpoint, "skip");
      const store = lazyStore(laidOut.files, 1);
      const sources = { checkpoint, store };
      const weights = streamedWeights(ops, laidOut.config, sources, matched, { bytes: 0 });
      const model = { ops: weights.ops, config: laidOut.config, weights };
      expect(bitsOf(model, plain.tokens)).toEqual(want);
      expect(store.bytes).toBeLessThanOrEqual(matched.bytes);
      weights.close();
    }
  });

  it("is read in whole blocks of a disk, none of them twice", async () => {
    const { config, files, out } = await made(name, to, "stream", keep);
    const checkpoint = await openCheckpoint(memoryFiles(files));
    const { specs, asides } = matchTensors(config, checkpoint);
    const seen = new Map<string, number>();
    const ends = specs.mtp ? Object.values(specs.mtp.ends) : [];
    for (const layer of [...specs.layers, ...(specs.mtp ? [specs.mtp.layer] : [])]) {
      if (layer.ffn.kind === "dense" || layer.ffn.experts.layout === "fused") continue;
      const { nExperts, expert } = layer.ffn.experts;
      const isApart = (stored: string): boolean => stored.endsWith("_scale_inv");
      const all = namesOf(checkpoint, [...routedSpecs(layer)]);
      const own = layer === specs.mtp?.layer ? ends : [];
      const fixed = namesOf(checkpoint, [...own, ...fixedSpecs(layer)]);
      const trunk = runsOf(checkpoint, [...fixed, ...all.filter(isApart)]);
      const runs = Array.from({ length: nExperts }, (_, e) => {
        const names = namesOf(checkpoint, Object.values(expert(e)));
        return runsOf(
          checkpoint,
          names.filter((stored) => !isApart(stored)),
        );
      });
      expect([trunk, ...runs].map(({ length }) => length)).toEqual(Array(1 + nExperts).fill(1));
      for (const { file, offset, length } of [trunk, ...runs].flat()) {
        expect(offset % READ_BLOCK).toBe(0);
        expect(offset).toBeGreaterThanOrEqual(seen.get(file) ?? 0);
        seen.set(file, READ_BLOCK * Math.ceil((offset + length) / READ_BLOCK));
      }
    }
    expect(seen.size).toBeGreaterThan(0);
    expect(asides.map(({ why }) => why)).toContain("so that experts begin at blocks of a disk");
    const { inspection } = await inspectPath(out);
    expect(inspection.stops).toEqual([]);
  });
});

const namesOf = (checkpoint: Checkpoint, specs: readonly { readonly name: string }[]): string[] =>
  specs.flatMap(({ name }) => storedNames(checkpoint, name));

it("is exported and converted again like the folder that is not for streaming", async () => {
  const results = await Promise.all(
    ([undefined, "stream"] as const).map(async (use) => {
      const { out } = await made("clear-mtp", "q4", use);
      await exportModel(out, `${out}.gguf`, { type: "q8_0", name: "same" });
      await newModelFolder(`${out}-again`, undefined, (into) =>
        writeQuantized(out, into, "bf16", { threads: 1, blockNumbers: 1 }),
      );
      return [`${out}.gguf`, `${out}-again/model.safetensors`].map((file) =>
        readFileSync(file, "latin1"),
      );
    }),
  );
  expect(results[1]).toEqual(results[0]);
});

it("a panel that changes its place in the file is noticed", async () => {
  const laidOut = await made("fp8-blocks", "q4", "stream");
  const want = bitsOf(await resident(laidOut, await fastOps()), laidOut.tokens);
  const checkpoint = await openCheckpoint(memoryFiles(laidOut.files));
  const entry = [...checkpoint.tensors].find(([name]) => name.endsWith("q_a_proj.weight"));
  const { file, offset, length, shape } = entry?.[1] ?? expect.fail("no q_a_proj");
  const panel = laidOut.files[file].subarray(offset, offset + length);
  panel.set(panel.slice(length / shape[0]), 0);
  expect(bitsOf(await resident(laidOut, await fastOps()), laidOut.tokens)).not.toEqual(want);
});

describe("GLM-5.2 for streaming", () => {
  const config = parseConfig(syntheticJson(GLM52, 1, 2));
  const specs = modelSpecs(config);
  const checkpoint = {
    tensors: new Map(
      [...officialTensors(config, "fp8")].map(([name, form]) => {
        return [name, { ...form, file: "", offset: 0, length: formBytes(form) }] as const;
      }),
    ),
  } as unknown as Checkpoint;

  it.each([
    ["q4", 21_233_664],
    ["q8", 40_108_032],
    ["bf16", 75_497_472],
  ] as const)("as %s: an expert is %d bytes in whole blocks, without padding", (to, bytes) => {
    const planned = conversions(checkpoint, everySpec(specs), { to, keep: [], inPanels: true });
    const parts = new Map(planned.map((each) => [each.name, each.parts]));
    const files = filesForStreaming(specs, ({ name }) => parts.get(name) ?? []);
    expect(files.length).toBe(4);
    const targets = targetsOf(files);
    const paddings = [...targets].filter(([name]) => name.includes(".padding."));
    expect(paddings.length).toBeLessThanOrEqual(2); // one behind the trunk of a layer
    expect(paddings.every(([, { form }]) => formBytes(form) < READ_BLOCK)).toBe(true);
    expect(bytes % READ_BLOCK).toBe(0);
    const layer = specs.layers[2];
    const places = [...routedSpecs(layer)].map(({ name }) => {
      const { file, at, form } = targets.get(name) ?? expect.fail(name);
      return { file, at, end: at + formBytes(form) };
    });
    expect(new Set(places.map(({ file }) => file))).toEqual(
      new Set(["model-00004-of-00004.safetensors"]),
    );
    for (let e = 0; e < places.length; e += 3) {
      const three = places.slice(e, e + 3).sort((a, b) => a.at - b.at);
      expect(three[0].at % READ_BLOCK).toBe(0);
      expect([three[1].at, three[2].at]).toEqual([three[0].end, three[1].end]);
      expect(three[2].end - three[0].at).toBe(bytes);
    }
    const inPanels = [...targets.values()].filter(({ form: { shape } }) => shape.length === 3);
    expect(inPanels.length > 0).toBe(to !== "bf16");
    expect(PANEL_ROWS).toBe(8);
  });
});
