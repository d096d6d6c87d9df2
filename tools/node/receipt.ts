/**
 * What is known of the files of a checkpoint since somebody looked at all their bytes.
 *
 * Next: stream-files.ts
 * @module
 */

/** Bytes of a block, which has a checksum of its own; the last one of a tensor may be shorter. */
export const RECEIPT_BLOCK = 2 ** 24;

/** A receipt. */
export interface Receipt {
  /** The files, by their names. */
  readonly files: ReadonlyMap<string, FileReceipt>;
}

/** One file of a receipt. */
export interface FileReceipt {
  /** Its length in bytes. */
  readonly size: number;
  /** When it was changed last, in milliseconds since 1970. */
  readonly modified: number;
  /** SHA-256 of the bytes before the data, in hexadecimal digits. */
  readonly header: string;
  /** Its tensors in the order of their places. */
  readonly tensors: ReadonlyMap<string, TensorReceipt>;
}

/** One tensor of a receipt. */
export interface TensorReceipt {
  /** Its first byte in the file. */
  readonly offset: number;
  /** Its number of bytes. */
  readonly length: number;
  /** xxHash32 of each block of 16 MiB; the last block may be shorter. */
  readonly checksums: readonly number[];
}

/** A block of a tensor in a file. */
export interface ReceiptBlock {
  readonly tensor: string;
  readonly offset: number;
  readonly length: number;
  readonly checksum: number;
}

/** All blocks of a file in the order of their places. */
export function blocksOf({ tensors }: FileReceipt): ReceiptBlock[] {
  return [...tensors].flatMap(([tensor, { offset, length, checksums }]) =>
    checksums.map((checksum, i) => ({
      ...{ tensor, checksum },
      offset: offset + i * RECEIPT_BLOCK,
      length: Math.min(RECEIPT_BLOCK, length - i * RECEIPT_BLOCK),
    })),
  );
}

/** The blocks that lie wholly in `offset … offset + length − 1`, of blocks in order. */
export function blocksWithin(
  blocks: readonly ReceiptBlock[],
  offset: number,
  length: number,
): readonly ReceiptBlock[] {
  let [first, end] = [0, blocks.length];
  while (first < end) {
    const middle = (first + end) >> 1;
    if (blocks[middle].offset < offset) first = middle + 1;
    else end = middle;
  }
  while (end < blocks.length && blocks[end].offset + blocks[end].length <= offset + length) end++;
  return blocks.slice(first, end);
}
