/** Tensors that are converted in blocks of rows become the bytes that they become as a whole. */
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sizeOf } from "../../../engine/base/tensor.ts";
import { panelShape } from "../../../engine/numbers/panels.ts";
import { memorySource } from "../../../engine/weights/byte-source.ts";
import { INDEX_FILE } from "../../../engine/weights/checkpoint.ts";
import { formBytes, readHeader, type TensorForm } from "../../../engine/weights/safetensors.ts";
import { blockShape, cutRows, pieceOf } from "../../../tools/convert/cut-rows.ts";
import { writeQuantized } from "../../../tools/convert/quantize-folder.ts";
import { newModelFolder } from "../../../tools/node/new-model-folder.ts";
import { CASES, scratchFolder } from "../../support/paths.ts";

const scratch = scratchFolder();

/** Bytes as a text, which is compared fast. */
const read = (path: string): string => readFileSync(path, "latin1");

/** Converts a case's model, and returns the bytes of each file and the errors. */
async function converted(
  model: string,
  out: string,
  options: Parameters<typeof writeQuantized>[3] & { readonly to: "q8" | "q4" | "bf16" },
) {
  const { to, ...rest } = options;
  const folder = join(scratch, out);
  const { tensors } = await newModelFolder(folder, undefined, (into) =>
    writeQuantized(model, into, to, { threads: 1, ...rest }),
  );
  const files = readdirSync(folder).map((name) => [name, read(join(folder, name))] as const);
  return { tensors, files: new Map(files) };
}

describe("blocks of rows", () => {
  const shapes: readonly (readonly number[])[] = [
    [7],
    [300, 32],
    [5, 300, 32],
    [4, 16, 64],
    [1, 9, 32],
  ];
  const forms = (shape: readonly number[]): TensorForm[] => {
    const [rows = 1, columns] = shape.slice(-2);
    const scales = [...shape.slice(0, -2), Math.ceil(rows / 128), Math.ceil(columns / 128)];
    return [
      { dtype: "F8_E4M3", shape },
      ...(shape.length > 1 ? [{ dtype: "F32", shape: scales } as const] : []),
      ...(shape.length === 2 && rows % 8 === 0
        ? [{ dtype: "U8", shape: panelShape("q4", shape) } as const]
        : []),
    ];
  };

  it.each(shapes)(
    "of [%j, …] cover everything once, and their pieces what is stored",
    (...shape) => {
      for (const most of [1, 5000, 2 ** 22]) {
        const blocks = [...cutRows(shape, most)];
        const nRows = sizeOf(shape) / (shape.at(-1) ?? 1);
        expect(blocks[0].from).toBe(0);
        expect(blocks.at(-1)?.to).toBe(nRows);
        expect(blocks.slice(1).map(({ from }) => from)).toEqual(
          blocks.slice(0, -1).map(({ to }) => to),
        );
        const numbers = blocks.map((block) => sizeOf(blockShape(shape, block)));
        expect(numbers.reduce((a, b) => a + b)).toBe(sizeOf(shape));
        for (const form of forms(shape)) {
          let end = 0;
          for (const block of blocks) {
            const piece = pieceOf(shape, block, form);
            expect(piece.offset).toBe(end);
            expect(formBytes({ ...form, shape: piece.shape })).toBe(piece.length);
            end += piece.length;
          }
          expect(end).toBe(formBytes(form));
        }
      }
    },
  );
});

describe.each(["fp8-blocks", "fused-experts", "real-ratios"])("%s", (name) => {
  const model = join(CASES, name, "model");

  it.each([
    ["q8", 5000],
    ["q4", 1],
    ["bf16", 5000],
  ] as const)("becomes the same files as %s in blocks of %d numbers", async (to, blockNumbers) => {
    const whole = await converted(model, `${name}-${to}`, { to });
    const cut = await converted(model, `${name}-${to}-cut`, { to, blockNumbers });
    expect(cut.files).toEqual(whole.files);
    for (const [i, { maxAbs, nmse }] of cut.tensors.entries()) {
      const want = whole.tensors[i];
      expect(maxAbs).toBe(want.maxAbs);
      expect(Math.abs(nmse - want.nmse)).toBeLessThanOrEqual(1e-12 * want.nmse);
    }
  });

  it("becomes shards with an index, whose tensors are those of the single file", async () => {
    const whole = await converted(model, `${name}-one`, { to: "q8" });
    const { files } = await converted(model, `${name}-shards`, { to: "q8", shardBytes: 20_000 });
    const one = await tensorsOf("model.safetensors", whole.files);
    const index = JSON.parse(files.get(INDEX_FILE) ?? "{}").weight_map;
    const shards = [...files.keys()].filter((file) => file.endsWith(".safetensors"));
    expect(shards.length).toBeGreaterThan(2);
    const all = new Map<string, unknown>();
    for (const shard of shards) {
      for (const [tensor, bytes] of await tensorsOf(shard, files)) {
        expect(index[tensor]).toBe(shard);
        all.set(tensor, bytes);
      }
    }
    expect(all.size).toBe(one.size);
    expect(all).toEqual(one);
  });
});

/** The form and the bytes of each tensor of a file. */
async function tensorsOf(name: string, files: ReadonlyMap<string, string>) {
  const bytes = Buffer.from(files.get(name) ?? "", "latin1");
  const { tensors } = await readHeader(memorySource(name, new Uint8Array(bytes)));
  const entries = [...tensors].map(([tensor, { dtype, shape, offset, length }]) => {
    return [
      tensor,
      { dtype, shape, bytes: bytes.toString("latin1", offset, offset + length) },
    ] as const;
  });
  return new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

it("a number that is not finite is named with its place in the whole tensor", async () => {
  const model = join(scratch, "with-nan");
  cpSync(join(CASES, "real-ratios/model"), model, { recursive: true });
  const file = join(model, "model.safetensors");
  const bytes = new Uint8Array(readFileSync(file));
  const { tensors } = await readHeader(memorySource("model.safetensors", bytes));
  const name = "model.embed_tokens.weight";
  const { offset, length, shape, dtype } = tensors.get(name) ?? expect.fail("no embedding");
  const width = length / sizeOf(shape);
  const at = (shape[0] - 2) * shape[1] + 3;
  bytes.fill(0xff, offset + at * width, offset + (at + 1) * width);
  writeFileSync(file, bytes);
  expect(dtype).not.toBe("F8_E4M3");
  for (const blockNumbers of [1, 2 ** 22]) {
    await expect(converted(model, "none", { to: "q4", blockNumbers })).rejects.toThrow(
      `${name}: expected finite numbers, got NaN or infinity at [${shape[0] - 2}, 3]`,
    );
  }
});
