/** Tests of the memory of the wasm backend. */
import { describe, expect, it } from "vitest";
import { type Shape, sizeOf } from "../../../../engine/base/tensor.ts";
import { type Ops, referenceOps, Session, ShapeError } from "../../../../engine/index.ts";
import { encodeF32 } from "../../../../engine/numbers/formats.ts";
import { WasmMemoryError, wasmOps } from "../../../../engine/ops/wasm/index.ts";
import { gaussians } from "../../../support/random.ts";
import { keyRows } from "../../../support/stored.ts";
import { tinyModel } from "../../../support/tiny-model.ts";
import { fastOps, kernelBytes } from "./wasm.ts";

describe("scratch", () => {
  it("is used again after a release, and what is kept survives it", async () => {
    const ops = await fastOps();
    const old = ops.tensor(["T", "c"], [1, 3], [7, 8, 9]);
    const mark = ops.mark();
    ops.tensor(["T", "c"], [1, 100], gaussians(100, 1));
    const h = ops.tensor(["T", "c"], [2, 50], gaussians(100, 2));
    ops.tensor(["T", "c"], [1, 100], gaussians(100, 3));
    const chosen = ops.topK(ops.tensor(["T", "S"], [1, 4], [3, 1, 2, 4]), 2);
    const [keptH, keptRows] = ops.keep(mark, h, chosen);
    const other = ops.tensor(["T", "c"], [1, 1000], gaussians(1000, 4));
    expect([...keptH.data]).toEqual([...gaussians(100, 2)]);
    expect(keptH.dims).toEqual(["T", "c"]);
    expect([...keptRows.data]).toEqual([0, 3]);
    expect([...old.data]).toEqual([7, 8, 9]);
    expect([...other.data]).toEqual([...gaussians(1000, 4)]);
    ops.release(mark);
    expect(ops.mark()).toBe(mark);
  });

  it("keeps in place what is older than the mark or from outside", async () => {
    const ops = await fastOps();
    const old = ops.tensor(["T", "c"], [1, 3], [7, 8, 9]);
    const outside = {
      dims: ["T", "K"] as ["T", "K"],
      shape: [1, 1] as const,
      data: new Int32Array(1),
    };
    const [a, b] = ops.keep(ops.mark(), old, outside);
    expect(a).toBe(old);
    expect(b).toBe(outside);
  });

  it("returns to its mark after every op: temporaries do not stay", async () => {
    const ops = await fastOps();
    const w = ops.place(["o", "i"], [16, 12], encodeF32([16, 12], gaussians(192, 1)));
    const x = ops.tensor(["T", "i"], [16, 12], gaussians(192, 2));
    const mark = ops.mark();
    ops.linear(x, w);
    expect(mark - ops.mark()).toBe(16 * 16 * 4);
  });
});

describe("pages of caches", () => {
  it("of closed sessions are used again: a hundred sessions take the memory of one", async () => {
    const ops = await fastOps();
    const model = tinyModel({}, ops);
    const { rowMemory } = ops;
    const taken = new Set<number>();
    const watched = (): ReturnType<typeof rowMemory> => {
      const memory = rowMemory();
      const take = (bytes: number): number => {
        const at = memory.take(bytes);
        taken.add(at);
        return at;
      };
      return {
        view: memory.view,
        bytes: memory.bytes,
        take,
        give: (...block) => memory.give(...block),
      };
    };
    for (let i = 0; i < 100; i++) {
      const session = new Session(
        { ...model, ops: { ...ops, rowMemory: watched } },
        { draft: true },
      );
      session.append([1, 2, 3]);
      session.append([4]);
      session.close();
    }
    expect(taken.size).toBe(4); // rows and keys, of the model and of the draft head
  });

  it("of another backend are refused", async () => {
    const ops = await fastOps();
    const other = referenceOps();
    const t = <const D extends readonly string[]>(on: Ops, dims: D, shape: Shape<D>) =>
      on.tensor(dims, shape, gaussians(sizeOf(shape), 1));
    const keys = keyRows(other, t(other, ["S", "d"], [3, 16]));
    const [q, w] = [t(ops, ["T", "idxH", "d"], [1, 1, 16]), t(ops, ["T", "idxH"], [1, 1])];
    expect(() => ops.indexScores(q, keys, w, 2, 1)).toThrow(ShapeError);
  });
});

describe("a full memory", () => {
  it("says how many bytes were wanted and what to do", async () => {
    const ops = await wasmOps(kernelBytes(), { memoryBytes: 2 ** 20 });
    const n = 2 ** 20;
    const raw = encodeF32([1, n], new Float32Array(n));
    expect(() => ops.place(["o", "i"], [1, n], raw)).toThrow(WasmMemoryError);
    expect(() => ops.place(["o", "i"], [1, n], raw)).toThrow(/4194304 bytes wanted.*memoryBytes/);
    expect(() => ops.tensor(["T", "c"], [1, n], new Float32Array(n))).toThrow(WasmMemoryError);
    // The refused request took no memory, so that a smaller one still fits.
    expect(ops.tensor(["T", "c"], [1, 2], [1, 2]).data).toEqual(Float32Array.of(1, 2));
  });

  it.each([0, -1, Number.NaN])("cannot be asked for with %d bytes", async (memoryBytes) => {
    await expect(wasmOps(kernelBytes(), { memoryBytes })).rejects.toThrow(WasmMemoryError);
  });
});

describe("a weight", () => {
  it("of another backend is refused", async () => {
    const [ops, other] = [await fastOps(), await fastOps()];
    const raw = encodeF32([2, 2], [1, 2, 3, 4]);
    const x = ops.tensor(["T", "i"], [1, 2], [1, 2]);
    for (const placer of [other, referenceOps()]) {
      const w = placer.place(["o", "i"], [2, 2], raw);
      expect(() => ops.linear(x, w)).toThrow(ShapeError);
    }
  });

  it("must have as many numbers as its shape says", async () => {
    const ops = await fastOps();
    expect(() => ops.place(["o", "i"], [2, 3], encodeF32([2, 2], [1, 2, 3, 4]))).toThrow(
      ShapeError,
    );
  });
});
