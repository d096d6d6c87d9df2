import { expect, test } from "vitest";
import { Bpe } from "../../tokenizer/bpe.ts";
import { MergeTable } from "../../tokenizer/merge-table.ts";
import { seeded } from "./random-text.ts";

type Merge = readonly [left: number, right: number, merged: number];

/**
 * BPE by its definition: apply the lowest-ranked merge at its leftmost place until there is none.
 */
function mergeOneByOne(symbols: number[], merges: readonly Merge[]): number[] {
  for (;;) {
    let rank = merges.length;
    let at = -1;
    for (let i = 0; i + 1 < symbols.length; i++) {
      const r = merges.findIndex(([l, right]) => l === symbols[i] && right === symbols[i + 1]);
      if (r >= 0 && r < rank) [rank, at] = [r, i];
    }
    if (at < 0) return symbols;
    symbols.splice(at, 2, merges[rank][2]);
  }
}

/** Merges over bytes 0..2, where later tokens are built of any earlier ones, in random rank. */
function randomMerges(random: (n: number) => number): Merge[] {
  const merges: Merge[] = [];
  for (let merged = 256; merged < 256 + 12; merged++) {
    const part = () => (random(3) === 0 && merged > 256 ? 256 + random(merged - 256) : random(3));
    const [left, right] = [part(), part()];
    if (merges.some(([l, r]) => l === left && r === right)) continue;
    merges.splice(random(merges.length + 1), 0, [left, right, merged]);
  }
  return merges;
}

test("the heap applies merges in the order of the definition, for 3,000 random models", () => {
  const random = seeded(7);
  const byteIds = Int32Array.from({ length: 256 }, (_, byte) => byte);
  for (let i = 0; i < 3000; i++) {
    const merges = randomMerges(random);
    const table = new MergeTable(merges.length);
    for (const [rank, [left, right, merged]] of merges.entries()) {
      table.add(left, right, rank, merged);
    }
    const bytes = Uint8Array.from({ length: random(40) }, () => random(3));
    const expected = mergeOneByOne([...bytes], merges);
    expect(new Bpe(byteIds, table).encode(bytes)).toEqual(expected);
  }
});

test("a merge table finds what was added, nothing else, and no pair twice", () => {
  const random = seeded(8);
  const added = new Map<string, number>();
  const table = new MergeTable(5000);
  for (let rank = 0; rank < 5000; rank++) {
    const [left, right] = [random(150), random(150)];
    expect(table.add(left, right, rank, rank + 1)).toBe(!added.has(`${left} ${right}`));
    if (!added.has(`${left} ${right}`)) added.set(`${left} ${right}`, rank);
  }
  for (let left = 0; left < 150; left++) {
    for (let right = 0; right < 150; right++) {
      const slot = table.find(left, right);
      const rank = slot < 0 ? undefined : table.rankAt(slot);
      if (rank !== added.get(`${left} ${right}`)) expect({ left, right, rank }).toBe("as added");
      if (rank !== undefined) expect(table.mergedAt(slot)).toBe(rank + 1);
    }
  }
});
