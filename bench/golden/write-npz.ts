/**
 * Writes NumPy's .npz format: a zip file of .npy arrays, which are deflated, like those of
 * `np.savez_compressed`, or stored.
 * @module
 */
import { crc32, deflateRawSync } from "node:zlib";
import type { NamedTensor } from "../../engine/trace/recorder.ts";

const ALIGNMENT = 64;
const DEFLATED = 8;

/** The bytes of one array. Floats are written as f4, and indices as i4. */
function npy({ shape, data }: NamedTensor): Uint8Array {
  const isChoice = data instanceof Int32Array;
  const numbers = isChoice ? data : Float32Array.from(data);
  const dims = shape.map((n) => `${n},`).join(" ");
  const dict = `{'descr': '${isChoice ? "<i4" : "<f4"}', 'fortran_order': False, 'shape': (${dims}), }`;
  const length = Math.ceil((10 + dict.length + 1) / ALIGNMENT) * ALIGNMENT - 10;
  const head = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${dict.padEnd(length - 1)}\n`, "latin1");
  head.writeUInt16LE(length, 8);
  return Buffer.concat([head, new Uint8Array(numbers.buffer)]);
}

/** The bytes of the .npz file. */
export function writeNpz(tensors: readonly NamedTensor[], isDeflated: boolean): Uint8Array {
  const files: Uint8Array[] = [];
  const entries: Uint8Array[] = [];
  let at = 0;
  for (const tensor of tensors) {
    const name = Buffer.from(`${tensor.name}.npy`);
    const plain = npy(tensor);
    const packed = isDeflated ? deflateRawSync(plain, { level: 1 }) : plain;
    // Versions, flags and dates stay 0, because no reader needs them.
    const common = Buffer.alloc(26);
    common.writeUInt16LE(isDeflated ? DEFLATED : 0, 4);
    common.writeUInt32LE(crc32(plain), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(plain.length, 18);
    common.writeUInt16LE(name.length, 22);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(at, 10);
    files.push(Buffer.from("PK\x03\x04"), common, name, packed);
    entries.push(Buffer.from("PK\x01\x02\x00\x00"), common, tail, name);
    at += 4 + common.length + name.length + packed.length;
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(tensors.length, 8);
  end.writeUInt16LE(tensors.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...files, directory, end]);
}
