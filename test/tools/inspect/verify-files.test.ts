/** Receipts: every byte is looked at once, interrupted or not, and what differs later is named. */
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seededRandom } from "../../../engine/generate/random.ts";
import { checksum } from "../../../engine/kv/checksum.ts";
import type { StoredDtype } from "../../../engine/weights/safetensors.ts";
import { writeSafetensors } from "../../../engine/weights/write-safetensors.ts";
import { compareWithReceipt, writeReceipt } from "../../../tools/inspect/verify-files.ts";
import {
  RECEIPT_BLOCK,
  RECEIPT_FILE,
  readReceipt,
  receiptText,
} from "../../../tools/node/receipt.ts";
import { glm52 } from "../cli/fake-terminal.ts";

const folder = mkdtempSync(join(tmpdir(), "verify-"));
const draw = seededRandom(3);

/** Small numbers, which are finite in every format. */
function tensor(dtype: StoredDtype, shape: number[], bytes: number) {
  return { dtype, shape, bytes: Uint8Array.from({ length: bytes }, () => draw() * 60) };
}

/** Two files. One tensor is longer than a block, one is empty, and many are short. */
const FILES = {
  "a.safetensors": {
    long: tensor("F8_E4M3", [RECEIPT_BLOCK / 16 + 3, 16], RECEIPT_BLOCK + 48),
    scales: tensor("F32", [5, 3], 60),
    empty: tensor("F32", [0], 0),
    halves: tensor("BF16", [7], 14),
  },
  "b.safetensors": Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [`t${i}`, tensor("BF16", [2, i], 4 * i)] as const),
  ) as Record<`t${number}`, ReturnType<typeof tensor>>,
} as const;

beforeAll(() => {
  for (const [name, tensors] of Object.entries(FILES)) {
    writeFileSync(join(folder, name), writeSafetensors(tensors));
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A copy of the folder, changed. */
function copy(change: (path: (name: string) => string) => void = () => {}): string {
  const own = mkdtempSync(join(tmpdir(), "verify-own-"));
  cpSync(folder, own, { recursive: true, preserveTimestamps: true });
  change((name) => join(own, name));
  return own;
}

/** Changes the bytes of a file at a place behind the first byte of a tensor. */
function patch(path: string, tensorBytes: Uint8Array, at: number, bytes: readonly number[]): void {
  const file = readFileSync(path);
  const begin = file.indexOf(tensorBytes.subarray(0, 60));
  expect(begin).toBeGreaterThan(0);
  file.set(bytes, begin + at);
  writeFileSync(path, file);
}

/** Blocks of all tensors: one has two, and two have none. */
const N_LOOKS = 43;

/** Interrupts a run after so many blocks. */
async function interrupted(own: string, nLooks: number): Promise<void> {
  const abort = new AbortController();
  let n = 0;
  const onProgress = () => {
    if (++n === nLooks) abort.abort(new Error("interrupted"));
  };
  const run = writeReceipt(own, { threads: 2, onProgress, signal: abort.signal });
  await expect(run).rejects.toThrow("interrupted");
}

const sumOf = (bytes: Uint8Array) =>
  checksum(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);

describe("a receipt", () => {
  it("has the checksums of all blocks, with any number of threads, and is read back", async () => {
    const own = copy();
    const report = await writeReceipt(own, { threads: 1 });
    const receipt = await readReceipt(join(own, RECEIPT_FILE));
    expect(report).toMatchObject({ files: 2, tensors: 44, bytesBefore: 0 });
    for (const [name, tensors] of Object.entries(FILES)) {
      const known = receipt?.files.get(name)?.tensors;
      expect(known?.size).toBe(Object.keys(tensors).length);
      for (const [tensor, { bytes }] of Object.entries(tensors)) {
        const { offset = 0, length = -1, checksums } = known?.get(tensor) ?? {};
        expect(length).toBe(bytes.length);
        expect(
          readFileSync(join(own, name))
            .subarray(offset, offset + length)
            .equals(bytes),
        ).toBe(true);
        const blocks = [bytes.subarray(0, RECEIPT_BLOCK), bytes.subarray(RECEIPT_BLOCK)];
        expect(checksums).toEqual(blocks.filter(({ length }) => length > 0).map(sumOf));
      }
    }
    const text = readFileSync(join(own, RECEIPT_FILE), "utf8");
    expect(receipt && receiptText(receipt)).toBe(text);
    const out = join(own, "other.json");
    await writeReceipt(own, { threads: 3, out });
    expect(readFileSync(out, "utf8")).toBe(text);
    expect((await compareWithReceipt(own, out, { threads: 2 })).bytes).toBe(report.bytes);
    rmSync(own, { recursive: true });
  });

  it("is the same after an interruption anywhere, and nothing is read twice", async () => {
    const own = copy();
    await writeReceipt(own, { threads: 1 });
    const whole = readFileSync(join(own, RECEIPT_FILE), "utf8");
    const part = join(own, `${RECEIPT_FILE}.part`);
    const order = [...((await readReceipt(join(own, RECEIPT_FILE)))?.files.values() ?? [])]
      .flatMap(({ tensors }) => [...tensors.values()])
      .filter(({ length }) => length > 0);
    for (let nLooks = 1; nLooks < N_LOOKS; nLooks += 6) {
      await interrupted(own, nLooks);
      expect((await readReceipt(part))?.isComplete).toBe(false);
      expect(readFileSync(join(own, RECEIPT_FILE), "utf8")).toBe(whole); // the old one stays
      const seen: number[] = [];
      const onProgress = (done: number) => seen.push(done);
      const report = await writeReceipt(own, { threads: 2, onProgress });
      let [n, bytesBefore] = [0, 0];
      for (const { length, checksums } of order) {
        n += checksums.length;
        if (n <= nLooks) bytesBefore += length;
      }
      expect(report.bytesBefore).toBe(bytesBefore);
      expect(seen[0]).toBeGreaterThan(bytesBefore);
      expect(readFileSync(join(own, RECEIPT_FILE), "utf8")).toBe(whole);
      expect(existsSync(part)).toBe(false);
    }
    rmSync(own, { recursive: true });
  });

  it("takes nothing over of a file that was changed since", async () => {
    const { t1, t39 } = FILES["b.safetensors"];
    const own = copy();
    const path = join(own, "b.safetensors");
    await interrupted(own, N_LOOKS - 1);
    patch(path, t39.bytes, 5, [t39.bytes[5] ^ 1]);
    utimesSync(path, 1e9, 1e9);
    await writeReceipt(own, { threads: 1 });
    const known = (await readReceipt(join(own, RECEIPT_FILE)))?.files.get("b.safetensors");
    const changed = t39.bytes.slice();
    changed[5] ^= 1;
    expect(known?.tensors.get("t39")?.checksums).toEqual([sumOf(changed)]);
    expect(known?.tensors.get("t1")?.checksums).toEqual([sumOf(t1.bytes)]);
    expect(known?.modified).toBe(1e12);
    rmSync(own, { recursive: true });
  });

  it("is refused for numbers that are not finite, by their place", async () => {
    const { long, scales } = FILES["a.safetensors"];
    const cases = [
      [
        long.bytes,
        RECEIPT_BLOCK + 17,
        [0x7f],
        "long: expected finite",
        [RECEIPT_BLOCK / 16 + 1, 1],
      ],
      [scales.bytes, 16, [0, 0, 0x80, 0xff], "scales: expected finite", [1, 1]],
    ] as const;
    for (const [tensorBytes, at, bytes, text, place] of cases) {
      const own = copy((path) => patch(path("a.safetensors"), tensorBytes, at, bytes));
      const { code, stderr } = await glm52(["verify-files", own, "--threads", "2"]);
      expect(code).toBe(1);
      expect(stderr).toContain(`a.safetensors: ${text}`);
      expect(stderr).toContain(`at [${place.join(", ")}]`);
      rmSync(own, { recursive: true });
    }
  });
});

describe("a comparison with a receipt", () => {
  const receipt = join(folder, "..", `receipt-${process.pid}.json`);
  beforeAll(async () => {
    await writeReceipt(folder, { threads: 2, out: receipt });
  });
  afterAll(() => rmSync(receipt));

  const against = async (own: string) => {
    const { code, stderr, stdout } = await glm52(["verify-files", own, "--against", receipt]);
    rmSync(own, { recursive: true });
    return { code, said: stderr + stdout };
  };

  it("finds equal files equal", async () => {
    const { code, said } = await against(copy());
    expect(said).toContain(`2 files, 44 tensors, 0.0 GB: all bytes are those of ${receipt}`);
    expect(code).toBe(0);
  });

  it("names the first tensor in which a bit is flipped", async () => {
    const { long } = FILES["a.safetensors"];
    const { t30 } = FILES["b.safetensors"];
    const own = copy((path) => {
      patch(path("b.safetensors"), t30.bytes, 9, [t30.bytes[9] ^ 32]);
      patch(path("a.safetensors"), long.bytes, RECEIPT_BLOCK, [long.bytes[RECEIPT_BLOCK] ^ 1]);
    });
    const { code, said } = await against(own);
    expect(code).toBe(1);
    expect(said).toMatch(/a\.safetensors: long, 48 bytes at \d+: expected checksum [0-9a-f]{8} by/);
  });

  it("names files that are missing, new, shorter, or have another header", async () => {
    const lacks = await against(copy((path) => rmSync(path("b.safetensors"))));
    expect(lacks.said).toContain("b.safetensors: no such file");
    const more = await against(
      copy((path) => cpSync(path("a.safetensors"), path("c.safetensors"))),
    );
    expect(more.said).toContain("c.safetensors: the receipt does not name it");
    const cut = await against(
      copy((path) =>
        writeFileSync(path("b.safetensors"), readFileSync(path("b.safetensors")).subarray(0, -1)),
      ),
    );
    expect(cut.said).toContain("b.safetensors: expected tensors for");
    const other = await against(
      copy((path) => {
        const file = readFileSync(path("b.safetensors"));
        file.write("T", file.indexOf("t12"));
        writeFileSync(path("b.safetensors"), file);
      }),
    );
    expect(other.said).toContain("b.safetensors: its header is not that of the receipt");
    expect([lacks, more, cut, other].map(({ code }) => code)).toEqual([1, 1, 1, 1]);
  });

  it("refuses what is no receipt", async () => {
    const path = join(folder, "..", `no-receipt-${process.pid}.json`);
    const good = readFileSync(receipt, "utf8");
    const spoiled = [
      "[]",
      "{",
      "{}",
      good.replace("receipt 1", "receipt 2"),
      good.replace(/"size":\d+/, '"size":9'),
      good.replace(/\[(\d+),60,"[0-9a-f]{8}"\]/, '[$1,60,""]'),
      good.replace(/\[(\d+),60,"[0-9a-f]{8}"\]/, '[$1,60,"xxxxxxxx"]'),
      good.replace('"isComplete": true', '"isComplete": false'),
    ];
    for (const text of spoiled) {
      expect(text).not.toBe(good);
      writeFileSync(path, text);
      const { code, stderr } = await glm52(["verify-files", folder, "--against", path]);
      expect(stderr).toContain(path);
      expect(code).toBe(1);
    }
    rmSync(path);
    const { stderr } = await glm52(["verify-files", folder, "--against", path]);
    expect(stderr).toContain(`${path}: no such file`);
  });
});
