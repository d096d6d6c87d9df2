/**
 * Tests that the stranger's list of mistakes is the one that was frozen, and that its engine is right. The
 * engine runs where GLM52_PYTHON names a Python that has torch.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { check } from "../../../../tools/golden/index.ts";
import { scratchFolder } from "../../../support/paths.ts";

const HERE = import.meta.dirname;
const text = readFileSync(join(HERE, "frozen.json"), "utf8");
const frozen = JSON.parse(text);
const sha256 = (data: string): string => createHash("sha256").update(data).digest("hex");

it("frozen.json is what was frozen, and so are the mistakes' sources", () => {
  const body = text.slice(text.indexOf('"mistakes"'), text.lastIndexOf("}"));
  expect(sha256(body)).toBe(frozen.sha256);
  for (const [file, hash] of Object.entries(frozen.sources)) {
    expect([file, sha256(readFileSync(join(HERE, file), "utf8"))]).toEqual([file, hash]);
  }
});

it("150 mistakes of at least 40 kinds are listed, others are kept back, and no two are called alike", () => {
  interface Entry {
    readonly id: string;
    readonly list: string;
    readonly relation: string;
    readonly stage: string;
  }
  const mistakes: readonly Entry[] = frozen.mistakes;
  const own = mistakes.filter(({ list }) => list === "own");
  const kinds = own.map(({ relation, stage }) => `${relation} at ${stage.replace(/-\d+$/, "")}`);
  expect(own).toHaveLength(150);
  expect(new Set(kinds).size).toBeGreaterThanOrEqual(40);
  expect(new Set(mistakes.map(({ id }) => id)).size).toBe(mistakes.length);
});

const { GLM52_PYTHON: python = "" } = process.env as { readonly GLM52_PYTHON?: string };
const torch = python !== "" && spawnSync(python, ["-c", "import torch, safetensors"]).status === 0;
const scratch = scratchFolder();

it.skipIf(!torch)(
  `the engine is right${torch ? "" : " (skipped: GLM52_PYTHON names no Python that has torch)"}`,
  async () => {
    const file = join(scratch, "dump.safetensors");
    const { status, stderr } = spawnSync(python, [join(HERE, "run.py"), "dump", "tiny-all", file], {
      encoding: "utf8",
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
    });
    expect([status, stderr]).toEqual([0, ""]);
    expect((await check(file, { case: "tiny-all" })).status).toBe("right");
  },
  60_000,
);
