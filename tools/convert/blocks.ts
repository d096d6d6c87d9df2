/**
 * The pieces of work of a conversion: rows that are rounded, and bytes that are copied. Each has its own places in
 * the old files and in the new ones, so they can be done in any order and on any thread.
 *
 * Next: convert-blocks.ts
 * @module
 */
import {
  type ByteSource,
  type CheckpointFiles,
  readExactly,
} from "../../engine/weights/byte-source.ts";
import type { CheckpointEntry, StoredTensor } from "../../engine/weights/checkpoint.ts";
import { formBytes, STORED_BYTES } from "../../engine/weights/safetensors.ts";
import { blockShape, cutRows, type Piece, pieceOf, type Rows } from "./cut-rows.ts";
import type { Conversion, WeightFormat } from "./quantize.ts";
import type { RoundTask } from "./round-tensor.ts";
import type { Target } from "./shards.ts";

/** Bytes that are copied at once. */
const COPY_BYTES = 2 ** 24;

/** Rows of a tensor that are rounded, or bytes `from … to − 1` of a stored tensor that are copied. */
export interface Block extends Rows {
  readonly conversion: Conversion;
  /** The stored tensor whose bytes are copied. */
  readonly copied?: string;
}

/** Bytes of a new file. */
export interface Place {
  readonly file: string;
  readonly at: number;
  readonly length: number;
}

/** The pieces of work of one tensor. */
export function* blocksOf(conversion: Conversion, most?: number): Generator<Block> {
  if (conversion.to !== undefined) {
    for (const rows of cutRows(conversion.shape, most)) yield { conversion, ...rows };
    return;
  }
  for (const [copied, form] of conversion.parts) {
    const end = formBytes(form);
    for (let from = 0; from < end; from += COPY_BYTES) {
      yield { conversion, copied, from, to: Math.min(end, from + COPY_BYTES) };
    }
  }
}

/** Where the bytes of a block go: one place for each new tensor that has some of them. */
export function placesOf(targets: ReadonlyMap<string, Target>, block: Block): readonly Place[] {
  const { conversion, copied, from, to } = block;
  const place = (name: string, offset: number, length: number): Place => {
    const target = targets.get(name);
    if (target === undefined) throw new Error(`${name} has no place in the new files`);
    return { file: target.file, at: target.at + offset, length };
  };
  if (copied !== undefined) return [place(copied, from, to - from)];
  return conversion.parts.map(([name, form]) => {
    const { offset, length } = pieceOf(conversion.shape, block, form);
    return place(name, offset, length);
  });
}

/** Reads parts of stored tensors. Each file is opened once. */
export class BlockReader {
  readonly #files: CheckpointFiles;
  readonly #tensors: ReadonlyMap<string, CheckpointEntry>;
  readonly #opened = new Map<string, Promise<ByteSource>>();

  /** @param tensors where each stored tensor is */
  constructor(files: CheckpointFiles, tensors: ReadonlyMap<string, CheckpointEntry>) {
    this.#files = files;
    this.#tensors = tensors;
  }

  /** The bytes of a block that is copied. */
  async copied({ copied = "", from, to }: Block): Promise<Uint8Array> {
    return (await this.#read(copied, { offset: from, length: to - from, shape: [] })).bytes;
  }

  /** What rounding needs for a block. */
  async task(block: Block, to: WeightFormat): Promise<RoundTask> {
    const { name, shape, from: names, parts } = block.conversion;
    const stored = new Map<string, StoredTensor>();
    let scalesBefore = 0;
    for (const each of names) {
      const piece = pieceOf(shape, block, this.#entry(each));
      const read = await this.#read(each, piece);
      stored.set(each, read);
      if (each !== name) scalesBefore = piece.offset / STORED_BYTES[read.dtype];
    }
    return {
      name,
      to,
      inPanels: to !== "bf16" && parts.length === 1,
      shape: blockShape(shape, block),
      stored,
      block: { shape, numbersBefore: block.from * (shape.at(-1) ?? 1), scalesBefore },
    };
  }

  /** Bytes that are read for a block. */
  bytes(block: Block): number {
    if (block.copied !== undefined) return block.to - block.from;
    const { shape, from } = block.conversion;
    return from.reduce((sum, name) => sum + pieceOf(shape, block, this.#entry(name)).length, 0);
  }

  async #read(name: string, { offset, length, shape }: Piece): Promise<StoredTensor> {
    const { file, offset: begin, dtype } = this.#entry(name);
    const opened = this.#opened.get(file) ?? this.#files.open(file);
    this.#opened.set(file, opened);
    return { dtype, shape, bytes: await readExactly(await opened, begin + offset, length) };
  }

  #entry(name: string): CheckpointEntry {
    const entry = this.#tensors.get(name);
    if (entry === undefined) throw new Error(`${name} was there a moment ago`);
    return entry;
  }
}
