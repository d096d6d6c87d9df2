/** Embedding and head read row by row: the results of whole matrices, in every format, and no byte too many. */
import { describe, expect, test } from "vitest";
import type { Tensor } from "../../../engine/base/tensor.ts";
import { type Ops, referenceOps } from "../../../engine/index.ts";
import { toBf16, toF16 } from "../../../engine/numbers/formats.ts";
import { toGroups } from "../../../engine/numbers/groups.ts";
import { rowsOfBlock } from "../../../engine/stream/row-blocks.ts";
import { StreamedTables } from "../../../engine/stream/streamed-tables.ts";
import { answered } from "../../../engine/weights/asking.ts";
import { memoryFiles } from "../../../engine/weights/byte-source.ts";
import { openCheckpoint, type StoredTensor } from "../../../engine/weights/checkpoint.ts";
import { quantizeBlocks } from "../../../engine/weights/quantize.ts";
import { rawTensor } from "../../../engine/weights/raw-tensor.ts";
import { writeSafetensors } from "../../../engine/weights/write-safetensors.ts";
import { lazyStore } from "../../support/lazy-store.ts";
import { gaussians, random, randomTokens } from "../../support/random.ts";
import { fastOps } from "../ops/wasm/wasm.ts";

const FILE = "model.safetensors";
const NAME = "table.weight";
/** No multiple of a block of fp8, nor of a block of rows. */
const ROWS = 330;
const COLUMNS = 160;

const values = gaussians(ROWS * COLUMNS, 5);
const shape = [ROWS, COLUMNS];
const halfs = (toBits: (x: number) => number) =>
  new Uint8Array(Uint16Array.from(values, toBits).buffer);

/** The tensors that a file has for the table, in each format. */
type Format = "f32" | "bf16" | "f16" | "fp8" | "q8" | "q4";
const STORED: Readonly<Record<Format, Readonly<Record<string, StoredTensor>>>> = {
  f32: { [NAME]: { dtype: "F32", shape, bytes: new Uint8Array(values.buffer) } },
  bf16: { [NAME]: { dtype: "BF16", shape, bytes: halfs(toBf16) } },
  f16: { [NAME]: { dtype: "F16", shape, bytes: halfs(toF16) } },
  fp8: fp8(),
  q8: grouped("q8", "I8", COLUMNS),
  q4: grouped("q4", "U8", COLUMNS / 2),
};

function fp8(): Record<string, StoredTensor> {
  const { bytes, scales } = quantizeBlocks(ROWS, COLUMNS, values);
  const blocks = [Math.ceil(ROWS / 128), Math.ceil(COLUMNS / 128)];
  return {
    [NAME]: { dtype: "F8_E4M3", shape, bytes },
    [`${NAME}_scale_inv`]: {
      dtype: "F32",
      shape: blocks,
      bytes: new Uint8Array(scales.buffer),
    },
  };
}

function grouped(format: "q8" | "q4", dtype: "I8" | "U8", width: number) {
  const { quants, scales } = toGroups(format, values);
  return {
    [NAME]: { dtype, shape: [ROWS, width], bytes: quants },
    [`${NAME}_scale`]: {
      dtype: "F16",
      shape: [ROWS, COLUMNS / 32],
      bytes: new Uint8Array(scales.buffer),
    },
  } satisfies Record<string, StoredTensor>;
}

const spec = {
  name: NAME,
  axes: ["vocab", "hidden"],
  shape: [ROWS, COLUMNS],
  quantized: false,
} as const;

/** The table as a whole, and read from its file. */
async function both(stored: Readonly<Record<string, StoredTensor>>, ops: Ops, blockBytes = 0) {
  const files = { [FILE]: writeSafetensors(stored) };
  const checkpoint = await openCheckpoint(memoryFiles(files));
  const store = lazyStore(files, 3);
  const raw = await answered((name) => checkpoint.read(name), rawTensor(checkpoint, NAME));
  const whole = ops.place(spec.axes, spec.shape, raw);
  const tables = new StreamedTables(ops, { checkpoint, store }, blockBytes);
  const bytes = Object.values(stored).reduce((sum, tensor) => sum + tensor.bytes.length, 0);
  return { whole, tables, table: tables.table(spec), store, bytes };
}

const bits = ({ shape: lengths, data }: Tensor) => ({ lengths, data: data.slice() });

const BACKENDS: readonly (readonly [string, () => Promise<Ops>])[] = [
  ["reference f32", async () => referenceOps("f32")],
  ["reference f64", async () => referenceOps("f64")],
  ["wasm", () => fastOps()],
  ["wasm with int8", () => fastOps("int8")],
];

describe.each(BACKENDS)("on %s", (_, start) => {
  test.each(Object.entries(STORED))(
    "%s: rows of tokens, and all rows in blocks",
    async (_f, stored) => {
      const ops = await start();
      const { whole, tables, table, store, bytes } = await both(stored, ops);
      for (const tokens of [
        [0],
        [ROWS - 1],
        [7, 6, 7, 129, 128, 7, 300],
        randomTokens(40, ROWS, 1),
      ]) {
        const ids = Int32Array.from(tokens);
        expect(bits(tables.ops.embed(ids, table))).toEqual(bits(ops.embed(ids, whole)));
      }
      for (const nT of [1, 2, 9]) {
        const before = store.bytes;
        const x = random(ops, ["T", "hidden"], [nT, COLUMNS], nT);
        expect(bits(tables.ops.linear(x, table))).toEqual(bits(ops.linear(x, whole)));
        expect(store.bytes - before).toBe(bytes); // three blocks, each byte once
      }
      expect(tables.counts.bytesRead).toBe(store.bytes);
    },
  );
});

test("of the embedding, no row is read that no token names, and none twice", async () => {
  for (const format of ["bf16", "q4"] as const) {
    const { tables, table, store, bytes } = await both(STORED[format], referenceOps("f32"));
    tables.ops.embed(Int32Array.of(5, 9, 5, 5, 6), table);
    expect(store.bytes).toBe((3 * bytes) / ROWS);
  }
});

test("other weights go to the backend, and wrong calls fail as there", async () => {
  const ops = referenceOps("f32");
  const { whole, tables, table } = await both(STORED.f32, ops);
  const ids = Int32Array.of(3);
  expect(tables.ops.embed(ids, whole)).toEqual(ops.embed(ids, whole));
  for (const wrong of [[ROWS], [-1], [0, 4000]]) {
    const expected = messageOf(() => ops.embed(Int32Array.from(wrong), whole));
    expect(expected).toContain("is outside 0 …");
    expect(messageOf(() => tables.ops.embed(Int32Array.from(wrong), table))).toBe(expected);
  }
  const x = random(ops, ["T", "hidden"], [1, COLUMNS + 1], 1);
  expect(messageOf(() => tables.ops.linear(x, table))).toBe(messageOf(() => ops.linear(x, whole)));
});

test("NaN in a row is an error that names it, when the row is read", async () => {
  const bytes = STORED.bf16[NAME].bytes.slice();
  bytes.fill(0xff, 2 * 200 * COLUMNS, 2 * 200 * COLUMNS + 2);
  const clean = await both(STORED.bf16, referenceOps("f32"));
  const broken = writeSafetensors({ [NAME]: { dtype: "BF16", shape, bytes } });
  const checkpoint = await openCheckpoint(memoryFiles({ [FILE]: broken }));
  const store = lazyStore({ [FILE]: broken }, 1);
  const tables = new StreamedTables(referenceOps("f32"), { checkpoint, store }, 0);
  const table = tables.table(spec);
  const [before, at] = [Int32Array.of(199, 201), Int32Array.of(200)];
  expect(tables.ops.embed(before, table)).toEqual(clean.tables.ops.embed(before, clean.table));
  expect(messageOf(() => tables.ops.embed(at, table))).toContain(
    "table.weight[200 … 200]: expected",
  );
  const x = random(referenceOps("f32"), ["T", "hidden"], [1, COLUMNS], 1);
  expect(messageOf(() => tables.ops.linear(x, table))).toContain(
    "table.weight[128 … 255]: expected",
  );
});

test("blocks of the released head are whole blocks of a receipt", () => {
  const [rowBytes, expert] = [12_288, 37_757_952];
  expect((rowsOfBlock(rowBytes, 2 * expert) * rowBytes) % 2 ** 24).toBe(0);
  expect([rowsOfBlock(rowBytes, 0), rowsOfBlock(100, 100 * 300)]).toEqual([128, 256]);
});

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return String(error);
  }
  return "no error";
}
