/**
 * Structures in Thrift's compact protocol, as Parquet writes its footer and the headers of its pages.
 *
 * Strictly bounded: no number is longer than its kind allows, no list longer than the bytes that are left, and nothing
 * nests deeply, so that parsing what passes here costs no more than its bytes.
 *
 * Source: the description of the protocol, thrift-compact-protocol.md of Apache Thrift 0.20.
 *
 * @module
 */

/** A value of a field. */
export type ThriftValue = boolean | number | bigint | Uint8Array | ThriftValue[] | ThriftStruct;

const [STOP, TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST] = [
  0,
  1,
  2,
  3,
  4,
  5,
  6,
  7,
  8,
  9,
];
const STRUCT = 12;
const LONG_LIST = 15;

const MAX_DEPTH = 16;
const MAX_VARINT_BYTES = { bits32: 5, bits64: 10 };

/** A structure whose fields are asked for by number and kind. */
export class ThriftStruct {
  readonly #fields: ReadonlyMap<number, ThriftValue>;

  /** @param fields the values by the number of their field. */
  constructor(fields: ReadonlyMap<number, ThriftValue>) {
    this.#fields = fields;
  }

  /** A whole number from 0 on that is exact; the fallback where the field is missing. */
  count(id: number, fallback?: number): number {
    const value = this.#fields.get(id) ?? fallback;
    const number = typeof value === "bigint" ? Number(value) : value;
    if (typeof number === "number" && Number.isSafeInteger(number) && number >= 0) return number;
    throw new SyntaxError(`field ${id} is no count`);
  }

  /** Whether a field is there and true; the fallback where it is missing. */
  flag(id: number, fallback: boolean): boolean {
    const value = this.#fields.get(id) ?? fallback;
    if (typeof value === "boolean") return value;
    throw new SyntaxError(`field ${id} is no truth value`);
  }

  /** A text, empty where the field is missing. */
  text(id: number): string {
    return textOf(this.#fields.get(id) ?? new Uint8Array());
  }

  /** A list, empty where the field is missing. */
  list(id: number): ThriftValue[] {
    const value = this.#fields.get(id) ?? [];
    if (Array.isArray(value)) return value;
    throw new SyntaxError(`field ${id} is no list`);
  }

  /** A list of texts. */
  texts(id: number): string[] {
    return this.list(id).map(textOf);
  }

  /** A list of structures. */
  structs(id: number): ThriftStruct[] {
    return this.list(id).map((value) => {
      if (value instanceof ThriftStruct) return value;
      throw new SyntaxError(`field ${id} is no list of structures`);
    });
  }

  /** A structure, or undefined where the field is missing. */
  struct(id: number): ThriftStruct | undefined {
    const value = this.#fields.get(id);
    if (value === undefined || value instanceof ThriftStruct) return value;
    throw new SyntaxError(`field ${id} is no structure`);
  }
}

function textOf(value: ThriftValue): string {
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  throw new SyntaxError("a name is no text");
}

/**
 * Reads a structure, and where it ends.
 *
 * @throws {SyntaxError} where the bytes are none, or end inside it.
 */
export function readThrift(bytes: Uint8Array, start = 0): { value: ThriftStruct; end: number } {
  const reader = new Reader(bytes, start);
  return { value: reader.struct(0), end: reader.at };
}

class Reader {
  readonly #view: DataView;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
  }

  struct(depth: number): ThriftStruct {
    if (depth > MAX_DEPTH) throw new SyntaxError("a structure nests too deeply");
    const fields = new Map<number, ThriftValue>();
    let id = 0;
    for (;;) {
      const byte = this.#byte();
      const type = byte & 15;
      if (type === STOP) return new ThriftStruct(fields);
      id = byte >> 4 ? id + (byte >> 4) : this.#signed();
      fields.set(id, type === TRUE || type === FALSE ? type === TRUE : this.#value(type, depth));
    }
  }

  #value(type: number, depth: number): ThriftValue {
    switch (type) {
      case TRUE:
      case FALSE:
      case BYTE:
        return this.#byte() << 24 >> 24;
      case I16:
      case I32:
        return this.#signed();
      case I64: {
        const zigzag = this.#varint(MAX_VARINT_BYTES.bits64);
        return BigInt.asIntN(64, zigzag >> 1n ^ -(zigzag & 1n));
      }
      case DOUBLE:
        return this.#view.getFloat64(this.#take(8), true);
      case BINARY: {
        const length = this.#unsigned();
        return new Uint8Array(
          this.#view.buffer,
          this.#view.byteOffset + this.#take(length),
          length,
        );
      }
      case LIST:
        return this.#list(depth);
      case STRUCT:
        return this.struct(depth + 1);
      default:
        throw new SyntaxError(`a field of the unknown type ${type}`);
    }
  }

  #list(depth: number): ThriftValue[] {
    const byte = this.#byte();
    const size = byte >> 4 === LONG_LIST ? this.#unsigned() : byte >> 4;
    if (size > this.#view.byteLength - this.at) throw new SyntaxError("a list beyond the end");
    return Array.from({ length: size }, () => this.#value(byte & 15, depth));
  }

  #signed(): number {
    const zigzag = this.#unsigned();
    return zigzag >>> 1 ^ -(zigzag & 1);
  }

  #unsigned(): number {
    return Number(BigInt.asUintN(32, this.#varint(MAX_VARINT_BYTES.bits32)));
  }

  #varint(maxBytes: number): bigint {
    const end = varintEnd(this.#view, this.at, maxBytes);
    let value = 0n;
    for (let at = end - 1; at >= this.at; at--) {
      value = value << 7n | BigInt(this.#view.getUint8(at) & 127);
    }
    this.at = end;
    return value;
  }

  #byte(): number {
    return this.#view.getUint8(this.#take(1));
  }

  #take(count: number): number {
    if (count > this.#view.byteLength - this.at) throw new SyntaxError("bytes end in a structure");
    this.at += count;
    return this.at - count;
  }
}

/** Where a number of seven bits a byte ends. @throws {SyntaxError} where it is longer than that. */
export function varintEnd(view: DataView, at: number, maxBytes: number): number {
  for (let end = at; end < Math.min(at + maxBytes, view.byteLength); end++) {
    if (view.getUint8(end) < 128) return end + 1;
  }
  throw new SyntaxError("a number that does not end");
}
