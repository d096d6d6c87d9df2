/**
 * Dumps of any engine: a safetensors file with one tensor per stage.
 * @module
 */
import { open } from "node:fs/promises";
import type { Dtype } from "../../engine/raw-tensor.ts";
import { type ByteSource, readExactly } from "../../engine/weights/byte-source.ts";
import { decode } from "../../engine/weights/dtypes.ts";
import {
  readHeader,
  type StoredDtype,
  type TensorEntry,
} from "../../engine/weights/safetensors.ts";
import { CliError } from "../cli-error.ts";
import { handleSource } from "../file-source.ts";
import type { GoldenTensor } from "./case.ts";
import { type NameMap, stageName } from "./names.ts";

/** A tensor of a dump, under our stage's name. */
export interface DumpTensor extends GoldenTensor {
  readonly dtype: StoredDtype;
  /** What the file calls it. */
  readonly theirName: string;
}

/** A dump by stage. */
export type Dump = ReadonlyMap<string, DumpTensor>;

const FLOATS: readonly StoredDtype[] = ["F64", "F32", "F16", "BF16"];

/**
 * Reads a dump whole.
 *
 * @throws {WeightsError} for a file that is cut off or no safetensors file
 * @throws {CliError} when two tensors are the same stage, or a format is neither float nor integer
 */
export async function readEngineDump(
  file: string,
  names: NameMap,
  onProgress: (done: number, total: number) => void,
): Promise<Dump> {
  const handle = await open(file, "r");
  try {
    const source = await handleSource(file, handle);
    const dump = new Map<string, DumpTensor>();
    for (const [theirName, entry] of (await readHeader(source)).tensors) {
      const name = stageName(theirName, names);
      const other = dump.get(name);
      if (other) {
        throw new CliError(`${file}: ${other.theirName} and ${theirName} both are stage ${name}`);
      }
      dump.set(name, { theirName, ...(await readTensor(source, theirName, entry)) });
      onProgress(entry.offset + entry.length, source.size);
    }
    return dump;
  } finally {
    await handle.close();
  }
}

async function readTensor(
  source: ByteSource,
  name: string,
  { dtype, shape, offset, length }: TensorEntry,
): Promise<Omit<DumpTensor, "theirName">> {
  const bytes = await readExactly(source, offset, length);
  if (FLOATS.includes(dtype)) {
    return { dtype, shape, data: decode({ dtype: dtype as Dtype, shape, bytes }) };
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (dtype === "I32") {
    return { dtype, shape, data: integers(length / 4, (i) => view.getInt32(4 * i, true)) };
  }
  if (dtype === "I64") {
    const data = integers(length / 8, (i) => Number(view.getBigInt64(8 * i, true)));
    return { dtype, shape, data };
  }
  throw new CliError(
    `${source.name}: ${name}: expected F64, F32, F16, BF16, I32 or I64, got ${dtype}`,
  );
}

const integers = (n: number, at: (i: number) => number): Int32Array =>
  Int32Array.from({ length: n }, (_, i) => at(i));
