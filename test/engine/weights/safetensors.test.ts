import { describe, expect, it } from "vitest";
import { type ByteSource, memorySource, readExactly } from "../../../engine/weights/byte-source.ts";
import { MAX_HEADER, readHeader } from "../../../engine/weights/safetensors.ts";
import { WeightsError } from "../../../engine/weights/weights-error.ts";
import { writeSafetensors } from "../../../engine/weights/write-safetensors.ts";
import { hostileFile, stored } from "./fixtures.ts";

const read = (file: Uint8Array): ReturnType<typeof readHeader> =>
  readHeader(memorySource("f.safetensors", file));

async function refusal(file: Uint8Array): Promise<string> {
  const error = await read(file).then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(WeightsError);
  return (error as WeightsError).message;
}

describe("a good file", () => {
  it("has a directory in bytes of the file", async () => {
    const header =
      '{"b":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"__metadata__":{"format":"pt"}}';
    const { tensors, metadata } = await read(hostileFile(header, 16));
    const start = 8 + header.length;
    expect(tensors.get("a")).toEqual({ dtype: "F32", shape: [], offset: start, length: 4 });
    expect(tensors.get("b")).toEqual({
      dtype: "BF16",
      shape: [2, 3],
      offset: start + 4,
      length: 12,
    });
    expect([...metadata]).toEqual([["format", "pt"]]);
  });

  it("may be empty, may be padded with spaces, and may hold tensors without elements", async () => {
    expect((await read(hostileFile("{}"))).tensors.size).toBe(0);
    expect((await read(hostileFile("{}      "))).tensors.size).toBe(0);
    const empty =
      '{"e":{"dtype":"F32","shape":[0,5],"data_offsets":[2,2]},"u":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}';
    expect((await read(hostileFile(empty, 2))).tensors.get("e")?.length).toBe(0);
  });

  it("may use any name, also those that objects are born with", async () => {
    const entry = '{"dtype":"U8","shape":[1],"data_offsets":[0,1]}';
    for (const name of ["__proto__", "constructor", "a\\\\b", 'a\\"b', "名"]) {
      const { tensors } = await read(hostileFile(`{"${name}":${entry}}`, 1));
      expect([...tensors.keys()]).toEqual([JSON.parse(`"${name}"`)]);
    }
  });
});

describe("writeSafetensors", () => {
  const tensors = {
    b: stored("BF16", [3], [1, 2, 3]),
    a: stored("F32", [2], [4, 5]),
    c: { dtype: "I32", shape: [1], bytes: Uint8Array.of(7, 0, 0, 0) },
    d: { dtype: "U8", shape: [1], bytes: Uint8Array.of(9) },
  } as const;

  it("writes what readHeader reads, aligned", async () => {
    const file = writeSafetensors(tensors, { step: "1" });
    const { tensors: found, metadata } = await read(file);
    expect([...found.keys()]).toEqual(["a", "c", "b", "d"]);
    expect([...metadata]).toEqual([["step", "1"]]);
    for (const [name, { bytes }] of Object.entries(tensors)) {
      const entry = found.get(name) as { offset: number; length: number };
      expect(file.slice(entry.offset, entry.offset + entry.length)).toEqual(bytes);
    }
    expect((found.get("a")?.offset ?? 1) % 8).toBe(0);
  });

  it("does not depend on the order of its arguments", () => {
    const { a, b, c, d } = tensors;
    expect(writeSafetensors({ d, c, b, a }, { y: "1", x: "2" })).toEqual(
      writeSafetensors({ a, b, c, d }, { x: "2", y: "1" }),
    );
  });

  it("refuses bytes that do not fit the shape", () => {
    const bad = { dtype: "F32", shape: [2], bytes: new Uint8Array(4) } as const;
    expect(() => writeSafetensors({ bad })).toThrow(
      new WeightsError("bad", "cannot write F32 [2] from 4 bytes"),
    );
  });
});

describe("a hostile file is refused in words", () => {
  const one = (entry: string): string => `{"w":${entry}}`;
  const u8 = (begin: number, end: number): string =>
    `{"dtype":"U8","shape":[${end - begin}],"data_offsets":[${begin},${end}]}`;
  const cases: readonly (readonly [string, Uint8Array, string])[] = [
    [
      "shorter than 8 bytes",
      new Uint8Array(7),
      "expected 8 bytes of header length, got a file of 7",
    ],
    [
      "header length past the end",
      hostileFile("{}", 0, 99n),
      "expected a header of 99 bytes, got a file of 10",
    ],
    [
      "header length past 100 MB",
      hostileFile("{}", 0, 100_000_001n),
      `expected a header of at most ${MAX_HEADER} bytes, got 100000001`,
    ],
    [
      "header length of 2^64 - 1",
      hostileFile("{}", 0, 2n ** 64n - 1n),
      `expected a header of at most ${MAX_HEADER} bytes, got 18446744073709552000`,
    ],
    [
      "header length of 2^32",
      hostileFile("{}", 0, 2n ** 32n),
      `expected a header of at most ${MAX_HEADER} bytes, got 4294967296`,
    ],
    [
      "header length 0",
      hostileFile("", 4),
      "expected a header that begins with {, got another byte",
    ],
    ["not an object", hostileFile("[]"), "expected a header that begins with {, got another byte"],
    ["a space first", hostileFile(" {}"), "expected a header that begins with {, got another byte"],
    [
      "not UTF-8",
      hostileFile(Uint8Array.of(0x7b, 0xff, 0x7d)),
      "header: expected UTF-8, got other bytes",
    ],
    ["not JSON", hostileFile('{"w":}'), "header: expected JSON, got other text"],
    ["JSON and more", hostileFile("{}{}"), "header: expected JSON, got other text"],
    ["an open string", hostileFile('{"w\\'), "header: expected JSON, got other text"],
    [
      "deep nesting",
      hostileFile(`{"w":${"[".repeat(1e6)}`),
      "header: expected at most 8 nested brackets",
    ],
    [
      "a tensor twice",
      hostileFile(`{"w":${u8(0, 1)},"w":${u8(0, 1)}}`, 1),
      "header: w is there twice",
    ],
    [
      "a tensor twice, spelled differently",
      hostileFile(`{"w":${u8(0, 1)},"\\u0077" :${u8(0, 1)}}`, 1),
      "header: w is there twice",
    ],
    [
      "__metadata__ twice",
      hostileFile('{"__metadata__":{},"__metadata__":{}}'),
      "header: __metadata__ is there twice",
    ],
    [
      "dtype twice",
      hostileFile(one('{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}'), 1),
      "header: dtype is there twice",
    ],
    [
      "an entry that is a list",
      hostileFile(one("[]")),
      "w: expected an object of dtype, shape and data_offsets",
    ],
    [
      "an entry without shape",
      hostileFile(one('{"dtype":"U8","data_offsets":[0,1]}'), 1),
      "w: expected an object of dtype, shape and data_offsets",
    ],
    [
      "an entry with more",
      hostileFile(one('{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}'), 1),
      "w: expected an object of dtype, shape and data_offsets",
    ],
    [
      "an unknown dtype",
      hostileFile(one('{"dtype":"F4","shape":[2],"data_offsets":[0,1]}'), 1),
      'w: unknown dtype "F4"',
    ],
    [
      "a dtype every object has",
      hostileFile(one('{"dtype":"toString","shape":[1],"data_offsets":[0,1]}'), 1),
      'w: unknown dtype "toString"',
    ],
    [
      "a dtype that is a number",
      hostileFile(one('{"dtype":8,"shape":[1],"data_offsets":[0,1]}'), 1),
      "w: unknown dtype 8",
    ],
    [
      "a negative length",
      hostileFile(one('{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}'), 1),
      "header: expected a whole number >= 0, got -1",
    ],
    [
      "a fraction",
      hostileFile(one('{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}'), 1),
      "header: expected a whole number >= 0, got 1.5",
    ],
    [
      "an exponent",
      hostileFile(one('{"dtype":"U8","shape":[1e0],"data_offsets":[0,1]}'), 1),
      "header: expected a whole number >= 0, got 1e0",
    ],
    [
      "a length in words",
      hostileFile(one('{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}'), 1),
      "w: expected shape to be a list of sizes below 2^53",
    ],
    [
      "a length past 2^53",
      hostileFile(one('{"dtype":"U8","shape":[9007199254740993],"data_offsets":[0,1]}'), 1),
      "w: expected shape to be a list of sizes below 2^53",
    ],
    [
      "lengths whose product overflows",
      hostileFile(one('{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}')),
      "w: shape [4294967296, 4294967296] overflows 2^53 bytes",
    ],
    [
      "an overflow that a zero would hide",
      hostileFile(one('{"dtype":"F64","shape":[2251799813685248,2,0],"data_offsets":[0,0]}')),
      "w: shape [2251799813685248, 2, 0] overflows 2^53 bytes",
    ],
    [
      "offsets past 2^53",
      hostileFile(
        one('{"dtype":"U8","shape":[1],"data_offsets":[9007199254740992,9007199254740993]}'),
        1,
      ),
      "w: expected data_offsets to be [begin, end], begin <= end",
    ],
    [
      "offsets backwards",
      hostileFile(one('{"dtype":"U8","shape":[1],"data_offsets":[1,0]}'), 1),
      "w: expected data_offsets to be [begin, end], begin <= end",
    ],
    [
      "three offsets",
      hostileFile(one('{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}'), 1),
      "w: expected data_offsets to be [begin, end], begin <= end",
    ],
    [
      "a shape larger than its bytes",
      hostileFile(one('{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4]}'), 4),
      "w: expected F32 [1000000, 1000000] to span 4000000000000 bytes, got 4",
    ],
    [
      "offsets out of the file",
      hostileFile(one(u8(0, 9)), 4),
      "expected tensors for 4 bytes of data, got 9",
    ],
    [
      "bytes after the last tensor",
      hostileFile(one(u8(0, 4)), 5),
      "expected tensors for 5 bytes of data, got 4",
    ],
    [
      "overlap",
      hostileFile(`{"v":${u8(0, 4)},"w":${u8(3, 8)}}`, 8),
      "w overlaps v: begins at 3, not 4",
    ],
    [
      "the same bytes twice",
      hostileFile(`{"v":${u8(0, 4)},"w":${u8(0, 4)}}`, 4),
      "w overlaps v: begins at 0, not 4",
    ],
    [
      "a gap",
      hostileFile(`{"v":${u8(0, 4)},"w":${u8(5, 8)}}`, 8),
      "w leaves a gap after v: begins at 5, not 4",
    ],
    [
      "a gap at the beginning",
      hostileFile(one(u8(1, 4)), 4),
      "w leaves a gap after the header: begins at 1, not 0",
    ],
    [
      "metadata that is not strings",
      hostileFile('{"__metadata__":{"n":1}}'),
      "__metadata__: expected an object of strings",
    ],
    [
      "metadata that is a list",
      hostileFile('{"__metadata__":[]}'),
      "__metadata__: expected an object of strings",
    ],
    [
      "metadata that is null",
      hostileFile('{"__metadata__":null}'),
      "__metadata__: expected an object of strings",
    ],
  ];
  it.each(cases)("%s", async (_, file, message) => {
    expect(await refusal(file)).toBe(`f.safetensors: ${message}`);
  });

  it("says no in a second of the processor to a header that claims a million dimensions", async () => {
    const shape = `[${"1,".repeat(999_999)}1]`;
    const file = hostileFile(`{"w":{"dtype":"U8","shape":${shape},"data_offsets":[0,2]}}`, 2);
    const start = process.cpuUsage();
    expect(await refusal(file)).toBe(
      "f.safetensors: w: expected U8 [1, 1, 1, 1, 1, 1, 1, 1, …] to span 1 bytes, got 2",
    );
    const { user, system } = process.cpuUsage(start);
    expect(user + system).toBeLessThan(1e6); // µs
  });

  it("says no to more names than memory should hold", async () => {
    const file = hostileFile(`{"w":[${"[],".repeat(4_000_000)}[]]}`);
    expect(await refusal(file)).toBe(
      "f.safetensors: header: expected at most 4000000 names and brackets",
    );
  });

  it("asks for no byte outside the file, whatever the header says", async () => {
    const file = hostileFile(
      '{"w":{"dtype":"U8","shape":[4503599627370496],"data_offsets":[0,4503599627370496]}}',
      4,
    );
    const inner = memorySource("f.safetensors", file);
    const careful: ByteSource = {
      ...inner,
      read: (offset, length) => {
        expect(offset + length).toBeLessThanOrEqual(inner.size);
        return inner.read(offset, length);
      },
    };
    await expect(readHeader(careful)).rejects.toThrow("got 4503599627370496");
  });
});

describe("readExactly", () => {
  it("refuses a source that gives fewer bytes than it has", async () => {
    const short: ByteSource = { name: "s", size: 9, read: async () => new Uint8Array(3) };
    await expect(readExactly(short, 2, 4)).rejects.toThrow(
      new WeightsError("s", "expected 4 bytes at 2, got 3"),
    );
    await expect(readExactly(short, 2, 8)).rejects.toThrow(
      new WeightsError("s", "expected bytes 2 … 10, got a file of 9"),
    );
    await expect(readExactly(short, -1, 1)).rejects.toThrow(WeightsError);
    await expect(readExactly(short, Number.NaN, 1)).rejects.toThrow(WeightsError);
  });
});
