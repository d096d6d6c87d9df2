/**
 * Converts blocks in their order. While some are rounded, the next ones are read.
 *
 * Next: quantize-folder.ts
 * @module
 */
import type { Block, BlockReader } from "./blocks.ts";
import type { ErrorSums } from "./round-tensor.ts";
import type { Rounding } from "./round-threads.ts";

/** Most bytes of old tensors that are in work at once, unless a single block has more. */
const IN_WORK = 2 ** 28;

/** The new bytes of a block, and its rounding error if it was rounded. */
export interface Converted {
  /** One for each of its places. */
  readonly bytes: readonly Uint8Array[];
  readonly error?: ErrorSums;
}

/** Converts the blocks of these numbers. */
export async function* convertBlocks(
  blocks: readonly Block[],
  numbers: Iterable<number>,
  reader: BlockReader,
  rounding: Rounding,
): AsyncGenerator<Converted & { readonly number: number }> {
  interface Begun {
    readonly number: number;
    readonly size: number;
    readonly result: Promise<Converted>;
  }
  const begun: Begun[] = [];
  let inWork = 0;
  for (const number of numbers) {
    const block = blocks[number];
    const size = reader.bytes(block);
    while (begun.length > rounding.lanes || (begun.length > 0 && inWork + size > IN_WORK)) {
      yield* first();
    }
    const result = convert(block, reader, rounding);
    result.catch(() => {}); // it is awaited in its turn, and the first error counts
    begun.push({ number, size, result });
    inWork += size;
  }
  while (begun.length > 0) yield* first();

  async function* first(): AsyncGenerator<Converted & { readonly number: number }> {
    const next = begun.shift();
    if (next === undefined) return;
    yield { number: next.number, ...(await next.result) };
    inWork -= next.size;
  }
}

async function convert(block: Block, reader: BlockReader, rounding: Rounding): Promise<Converted> {
  const { to } = block.conversion;
  if (to === undefined) return { bytes: [await reader.copied(block)] };
  return rounding.round(await reader.task(block, to));
}
