/**
 * A machine for the few pickle opcodes that a dictionary of tensors is written with.
 *
 * Executes nothing: globals, calls and persistent ids go to a `PickleVocabulary`, which builds plain
 * data for the names that it knows and throws at any other. Opcodes outside the list are refused,
 * and so is a stream that would make more objects than a checkpoint needs. Opcode meanings are those
 * of CPython's `pickletools`; the list is near that of torch's weights-only loader.
 *
 * @module
 */

import { quoted } from "./_shown.ts";

/** What the words of a stream stand for; each method throws a SyntaxError to refuse. */
export interface PickleVocabulary {
  /** The value of a global, named as in `torch.FloatStorage`. */
  global(name: string): unknown;
  /** The result of calling what `global` gave. */
  call(callable: unknown, args: readonly unknown[]): unknown;
  /** The object kept outside the stream under that id. */
  persistent(id: unknown): unknown;
}

/** One pickled object; `end` is the first byte after it. */
export interface Unpickled {
  /** Tuples are `PickleTuple`, lists arrays, dictionaries Maps, None null. */
  readonly value: unknown;
  /** First byte after the object. */
  readonly end: number;
}

/** A tuple, which is no list. */
export class PickleTuple {
  /** @param items the elements, in order. */
  constructor(readonly items: readonly unknown[]) {}
}

/** The stream ends before the object does. */
export class PickleTruncated extends SyntaxError {}

/** Room for 50,000 tensors, and for 5 objects to describe each. */
const MAX_OBJECTS = 2 ** 18;
const MAX_DEPTH = 2 ** 20;
const MAX_GLOBAL_BYTES = 256;
/** Longer integers than torch's magic number, of 10 bytes, have no meaning in a checkpoint. */
const MAX_INTEGER_BYTES = 16;
const NEWLINE = 0x0a;
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** Where SETITEMS, APPENDS and TUPLE begin. */
const MARK = Symbol("mark");

/**
 * Reads the object that begins at byte `start`.
 *
 * @throws {SyntaxError} if an opcode is not on the list, is misused, or the vocabulary refuses;
 * `PickleTruncated` if the bytes end too early.
 */
export function unpickle(
  bytes: Uint8Array,
  start: number,
  vocabulary: PickleVocabulary,
): Unpickled {
  const machine = new Machine(bytes, start, vocabulary);
  for (;;) {
    const at = machine.at;
    const opcode = machine.byte();
    if (opcode === STOP) return { value: machine.pop(), end: machine.at };
    const step = STEPS.get(opcode);
    if (!step) {
      const hex = opcode.toString(16).padStart(2, "0");
      throw new SyntaxError(`expected an opcode of tensor data, found 0x${hex} at byte ${at}`);
    }
    step(machine);
  }
}

class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #memo = new Map<number, unknown>();
  readonly #stack: unknown[] = [];
  #objects = 0;

  constructor(bytes: Uint8Array, public at: number, readonly vocabulary: PickleVocabulary) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  byte(): number {
    return this.#view.getUint8(this.#take(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  float64(): number {
    return this.#view.getFloat64(this.#take(8), false);
  }

  /** A little-endian two's complement integer; a bigint where a number would round it. */
  integer(sizeBytes: number): number | bigint {
    if (sizeBytes > MAX_INTEGER_BYTES) {
      throw new SyntaxError(`found an integer of ${sizeBytes} bytes`);
    }
    let bits = 0n;
    for (let i = 0; i < sizeBytes; i++) bits |= BigInt(this.byte()) << BigInt(8 * i);
    const value = BigInt.asIntN(8 * sizeBytes, bits);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  text(sizeBytes: number): string {
    const start = this.#take(sizeBytes);
    return DECODER.decode(this.#bytes.subarray(start, this.at));
  }

  line(): string {
    const limit = this.at + MAX_GLOBAL_BYTES;
    const end = this.#bytes.subarray(this.at, limit).indexOf(NEWLINE);
    if (end < 0 && limit <= this.#bytes.length) {
      throw new SyntaxError("found an endless global name");
    }
    if (end < 0) throw new PickleTruncated("found the end within a global name");
    const line = this.text(end);
    this.at++;
    return line;
  }

  push(value: unknown): void {
    if (this.#stack.length >= MAX_DEPTH) {
      throw new SyntaxError(`found more than ${MAX_DEPTH} values`);
    }
    this.#stack.push(value);
  }

  /** Pushes a value that takes memory of its own. */
  pushNew(value: unknown): void {
    if (++this.#objects > MAX_OBJECTS) {
      throw new SyntaxError(`found more than ${MAX_OBJECTS} objects`);
    }
    this.push(value);
  }

  pop(): unknown {
    const value = this.#stack.pop();
    if (value === undefined || value === MARK) throw new SyntaxError("found too few values");
    return value;
  }

  popMany(count: number): unknown[] {
    const items = Array.from({ length: count }, () => this.pop());
    return items.reverse();
  }

  /** Everything above the last mark, which goes too. */
  popToMark(): unknown[] {
    const mark = this.#stack.lastIndexOf(MARK);
    if (mark < 0) throw new SyntaxError("found no mark");
    const items = this.#stack.splice(mark + 1);
    this.#stack.pop();
    return items;
  }

  top<T>(Kind: new () => T): T {
    const value = this.#stack.at(-1);
    if (value instanceof Kind) return value;
    throw new SyntaxError(`expected items to go into a ${Kind.name}`);
  }

  memoize(index = this.#memo.size): void {
    if (this.#memo.size >= MAX_DEPTH) throw new SyntaxError(`found more than ${MAX_DEPTH} memos`);
    const value = this.pop();
    this.#memo.set(index, value);
    this.push(value);
  }

  recall(index: number): void {
    if (!this.#memo.has(index)) throw new SyntaxError(`found no memo ${index}`);
    this.push(this.#memo.get(index));
  }

  #take(sizeBytes: number): number {
    const start = this.at;
    if (start + sizeBytes > this.#bytes.length) {
      throw new PickleTruncated("found the end of the data");
    }
    this.at += sizeBytes;
    return start;
  }
}

const STOP = 0x2e;

type Step = (machine: Machine) => void;

const STEPS: ReadonlyMap<number, Step> = new Map<number, Step>([
  [0x80, (m) => void requireProtocol(m.byte())], // PROTO
  [0x95, (m) => void m.integer(8)], // FRAME
  [0x4e, (m) => m.push(null)], // NONE
  [0x88, (m) => m.push(true)], // NEWTRUE
  [0x89, (m) => m.push(false)], // NEWFALSE
  [0x4b, (m) => m.push(m.byte())], // BININT1
  [0x4d, (m) => m.push(m.uint16())], // BININT2
  [0x4a, (m) => m.push(m.int32())], // BININT
  [0x8a, (m) => m.push(m.integer(m.byte()))], // LONG1
  [0x47, (m) => m.push(m.float64())], // BINFLOAT
  [0x58, (m) => m.push(m.text(m.uint32()))], // BINUNICODE
  [0x8c, (m) => m.push(m.text(m.byte()))], // SHORT_BINUNICODE
  [0x28, (m) => m.push(MARK)], // MARK
  [0x29, (m) => m.pushNew(new PickleTuple([]))], // EMPTY_TUPLE
  [0x85, (m) => m.pushNew(new PickleTuple(m.popMany(1)))], // TUPLE1
  [0x86, (m) => m.pushNew(new PickleTuple(m.popMany(2)))], // TUPLE2
  [0x87, (m) => m.pushNew(new PickleTuple(m.popMany(3)))], // TUPLE3
  [0x74, (m) => m.pushNew(new PickleTuple(m.popToMark()))], // TUPLE
  [0x5d, (m) => m.pushNew([])], // EMPTY_LIST
  [0x61, (m) => append(m, m.popMany(1))], // APPEND
  [0x65, (m) => append(m, m.popToMark())], // APPENDS
  [0x7d, (m) => m.pushNew(new Map())], // EMPTY_DICT
  [0x73, (m) => setItems(m, m.popMany(2))], // SETITEM
  [0x75, (m) => setItems(m, m.popToMark())], // SETITEMS
  [0x71, (m) => m.memoize(m.byte())], // BINPUT
  [0x72, (m) => m.memoize(m.uint32())], // LONG_BINPUT
  [0x94, (m) => m.memoize()], // MEMOIZE
  [0x68, (m) => m.recall(m.byte())], // BINGET
  [0x6a, (m) => m.recall(m.uint32())], // LONG_BINGET
  [0x63, (m) => pushGlobal(m, m.line(), m.line())], // GLOBAL
  [0x93, pushStackGlobal],
  [0x51, (m) => m.pushNew(m.vocabulary.persistent(m.pop()))], // BINPERSID
  [0x52, call],
  [0x62, setState],
]);

function requireProtocol(version: number): void {
  if (version > 5) throw new SyntaxError(`expected pickle protocol 5 or below, found ${version}`);
}

function append(machine: Machine, items: unknown[]): void {
  const list = machine.top<unknown[]>(Array);
  for (const item of items) list.push(item);
}

function setItems(machine: Machine, items: unknown[]): void {
  if (items.length % 2) throw new SyntaxError("found a key without a value");
  const dictionary = machine.top<Map<unknown, unknown>>(Map);
  for (let i = 0; i < items.length; i += 2) dictionary.set(items[i], items[i + 1]);
}

/** Python 2's name of the module of built-ins is shown under today's. */
function pushGlobal(machine: Machine, module: string, name: string): void {
  const home = module === "__builtin__" ? "builtins" : module;
  machine.pushNew(machine.vocabulary.global(`${home}.${name}`));
}

/** STACK_GLOBAL */
function pushStackGlobal(machine: Machine): void {
  const [module, name] = machine.popMany(2);
  if (typeof module !== "string" || typeof name !== "string") {
    throw new SyntaxError("expected a global's name as text");
  }
  pushGlobal(machine, module, name);
}

/** REDUCE */
function call(machine: Machine): void {
  const [callable, args] = machine.popMany(2);
  if (!(args instanceof PickleTuple)) throw new SyntaxError("expected arguments as a tuple");
  machine.pushNew(machine.vocabulary.call(callable, args.items));
}

/** BUILD: attributes of a dictionary, such as a state dict's `_metadata`, are read and dropped. */
function setState(machine: Machine): void {
  machine.pop();
  machine.top(Map);
}

/** A value for an error message. */
export function shownValue(value: unknown): string {
  if (typeof value === "string") return quoted(value);
  if (typeof value === "function") return "a function";
  if (value === null || typeof value !== "object") return String(value);
  return value instanceof PickleTuple ? "a tuple" : `a ${value.constructor.name}`;
}
