/** What the registries see: the tarball for npm, the sources for JSR. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, inject, it } from "vitest";
import { ROOT } from "../support/paths.ts";

interface Ended {
  readonly code: number;
  readonly said: string;
}

/** Runs a program at the root. @returns also what it says when it fails */
async function tell(program: string, args: readonly string[]): Promise<Ended> {
  const options = { cwd: ROOT, env: { ...process.env, NO_COLOR: "1" } };
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, options);
    return { code: 0, said: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, said: stdout + stderr };
  }
}

const bin = (name: string): string => join(ROOT, "node_modules/.bin", name);
const json = (file: string) => JSON.parse(readFileSync(join(ROOT, file), "utf8"));

it("publint finds nothing to say about the tarball", async () => {
  const { code, said } = await tell(bin("publint"), ["run", inject("tarball"), "--strict"]);
  expect([code, said]).toEqual([0, expect.stringContaining("All good!")]);
});

it("attw resolves the types of every door; CommonJS is not served", async () => {
  const { exports } = json("package.json");
  const doors = Object.keys(exports).filter((door) => exports[door].types);
  expect(doors.length).toBeGreaterThan(7);
  const args = [inject("tarball"), "--profile", "esm-only", "--format", "json"];
  const { code, said } = await tell(bin("attw"), [...args, "--entrypoints", ...doors]);
  expect(code, said).toBe(0);
  const { analysis } = JSON.parse(said);
  expect(Object.keys(analysis.entrypoints).sort()).toEqual([...doors].sort());
});

const runtimes = inject("runtimes");
const reason = typeof runtimes === "string" ? ` (skipped: ${runtimes})` : "";

it.skipIf(reason)(`deno would publish it to JSR, without slow types${reason}`, async () => {
  const { deno } = runtimes as Exclude<typeof runtimes, string>;
  const args = ["publish", "--config", "jsr.json", "--dry-run", "--allow-dirty"];
  const { code, said } = await tell(deno, args);
  expect(code, said).toBe(0);
  expect(said).not.toMatch(/slow-type|warning/i);
  const needed = ["kernels-as/build/kernels.wasm", "demo-model/model.safetensors"];
  for (const file of [...needed, ...Object.values<string>(json("jsr.json").exports)]) {
    expect(said).toContain(join(ROOT, file));
  }
  for (const folder of ["test", "bench", "golden", ".cache"]) {
    expect(said).not.toContain(join(ROOT, `${folder}/`));
  }
  expect(said).not.toContain(".py (");
});

it("JSR has the version and the doors that npm has", () => {
  const [npm, jsr] = [json("package.json"), json("jsr.json")];
  expect(jsr.version).toBe(npm.version);
  const doors = Object.entries<{ default: string }>(npm.exports)
    .filter(([, target]) => target.default)
    .map(([door, target]) => [door, target.default.replace("/dist/", "/").replace(/\.js$/, ".ts")]);
  expect(Object.entries(jsr.exports)).toEqual(doors);
});
