/** Files of a dump or a case from strangers: errors in words, and no more memory than the file is worth. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32, deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { writeNpz } from "../../../bench/golden/write-npz.ts";
import { isExplained } from "../../../engine/index.ts";
import { readCase } from "../../../tools/golden/case/case.ts";
import { stageName } from "../../../tools/golden/case/engine-names.ts";
import { readEnvelope } from "../../../tools/golden/case/envelope-file.ts";
import { readEngineDump } from "../../../tools/golden/dump/dump.ts";
import { Attacks } from "../../soak/files/attack.ts";
import { Chance } from "../../soak/files/chance.ts";
import { scratchFolder, TINY } from "../../support/paths.ts";
import { tinyJson } from "../../tokenizer/tiny.ts";

const scratch = scratchFolder();
const read = (dump: string | Uint8Array) => readEngineDump(dump, {}, () => {});

describe("a dump", () => {
  /** A zip with one deflated entry of so many zeros. */
  function zipOfZeros(size: number): Uint8Array {
    const npz = Buffer.from(writeNpz([{ name: "a", shape: [1], data: new Float32Array(1) }], true));
    const zeros = Buffer.alloc(size);
    const packed = deflateRawSync(zeros);
    const nameLength = npz.readUInt16LE(26);
    const local = Buffer.from(npz.subarray(0, 30 + nameLength));
    const oldEntry = npz.readUInt32LE(npz.length - 22 + 16);
    const entry = Buffer.from(npz.subarray(oldEntry, npz.length - 22));
    const end = Buffer.from(npz.subarray(npz.length - 22));
    entry.writeUInt32LE(crc32(zeros), 16);
    entry.writeUInt32LE(packed.length, 20);
    entry.writeUInt32LE(size, 24);
    end.writeUInt32LE(local.length + packed.length, 16);
    return Buffer.concat([local, packed, entry, end]);
  }

  it("of a few bytes that unpack to more than 64 MB is refused before it is unpacked", async () => {
    const bomb = zipOfZeros(2 ** 27);
    expect(bomb.length).toBeLessThan(2 ** 18);
    await expect(read(bomb)).rejects.toThrow(
      /^dump: expected at most 67108864 unpacked bytes, got more up to a\.npy: save it with numpy\.savez$/,
    );
    // A small one is unpacked, and is then no array.
    await expect(read(zipOfZeros(2 ** 20))).rejects.toThrow("expected a .npy array");
  });

  it("that lies about how long its entry is, is refused", async () => {
    const bomb = zipOfZeros(2 ** 27);
    new DataView(bomb.buffer, bomb.byteOffset).setUint32(bomb.length - 22 - 51 + 24, 100, true);
    await expect(read(bomb)).rejects.toSatisfy(isExplained);
  });

  it.each(["__proto__", "constructor", "toString", "hasOwnProperty-0"])(
    "with a tensor %s",
    async (name) => {
      const dump = await read(new TextEncoder().encode(`${name} [1] f32\n1\n`));
      expect([...dump.keys()]).toEqual([name]);
      expect(stageName(name, {})).toBe(name);
    },
  );

  it("that is a device, a pipe", async () => {
    const [zero, pipe] = [join(scratch, "zero"), join(scratch, "pipe")];
    symlinkSync("/dev/zero", zero);
    execFileSync("mkfifo", [pipe]);
    await expect(read(zero)).rejects.toThrow("expected a regular file, got a device or socket");
    await expect(read(pipe)).rejects.toThrow("expected a regular file, got a pipe");
  });
});

describe("a case", () => {
  const folder = join(scratch, "case");
  mkdirSync(folder);
  const fresh = (): void => {
    for (const name of ["case.json", "tokens.json", "envelope.json"]) {
      rmSync(join(folder, name), { force: true, recursive: true });
      cpSync(join(TINY, name), join(folder, name));
    }
  };

  it.each([
    ["case.json", "{", "case.json: expected JSON, got other text"],
    [
      "case.json",
      "null",
      "case.json: expected an object with name, purpose, latentEps and mtpSteps",
    ],
    ["case.json", '{"name":1}', "case.json: expected an object with name"],
    ["tokens.json", '{"tokens":["1"]}', "tokens.json: expected an object with a list of tokens"],
    ["tokens.json", "[]", "tokens.json: expected an object with a list of tokens"],
    ["envelope.json", "{}", "envelope.json: expected glm52-envelope 1, with stages for f32, "],
    ["envelope.json", '{"format":"glm52-envelope 1"}', "envelope.json: expected glm52-envelope 1"],
  ])("with %s of %s", async (name, text, message) => {
    fresh();
    expect((await readCase(folder)).name).toBe("tiny-all");
    await readEnvelope(folder);
    writeFileSync(join(folder, name), text);
    const both = readCase(folder).then(() => readEnvelope(folder));
    await expect(both).rejects.toThrow(message);
  });
});

it("330 hostile files of all kinds end in words (npm run soak:files runs ten thousand)", async () => {
  const npz = new Uint8Array(
    writeNpz([{ name: "a", shape: [1], data: new Float32Array(1) }], true),
  );
  const attacks = new Attacks({ caseFolder: TINY, tokenizer: JSON.stringify(tinyJson()), npz });
  const kinds = Object.entries(attacks.kinds);
  const outcomes = new Set<string>();
  for (let seed = 1; seed <= 330; seed++) {
    const [kind, attack] = kinds[seed % kinds.length];
    await attack(new Chance(seed)).then(
      () => outcomes.add(`${kind} read`),
      (error) => {
        expect(error, `seed ${seed}, ${kind}`).toSatisfy(isExplained);
        outcomes.add(`${kind} refused`);
      },
    );
  }
  attacks.close();
  for (const [kind] of kinds) expect(outcomes).toContain(`${kind} refused`);
});
