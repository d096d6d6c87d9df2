/** `--stream`: models that run from their files, and the receipt that their bytes are compared with. */
import { cpSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { memorySource } from "../../../engine/weights/byte-source.ts";
import { readHeader } from "../../../engine/weights/safetensors.ts";
import { RECEIPT_FILE } from "../../../tools/node/receipt.ts";
import { CASES, scratchFolder } from "../../support/paths.ts";
import { glm52, type Outcome } from "./fake-terminal.ts";

const scratch = scratchFolder();
const model = join(scratch, "model");
const weights = join(model, "model.safetensors");
const elsewhere = join(scratch, "receipt.json");
const EXPERT = "model.layers.1.mlp.experts.2.up_proj.weight";

/** Runs a text, streamed. All experts of the model are visited. */
const run = (...more: string[]): Promise<Outcome> =>
  glm52([
    ...["run", "--model", model, "--tokens", "3,1,4,1,5,9,2,6,5,3,5,8", "--max-tokens", "2"],
    ...["--threads", "1", "--temperature", "0", "--stream", "--ram", "300MB", ...more],
  ]);

beforeAll(async () => {
  cpSync(join(CASES, "fp8-blocks/model"), model, { recursive: true });
});

/** Runs `use` while one bit of an expert is another. No number becomes infinite. */
async function withFlippedBit(use: () => Promise<void>): Promise<void> {
  const bytes = new Uint8Array(readFileSync(weights));
  const { tensors } = await readHeader(memorySource("model", bytes));
  const { offset, length } = tensors.get(EXPERT) ?? { offset: 0, length: 0 };
  const flipped = bytes.slice();
  flipped[offset + (length >> 1)] ^= 1;
  writeFileSync(weights, flipped);
  try {
    await use();
  } finally {
    writeFileSync(weights, bytes);
  }
}

describe("--receipt", () => {
  it("compares with the receipt of the folder, with a named one, or with none", async () => {
    expect((await run()).stderr).not.toContain("receipt");
    await glm52(["verify-files", model]);
    const found = await run();
    expect(found.stderr).toMatch(/ are those of the receipt/);
    expect((await run("--no-receipt")).stderr).not.toContain("receipt");
    renameSync(join(model, RECEIPT_FILE), elsewhere);
    expect((await run()).stderr).not.toContain("receipt");
    const named = await run("--receipt", elsewhere);
    expect(named.stderr).toMatch(/ are those of the receipt/);
    expect(named.stdout).toBe(found.stdout);
  });

  it("finds a flipped bit, which nobody would see without it", () =>
    withFlippedBit(async () => {
      const { code, stderr } = await run("--receipt", elsewhere);
      expect(code).toBe(1);
      expect(stderr).toContain(`${EXPERT}, `);
      expect(stderr).toContain("by the receipt, got");
      expect((await run()).code).toBe(0);
    }));

  it("finds it in a pass, too", () =>
    withFlippedBit(async () => {
      const pass = ["trace", "--model", model, "--tokens", "3,1,4,1,5,9,2,6,5,3,5,8", "--stream"];
      const out = join(scratch, "pass");
      const { code, stderr } = await glm52([...pass, "--receipt", elsewhere, "--out", out]);
      expect(code).toBe(1);
      expect(stderr).toContain(`${EXPERT}, `);
    }));

  it("says what is wrong with what was given", async () => {
    const missing = await run("--receipt", join(scratch, "none.json"));
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain("no such file; glm52 verify-files writes a receipt");
    const { code, stderr } = await glm52(["run", "--tokens", "1", "--receipt", elsewhere]);
    expect(code).toBe(2);
    expect(stderr).toContain("--receipt: expected --stream, too");
    const text = readFileSync(elsewhere, "utf8");
    const other = text.replace(/"header":"(.)/, (_, digit) => `"header":"${digit === "0" ? 1 : 0}`);
    expect(other).not.toBe(text);
    writeFileSync(join(scratch, "other.json"), other);
    const header = await run("--receipt", join(scratch, "other.json"));
    expect(header.code).toBe(1);
    expect(header.stderr).toContain("its header is not that of the receipt");
  });
});

/** Runs the demo model. */
const demo = (...more: string[]): Promise<Outcome> =>
  glm52([
    ...["run", "Once", "--temperature", "0", "--max-tokens", "12", "--threads", "1", ...more],
  ]);

it("--guesses change no text, and are counted", async () => {
  const streamed = ["--stream", "--ram", "256MiB"];
  const without = await demo(...streamed, "--guesses", "0");
  const some = await demo(...streamed, "--guesses", "3");
  expect(some.stdout).toBe(without.stdout);
  expect(without.stderr).not.toContain("guesses");
  const [, right = "", all = ""] = /(\d+) of (\d+) guesses were right/.exec(some.stderr) ?? [];
  expect(Number(all)).toBeGreaterThan(0);
  expect(Number(right)).toBeLessThanOrEqual(Number(all));
});

it("--draft guesses tokens ahead as with a model in memory", async () => {
  const accepted = ({ stderr }: Outcome) => /accepted length [\d.]+ of 4/.exec(stderr)?.[0];
  const resident = await demo("--draft", "3");
  const streamed = await demo("--draft", "3", "--stream", "--ram", "256MiB");
  expect(streamed.code).toBe(0);
  expect(streamed.stdout).toBe(resident.stdout);
  expect(accepted(resident)).toBeDefined();
  expect(accepted(streamed)).toBe(accepted(resident));
});
