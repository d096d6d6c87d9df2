/**
 * Builds the golden pack. What the oracle wrote is copied, everything else is made from it, and the
 * manifest lists all files. The same input gives the same bytes.
 *
 * Next: envelope.ts, op-cases.ts, selection-cases.ts, ../case/manifest.ts
 * @module
 */

import { cp, mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ourPackage } from "../../node/our-package.ts";
import { UserError } from "../../node/user-error.ts";
import { writeText, writeWhole } from "../../node/write-whole.ts";
import { readCase } from "../case/case.ts";
import { CASE_GGUF, writeCaseGguf } from "../case/case-gguf.ts";
import { describeNames } from "../case/engine-names.ts";
import { ENVELOPE_FILE } from "../case/envelope-file.ts";
import {
  type CaseEntry,
  listFiles,
  type Manifest,
  PACK_FORMAT,
  PACK_VERSION,
} from "../case/manifest.ts";
import { measureEnvelope } from "./envelope.ts";
import { jsonText } from "./json-text.ts";
import { describeOps, opFile } from "./op-file.ts";
import { describeSelections, selectionFile } from "./selection-cases.ts";

/** Where a pack comes from and goes to. */
export interface BuildOptions {
  /** Folder with what the oracle wrote: `cases`, `tokenizer`, `chat`. */
  readonly from: string;
  /** The pack's folder; made anew when it is not `from`. */
  readonly out: string;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Builds a pack and returns its manifest, which is written last: a folder without it is no pack.
 *
 * @throws {UserError} when `from` holds no cases, or `out` holds something else than a pack
 */
export async function buildPack(options: BuildOptions): Promise<Manifest> {
  const { onProgress = () => {} } = options;
  const [from, out] = [resolve(options.from), resolve(options.out)];
  const names = (await readdir(join(from, "cases")).catch(() => [])).sort();
  if (names.length === 0) throw new UserError(from, "expected golden cases in cases/, found none");
  if (out !== from) await copySources(from, out);
  await rm(join(out, "manifest.json"), { force: true });
  const cases: [string, CaseEntry][] = [];
  for (const name of names) {
    cases.push([name, await buildCase(join(out, "cases", name))]);
    onProgress(cases.length, names.length);
  }
  await writeText(join(out, "names.json"), jsonText(describeNames()));
  await writeText(join(out, "ops.json"), jsonText(describeOps()));
  await writeWhole(join(out, "ops.safetensors"), opFile());
  await writeText(join(out, "selections.json"), jsonText(describeSelections()));
  await writeWhole(join(out, "selections.safetensors"), selectionFile());
  const manifest: Manifest = {
    format: PACK_FORMAT,
    version: PACK_VERSION,
    license: "MIT",
    generator: `glm52.ts ${(await ourPackage()).version}`,
    cases: Object.fromEntries(cases),
    files: await listFiles(out),
  };
  await writeText(join(out, "manifest.json"), jsonText(manifest));
  return manifest;
}

/** Copies into a folder that is new, empty, or an older pack. */
async function copySources(from: string, out: string): Promise<void> {
  const there = await readdir(out).catch(() => []);
  const isPack = await stat(join(out, "manifest.json")).catch(() => undefined);
  if (there.length > 0 && !isPack) {
    throw new UserError(out, "expected a new or empty folder, or a golden pack");
  }
  for (const entry of there) await rm(join(out, entry), { recursive: true });
  await mkdir(out, { recursive: true });
  await cp(from, out, { recursive: true });
}

/** Makes what the oracle did not write. */
async function buildCase(dir: string): Promise<CaseEntry> {
  const info = await readCase(dir);
  const oracle = JSON.parse(await readFile(join(dir, "case.json"), "utf8"));
  const envelope = await measureEnvelope(dir);
  await writeText(join(dir, ENVELOPE_FILE), jsonText(envelope));
  return {
    purpose: info.purpose,
    tokens: info.tokens.length,
    certified: envelope.certified,
    gguf: await writeCaseGguf(dir, join(dir, CASE_GGUF)),
    seed: oracle.seed,
    prompt: oracle.prompt ?? "random, from the seed",
    oracle: oracle.versions,
  };
}
