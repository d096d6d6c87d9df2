/**
 * Reads Python's pickle format as far as a file of tensors needs it. A pickle is a program that may call
 * any function. Here nothing is called: names are only told to the caller, who says what stands for a
 * call of one of them, and refuses the others.
 *
 * A pickle is a list of opcodes for a machine with a stack. Protocols 2 to 5 are read, in which
 * torch.save writes.
 *
 * Next: torch.ts
 * @module
 * @see https://github.com/python/cpython/blob/main/Lib/pickletools.py
 */
import { UserError } from "../../node/user-error.ts";

/** The name of something in Python, such as a class. */
export class PythonName {
  /** `module.name` */
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** What a reader of pickles decides. */
export interface PickleRules {
  /** What `name(...args)` stands for. It throws where it must not be called. */
  readonly call: (name: PythonName, args: readonly unknown[]) => unknown;
  /** What stands for a thing that the pickle keeps elsewhere. */
  readonly load: (id: unknown) => unknown;
}

/** Marks where a list of arguments begins on the stack. */
const MARK = Symbol("mark");

/** Lengths of these strings and numbers in bytes of an opcode's own length field. */
type Width = 1 | 4 | 8;

/**
 * Reads one value. Dicts are maps, lists and tuples are arrays, None is null.
 *
 * @param where the file's name in messages
 * @throws {UserError} for an opcode that files of tensors do not have, and for a file that is cut off
 */
export function readPickle(where: string, bytes: Uint8Array, rules: PickleRules): unknown {
  const machine = new Machine(where, bytes, rules);
  for (;;) {
    const code = machine.byte();
    if (code === 0x2e) return machine.pop();
    const step = OPCODES.get(code);
    if (!step) throw machine.error(`an opcode of a file of tensors, got 0x${code.toString(16)}`);
    step(machine);
  }
}

class Machine {
  readonly #where: string;
  readonly #view: DataView;
  readonly #rules: PickleRules;
  readonly stack: unknown[] = [];
  readonly memo = new Map<number, unknown>();
  #at = 0;

  constructor(where: string, bytes: Uint8Array, rules: PickleRules) {
    this.#where = where;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#rules = rules;
  }

  error(expected: string): UserError {
    return new UserError(this.#where, `byte ${this.#at}: expected ${expected}`);
  }

  /** The place of the next `n` bytes. */
  take(n: number): number {
    const at = this.#at;
    if (at + n > this.#view.byteLength) throw this.error(`${n} more bytes: the pickle is cut off`);
    this.#at += n;
    return at;
  }

  byte = (): number => this.#view.getUint8(this.take(1));

  unsigned(width: Width): number {
    if (width === 1) return this.byte();
    if (width === 4) return this.#view.getUint32(this.take(4), true);
    return Number(this.#view.getBigUint64(this.take(8), true));
  }

  /** A whole number in `n` bytes, with a sign. */
  integer(n: number): number {
    const at = this.take(n);
    let value = 0n;
    for (let i = 0; i < n; i++) value |= BigInt(this.#view.getUint8(at + i)) << BigInt(8 * i);
    return Number(BigInt.asIntN(8 * n, value));
  }

  float = (): number => this.#view.getFloat64(this.take(8));

  bytes(n: number): Uint8Array {
    const at = this.take(n);
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + at, n);
  }

  text = (n: number): string => new TextDecoder().decode(this.bytes(n));

  /** The text up to the end of the line. */
  line(): string {
    const start = this.#at;
    while (this.byte() !== 0x0a);
    const n = this.#at - 1 - start;
    return new TextDecoder().decode(
      new Uint8Array(this.#view.buffer, this.#view.byteOffset + start, n),
    );
  }

  push(value: unknown): void {
    this.stack.push(value);
  }

  pop(): unknown {
    if (this.stack.length === 0) throw this.error("a value on the stack, got none");
    return this.stack.pop();
  }

  /** Everything above the last mark. */
  popToMark(): unknown[] {
    const at = this.stack.lastIndexOf(MARK);
    if (at < 0) throw this.error("a mark on the stack, got none");
    const values = this.stack.splice(at);
    return values.slice(1);
  }

  top(): unknown {
    return this.stack[this.stack.length - 1];
  }

  get(index: number): void {
    if (!this.memo.has(index)) throw this.error(`a value that was kept as ${index}, got none`);
    this.push(this.memo.get(index));
  }

  reduce(): void {
    const args = this.pop();
    const callee = this.pop();
    if (!(callee instanceof PythonName) || !Array.isArray(args)) {
      throw this.error("a name and its arguments");
    }
    this.push(this.#rules.call(callee, args));
  }

  load(): void {
    this.push(this.#rules.load(this.pop()));
  }

  setItems(items: readonly unknown[]): void {
    const dict = this.top();
    if (!(dict instanceof Map) || items.length % 2 > 0) throw this.error("entries of a dict");
    for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
  }

  append(items: readonly unknown[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw this.error("entries of a list");
    for (const item of items) list.push(item);
  }
}

const tuple = (n: number) => (m: Machine) => {
  const values = Array.from({ length: n }, () => m.pop());
  m.push(values.reverse());
};

const setItem = (m: Machine): void => {
  const value = m.pop();
  const key = m.pop();
  m.setItems([key, value]);
};

const appendItem = (m: Machine): void => {
  const item = m.pop();
  m.append([item]);
};

const stackGlobal = (m: Machine): void => {
  const name = m.pop();
  m.push(new PythonName(`${m.pop()}.${name}`));
};

/** What each opcode does. Their names are Python's. */
const OPCODES: ReadonlyMap<number, (m: Machine) => void> = new Map([
  [0x80, (m) => void m.byte()], // PROTO
  [0x95, (m) => void m.take(8)], // FRAME
  [0x28, (m) => m.push(MARK)], // MARK
  [0x7d, (m) => m.push(new Map())], // EMPTY_DICT
  [0x5d, (m) => m.push([])], // EMPTY_LIST
  [0x29, (m) => m.push([])], // EMPTY_TUPLE
  [0x4e, (m) => m.push(null)], // NONE
  [0x88, (m) => m.push(true)], // NEWTRUE
  [0x89, (m) => m.push(false)], // NEWFALSE
  [0x4b, (m) => m.push(m.unsigned(1))], // BININT1
  [0x4d, (m) => m.push(m.byte() + 256 * m.byte())], // BININT2
  [0x4a, (m) => m.push(m.integer(4))], // BININT
  [0x8a, (m) => m.push(m.integer(m.byte()))], // LONG1
  [0x47, (m) => m.push(m.float())], // BINFLOAT
  [0x8c, (m) => m.push(m.text(m.unsigned(1)))], // SHORT_BINUNICODE
  [0x58, (m) => m.push(m.text(m.unsigned(4)))], // BINUNICODE
  [0x8d, (m) => m.push(m.text(m.unsigned(8)))], // BINUNICODE8
  [0x43, (m) => m.push(m.bytes(m.unsigned(1)))], // SHORT_BINBYTES
  [0x42, (m) => m.push(m.bytes(m.unsigned(4)))], // BINBYTES
  [0x71, (m) => void m.memo.set(m.unsigned(1), m.top())], // BINPUT
  [0x72, (m) => void m.memo.set(m.unsigned(4), m.top())], // LONG_BINPUT
  [0x94, (m) => void m.memo.set(m.memo.size, m.top())], // MEMOIZE
  [0x68, (m) => m.get(m.unsigned(1))], // BINGET
  [0x6a, (m) => m.get(m.unsigned(4))], // LONG_BINGET
  [0x63, (m) => m.push(new PythonName(`${m.line()}.${m.line()}`))], // GLOBAL
  [0x93, stackGlobal], // STACK_GLOBAL
  [0x51, (m) => m.load()], // BINPERSID
  [0x52, (m) => m.reduce()], // REDUCE
  [0x81, (m) => m.reduce()], // NEWOBJ
  [0x62, (m) => void m.pop()], // BUILD: attributes of a dict or a list are not looked at
  [0x85, tuple(1)], // TUPLE1
  [0x86, tuple(2)], // TUPLE2
  [0x87, tuple(3)], // TUPLE3
  [0x74, (m) => m.push(m.popToMark())], // TUPLE
  [0x73, setItem], // SETITEM
  [0x75, (m) => m.setItems(m.popToMark())], // SETITEMS
  [0x61, appendItem], // APPEND
  [0x65, (m) => m.append(m.popToMark())], // APPENDS
]);
