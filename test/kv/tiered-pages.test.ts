/** Two tiers against a plain map of pages, with a store that fails on purpose. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ByteStore, StoreError } from "../../engine/kv/byte-store.ts";
import { CacheError } from "../../engine/kv/cache-error.ts";
import { TieredPages } from "../../engine/kv/tiered-pages.ts";

type Fault = "none" | "EIO" | "ENOSPC" | "short" | "lie";

/** A file in memory. `ENOSPC` leaves half of the write behind, as a full disk does. */
class FaultyStore implements ByteStore {
  readonly name = "cold.bin";
  fault: Fault = "none";
  readonly #bytes = new Uint8Array(12 * 256);

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (this.fault === "EIO") throw new Error("EIO");
    const bytes = this.#bytes.slice(offset, offset + length - (this.fault === "short" ? 1 : 0));
    if (this.fault === "lie") bytes[0] ^= 1;
    return bytes;
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    if (this.fault === "EIO") throw new Error("EIO");
    const full = this.fault === "ENOSPC";
    this.#bytes.set(full ? bytes.subarray(0, bytes.length >> 1) : bytes, offset);
    if (full) throw new Error("ENOSPC");
  }
}

const commands = (faults: Fault[]) =>
  fc.array(
    fc.record({
      kind: fc.constantFrom("put", "put", "get", "get", "forget"),
      page: fc.nat(11),
      fault: fc.constantFrom<Fault>(...faults),
    }),
    { minLength: 1, maxLength: 40 },
  );
type Program = ReturnType<typeof commands> extends fc.Arbitrary<infer T> ? T : never;

async function runProgram(pageBytes: number, nHot: number, program: Program): Promise<void> {
  const store = new FaultyStore();
  const tiers = new TieredPages(store, pageBytes, nHot * pageBytes);
  const model = new Map<number, Uint8Array>();
  let clock = 0;
  const read = async (page: number) => {
    const want = model.get(page);
    if (!want) return await expect(tiers.get(page)).rejects.toThrow(CacheError);
    const got = await tiers.get(page);
    if (got.some((byte, i) => byte !== want[i])) throw new Error(`page ${page} differs`);
  };
  for (const { kind, page, fault } of program) {
    store.fault = fault;
    try {
      if (kind === "put") {
        const bytes = Uint8Array.from({ length: pageBytes }, () => clock++ % 251);
        await tiers.put(page, bytes);
        model.set(page, bytes);
      } else if (kind === "forget") {
        await tiers.forget(page);
        model.delete(page);
      } else await read(page);
    } catch (error) {
      if (!(error instanceof StoreError) || fault === "none") throw error;
    }
    if (tiers.hotBytes > nHot * pageBytes) throw new Error("over the budget");
  }
  if (store.fault !== "lie") store.fault = "none";
  for (let page = 0; page < 12; page++) await read(page);
}

describe("pages in two tiers", () => {
  it.each([1, 2, 3, 7, 16, 64, 256])(
    "of %i bytes equal a map in 300 programs, whatever fails",
    async (pageBytes) => {
      const run = (nHot: number, program: Program) => runProgram(pageBytes, nHot, program);
      const faults: Fault[] = ["none", "none", "EIO", "ENOSPC", "short"];
      const property = fc.asyncProperty(fc.integer({ min: 1, max: 12 }), commands(faults), run);
      await fc.assert(property, { seed: 52 + pageBytes, numRuns: 300 });
    },
  );

  it("and a store that flips a bit is seen by the programs", async () => {
    const property = fc.asyncProperty(commands(["lie"]), (program) => runProgram(7, 1, program));
    expect((await fc.check(property, { seed: 52, numRuns: 300 })).failed).toBe(true);
  });

  it("say what failed and where, and answer when asked again", async () => {
    const store = new FaultyStore();
    const tiers = new TieredPages(store, 2, 2);
    await tiers.put(0, Uint8Array.of(1, 2));
    await tiers.put(3, Uint8Array.of(3, 4));
    store.fault = "short";
    await expect(tiers.get(0)).rejects.toThrow("cold.bin: expected 2 bytes at 0, got 1");
    store.fault = "EIO";
    await expect(tiers.get(0)).rejects.toThrow("cold.bin: reading 2 bytes at 0: Error: EIO");
    store.fault = "none";
    expect(await Promise.all([tiers.get(0), tiers.get(3)])).toEqual([
      Uint8Array.of(1, 2),
      Uint8Array.of(3, 4),
    ]);
    expect(tiers.counts).toEqual({ hits: 0, misses: 4 });
    expect(() => new TieredPages(store, 2, 1)).toThrow(CacheError);
  });
});
