/** What people give instead of a model's folder is named, with what to do instead. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { open, openModel } from "../../../tools/node/open.ts";
import { DEMO_MODEL, scratchFolder, TINY } from "../../support/paths.ts";
import { glm52 } from "../cli/fake-terminal.ts";

const scratch = scratchFolder();

/** A folder with empty files of these names. */
function folderOf(name: string, ...files: string[]): string {
  const folder = join(scratch, name);
  mkdirSync(folder, { recursive: true });
  for (const file of files) writeFileSync(join(folder, file), "");
  return folder;
}

const gguf = folderOf("gguf", "glm-Q4_K_M.gguf");
const weights = folderOf("weights", "model-00001-of-00282.safetensors");
const torch = folderOf("torch", "pytorch_model.bin");
folderOf("cache/snapshots/0123abc");
writeFileSync(join(scratch, "text"), "");

describe("instead of a model's folder", () => {
  it.each([
    ["model.gguf", "got the name of a GGUF, which is for llama.cpp; give the folder with"],
    [join(gguf, "glm-Q4_K_M.gguf"), "got a GGUF, which is for llama.cpp; give the folder with"],
    [gguf, "found glm-Q4_K_M.gguf, a GGUF, which is for llama.cpp; give the folder with"],
    [
      "zai-org/GLM-5.2",
      "the name of a repository: nothing is downloaded here; fetch it with `hf download zai-org/GLM-5.2 --local-dir GLM-5.2`",
    ],
    ["unsloth/GLM-5.2-GGUF", "the name of a repository"],
    [
      join(weights, "model-00001-of-00282.safetensors"),
      `give its folder, ${weights}, with config.json`,
    ],
    [weights, "alone; put the config.json of the model beside it"],
    [join(torch, "pytorch_model.bin"), "weights in PyTorch's format; save them as safetensors"],
    [join(DEMO_MODEL, "config.json"), `the config alone; give its folder, ${DEMO_MODEL}`],
    [TINY, `it in its folder model; give ${join(TINY, "model")}`],
    [join(scratch, "cache"), `give ${join(scratch, "cache/snapshots/0123abc")}`],
    [join(scratch, "text"), "expected the folder of a model, got a file"],
    ["/nowhere/at/all", "expected the folder of a model"],
  ])("%s: says what to do", async (path, said) => {
    await expect(open(path)).rejects.toThrow(said);
    const { code, stderr } = await glm52(["run", "--model", path, "x"]);
    expect([code, stderr]).toEqual([1, expect.stringContaining(said)]);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  it("inspect and plan say it, too", async () => {
    for (const command of ["inspect", "plan"]) {
      const { code, stderr } = await glm52([command, join(gguf, "glm-Q4_K_M.gguf")]);
      expect([code, stderr]).toEqual([1, expect.stringContaining("got a GGUF")]);
    }
  });
});

describe("weights of another project's format", () => {
  it.each([
    ["quantization", { bits: 4, group_size: 64 }, "got mlx (4.5 bits a weight)"],
    ["quantization_config", { bits: 8, group_size: 64 }, "got mlx (8.5 bits a weight)"],
    [
      "quantization_config",
      { quant_method: "awq", bits: 4, group_size: 128, zero_point: true },
      "got awq (4.15625 bits a weight)",
    ],
    ["quantization_config", { quant_method: "gptq", bits: 4, group_size: 128 }, "got gptq"],
  ])("%s %j: says which, and what to run instead", async (key, value, said) => {
    const folder = folderOf(`foreign-${said}`);
    const config = JSON.parse(readFileSync(join(DEMO_MODEL, "config.json"), "utf8"));
    writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, [key]: value }));
    copyFileSync(join(DEMO_MODEL, "tokenizer.json"), join(folder, "tokenizer.json"));
    await expect(openModel(folder)).rejects.toThrow(said);
    await expect(openModel(folder)).rejects.toThrow("run the same model in bf16 or fp8 instead");
    expect((await glm52(["plan", folder, "--gflops", "1"])).code).toBe(0);
  });
});
