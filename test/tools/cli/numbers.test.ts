/** Tests of the parsers of option values. */
import { InvalidArgumentError } from "commander";
import { describe, expect, it } from "vitest";
import {
  byteSize,
  decimal,
  integer,
  integerList,
  nameList,
  tokenCounts,
} from "../../../tools/cli/numbers.ts";

const share = decimal("a number above 0, at most 1", (x) => x > 0 && x <= 1);

describe("numbers on the command line", () => {
  it.each([
    ["0", 0],
    ["17", 17],
    ["007", 7],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
  ])("takes %s as an integer", (text, value) => {
    expect(integer(0)(text)).toBe(value);
  });

  it.each([
    "",
    " ",
    "1x",
    "x1",
    "1.0",
    "1e3",
    "0x10",
    "-1",
    "+1",
    "NaN",
    "1 2",
    "9007199254740993",
  ])("refuses %j as an integer of 0 or more", (text) => {
    expect(() => integer(0)(text)).toThrow("Expected an integer of 0 or more.");
  });

  it("says both ends of a range", () => {
    expect(() => integer(0, 9)("10")).toThrow("Expected an integer 0 … 9.");
  });

  it.each([
    ["1", 1],
    ["0.25", 0.25],
    [".5", 0.5],
    ["1.", 1],
    ["5e-3", 0.005],
  ])("takes %s as a decimal number", (text, value) => {
    expect(share(text)).toBe(value);
  });

  it.each(["", "0", "1.01", "-0.5", "0,5", "Infinity", "NaN", "1e999", "0x1", "1e", "0.5f"])(
    "refuses %j as a share",
    (text) => {
      expect(() => share(text)).toThrow(InvalidArgumentError);
    },
  );

  it("takes a list of ids with or without spaces, and nothing between two commas never", () => {
    expect(integerList("1,2, 30")).toEqual([1, 2, 30]);
    for (const text of ["", "1,,2", "1,", "1;2", "1,x", "-1", "1,2.5"]) {
      expect(() => integerList(text), text).toThrow("Expected");
    }
  });

  it("takes a list of names", () => {
    expect(nameList("q_pe, top_k")).toEqual(["q_pe", "top_k"]);
    expect(() => nameList("a,,b")).toThrow("Expected names like a,b.");
  });
});

describe("sizes on the command line", () => {
  it.each([
    ["1B", 1],
    ["512MB", 512e6],
    ["24GB", 24e9],
    ["1.5GiB", 1.5 * 2 ** 30],
  ])("takes %s as bytes", (text, value) => {
    expect(byteSize(text)).toBe(value);
  });

  it.each(["", "24", "GB", "24gb", "-1GB", "0GB", "1 GB", "1e3MB", "9999999TB"])(
    "refuses %j as bytes",
    (text) => {
      expect(() => byteSize(text)).toThrow("Expected a size like 512MB, 24GB or 24GiB.");
    },
  );

  it("takes contexts in any order, each once", () => {
    expect(tokenCounts("1M,128K, 4096,4K")).toEqual([4096, 131072, 1048576]);
  });

  it.each(["", "4K,", "4k", "0", "-1", "1G"])("refuses %j as contexts", (text) => {
    expect(() => tokenCounts(text)).toThrow("Expected numbers of tokens like 4096,128K,1M.");
  });
});
