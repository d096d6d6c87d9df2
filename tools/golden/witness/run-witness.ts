/**
 * Runs HF transformers and llama.cpp on a case and judges them as `golden check --replay` does.
 * @module
 */

import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ourPackage } from "../../node/our-package.ts";
import { UserError } from "../../node/user-error.ts";
import { readCase } from "../case/case.ts";
import type { EngineClass } from "../case/engine-class.ts";
import { BUILT_IN } from "../case/engine-names.ts";
import { readEnvelope } from "../case/envelope-file.ts";
import { expectation } from "../case/expectation.ts";
import type { Manifest } from "../case/manifest.ts";
import { asDump } from "../dump/as-dump.ts";
import { type Dump, readEngineDump } from "../dump/dump.ts";
import { runForced } from "../judge/forced.ts";
import { judge } from "../judge/judge.ts";
import { hasLlama, llamaLogitsOfCase, llamaVersion } from "./llama.ts";

/** How one engine does on one case. */
export interface CaseRun {
  /** Whether a right engine of this arithmetic must choose exactly what the case says. */
  readonly isCertified: boolean;
  /** Stages that the engine shows. */
  readonly compared: number;
  /** The largest of any stage; 1 is the limit. */
  readonly errorOverBound: number;
  /** How many rows have other experts or positions, which rounding or equal scores explain. */
  readonly explained: number;
  /** Stages that are off. */
  readonly off: readonly string[];
}

/** An engine in one arithmetic. */
export interface Witness {
  readonly engine: string;
  readonly version: string;
  readonly kind: EngineClass;
  /** Runs a case; a string is the reason why it cannot. */
  readonly run: (dir: string) => Promise<CaseRun | string>;
}

/** The witnesses that the environment names, and why others are not there. */
export async function witnesses(env: {
  readonly [name: string]: string | undefined;
}): Promise<{ there: readonly Witness[]; absent: readonly string[] }> {
  const there: Witness[] = [];
  const absent: string[] = [];
  const { GLM52_PYTHON: python, GLM52_PEERS: peers } = env;
  const version = python && hfVersion(python);
  if (python && version) {
    there.push(hf(python, version, "f32", "float32"), hf(python, version, "bf16", "bfloat16"));
  } else absent.push("HF transformers: GLM52_PYTHON names no Python that has it");
  if (peers && hasLlama(peers)) there.push(llama(peers, await llamaVersion(peers)));
  else absent.push("llama.cpp: GLM52_PEERS names no folder with node-llama-cpp");
  return { there, absent };
}

function hfVersion(python: string): string | undefined {
  const code =
    "import sys, torch, transformers as t; print(t.__version__, torch.__version__, sys.version.split()[0])";
  const { status, stdout } = spawnSync(python, ["-c", code], { encoding: "utf8" });
  const [hfText, torch, own] = (stdout ?? "").trim().split(" ");
  return status === 0 ? `transformers ${hfText}, torch ${torch}, Python ${own}` : undefined;
}

function hf(python: string, version: string, kind: EngineClass, dtype: string): Witness {
  return {
    ...{ engine: "HF transformers", version, kind },
    run: async (dir) => {
      const scratch = await mkdtemp(join(tmpdir(), "glm52-"));
      try {
        const script = join((await ourPackage()).folder, "tools/golden/witness/hf-dump.py");
        const file = join(scratch, "dump.safetensors");
        const args = [script, dir, file, "--dtype", dtype];
        const { status, stderr } = spawnSync(python, args, { encoding: "utf8" });
        if (status !== 0) return `does not run: ${stderr.trim().split("\n").at(-1)}`;
        return await judged(dir, await readEngineDump(file, BUILT_IN, () => {}), kind);
      } finally {
        await rm(scratch, { recursive: true });
      }
    },
  };
}

function llama(peers: string, version: string): Witness {
  const kind = "f16-cache";
  return {
    ...{ engine: "llama.cpp", version, kind },
    run: async (dir) => {
      const manifest: Manifest = JSON.parse(
        await readFile(join(dir, "../../manifest.json"), "utf8"),
      );
      const { name, tokens } = await readCase(dir);
      const gguf = manifest.cases[name]?.gguf;
      if (gguf !== true) return gguf ?? "not in the manifest";
      const rows = await llamaLogitsOfCase(peers, dir, tokens);
      const data = Float32Array.from(rows.flatMap((row) => [...row]));
      const shape = [rows.length, data.length / rows.length];
      return judged(dir, asDump([{ name: "logits", shape, data }]), kind);
    },
  };
}

/** Judges a dump by a model that makes the dump's choices, so that every row is compared. */
async function judged(dir: string, dump: Dump, kind: EngineClass): Promise<CaseRun> {
  const expected = await expectation(dir);
  const { certified } = await readEnvelope(dir);
  const { stages, off } = judge(dump, expected, kind, runForced(dump, expected));
  const compared = stages.filter(({ verdict }) => verdict !== "missing");
  if (compared.length === 0) throw new UserError(dir, "the dump has none of its stages");
  return {
    isCertified: certified.includes(kind),
    compared: compared.length,
    errorOverBound: Math.max(...compared.map(({ errorOverBound }) => errorOverBound ?? 0)),
    explained: compared.reduce((sum, { selection }) => sum + (selection?.explained ?? 0), 0),
    off,
  };
}
