/**
 * The innermost loops of a WebAssembly module, read from its bytes: how much each sums up, and how often it branches.
 *
 * No disassembler: it knows how long each instruction is that our builds have, and refuses others.
 *
 * @module
 */

/** A loop that has no other in it. */
export interface InnermostLoop {
  /** Index of its function among those of the module. */
  function: number;
  /** Sums in locals that grow by a product or a dot product at each pass. */
  sums: number;
  /** Conditional branches, that of the loop itself among them. */
  branches: number;
  calls: number;
}

interface Instruction {
  /** Instructions with a prefix are `prefix << 16 | number`. */
  code: number;
  /** The first number behind the code, such as that of a local. */
  first: number;
}

const CODE_SECTION = 10;
const [BLOCK, LOOP, IF, END] = [0x02, 0x03, 0x04, 0x0b];
const [BRANCH, BRANCH_IF, BRANCH_TABLE, CALL, CALL_INDIRECT] = [0x0c, 0x0d, 0x0e, 0x10, 0x11];
const [LOCAL_GET, LOCAL_SET, LOCAL_TEE] = [0x20, 0x21, 0x22];
const [BULK, SIMD] = [0xfc, 0xfd];
/** `f32x4.add`, `i32x4.add`, `f32x4.relaxed_madd` and `i32x4.relaxed_dot_i8x16_i7x16_add_s`. */
const ADDITIONS = [0xe4, 0xae, 0x105, 0x113].map((number) => SIMD << 16 | number);

/** @throws {SyntaxError} at an instruction that is not known here. */
export function innermostLoops(module: Uint8Array): InnermostLoop[] {
  const reader = new Reader(module);
  reader.at = 8;
  while (reader.at < module.length) {
    const id = reader.byte();
    const end = reader.number() + reader.at;
    if (id === CODE_SECTION) {
      return Array.from({ length: reader.number() }, (_, i) => loopsOfFunction(reader, i)).flat();
    }
    reader.at = end;
  }
  return [];
}

function loopsOfFunction(reader: Reader, index: number): InnermostLoop[] {
  const end = reader.number() + reader.at;
  for (let groups = reader.number(); groups > 0; groups--) {
    reader.number();
    reader.byte();
  }
  const instructions: Instruction[] = [];
  while (reader.at < end) instructions.push(reader.instruction());
  const starts: number[] = [];
  const loops: InnermostLoop[] = [];
  instructions.forEach(({ code }, i) => {
    if (code === BLOCK || code === LOOP || code === IF) starts.push(i);
    if (code !== END || starts.length === 0) return;
    const inside = instructions.slice(starts.pop()!, i);
    if (inside[0]!.code !== LOOP || inside.slice(1).some(({ code }) => code === LOOP)) return;
    loops.push({ function: index, ...countsOf(inside) });
  });
  return loops;
}

function countsOf(loop: readonly Instruction[]): Omit<InnermostLoop, "function"> {
  const count = (codes: number[]) => loop.filter(({ code }) => codes.includes(code)).length;
  return {
    sums: loop.filter((_, i) => isSum(loop, i)).length,
    branches: count([IF, BRANCH_IF, BRANCH_TABLE]),
    calls: count([CALL, CALL_INDIRECT]),
  };
}

/** Whether an instruction adds to a local: it is read last before, and set behind. */
function isSum(loop: readonly Instruction[], i: number): boolean {
  const [before, after] = [loop[i - 1], loop[i + 1]];
  return ADDITIONS.includes(loop[i]!.code) && before?.code === LOCAL_GET &&
    (after?.code === LOCAL_SET || after?.code === LOCAL_TEE) && before.first === after.first;
}

class Reader {
  at = 0;

  constructor(readonly bytes: Uint8Array) {}

  byte(): number {
    return this.bytes[this.at++]!;
  }

  /** A number in base 128, as far as 32 bits hold it; of one with a sign only the length is of use. */
  number(): number {
    let value = 0;
    for (let shift = 0;; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  numbers(count: number): number {
    const first = count > 0 ? this.number() : 0;
    for (let i = 1; i < count; i++) this.number();
    return first;
  }

  instruction(): Instruction {
    const code = this.byte();
    if (code === SIMD) return this.#simd();
    if (code === BULK) {
      const number = this.number();
      this.at += number < 8 ? 0 : number === 9 || number === 11 ? 1 : 2;
      return { code: BULK << 16 | number, first: 0 };
    }
    if (code === BRANCH_TABLE) {
      const targets = this.number();
      return { code, first: this.numbers(targets + 1) };
    }
    if (code === 0x43 || code === 0x44) {
      this.at += code === 0x43 ? 4 : 8;
      return { code, first: 0 };
    }
    return { code, first: this.numbers(numbersBehind(code)) };
  }

  #simd(): Instruction {
    const number = this.number();
    if (number <= 11 || number === 92 || number === 93) this.numbers(2);
    else if (number === 12 || number === 13) this.at += 16;
    else if (number >= 21 && number <= 34) this.at += 1;
    else if (number >= 84 && number <= 91) {
      this.numbers(2);
      this.at += 1;
    }
    return { code: SIMD << 16 | number, first: 0 };
  }
}

/** Numbers that follow an instruction without a prefix. */
function numbersBehind(code: number): number {
  if (code >= 0x28 && code <= 0x3e || code === CALL_INDIRECT) return 2;
  const hasOne = [BLOCK, LOOP, IF, BRANCH, BRANCH_IF, CALL].includes(code) ||
    code >= 0x20 && code <= 0x26 || code >= 0x3f && code <= 0x42;
  if (hasOne) return 1;
  const isBare = code <= 0x1b || code >= 0x45 && code <= 0xc4;
  if (isBare) return 0;
  throw new SyntaxError(
    `Cannot read instruction 0x${code.toString(16)}: expected one of our builds`,
  );
}
