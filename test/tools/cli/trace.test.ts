/** Tests of `glm52 trace`. */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { memorySource } from "../../../engine/weights/byte-source.ts";
import { readHeader } from "../../../engine/weights/safetensors.ts";
import { compareRun } from "../../../tools/golden/build/compare-run.ts";
import { readDump } from "../../../tools/golden/case/case.ts";
import { scratchFolder, TINY, TINY_MODEL } from "../../support/paths.ts";
import { glm52, type Outcome } from "./fake-terminal.ts";

const scratch = scratchFolder();
const out = (name: string): string => join(scratch, `${name}.safetensors`);
const TOKENS: readonly number[] = JSON.parse(
  readFileSync(join(TINY, "tokens.json"), "utf8"),
).tokens;

/** Traces the tiny case with the same tokens and stages as HF transformers. */
const traceTiny = (file: string, ...more: string[]): Promise<Outcome> =>
  glm52([
    ...["trace", "--model", TINY_MODEL, "--tokens", TOKENS.join(), "--latent-eps", "1e-6"],
    ...["--mtp-steps", "3", "--out", file, ...more],
  ]);

const header = (file: string) => readHeader(memorySource(file, readFileSync(file)));

/** The bytes of a safetensors file after its header. */
function dataOf(file: string): Uint8Array {
  const bytes = readFileSync(file);
  return bytes.subarray(8 + Number(bytes.readBigUInt64LE(0)));
}

describe("glm52 trace", () => {
  it("writes in f64 what HF transformers computes, within 1e-9 of each stage's largest", async () => {
    const file = out("f64");
    const { code, stdout } = await traceTiny(file, "--precision", "f64");
    expect([code, stdout]).toEqual([0, ""]);
    const ours = [...(await readDump(file))].map(([name, tensor]) => ({ name, ...tensor }));
    const report = compareRun(ours, await readDump(join(TINY, "f64.safetensors")));
    expect(report.missing).toEqual([]);
    expect(report.stages.length).toBeGreaterThan(100);
    expect(report.stages.filter(({ largest }) => !(largest < 1e-9))).toEqual([]);
    const want = await readDump(join(TINY, "f64.safetensors"));
    const got = await readDump(file);
    for (const { name } of report.selections) expect(got.get(name)).toEqual(want.get(name));
  });

  it.each(["f32", "f64"])(
    "writes the same data in %s for chunks of 1, 7 and 64",
    async (precision) => {
      const files = ["1", "7", "64"].map((chunk) => ({
        chunk,
        file: out(`${precision}-${chunk}`),
      }));
      for (const { chunk, file } of files) {
        await traceTiny(file, "--precision", precision, "--chunk", chunk);
      }
      const [one, seven, all] = files.map(({ file }) => dataOf(file));
      expect(Buffer.compare(one as Uint8Array, all as Uint8Array)).toBe(0);
      expect(Buffer.compare(seven as Uint8Array, all as Uint8Array)).toBe(0);
    },
  );

  it("stores floats as they were computed and indices as int32", async () => {
    const file = out("dtypes");
    await traceTiny(file);
    const { tensors } = await header(file);
    expect(tensors.get("logits")).toMatchObject({ dtype: "F32", shape: [24, 64] });
    expect(tensors.get("top_k-0")?.dtype).toBe("I32");
    expect(tensors.get("mtp_logits-3")?.dtype).toBe("F32");
    await traceTiny(file, "--precision", "f64");
    expect((await header(file)).tensors.get("logits")?.dtype).toBe("F64");
  });

  it("says in the metadata what it was made of", async () => {
    const file = out("it's meta");
    await glm52(["trace", "--model", TINY_MODEL, "--tokens", "57,15", "--out", file]);
    const { metadata } = await header(file);
    expect(Object.fromEntries(metadata)).toEqual({
      format: "glm52-trace 1",
      engine: expect.stringMatching(/^glm52\.ts \d+\.\d+\.\d+$/),
      model: "model",
      config_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      precision: "f32",
      latent_eps: "0.000001",
      tokens: "57,15",
      command: `glm52 trace --model ${TINY_MODEL} --tokens 57,15 --out '${scratch}/it'\\''s meta.safetensors'`,
    });
  });

  it("takes model, tokens, epsilon and draft steps of a case", async () => {
    const [named, byHand, folder] = [out("named"), out("by hand"), out("folder")];
    const { code, stderr } = await glm52(["trace", "--case", "tiny-all", "--out", named]);
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/latent eps 1e-6 as .*case\.json says/),
    ]);
    await traceTiny(byHand);
    expect(dataOf(named)).toEqual(dataOf(byHand));
    const other = ["--latent-eps", "1e-5", "--out", folder];
    expect((await glm52(["trace", "--case", TINY, ...other])).stderr).not.toContain("says");
    expect(dataOf(folder)).not.toEqual(dataOf(named));
  });

  it("follows the epsilon of the case that a model belongs to, and of no other", async () => {
    const [ours, given, moved] = [out("ours"), out("given"), out("moved")];
    const run = (model: string, ...more: string[]) =>
      glm52(["trace", "--model", model, "--tokens", "57,15", ...more]);
    await run(TINY_MODEL, "--out", ours);
    await run(TINY_MODEL, "--latent-eps", "1e-6", "--out", given);
    expect(dataOf(ours)).toEqual(dataOf(given));
    const copy = join(scratch, "lonely", "model");
    cpSync(TINY_MODEL, copy, { recursive: true });
    expect((await run(copy, "--out", moved)).stderr).not.toContain("says");
    expect(dataOf(moved)).not.toEqual(dataOf(ours));
  });

  it("keeps the stages and layers that were asked for, and the logits", async () => {
    const file = out("some");
    const wanted = ["--stages", "q_pe,top_k", "--layers", "0,2"];
    await glm52(["trace", "--model", TINY_MODEL, "--tokens", "1,2", ...wanted, "--out", file]);
    const { tensors } = await header(file);
    expect([...tensors.keys()].sort()).toEqual([
      "logits",
      "q_pe-0",
      "q_pe-2",
      "top_k-0",
      "top_k-2",
    ]);
  });

  it("takes the tokens from a file: a list, or an object with tokens", async () => {
    const [list, direct, object] = [out("list"), out("direct"), out("object")];
    writeFileSync(join(scratch, "list.json"), "[57, 15]");
    writeFileSync(join(scratch, "object.json"), '{"tokens": [57, 15], "note": 1}');
    const trace = (file: string, ...more: string[]) =>
      glm52(["trace", "--model", TINY_MODEL, "--out", file, ...more]);
    await trace(direct, "--tokens", "57,15");
    await trace(list, "--tokens-file", join(scratch, "list.json"));
    await trace(object, "--tokens-file", join(scratch, "object.json"));
    expect(Buffer.compare(dataOf(list), dataOf(direct))).toBe(0);
    expect(Buffer.compare(dataOf(object), dataOf(direct))).toBe(0);
  });

  it.each([
    [["--tokens", "1", "--stages", "q_pi"], "stage q_pi: expected one of attn_norm, "],
    [["--tokens", "1", "--layers", "6"], "layer 6: expected 0 … 5"],
    [["--tokens", "1,64"], "token at position 1: expected an id of 0 … 63, got 64"],
    [["--tokens", "1", "--mtp-steps", "1"], "mtp-steps: needs two tokens at least"],
    [["--tokens-file", "/nowhere.json"], "ENOENT: no such file or directory"],
    [["--tokens-file", join(TINY, "case.json")], "case.json: expected token ids"],
  ])("refuses %j with code 1, one line and no file", async (options, message) => {
    const file = out("refused");
    const argv = ["trace", "--model", TINY_MODEL, "--out", file, ...options];
    const { code, stdout, stderr } = await glm52(argv);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr.startsWith("glm52: ")).toBe(true);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(existsSync(file)).toBe(false);
  });

  it("refuses more tokens than the model has positions", async () => {
    const ids = Array(5000).fill(1);
    writeFileSync(join(scratch, "many.json"), JSON.stringify(ids));
    const limit = JSON.parse(readFileSync(join(TINY_MODEL, "config.json"), "utf8"));
    const room: number = limit.max_position_embeddings;
    const { code, stderr } = await glm52([
      ...["trace", "--model", TINY_MODEL, "--out", out("many")],
      ...["--tokens-file", join(scratch, "many.json")],
    ]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `glm52: context: room for ${room} positions, 5000 wanted; nothing was run\n`,
    );
  });

  it("ends with 130 and no file on Ctrl-C while it writes", async () => {
    const file = out("interrupted");
    const argv = ["trace", "--model", TINY_MODEL, "--tokens", "1,2", "--out", file];
    expect((await glm52(argv, { interruptAtWrite: 0 })).code).toBe(130);
    expect(existsSync(file)).toBe(false);
  });

  it("leaves no temporary file behind", () => {
    expect(readdirSync(scratch).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});
