import { describe, expect, it } from "vitest";
import type { RawTensor } from "../../../engine/numbers/raw-tensor.ts";
import { readInTurn } from "../../../engine/weights/read-ahead.ts";

const raw = (name: string): RawTensor => ({
  dtype: "F32",
  shape: [name.length],
  bytes: new Uint8Array(),
});

/** What happens while tensors are read and used, as words. */
async function story(names: readonly string[], bytes = 1, broken?: string): Promise<string[]> {
  const words: string[] = [];
  const read = async (name: string): Promise<RawTensor> => {
    words.push(`read ${name}`);
    await Promise.resolve();
    if (name === broken) throw new Error(`cannot read ${name}`);
    return raw(name);
  };
  try {
    for await (const { shape } of readInTurn(names, read, () => bytes)) words.push(`use ${shape}`);
  } catch (error) {
    words.push((error as Error).message);
  }
  return words;
}

describe("reading in turn", () => {
  it("gives all tensors in their order, and reads the next two while one is used", async () => {
    expect(await story(["a", "bb", "ccc", "dddd"])).toEqual([
      ...["read a", "read bb", "read ccc", "use 1"],
      ...["read dddd", "use 2", "use 3", "use 4"],
    ]);
  });

  it("reads large tensors one by one", async () => {
    const want = ["read a", "use 1", "read bb", "use 2", "read ccc", "use 3"];
    expect(await story(["a", "bb", "ccc"], 2 ** 27)).toEqual(want);
  });

  it("tells an error when its tensor is wanted, and not before", async () => {
    const want = ["read a", "read bb", "read ccc", "use 1", "use 2", "cannot read ccc"];
    expect(await story(["a", "bb", "ccc"], 1, "ccc")).toEqual(want);
  });

  it("has nothing to do for no tensors", async () => {
    expect(await story([])).toEqual([]);
  });
});
