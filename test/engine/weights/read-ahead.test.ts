import { describe, expect, it } from "vitest";
import { readingAhead } from "../../../engine/weights/read-ahead.ts";

/** What happens while tensors are read and used, as words. */
async function story(
  names: readonly string[],
  { bytes = 1, broken = "", order = names } = {},
): Promise<string[]> {
  const words: string[] = [];
  const read = async (name: string): Promise<string> => {
    words.push(`read ${name}`);
    await Promise.resolve();
    if (name === broken) throw new Error(`cannot read ${name}`);
    return name;
  };
  const ask = readingAhead(order, read, () => bytes);
  try {
    for (const name of names) words.push(`use ${await ask(name)}`);
  } catch (error) {
    words.push((error as Error).message);
  }
  return words;
}

describe("reading ahead", () => {
  it("gives each tensor that is asked for, and reads the next two while one is used", async () => {
    expect(await story(["a", "b", "c", "d"])).toEqual([
      ...["read a", "read b", "read c", "use a"],
      ...["read d", "use b", "use c", "use d"],
    ]);
  });

  it("reads each tensor once when they are asked for in another order", async () => {
    const words = await story(["d", "b", "a", "c"], { order: ["a", "b", "c", "d"] });
    expect(words.filter((word) => word.startsWith("use"))).toEqual([
      ...["use d", "use b", "use a", "use c"],
    ]);
    expect(words.filter((word) => word.startsWith("read")).sort()).toEqual([
      ...["read a", "read b", "read c", "read d"],
    ]);
  });

  it("reads large tensors one by one", async () => {
    const want = ["read a", "use a", "read b", "use b", "read c", "use c"];
    expect(await story(["a", "b", "c"], { bytes: 2 ** 27 })).toEqual(want);
  });

  it("tells an error when its tensor is wanted, and not before", async () => {
    const want = ["read a", "read b", "read c", "use a", "use b", "cannot read c"];
    expect(await story(["a", "b", "c"], { broken: "c" })).toEqual(want);
  });
});
