import { describe, expect, it } from "vitest";
import { type CheckpointFiles, memoryFiles } from "../../../engine/weights/byte-source.ts";
import { INDEX_FILE, openCheckpoint, SINGLE_FILE } from "../../../engine/weights/checkpoint.ts";
import { WeightsError } from "../../../engine/weights/weights-error.ts";
import { writeSafetensors } from "../../../engine/weights/write-safetensors.ts";
import type { Json } from "./configs.ts";
import { stored } from "./fixtures.ts";

const a = stored("F32", [2], [1, 2]);
const b = stored("BF16", [1], [3]);
const shard1 = writeSafetensors({ a });
const shard2 = writeSafetensors({ b });
const weight_map = { a: "s-1.safetensors", b: "s-2.safetensors" };

function sharded(index: Json | string, extra: Record<string, Uint8Array> = {}): CheckpointFiles {
  const text = typeof index === "string" ? index : JSON.stringify(index);
  return memoryFiles({
    [INDEX_FILE]: new TextEncoder().encode(text),
    "s-1.safetensors": shard1,
    "s-2.safetensors": shard2,
    ...extra,
  });
}

async function refusal(files: CheckpointFiles): Promise<string> {
  const error = await openCheckpoint(files).then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(WeightsError);
  return (error as WeightsError).message;
}

describe("openCheckpoint", () => {
  it("reads one file", async () => {
    const checkpoint = await openCheckpoint(
      memoryFiles({ [SINGLE_FILE]: writeSafetensors({ a, b }), "config.json": new Uint8Array(1) }),
    );
    expect([...checkpoint.tensors.keys()]).toEqual(["a", "b"]);
    expect(await checkpoint.read("a")).toEqual(a);
    await expect(checkpoint.read("c")).rejects.toThrow(
      new WeightsError("c", "not in the checkpoint"),
    );
  });

  it("joins shards, and reads nothing but headers until asked", async () => {
    const files = sharded({ metadata: { total_size: 10 }, weight_map });
    const asked: string[] = [];
    const watched: CheckpointFiles = {
      list: files.list,
      open: async (name) => {
        const source = await files.open(name);
        return {
          ...source,
          read: (offset, length) => {
            asked.push(`${name} ${offset}+${length}`);
            return source.read(offset, length);
          },
        };
      },
    };
    const checkpoint = await openCheckpoint(watched);
    expect(checkpoint.tensors.get("b")).toMatchObject({ file: "s-2.safetensors", dtype: "BF16" });
    const dataBytes = asked
      .splice(0)
      .filter((read) => /\+(8|2)$/.test(read) && !/ 0\+8$/.test(read));
    expect(dataBytes).toEqual([]);
    expect(await checkpoint.read("b")).toEqual(b);
    expect(asked).toEqual([`s-2.safetensors ${shard2.length - 2}+2`]);
  });

  it("G11: believes no count in the index", async () => {
    const metadata = { total_parameters: 380989135104, total_size: 1.5e12 };
    const checkpoint = await openCheckpoint(sharded({ metadata, weight_map }));
    expect(checkpoint.tensors.size).toBe(2);
  });

  it("does not look at files that nobody names", async () => {
    const extra = { "trace.safetensors": Uint8Array.of(1, 2, 3) };
    expect((await openCheckpoint(sharded({ weight_map }, extra))).tensors.size).toBe(2);
  });
});

describe("files that can be read in one way only", () => {
  const only = { a: SINGLE_FILE, b: SINGLE_FILE };
  const index = (map: Json): Uint8Array =>
    new TextEncoder().encode(JSON.stringify({ weight_map: map }));
  const both = writeSafetensors({ a, b });

  it("one file with an index that maps all to it", async () => {
    const files = memoryFiles({ [SINGLE_FILE]: both, [INDEX_FILE]: index(only) });
    expect([...(await openCheckpoint(files)).tensors.keys()]).toEqual(["a", "b"]);
  });

  it("a whole set of shards without an index, and one shard of one", async () => {
    const two = memoryFiles({
      "model-00001-of-00002.safetensors": shard1,
      "model-00002-of-00002.safetensors": shard2,
    });
    expect(await (await openCheckpoint(two)).read("b")).toEqual(b);
    const one = memoryFiles({ "m-00001-of-00001.safetensors": both });
    expect((await openCheckpoint(one)).tensors.size).toBe(2);
  });

  it.each([
    ["model-00001-of-00002.safetensors", "model-00002-of-00003.safetensors"],
    ["a-00001-of-00002.safetensors", "b-00002-of-00002.safetensors"],
    ["model-00001-of-00003.safetensors", "model-00003-of-00003.safetensors"],
    ["model-00002-of-00001.safetensors"],
  ])("but not %s and %s", async (...names) => {
    const files = Object.fromEntries(names.map((name, i) => [name, i === 0 ? shard1 : shard2]));
    expect(await refusal(memoryFiles(files))).toBe(
      `checkpoint: expected ${SINGLE_FILE} or ${INDEX_FILE}, got ${names.length} shards that are no whole set`,
    );
  });

  it("a file that holds only what the caller can lack may be missing, cut off or another", async () => {
    const weight = { weight_map: { ...weight_map, c: "s-3.safetensors" } };
    const canLack = (name: string): boolean => name === "c";
    const shards: readonly Record<string, Uint8Array>[] = [
      {},
      { "s-3.safetensors": shard1.subarray(0, 20) },
      { "s-3.safetensors": writeSafetensors({ d: a }) },
    ];
    const why: string[] = [];
    for (const extra of shards) {
      const { tensors, lost } = await openCheckpoint(sharded(weight, extra), { canLack });
      expect([...tensors.keys()]).toEqual(["a", "b"]);
      why.push(String(lost?.get("c")?.message));
    }
    expect(why).toEqual([
      `${INDEX_FILE}: s-3.safetensors is not there`,
      expect.stringMatching(/^s-3\.safetensors: expected a header of \d+ bytes, got a file of 20$/),
      `s-3.safetensors: holds d, but ${INDEX_FILE} does not list it`,
    ]);
    expect(await refusal(sharded(weight))).toBe(why[0]);
  });

  it("reads mtp.safetensors beside the shards, and keeps why it cannot", async () => {
    const extra = { "mtp.safetensors": writeSafetensors({ a, c: b }) };
    const checkpoint = await openCheckpoint(sharded({ weight_map }, extra));
    expect(await checkpoint.read("c")).toEqual(b);
    expect(checkpoint.tensors.get("a")?.file).toBe("s-1.safetensors");
    expect(checkpoint.asides).toEqual([
      {
        what: "mtp.safetensors (1 tensor)",
        why: "other files hold tensors of the same names",
      },
    ]);
    const broken = await openCheckpoint(
      sharded({ weight_map }, { "mtp.safetensors": shard1.subarray(0, 5) }),
    );
    expect(broken.lost?.get("mtp.safetensors")?.message).toBe(
      "mtp.safetensors: expected 8 bytes of header length, got a file of 5",
    );
  });
});

describe("a contradiction is refused in words", () => {
  const i = INDEX_FILE;
  const cases: readonly (readonly [string, CheckpointFiles, string])[] = [
    ["no file", memoryFiles({}), `checkpoint: expected ${SINGLE_FILE} or ${i}, got neither`],
    [
      "both",
      sharded({ weight_map }, { [SINGLE_FILE]: shard1 }),
      `checkpoint: expected ${SINGLE_FILE} or ${i}, got both, and ${i} does not list ${SINGLE_FILE}: remove the one that is stale`,
    ],
    ["no map", sharded({}), `${i}: expected an object weight_map`],
    ["null", sharded("null"), `${i}: expected an object weight_map`],
    ["a list", sharded({ weight_map: ["a"] }), `${i}: expected an object weight_map`],
    ["not JSON", sharded("{"), `${i}: expected JSON, got other text`],
    [
      "a name twice",
      sharded('{"weight_map":{"a":"s-1.safetensors","a":"s-2.safetensors"}}'),
      `${i}: a is there twice`,
    ],
    ["no file name", sharded({ weight_map: { a: 1 } }), `${i}: a: expected a file name, got 1`],
    [
      "a path",
      sharded({ weight_map: { a: "../x.safetensors" } }),
      `${i}: a: expected a file name, got "../x.safetensors"`,
    ],
    [
      "another path",
      sharded({ weight_map: { a: "c:\\x.safetensors" } }),
      `${i}: a: expected a file name, got "c:\\\\x.safetensors"`,
    ],
    [
      "another format",
      sharded({ weight_map: { a: "x.bin" } }),
      `${i}: a: expected a file name, got "x.bin"`,
    ],
    [
      "a shard that is not there",
      sharded({ weight_map: { ...weight_map, c: "s-3.safetensors" } }),
      `${i}: s-3.safetensors is not there`,
    ],
    [
      "a tensor that is not there",
      sharded({ weight_map: { ...weight_map, c: "s-1.safetensors" } }),
      `s-1.safetensors: ${i} expects c here`,
    ],
    [
      "a tensor that is not listed",
      sharded({ weight_map }, { "s-2.safetensors": writeSafetensors({ b, c: b }) }),
      `s-2.safetensors: holds c, but ${i} does not list it`,
    ],
    [
      "a tensor in two shards",
      sharded({ weight_map }, { "s-2.safetensors": writeSafetensors({ a, b }) }),
      `s-2.safetensors: holds a, but ${i} says s-1.safetensors`,
    ],
    [
      "a tensor in the other shard",
      sharded({ weight_map: { a: "s-2.safetensors", b: "s-1.safetensors" } }),
      `s-2.safetensors: holds b, but ${i} says s-1.safetensors`,
    ],
  ];
  it.each(cases)("%s", async (_, files, message) => {
    expect(await refusal(files)).toBe(message);
  });
});
