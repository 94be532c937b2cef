/**
 * Messages of protocol buffers, written: fields as parts that are joined when their lengths are known.
 *
 * Source: the encoding of protocol buffers, https://protobuf.dev/programming-guides/encoding/.
 *
 * @module
 */

/** Bytes that are made when they are asked for, of a length that is known before. */
export interface LateBytes {
  readonly byteLength: number;
  /** The bytes; called once, when it is their turn to be written. */
  read(): Uint8Array | Promise<Uint8Array>;
}

/** A message, or a part of one: its bytes in order. */
export interface Message {
  readonly byteLength: number;
  readonly parts: readonly (Uint8Array | LateBytes)[];
}

const [VARINT, BYTES, FIXED_32] = [0, 2, 5];

/** The parts of a message, one after the other. */
export function message(fields: readonly (Message | undefined)[]): Message {
  const present = fields.filter((field) => field !== undefined);
  return {
    byteLength: present.reduce((sum, { byteLength }) => sum + byteLength, 0),
    parts: present.flatMap(({ parts }) => parts),
  };
}

/** A whole number; a negative one takes ten bytes, as 64 bits do. */
export function int(field: number, value: number | bigint): Message {
  return plain([...varint(key(field, VARINT)), ...varint(value)]);
}

/** A number of single precision. */
export function float(field: number, value: number): Message {
  const bytes = new Uint8Array(Float32Array.of(value).buffer);
  return plain([...varint(key(field, FIXED_32)), ...bytes]);
}

/** Text, or bytes that are there. */
export function bytes(field: number, value: string | Uint8Array): Message {
  return nested(field, leaf(typeof value === "string" ? new TextEncoder().encode(value) : value));
}

/** Bytes that are made when it is their turn. */
export function lateBytes(field: number, value: LateBytes): Message {
  return nested(field, leaf(value));
}

/** A message as a field of another. */
export function nested(field: number, inner: Message): Message {
  const head = Uint8Array.from([...varint(key(field, BYTES)), ...varint(inner.byteLength)]);
  return {
    byteLength: head.length + inner.byteLength,
    parts: [head, ...inner.parts],
  };
}

/** A message's bytes, part by part. */
export async function* chunks({ parts }: Message): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield part instanceof Uint8Array ? part : await part.read();
}

function leaf(value: Uint8Array | LateBytes): Message {
  return { byteLength: value.byteLength, parts: [value] };
}

function plain(values: readonly number[]): Message {
  return leaf(Uint8Array.from(values));
}

function key(field: number, kind: number): number {
  return field << 3 | kind;
}

/** Seven bits a byte, the lowest first. */
function varint(value: number | bigint): number[] {
  let rest = BigInt.asUintN(64, BigInt(value));
  const found: number[] = [];
  while (rest > 127n) {
    found.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return [...found, Number(rest)];
}
