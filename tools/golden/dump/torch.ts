/**
 * Tensors that torch.save has written, as `torch.load(file, weights_only=True)` reads them.
 *
 * Such a file is a zip. `data.pkl` is a pickle of a dict, a list or one tensor, and `data/0`, `data/1`
 * and so on have the numbers. Of the functions that a pickle may name, only those that put a tensor
 * together mean something here, and nothing is run.
 *
 * @module
 * @see https://docs.pytorch.org/docs/stable/notes/serialization.html
 */
import type { StoredDtype } from "../../../engine/weights/safetensors.ts";
import { UserError } from "../../node/user-error.ts";
import { PythonName, readPickle } from "./pickle.ts";
import { type StoredTensor, unpack } from "./stored.ts";
import { unzip } from "./zip.ts";

/** Numbers as the file has them. */
interface Storage {
  readonly dtype: StoredDtype;
  readonly bytesEach: number;
  readonly bytes: Uint8Array;
}

const FORMATS: Readonly<Record<string, readonly [StoredDtype, bytesEach: number]>> = {
  "torch.DoubleStorage": ["F64", 8],
  "torch.FloatStorage": ["F32", 4],
  "torch.HalfStorage": ["F16", 2],
  "torch.BFloat16Storage": ["BF16", 2],
  "torch.LongStorage": ["I64", 8],
  "torch.IntStorage": ["I32", 4],
};

/** Things beside tensors that a dict may hold: a dtype, a shape, a device. They are not looked at. */
const DESCRIPTIONS = /^torch\.(Size|device|[a-z]+\d+)$/;

/** Whether the files of a zip are those of torch.save. */
const isPickle = (name: string): boolean => /(^|\/)data\.pkl$/.test(name);

/** Whether a zip is a file of torch.save: the names of its files tell. */
export function isTorch(file: string, bytes: Uint8Array): boolean {
  for (const { name } of unzip(file, bytes, REMEDY)) return isPickle(name);
  return false;
}

/** How many times larger than its stored numbers a tensor may be, and what is always allowed. */
const MOST_GROWTH = 64;
const SMALL_BYTES = 2 ** 26;

const REMEDY = "save it with torch.save";

/**
 * Reads all tensors under their keys. A tensor in a list has the list's key and its number; the first
 * has the key alone, as it is the output that is meant where a module has several. A tensor that has
 * no key is called `name`, and so is the `value` of a dict that describes it under `meta`.
 *
 * @throws {UserError} for a file of another kind, for a tensor that is not dense or of a format beside
 *   floats and signed integers of 4 or 8 bytes, and for a pickle that names anything but tensors
 */
export function readTorch(
  where: string,
  bytes: Uint8Array,
  name: string,
): [string, StoredTensor][] {
  const files = new Map<string, Uint8Array>();
  let pickle: { readonly root: string; readonly bytes: Uint8Array } | undefined;
  for (const entry of unzip(where, bytes, REMEDY)) {
    const unpacked = entry.bytes();
    files.set(entry.name, unpacked);
    if (isPickle(entry.name)) {
      pickle = { root: entry.name.slice(0, -"data.pkl".length), bytes: unpacked };
    }
  }
  if (!pickle) throw new UserError(where, "expected data.pkl in the zip of torch.save, got none");
  const { root } = pickle;
  const order = files.get(`${root}byteorder`);
  if (order && new TextDecoder().decode(order) !== "little") {
    throw new UserError(where, "expected numbers in little-endian order, got big-endian");
  }
  const value = readPickle(`${where}: data.pkl`, pickle.bytes, {
    load: (id) => storageOf(where, id, files, root),
    call: (callee, args) => callOf(where, callee, args),
  });
  return tensorsIn(value, name);
}

function storageOf(
  where: string,
  id: unknown,
  files: ReadonlyMap<string, Uint8Array>,
  root: string,
): Storage {
  const [kind, type, key] = Array.isArray(id) ? id : [];
  const bytes = files.get(`${root}data/${key}`);
  const format = type instanceof PythonName && FORMATS[type.name];
  if (kind !== "storage" || !bytes) {
    throw new UserError(where, `expected the numbers of a tensor in data/${key}, got none`);
  }
  if (!format) {
    const wanted = Object.keys(FORMATS).join(", ");
    const got = type instanceof PythonName ? type.name : "something else";
    throw new UserError(where, `expected ${wanted}; got ${got} in data/${key}`);
  }
  return { dtype: format[0], bytesEach: format[1], bytes };
}

/** What a call stands for. */
function callOf(where: string, { name }: PythonName, args: readonly unknown[]): unknown {
  switch (name) {
    case "collections.OrderedDict":
      return new Map();
    case "torch._utils._rebuild_parameter":
      return args[0];
    case "torch._utils._rebuild_tensor_v2":
      return tensorOf(where, args);
    default:
      if (DESCRIPTIONS.test(name)) return undefined;
      throw new UserError(
        where,
        `expected tensors alone, got a call of ${name}, which is not made; save a dict of tensors`,
      );
  }
}

const isLengths = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((x) => Number.isInteger(x) && x >= 0);

/** The numbers of a view of a storage, in C order. */
function tensorOf(where: string, args: readonly unknown[]): StoredTensor {
  const [storage, offset, shape, strides] = args as readonly [Storage, ...unknown[]];
  const isView = isLengths([offset]) && isLengths(shape) && isLengths(strides);
  if (!isView || !(storage?.bytes instanceof Uint8Array) || shape.length !== strides.length) {
    throw new UserError(where, "expected a tensor's storage, offset, shape and strides");
  }
  const { dtype, bytesEach, bytes } = storage;
  const first = offset as number;
  const n = shape.reduce((product, length) => product * length, 1);
  const last = first + shape.reduce((at, length, axis) => at + (length - 1) * strides[axis], 0);
  if (n > 0 && (last + 1) * bytesEach > bytes.length) {
    throw new UserError(
      where,
      `expected ${last + 1} numbers of ${dtype} for a shape of [${shape}], got ${bytes.length / bytesEach}`,
    );
  }
  // A view of few numbers may be large, where strides are 0.
  if (n * bytesEach > Math.max(SMALL_BYTES, MOST_GROWTH * bytes.length)) {
    throw new UserError(
      where,
      `expected a tensor that is no larger than its numbers, got [${shape}]`,
    );
  }
  const packed = new Uint8Array(n * bytesEach);
  const index = shape.map(() => 0);
  let from = first;
  for (let i = 0; i < n; i++) {
    packed.set(bytes.subarray(from * bytesEach, (from + 1) * bytesEach), i * bytesEach);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return unpack(where, dtype, shape, packed);
}

const isTensor = (value: unknown): value is StoredTensor =>
  typeof value === "object" && value !== null && "dtype" in value && "shape" in value;

/** The tensors in a value, by the keys that lead to them. */
function tensorsIn(value: unknown, name: string): [string, StoredTensor][] {
  if (isTensor(value)) return [[name, value]];
  if (Array.isArray(value)) {
    return value.flatMap((item, i) => tensorsIn(item, i === 0 ? name : `${name}.${i}`));
  }
  if (!(value instanceof Map)) return [];
  if (value.has("meta") && isTensor(value.get("value"))) return tensorsIn(value.get("value"), name);
  return [...value].flatMap(([key, item]) => tensorsIn(item, String(key)));
}
