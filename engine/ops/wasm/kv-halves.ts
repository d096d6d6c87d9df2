/**
 * The two halves of `kv_b_proj` in the format in which the checkpoint has it. The rows of the values are used
 * as they stand. The keys are turned, so that each head's matrix is `[kvLora, nope]`; they stay in their
 * format.
 *
 * In fp8, a head begins anywhere in a block of 128 rows. So the matrices of heads know where they begin in
 * blocks, and the products multiply each number with the scale of its own block, as they would if the
 * numbers were widened first.
 * @module
 */
import { FP8_BLOCK, type RawTensor } from "../../numbers/raw-tensor.ts";
import type { Ops } from "../ops.ts";
import type { Kernels } from "./kernels.ts";
import { type Heads, placeGroups } from "./kv-groups.ts";
import type { Machine } from "./machine.ts";
import {
  addressIn,
  BYTES,
  checkLengths,
  formatOf,
  type Ground,
  type Matrix,
  type Placed,
  padded,
} from "./placed.ts";
import { share } from "./team.ts";

/** The products take eight columns of fp8 at a time. */
const FP8_STEP = 8;

/** {@link Ops.placeKvB}, on this ground. */
export const placeKvB =
  (machine: Machine, ground: Ground): NonNullable<Ops["placeKvB"]> =>
  (raw, nH, nope, v) => {
    const kvLora = raw.shape[1];
    const heads: Heads = { nH, nope, v, kvLora };
    const format = formatOf(machine, raw);
    checkLengths(raw, nH * (nope + v), kvLora);
    if (format === "Q8" || format === "Q4") return placeGroups(machine, ground, raw, heads);
    if (!canStay(machine, raw, format, heads)) return undefined;
    const width = BYTES[format];
    const there = addressIn(machine, raw.bytes);
    const keyBytes = width * nH * nope * kvLora;
    const bank = there?.bank ?? ground.bankFor(raw.bytes.length);
    const keys = ground.take(bank, keyBytes);
    const values = there ? undefined : ground.take(bank, raw.bytes.length - keyBytes);
    turnKeys(machine, raw, heads, { bank, keys, at: there?.address, width });
    if (values !== undefined) copyValues(machine, raw, heads, bank, values);

    const [perHead, rowBytes] = [nope + v, width * kvLora];
    const common = { format, bank, scales: 0, firstRow: 0, firstColumn: 0 };
    const kUp = Array.from({ length: nH }, (_, h): Matrix => {
      const address = keys + (h * keyBytes) / nH;
      return { ...common, address, stride: width * nope };
    });
    const vUp = Array.from({ length: nH }, (_, h): Matrix => {
      const row = h * perHead + nope;
      const address = there ? there.address + row * rowBytes : (values ?? 0) + h * v * rowBytes;
      return { ...common, address, stride: rowBytes };
    });
    const home = (matrices: readonly Matrix[]): Placed => ({ machine, matrices });
    const [keyMatrices, valueMatrices] =
      raw.scales && format === "FP8"
        ? withScales(machine, ground, raw.scales, heads, [kUp, vUp])
        : [kUp, vUp];
    return {
      kUp: { dims: ["H", "kvLora", "nope"], shape: [nH, kvLora, nope], home: home(keyMatrices) },
      vUp: { dims: ["H", "v", "kvLora"], shape: [nH, v, kvLora], home: home(valueMatrices) },
    };
  };

/** Whether products can read the rows where they stand: they fill whole vectors, and nothing is widened. */
function canStay(
  machine: Machine,
  { dtype }: RawTensor,
  format: keyof typeof BYTES,
  { nope, v, kvLora }: Heads,
): boolean {
  const isWhole = [nope, kvLora].every((n) => padded(machine, n) === n);
  const isAsStored = format !== "F32" || dtype === "F32";
  return isWhole && isAsStored && (format !== "FP8" || (nope + v) % FP8_STEP === 0);
}

/** Turns the keys of each head, from where they stand in a memory or through its scratch. */
function turnKeys(
  { banks, team }: Machine,
  raw: RawTensor,
  { nH, nope, v, kvLora }: Heads,
  to: { bank: number; keys: number; at: number | undefined; width: number },
): void {
  const { arena } = banks[to.bank];
  const rowBytes = to.width * kvLora;
  const stored = (h: number) => h * (nope + v) * rowBytes;
  const turn = (kernels: Kernels, h: number, from: number): void => {
    const y = to.keys + h * nope * rowBytes;
    kernels[TURNS[to.width]](y, from, rowBytes, nope, kvLora);
  };
  const { at } = to;
  if (at !== undefined) {
    team.run(nH * nope * kvLora, (_, part, parts, kernelsOf) => {
      const [from, end] = share(nH, 1, part, parts);
      for (let h = from; h < end; h++) turn(kernelsOf[to.bank], h, at + stored(h));
    });
    return;
  }
  const mark = arena.mark();
  const scratch = arena.scratch(nope * rowBytes);
  for (let h = 0; h < nH; h++) {
    const rows = raw.bytes.subarray(stored(h), stored(h) + nope * rowBytes);
    arena.bytes(scratch, rows.length).set(rows);
    turn(banks[to.bank].kernels, h, scratch);
  }
  arena.release(mark);
}

/** The kernel that turns, by the bytes of a number. */
const TURNS: Readonly<Record<number, "turn8" | "turn16" | "turn32">> = {
  1: "turn8",
  2: "turn16",
  4: "turn32",
};

/** Copies the values of all heads, one head after the other. */
function copyValues(
  { banks }: Machine,
  { bytes }: RawTensor,
  { nH, nope, v }: Heads,
  bank: number,
  to: number,
): void {
  const rowBytes = bytes.length / (nH * (nope + v));
  for (let h = 0; h < nH; h++) {
    const from = (h * (nope + v) + nope) * rowBytes;
    const rows = bytes.subarray(from, from + v * rowBytes);
    banks[bank].arena.bytes(to + h * rows.length, rows.length).set(rows);
  }
}

/** The same matrices with the scales of their blocks. Those of the keys are turned, too. */
function withScales(
  { banks }: Machine,
  ground: Ground,
  scales: Float32Array,
  { nope, v, kvLora }: Heads,
  [kUp, vUp]: readonly [readonly Matrix[], readonly Matrix[]],
): [Matrix[], Matrix[]] {
  const [{ bank }] = kUp;
  const { arena } = banks[bank];
  const put = (values: Float32Array): number => {
    const at = ground.take(bank, 4 * values.length);
    arena.floats(at, values.length).set(values);
    return at;
  };
  const all = put(scales);
  const nAcross = Math.ceil(kvLora / FP8_BLOCK);
  const values = vUp.map((matrix, h) => {
    return { ...matrix, scales: all, firstRow: h * (nope + v) + nope };
  });
  const keys = kUp.map((matrix, h) => {
    const firstBlock = Math.floor((h * (nope + v)) / FP8_BLOCK);
    const firstColumn = (h * (nope + v)) % FP8_BLOCK;
    const nBlocks = Math.ceil((firstColumn + nope) / FP8_BLOCK);
    const turned = Float32Array.from({ length: nAcross * nBlocks }, (_, i) => {
      const [c, block] = [Math.floor(i / nBlocks), firstBlock + (i % nBlocks)];
      return scales[block * nAcross + c];
    });
    return { ...matrix, scales: put(turned), firstColumn };
  });
  return [keys, values];
}
