/**
 * Shelves: memory whose weights come and go, while all others stay.
 * @module
 */
import type { Ops, Shelf } from "../ops.ts";
import { areFiniteIn } from "./finite.ts";
import { placeKvB } from "./kv-halves.ts";
import type { Machine } from "./machine.ts";
import { type Ground, lasting, place } from "./placed.ts";

/** Blocks of a disk; see `Shelf.room`. */
const BLOCK = 4096;

/** Matrices begin at cache lines, as those that stay do. */
const LINE = 64;

/** A shelf takes memory in boards of so many bytes at least. */
const LEAST_BOARD = 2 ** 18;

/** A piece of one memory, used from its beginning on. */
interface Board {
  readonly bank: number;
  readonly from: number;
  readonly bytes: number;
  used: number;
}

/** {@link Ops.shelf} */
export const shelf =
  (machine: Machine): Ops["shelf"] =>
  () => {
    const lasts = lasting(machine);
    const boards: Board[] = [];
    /** The first board that has so many bytes left, in this memory or in any. */
    const boardFor = (bytes: number, bank?: number): Board => {
      const found = boards.find(
        (board) => (bank === undefined || board.bank === bank) && board.used + bytes <= board.bytes,
      );
      if (found) return found;
      const size = Math.max(LEAST_BOARD, BLOCK * Math.ceil(bytes / BLOCK));
      const where = bank ?? lasts.bankFor(size);
      const board = { bank: where, from: lasts.take(where, size), bytes: size, used: 0 };
      boards.push(board);
      return board;
    };
    const ground: Ground = {
      bankFor: (bytes) => boardFor(LINE + bytes).bank,
      take: (bank, bytes) => address(boardFor(LINE + bytes, bank), bytes, LINE, 0),
    };
    const result: Shelf = {
      get bytes() {
        return boards.reduce((sum, { bytes }) => sum + bytes, 0);
      },
      room: (bytes, phase) => {
        // Whole blocks before and behind belong to the read.
        const board = boardFor(3 * BLOCK + bytes);
        const at = address(board, bytes, BLOCK, phase);
        board.used = BLOCK * Math.ceil((board.from + board.used) / BLOCK) - board.from;
        return machine.banks[board.bank].arena.bytes(at, bytes);
      },
      areFinite: (dtype, bytes) => areFiniteIn(machine, dtype, bytes),
      place: place(machine, ground),
      placeKvB: placeKvB(machine, ground),
      clear: () => {
        for (const board of boards) board.used = 0;
      },
    };
    return result;
  };

/** Takes `bytes` bytes that begin `phase` behind a multiple of `unit`. The board has room for them. */
function address(board: Board, bytes: number, unit: number, phase: number): number {
  const at = unit * Math.ceil((board.from + board.used) / unit) + phase;
  board.used = at + bytes - board.from;
  return at;
}
