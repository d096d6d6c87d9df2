import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openCheckpoint, parseConfig } from "../../../engine/index.ts";
import { decode } from "../../../engine/numbers/formats.ts";
import { tensorReader } from "../../../engine/weights/load.ts";
import { matchTensors } from "../../../engine/weights/match-tensors.ts";
import { divergence } from "../../../tools/convert/divergence.ts";
import { quantize as quantizeModel } from "../../../tools/convert/quantize-model.ts";
import { fileCheckpoint } from "../../../tools/node/file-source.ts";
import { open } from "../../../tools/node/open.ts";
import { openConfig } from "../../../tools/node/open-config.ts";
import { DEMO_MODEL, scratchFolder, TINY_MODEL } from "../../support/paths.ts";
import { glm52 } from "../cli/fake-terminal.ts";

interface Report {
  readonly bytes: number;
  readonly tensors: readonly { name: string; maxAbs: number; nmse: number }[];
  readonly divergence?: { tokens: number; klMean: number; klMax: number; sameTop: number };
}

async function quantize(...argv: string[]): Promise<Report> {
  const { code, stdout, stderr } = await glm52(["quantize", ...argv, "--json"]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Report;
}

/** All numbers of a folder's tensors, as a backend gets them from the loader. */
async function load(folder: string) {
  const { config } = await openConfig(folder);
  const files = fileCheckpoint(folder);
  const checkpoint = await openCheckpoint(files);
  const { bytes } = matchTensors(config, checkpoint);
  const read = tensorReader(checkpoint, bytes, () => {});
  return {
    names: [...checkpoint.tensors.keys()],
    dtype: (name: string) => checkpoint.tensors.get(name)?.dtype,
    numbers: async (name: string) => decode(await read(name)),
    close: () => files.close(),
  };
}

it("a tiny model as q8 and q4 loads again, within the bounds of its groups", async () => {
  const original = await load(TINY_MODEL);
  for (const [format, steps] of [
    ["q8", 127],
    ["q4", 8],
  ] as const) {
    const folder = join(scratchFolder(), "out");
    const { tensors } = await quantize(TINY_MODEL, folder, "--to", format);
    expect(tensors.length).toBeGreaterThan(20);
    const made = await load(folder);
    for (const { name, maxAbs } of tensors) {
      const [x, y] = [await original.numbers(name), await made.numbers(name)];
      let largest = 0;
      for (let g = 0; g < x.length; g += 32) {
        const group = Float64Array.from(x.subarray(g, g + 32));
        const amax = group.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
        const step = (amax / steps) * (format === "q8" ? 0.5 : 1);
        const bound = step * (1 + 2 ** -16) + amax * 2 ** -11 + steps * 2 ** -25;
        group.forEach((v, i) => {
          const error = Math.abs(y[g + i] - v);
          expect(error, `${name} ${g + i}`).toBeLessThanOrEqual(bound);
          largest = Math.max(largest, error);
        });
      }
      expect(maxAbs).toBe(largest);
      expect(largest).toBeGreaterThan(0);
    }
    const rounded = new Set(tensors.map(({ name }) => name));
    for (const name of original.names.filter((each) => !rounded.has(each))) {
      expect(made.dtype(name), name).toBe(original.dtype(name));
      expect(await made.numbers(name)).toEqual(await original.numbers(name));
    }
    expect([...rounded].filter((name) => /mlp\.gate\.|weights_proj|norm/.test(name))).toEqual([]);
    await made.close();
  }
  await original.close();
});

it("the demo model diverges by less as q8 than as q4, and not at all from itself", async () => {
  const folder = scratchFolder();
  const words = ["--text", "Once upon a time there was a little dog."];
  const [q8, q4] = [
    await quantize(DEMO_MODEL, join(folder, "q8"), "--to", "q8", ...words),
    await quantize(DEMO_MODEL, join(folder, "q4"), "--to", "q4", ...words),
  ];
  expect(q8.divergence?.klMean).toBeGreaterThan(0);
  expect(q8.divergence?.klMean).toBeLessThan((q4.divergence?.klMean ?? 0) / 10);
  expect(q4.bytes).toBeLessThan(q8.bytes);
  expect(readdirSync(folder).sort()).toEqual(["q4", "q8"]);
  expect(readdirSync(join(folder, "q8"))).toContain("tokenizer.json");

  const same = await quantize(
    join(folder, "q8"),
    join(folder, "again"),
    ...["--to", "q4", "--keep", "model", "lm_head", ...words],
  );
  expect(same.tensors).toEqual([]);
  expect(same.divergence).toMatchObject({ klMean: 0, klMax: 0, sameTop: 1 });
  const files = ["q8", "again"].map((name) =>
    readFileSync(join(folder, name, "model.safetensors")),
  );
  expect(files[0].equals(files[1])).toBe(true);
});

it("says sizes, the worst tensors, KL with its standard error, and how to run the result", async () => {
  const folder = scratchFolder();
  const text = ["--text", "Once upon a time there was a little dog."];
  const said = await glm52(["quantize", DEMO_MODEL, join(folder, "q8"), "--to", "q8", ...text]);
  const lines = said.stdout.trimEnd().split("\n");
  expect(lines).toHaveLength(8);
  expect(lines[0]).toMatch(/q8: \d+ tensors as q8$/);
  expect(lines[1]).toMatch(/^11\.\d+ MB became 6\.\d+ MB, 55 % of it$/);
  const worst = lines.slice(3, 6).map((line) => Number(/NMSE (\S+)/.exec(line)?.[1]));
  expect(worst).toEqual(worst.toSorted((a, b) => b - a));
  expect(lines[6]).toMatch(
    /^logits on \d+ tokens: KL \S+ ± \S+ nats \(largest \S+\), same top token/,
  );
  expect(lines[7]).toContain(`glm52 run --model ${join(folder, "q8")} `);
  const all = ["quantize", DEMO_MODEL, join(folder, "all"), "--to", "bf16", "--verbose"];
  const listed = (await glm52(all)).stdout.match(/NMSE/g) ?? [];
  expect(listed.length).toBeGreaterThan(600);
});

it("shows how far it is from the first tensor on, and how much time is left", async () => {
  const seen: number[][] = [];
  const compared: number[][] = [];
  const report = await quantizeModel(DEMO_MODEL, join(scratchFolder(), "out"), {
    ...{ to: "q4", compareOn: "Once upon a time" },
    onProgress: (done, total) => seen.push([done, total]),
    onCompared: (done, total) => compared.push([done, total]),
  });
  expect(seen[0][0]).toBe(0);
  expect(seen.length).toBeGreaterThan(600);
  expect(seen.at(-1)?.[0]).toBe(seen.at(-1)?.[1]);
  expect(compared.at(-1)).toEqual([report.divergence?.tokens, report.divergence?.tokens]);
});

it("the standard error of the KL is that of its values", async () => {
  await using glm = await open(DEMO_MODEL);
  const [one, two] = [[57], [57, 15]];
  const alone = await divergence(glm.model, glm.model, one);
  expect(alone).toMatchObject({ klMean: 0, klError: null });
  expect(await divergence(glm.model, glm.model, two)).toMatchObject({ klError: 0 });
});

it("--keep leaves tensors as they are stored, and bf16 has no quantization_config", async () => {
  const folder = join(scratchFolder(), "out");
  const { tensors } = await quantize(TINY_MODEL, folder, "--to", "bf16", "--keep", "lm_head");
  const made = await load(folder);
  expect(tensors.map(({ name }) => name)).not.toContain("lm_head.weight");
  expect(made.dtype("lm_head.weight")).toBe("F32");
  expect(made.dtype("model.embed_tokens.weight")).toBe("BF16");
  const json = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
  expect(json).not.toHaveProperty("quantization_config");
  await made.close();
});

it("refuses a folder with something in it, and a word that no name holds; leaves nothing", async () => {
  const folder = scratchFolder();
  const out = join(folder, "out");
  const unknown = await glm52(["quantize", TINY_MODEL, out, "--to", "q8", "--keep", "no_such"]);
  expect(unknown).toMatchObject({ code: 1, stdout: "" });
  expect(unknown.stderr).toContain("keep no_such: expected a part of a tensor's name");
  expect(readdirSync(folder)).toEqual([]);

  writeFileSync(join(folder, "mine"), "");
  const full = await glm52(["quantize", TINY_MODEL, folder, "--to", "q8"]);
  expect(full.code).toBe(1);
  expect(full.stderr).toContain("expected a new or empty folder, got one with mine in it");
  expect(readdirSync(folder)).toEqual(["mine"]);
});

it("refuses groups with a scale too few, and a router in groups", async () => {
  const folder = join(scratchFolder(), "out");
  await quantize(TINY_MODEL, folder, "--to", "q8");
  const config = parseConfig(JSON.parse(readFileSync(join(folder, "config.json"), "utf8")));
  const files = fileCheckpoint(folder);
  const checkpoint = await openCheckpoint(files);
  await files.close();
  const bindWith = (name: string, change: object | undefined) => {
    const tensors = new Map(checkpoint.tensors);
    const entry = tensors.get(name);
    expect(entry, name).toBeDefined();
    if (entry && change) tensors.set(name, { ...entry, ...change });
    else tensors.delete(name);
    return () => matchTensors(config, { ...checkpoint, tensors });
  };
  expect(bindWith("lm_head.weight_scale", { shape: [1, 1] })).toThrow(
    "lm_head.weight_scale: expected F16 [",
  );
  expect(bindWith("lm_head.weight_scale", undefined)).toThrow("got nothing");
  expect(bindWith("model.layers.1.mlp.gate.weight", { dtype: "I8" })).toThrow(
    "model.layers.1.mlp.gate.weight: expected F32, F64, BF16, F16 or F8_E4M3, got I8",
  );
});
