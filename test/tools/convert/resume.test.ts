/** A conversion that was broken off is gone on with, and nothing that it finds is trusted. */
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type QuantizeOptions, quantize } from "../../../tools/convert/quantize-model.ts";
import { mustHaveRoom } from "../../../tools/node/disk-room.ts";
import { OWNER } from "../../../tools/node/owner.ts";
import { deadOwner } from "../../support/dead-owner.ts";
import { scratchFolder, TINY_MODEL } from "../../support/paths.ts";
import { glm52 } from "../cli/fake-terminal.ts";

const scratch = scratchFolder();
const HOW = { to: "q4", for: "stream", threads: 1 } satisfies QuantizeOptions;
const whole = join(scratch, "whole");
let model: string;

/** The bytes of all files of a folder. */
function bytesOf(folder: string): Map<string, string> {
  return new Map(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "latin1")]),
  );
}

beforeAll(async () => {
  model = join(scratch, "model");
  cpSync(TINY_MODEL, model, { recursive: true });
  await quantize(model, whole, HOW);
});

/** Begins a conversion and breaks it off when `share` of the bytes are written. @returns how many there will be */
async function brokenOff(out: string, share: number, options: Partial<QuantizeOptions> = {}) {
  const abort = new AbortController();
  let all = 0;
  const work = quantize(model, out, {
    ...{ ...HOW, keepsUnfinished: true, signal: abort.signal, ...options },
    onProgress: (done, total) => {
      all = total;
      if (done >= share * total) abort.abort(new Error("enough"));
    },
  });
  await expect(work).rejects.toThrow("enough");
  return all;
}

const outOf = (name: string): string => join(scratch, name);

describe("a conversion that was broken off", () => {
  it.each([0.1, 0.5, 0.99])(
    "after %f of its bytes goes on, and gives the same bytes",
    async (share) => {
      const out = outOf(`share-${share}`);
      const written = await brokenOff(out, share);
      expect(existsSync(out)).toBe(false);
      const seen: number[] = [];
      const report = await quantize(model, out, {
        ...HOW,
        onChecked: (done, total) => seen.push(done / total),
      });
      expect(bytesOf(out)).toEqual(bytesOf(whole));
      expect(seen.at(-1)).toBe(1);
      expect(report.bytesKept / written).toBeGreaterThan(0.95 * share);
      expect(report.tensors).toEqual((await quantize(model, outOf(`t${share}`), HOW)).tensors);
      expect(existsSync(`${out}.unfinished`)).toBe(false);
    },
  );

  type Damage = (unfinished: string, shard: string) => void;
  const damages: readonly (readonly [what: string, isLoss: boolean, damage: Damage])[] = [
    ["nothing wrong", false, () => {}],
    [
      "a byte that has changed",
      true,
      (_, shard) => {
        const bytes = readFileSync(shard);
        bytes[bytes.length - 9000] ^= 1;
        writeFileSync(shard, bytes);
      },
    ],
    ["a file that has lost its end", true, (_, shard) => truncateSync(shard, 5000)],
    ["a file that has gone", true, (_, shard) => rmSync(shard)],
    [
      "a line that tells of another sum",
      true,
      (unfinished) => {
        const path = join(unfinished, "journal");
        writeFileSync(path, readFileSync(path, "utf8").replace(/\n\[(\d+),"..../, '\n[$1,"0000'));
      },
    ],
    [
      "a last line that is torn",
      false,
      (unfinished) => {
        appendFileSync(join(unfinished, "journal"), '[7,"0123');
      },
    ],
    [
      "a lock of a process that has died",
      false,
      (unfinished) => {
        writeFileSync(join(unfinished, "owner"), deadOwner());
      },
    ],
  ];
  let undamaged = 0;
  it.each(damages)("finds %s, and gives the same bytes", async (what, isLoss, damage) => {
    const out = outOf(what.replaceAll(" ", "-"));
    await brokenOff(out, 0.9);
    const folder = `${out}.unfinished`;
    damage(folder, join(folder, "model/model-00003-of-00007.safetensors"));
    const { bytesKept } = await quantize(model, out, HOW);
    undamaged ||= bytesKept;
    expect(bytesOf(out)).toEqual(bytesOf(whole));
    expect(bytesKept).toBeGreaterThan(0);
    expect(bytesKept < undamaged).toBe(isLoss);
    if (!isLoss) expect(bytesKept).toBe(undamaged);
  });

  it("is not gone on with by another command, for another model, or while a process writes", async () => {
    const out = outOf("others");
    await brokenOff(out, 0.5);
    await expect(quantize(model, out, { ...HOW, to: "q8" })).rejects.toThrow(
      /others\.unfinished: holds the beginning of another conversion \(--to q4 --for stream\)/,
    );
    const lock = join(`${out}.unfinished`, "owner");
    writeFileSync(lock, OWNER);
    await expect(quantize(model, out, HOW)).rejects.toThrow(`process ${process.pid} is writing it`);
    rmSync(lock);
    const file = join(model, "model.safetensors");
    utimesSync(file, 1e9, 1e9);
    await expect(quantize(model, out, HOW)).rejects.toThrow("or the model has changed since");
    rmSync(`${out}.unfinished`, { recursive: true });
    await quantize(model, out, HOW);
    expect(bytesOf(out)).toEqual(bytesOf(whole));
  });

  it("leaves nothing unless it is told to, and nothing after an error that comes again", async () => {
    const out = outOf("left");
    await brokenOff(out, 0.5, { keepsUnfinished: false });
    expect(existsSync(`${out}.unfinished`)).toBe(false);
    const bad = join(scratch, "bad");
    cpSync(TINY_MODEL, bad, { recursive: true });
    const bytes = readFileSync(join(bad, "model.safetensors"));
    writeFileSync(join(bad, "model.safetensors"), bytes.fill(0xff, bytes.length / 2));
    const keeps = { ...HOW, keepsUnfinished: true };
    await expect(quantize(bad, out, keeps)).rejects.toThrow("expected finite numbers");
    expect(readdirSync(scratch).filter((name) => name.startsWith("left"))).toEqual([]);
  });
});

it("Ctrl-C says where what is written waits, and the same command goes on", async () => {
  const out = outOf("ctrl-c");
  const argv = ["quantize", model, out, "--to", "q4", "--for", "stream", "--threads", "1"];
  const { code, stdout, stderr } = await glm52(argv, { interruptAtWrite: 0 });
  expect([code, stdout]).toEqual([130, ""]);
  expect(stderr).toBe(
    `what is written is in ${out}.unfinished: the same command goes on with it, and without that folder it begins anew\n`,
  );
  const { stdout: report } = await glm52(argv);
  expect(report).toContain(`glm52 run --model ${out} --stream`);
  expect(bytesOf(out)).toEqual(bytesOf(whole));
});

it("a text that cannot be compared does not cost what is written", async () => {
  const out = outOf("compared");
  const how = { ...HOW, keepsUnfinished: true };
  await expect(quantize(model, out, { ...how, compareOn: [1e9] })).rejects.toThrow();
  const { bytesKept, bytes } = await quantize(model, out, how);
  expect(bytesKept).toBeGreaterThan(0.5 * bytes);
  expect(bytesOf(out)).toEqual(bytesOf(whole));
});

it("a disk without room for all of it is named with what it has", async () => {
  await mustHaveRoom(scratch, 1);
  await expect(mustHaveRoom(scratch, 1e18)).rejects.toThrow(
    /expected room for 1000000000\.0 GB on this disk, there are \d+\.\d GB/,
  );
});

describe("into a folder that is there", () => {
  it("goes on inside it", async () => {
    const out = outOf("there");
    mkdirSync(out);
    await brokenOff(out, 0.5);
    expect(readdirSync(out)).toEqual(["unfinished"]);
    const { bytesKept } = await quantize(model, out, HOW);
    expect(bytesKept).toBeGreaterThan(0);
    expect(bytesOf(out)).toEqual(bytesOf(whole));
  });

  it("goes on when it was killed while the files moved", async () => {
    const out = outOf("moving");
    mkdirSync(out);
    const written = await brokenOff(out, 0.99);
    const moving = join(out, "unfinished/moving");
    renameSync(join(out, "unfinished/model"), moving);
    for (const name of readdirSync(moving).slice(0, 2)) {
      renameSync(join(moving, name), join(out, name));
    }
    const { bytesKept } = await quantize(model, out, HOW);
    expect(bytesKept).toBeGreaterThan(0.95 * written);
    expect(bytesOf(out)).toEqual(bytesOf(whole));
  });
});
