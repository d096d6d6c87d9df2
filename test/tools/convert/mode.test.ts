/** Tests that the numeric mode is part of a quantised folder. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { quantize } from "../../../tools/convert/quantize-model.ts";
import { open } from "../../../tools/node/index.ts";
import { scratchFolder, TINY_MODEL } from "../../support/paths.ts";
import { glm52 } from "../cli/fake-terminal.ts";

const scratch = scratchFolder();
const folder = join(scratch, "q8");
const config = join(folder, "config.json");
const argv = ["run", "--model", folder, "--tokens", "1,2,3,4,5", "--max-tokens", "8", "--json"];
beforeAll(() => quantize(TINY_MODEL, folder, { to: "q8" }));

/** Changes the config, runs `work`, and puts the config back. */
async function withMode<T>(mode: string | undefined, work: () => Promise<T>): Promise<T> {
  const before = readFileSync(config, "utf8");
  const json = JSON.parse(before);
  json.quantization_config.activations = mode;
  writeFileSync(config, JSON.stringify(json));
  try {
    return await work();
  } finally {
    writeFileSync(config, before);
  }
}

/** Log-probabilities, which tell the modes apart, and what was said. */
async function run(...more: string[]) {
  const { code, stdout, stderr } = await glm52([...argv, "--logprobs", "3", ...more]);
  expect(code).toBe(0);
  return { numbers: JSON.parse(stdout).logprobs, stderr };
}

describe("the numeric mode", () => {
  it("is written by quantize, and is what runs; the option overrides it", async () => {
    expect(JSON.parse(readFileSync(config, "utf8")).quantization_config.activations).toBe("int8");
    const usual = await run();
    const int8 = await run("--activations", "int8");
    const f32 = await run("--activations", "f32");
    expect(usual.numbers).toEqual(int8.numbers);
    expect(usual.numbers).not.toEqual(f32.numbers);
    expect(usual.stderr).not.toContain("names no mode");
    expect((await withMode("f32", () => run())).numbers).toEqual(f32.numbers);
  });

  it("of an older folder, which names none, is int8, and a line says so", async () => {
    const usual = await run();
    const old = await withMode(undefined, () => run());
    expect(old.numbers).toEqual(usual.numbers);
    expect(old.stderr).toContain("activations are rounded to int8, since the folder names no mode");
    const chosen = await withMode(undefined, () => run("--activations", "f32"));
    expect(chosen.stderr).not.toContain("names no mode");
  });

  it("that is not known is refused", async () => {
    const { code, stderr } = await withMode("int2", () => glm52(argv));
    expect(code).toBe(1);
    expect(stderr).toContain('activations: expected "f32" or "int8", got "int2"');
  });

  it("is named by inspect, by an open model and by a trace, and by neither for other weights", async () => {
    expect((await glm52(["inspect", folder])).stdout).toContain("with activations in int8");
    expect((await glm52(["inspect", TINY_MODEL])).stdout).not.toContain("activations");
    {
      await using glm = await open(folder);
      expect(glm.arithmetic).toContain("activations in int8");
      expect(glm.assumed).toBeUndefined();
    }
    const metadata = async (model: string) => {
      const out = join(scratch, "t.safetensors");
      await glm52([
        "trace",
        "--model",
        model,
        "--tokens",
        "1,2",
        "--stages",
        "logits",
        "--out",
        out,
      ]);
      const bytes = readFileSync(out);
      return JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE())).toString())
        .__metadata__;
    };
    expect((await metadata(folder)).activations).toBe("int8");
    expect((await metadata(TINY_MODEL)).activations).toBeUndefined();
  });
});
