/**
 * Tests that files of torch.save are read as torch reads them with weights_only, and that nothing in
 * them is trusted. torch-files/make.py made the files with torch 2.13.
 */
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { BUILT_IN } from "../../../../tools/golden/case/engine-names.ts";
import { type DumpSource, readEngineDump } from "../../../../tools/golden/dump/dump.ts";
import { type PythonName, readPickle } from "../../../../tools/golden/dump/pickle.ts";
import { UserError } from "../../../../tools/node/user-error.ts";
import { scratchFolder } from "../../../support/paths.ts";

const FILES = join(import.meta.dirname, "torch-files");
const read = async (file: DumpSource): Promise<unknown[]> => {
  const dump = await readEngineDump(file, BUILT_IN, () => {});
  return [...dump].map(([name, { dtype, shape, data }]) => [name, dtype, shape, [...data]]);
};
const X = [0, 0.5, 1, 1.5, 2, 2.5];
const scratch = scratchFolder();

describe("a file of torch.save", () => {
  it("is a dict of tensors: in any format, not in C order, parts of a storage, several outputs", async () => {
    const wanted = [
      ["l_out-0", "F32", [2, 3], X],
      ["l_out-1", "F32", [3, 2], [0, 1.5, 0.5, 2, 1, 2.5]],
      ["l_out-2", "BF16", [2, 3], X],
      ["l_out-3", "F16", [2, 3], X],
      ["l_out-4", "F64", [2, 3], X],
      ["top_k-0", "I64", [2, 2], [0, 1, 1, -1]],
      ["top_k-1", "I32", [2, 2], [0, 1, 1, -1]],
      ["rows 1", "F32", [1, 3], [1.5, 2, 2.5]],
      ["pair", "F32", [2, 3], X],
      ["pair.1", "F32", [2, 3], X.map((x) => 2 * x)],
    ];
    expect(await read(join(FILES, "dict.pt"))).toEqual(wanted);
    expect(await read(new Uint8Array(readFileSync(join(FILES, "dict.pt"))))).toEqual(wanted);
  });

  it.each([
    ["one.pt", "one"],
    ["parameter.pt", "w"],
    ["dtype.pt", "dtype"],
  ])("%s has the tensor %s", async (file, name) => {
    expect(await read(join(FILES, file))).toEqual([[name, "F32", [2, 3], X]]);
  });

  it.each([
    ["bool.pt", "torch.IntStorage; got torch.BoolStorage in data/0"],
    ["other.pt", "expected tensors alone, got a call of __main__.Other"],
  ])("%s is refused", async (file, message) => {
    const refused = read(join(FILES, file));
    await expect(refused).rejects.toThrow(UserError);
    await expect(refused).rejects.toThrow(message);
  });

  it("that is cut off anywhere is refused in words", async () => {
    const whole = readFileSync(join(FILES, "one.pt"));
    for (let n = 8; n < whole.length; n += 97) {
      await expect(read(new Uint8Array(whole.subarray(0, n)))).rejects.toThrow(UserError);
    }
  });
});

describe("what SGLang writes", () => {
  it("is a folder with the modules of one pass", async () => {
    const wanted = [
      ["l_out-0", "F32", [2, 3], X],
      ["result_norm", "F32", [2, 3], X],
      ["model.norm.1", "F32", [2, 3], X],
    ];
    expect(await read(join(FILES, "modules"))).toEqual(wanted);
  });

  it("is a folder with a file for each tensor that its dumper was given", async () => {
    const wanted = ["l_out-0", "qr-0"].map((name) => [name, "F32", [2, 3], X]);
    expect(await read(join(FILES, "dumper"))).toEqual(wanted);
  });

  it("of several passes or processes is not mixed", async () => {
    const passes = join(scratch, "passes");
    cpSync(join(FILES, "modules"), passes, { recursive: true });
    const folder = join(passes, "TP0_PP0_Rank0_pid7");
    cpSync(join(folder, "Pass00000.pt"), join(folder, "Pass00001.pt"));
    await expect(read(passes)).rejects.toThrow(
      "expected the file of one pass, got TP0_PP0_Rank0_pid7/Pass00000.pt, TP0_PP0_Rank0_pid7/Pass00001.pt",
    );
    const ranks = join(scratch, "ranks");
    mkdirSync(ranks);
    for (const rank of [0, 1]) {
      cpSync(join(FILES, "one.pt"), join(ranks, `rank=${rank}___step=0___name=qr-${rank}.pt`));
    }
    await expect(read(ranks)).rejects.toThrow("got rank=0, step=0 and rank=1, step=0");
  });
});

describe("a pickle", () => {
  const rules = { call: (name: PythonName) => name.name, load: (id: unknown) => id };
  const of = (...bytes: number[]): unknown => readPickle("p", Uint8Array.from(bytes), rules);
  const text = (s: string): number[] => [...new TextEncoder().encode(s)];

  it("calls nothing: a name and its arguments are told to the reader", () => {
    const system = [
      0x80,
      2,
      0x63,
      ...text("os\nsystem\n"),
      0x8c,
      2,
      ...text("ls"),
      0x85,
      0x52,
      0x2e,
    ];
    expect(of(...system)).toBe("os.system");
  });

  it("may have numbers of all sizes, tuples, lists and dicts", () => {
    expect(of(0x80, 4, 0x4b, 7, 0x4d, 1, 2, 0x86, 0x2e)).toEqual([7, 513]);
    expect(of(0x8a, 2, 0xff, 0xff, 0x2e)).toBe(-1);
    expect(of(0x5d, 0x28, 0x4b, 1, 0x4e, 0x65, 0x2e)).toEqual([1, null]);
    expect(of(0x7d, 0x4b, 1, 0x88, 0x73, 0x2e)).toEqual(new Map([[1, true]]));
  });

  it.each([
    [[0x80, 2], "1 more bytes: the pickle is cut off"],
    [[0x82, 0x2e], "an opcode of a file of tensors, got 0x82"],
    [[0x2e], "a value on the stack, got none"],
    [[0x68, 3, 0x2e], "a value that was kept as 3, got none"],
    [[0x4e, 0x75, 0x2e], "a mark on the stack, got none"],
    [[0x4e, 0x29, 0x52, 0x2e], "a name and its arguments"],
  ])("%j is refused", (bytes, message) => {
    expect(() => of(...bytes)).toThrow(UserError);
    expect(() => of(...bytes)).toThrow(message);
  });
});
