/** A pass whose process is killed, wherever it stands, is gone on with to the same outputs. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, inject, test } from "vitest";
import { memorySource } from "../../../engine/weights/byte-source.ts";
import { readHeader } from "../../../engine/weights/safetensors.ts";
import { CASES, scratchFolder } from "../../support/paths.ts";
import { glm52 } from "../cli/fake-terminal.ts";

const scratch = scratchFolder();
const MODEL = join(CASES, "fp8-blocks/model");
const TRACE = ["trace", "--model", MODEL, "--tokens", "3,1,4,1,5,9", "--backend", "wasm"];
const STREAM = ["--stream", "--ram", "256MiB", "--resume"];

/**
 * Kills its own process at operation KILL_AT on files, counted from 0: before a file or a folder is made,
 * renamed or removed, and when half of a file's bytes are written.
 */
const KILLER = `
import { promises } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
let left = Number(process.env.KILL_AT);
const die = () => { process.kill(process.pid, "SIGKILL"); for (;;); };
const before = (object, name, last = async () => {}) => {
  const real = object[name];
  object[name] = async (...args) => {
    if (left-- === 0) { await last(real.bind(object), args); die(); }
    return real.apply(object, args);
  };
};
for (const name of ["mkdir", "rename", "rm"]) before(promises, name);
const { open } = promises;
promises.open = async (path, flags, ...more) => {
  if (flags === "wx" && left-- === 0) die();
  const file = await open(path, flags, ...more);
  const half = (write, [bytes, at, n, place]) => write(bytes, at, n >> 1, place);
  if (flags === "wx") before(file, "write", half);
  return file;
};
syncBuiltinESMExports();
`;
const killer = join(scratch, "killer.mjs");
writeFileSync(killer, KILLER);

/** Runs the pass in a process that is killed at this operation. @returns whether it was */
function killedAt(operation: number, out: string): Promise<boolean> {
  const program = join(inject("built"), "tools/cli/glm52.js");
  const argv = ["--import", pathToFileURL(killer).href, program, ...TRACE, ...STREAM, "--out", out];
  const env = { ...process.env, KILL_AT: `${operation}` };
  const child = spawn(process.execPath, argv, { env, stdio: "ignore" });
  return new Promise((resolve, reject) => {
    child.on("close", (code, signal) => {
      if (signal === "SIGKILL" || code === 0) resolve(signal === "SIGKILL");
      else reject(new Error(`expected a killed process, got exit code ${code}`));
    });
  });
}

/** What a pass has written: all bytes of tensors, and all metadata but the command that made them. */
async function outputsOf(folder: string): Promise<Map<string, unknown>> {
  const outputs = new Map<string, unknown>();
  for (const name of readdirSync(folder).sort()) {
    const bytes = new Uint8Array(readFileSync(join(folder, name)));
    const { tensors, metadata } = await readHeader(memorySource(name, bytes));
    const about = [...metadata].filter(([key]) => key !== "command").sort();
    const data = [...tensors].map(([tensor, { offset, length }]) => [
      ...[tensor, Buffer.from(bytes.subarray(offset, offset + length)).toString("base64")],
    ]);
    outputs.set(name, { about, data });
  }
  return outputs;
}

/** Files of a whole pass: two layers, and the end. */
const FILES = ["end.safetensors", "layer-000.safetensors", "layer-001.safetensors"];

/** Two layers with their states, and the end, are five files of three operations; the folder, and the last state. */
const OPERATIONS = 17;

describe("a pass that is killed", async () => {
  const whole = join(scratch, "whole");
  const { code, stderr } = await glm52([...TRACE, ...STREAM, "--out", whole]);
  if (code !== 0) throw new Error(stderr);
  const want = await outputsOf(whole);

  test("at any operation, and perhaps once more, ends in the same outputs", async () => {
    expect([...want.keys()]).toEqual(FILES);
    const after = new Set<string>();
    for (let at = 0; at < OPERATIONS; at++) {
      const out = join(scratch, `killed-${at}`);
      expect(await killedAt(at, out)).toBe(true);
      if (at % 3 === 1) await killedAt((5 * at) % 11, out);
      const there = existsSync(out) ? readdirSync(out) : [];
      after.add(there.filter((name) => !name.startsWith(".")).join());
      if (!there.includes("end.safetensors") || there.includes("state.safetensors")) {
        const resumed = await glm52([...TRACE, ...STREAM, "--out", out]);
        expect([at, resumed.code, resumed.stderr.includes(" whole, chain ")]).toEqual([
          at,
          0,
          true,
        ]);
      }
      expect(await outputsOf(out)).toEqual(want);
    }
    expect(await killedAt(OPERATIONS, join(scratch, "never"))).toBe(false);
    // It was killed with nothing done, between a layer and its state, between two layers, and at the end.
    expect(after).toContain("");
    expect(after).toContain("layer-000.safetensors");
    expect(after).toContain("layer-000.safetensors,state.safetensors");
    expect(after).toContain([...FILES, "state.safetensors"].join());
  });

  test("before its first state is not gone on with for another text", async () => {
    const out = join(scratch, "first");
    expect(await killedAt(4, out)).toBe(true);
    expect(readdirSync(out).filter((name) => !name.startsWith("."))).toEqual([
      "layer-000.safetensors",
    ]);
    const other = [...TRACE, ...STREAM, "--out", out].map((arg) =>
      arg === "3,1,4,1,5,9" ? "3,1" : arg,
    );
    expect((await glm52(other)).stderr).toContain("tokens: the pass was begun with 3,1,4");
    const anew = [...TRACE, "--stream", "--out", out];
    expect((await glm52(anew)).stderr).toContain("holds a pass: --resume goes on with it");
  });
});
