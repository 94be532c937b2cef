/**
 * The allocator of the WASM device: blocks of tensor data in one growing memory.
 *
 * Best fit, lowest address first, neighbours merged. A model frees and asks for the same few sizes over and
 * over: freed blocks wait for that, and are merged when a size comes that none of them has. Every block starts at a multiple of
 * 64 bytes and is followed by at least 16 spare bytes of its own, so that a kernel may read and write
 * whole SIMD vectors at the end of a tensor. It keeps its books outside the memory: no kernel can
 * damage them, and a worker thread never needs them.
 *
 * @module
 */
import { DeviceError } from "../../errors.ts";

const ALIGNMENT = 64;
const SPARE_BYTES = 16;
const PAGE_BYTES = 65536;
/** Growth asks for this share of the present size, so that the number of growths is logarithmic. */
const GROWTH_SHARE = 0.25;

/** Sizes of which lists of freed blocks are kept; a model has some dozens. */
const MAX_WAITING_SIZES = 512;

/** A free stretch of memory. */
interface Gap {
  address: number;
  size: number;
}

/** Freed blocks of a size. */
interface Waiting {
  size: number;
  addresses: number[];
  /** Whether it is among those that are to be merged. */
  isListed: boolean;
}

/** Hands out and takes back stretches of a `WebAssembly.Memory`. */
export class Heap {
  readonly #memory: WebAssembly.Memory;
  /** Sorted by size, then address. */
  readonly #gaps: Gap[] = [];
  readonly #gapAt = new Map<number, Gap>();
  readonly #gapUntil = new Map<number, Gap>();
  readonly #sizes = new Map<number, number>();
  /** Freed blocks that are not merged yet, by size; the last, which the caches may still hold, is taken first. */
  readonly #waiting = new Map<number, Waiting>();
  /** Those of them that something was freed into since the last merge. */
  readonly #listed: Waiting[] = [];
  #end: number;
  #usedBytes = 0;
  #peakBytes = 0;

  /** @param start the first address that is free for tensors. */
  constructor(memory: WebAssembly.Memory, start: number) {
    this.#memory = memory;
    this.#end = memory.buffer.byteLength;
    const first = roundUp(start, ALIGNMENT);
    this.#insert({ address: first, size: this.#end - first });
  }

  /** Bytes in blocks that are not freed, spare bytes included. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** The most that there were in use at a time since this was last asked. */
  takePeakBytes(): number {
    const peak = this.#peakBytes;
    this.#peakBytes = this.#usedBytes;
    return peak;
  }

  /** Number of blocks that are not freed. */
  get blocks(): number {
    return this.#sizes.size;
  }

  /**
   * Reserves `sizeBytes`; what they hold is undefined.
   *
   * @throws {RangeError} when the memory cannot grow far enough.
   */
  allocate(sizeBytes: number): number {
    const size = roundUp(sizeBytes + SPARE_BYTES, ALIGNMENT);
    const address = this.#waiting.get(size)?.addresses.pop() ?? this.#bestFit(size, sizeBytes);
    this.#sizes.set(address, size);
    this.#usedBytes += size;
    if (this.#usedBytes > this.#peakBytes) this.#peakBytes = this.#usedBytes;
    return address;
  }

  #bestFit(size: number, sizeBytes: number): number {
    this.#mergeWaiting();
    let index = this.#firstOfSize(size);
    if (index === this.#gaps.length) {
      this.#grow(size, sizeBytes);
      index = this.#firstOfSize(size);
    }
    const gap = this.#gaps[index]!;
    const { address } = gap;
    this.#remove(gap);
    gap.address += size;
    gap.size -= size;
    this.#insert(gap);
    return address;
  }

  /**
   * Gives a block back.
   *
   * @throws {RangeError} when no block starts there, for instance because it was freed before.
   */
  free(address: number): void {
    const size = this.#sizes.get(address);
    if (size === undefined) {
      throw new RangeError(`Cannot free memory: expected the start of a block, found ${address}`);
    }
    this.#sizes.delete(address);
    this.#usedBytes -= size;
    let waiting = this.#waiting.get(size);
    if (!waiting) {
      waiting = { size, addresses: [], isListed: false };
      this.#waiting.set(size, waiting);
    }
    waiting.addresses.push(address);
    if (waiting.isListed) return;
    waiting.isListed = true;
    this.#listed.push(waiting);
  }

  #mergeWaiting(): void {
    // So often is this done that what it would leave for the collector was a tenth of all garbage.
    for (let list = 0; list < this.#listed.length; list++) {
      const waiting = this.#listed[list]!;
      const { size, addresses } = waiting;
      for (let i = 0; i < addresses.length; i++) this.#release(addresses[i]!, size);
      addresses.length = 0;
      waiting.isListed = false;
    }
    this.#listed.length = 0;
    if (this.#waiting.size > MAX_WAITING_SIZES) this.#waiting.clear();
  }

  /** Makes a gap, merged with those that touch it. */
  #release(address: number, size: number): void {
    const before = this.#gapUntil.get(address);
    const after = this.#gapAt.get(address + size);
    if (before) this.#remove(before);
    if (after) this.#remove(after);
    const gap = before ?? after ?? { address, size: 0 };
    const end = after ? address + size + after.size : address + size;
    gap.address = before ? before.address : address;
    gap.size = end - gap.address;
    this.#insert(gap);
  }

  #insert(gap: Gap): void {
    if (gap.size === 0) return;
    this.#gaps.splice(this.#firstOfSize(gap.size, gap.address), 0, gap);
    this.#gapAt.set(gap.address, gap);
    this.#gapUntil.set(gap.address + gap.size, gap);
  }

  #remove(gap: Gap): void {
    this.#gaps.splice(this.#firstOfSize(gap.size, gap.address), 1);
    this.#gapAt.delete(gap.address);
    this.#gapUntil.delete(gap.address + gap.size);
  }

  /** Index of the first gap that is not smaller, and of those as large not at a lower address. */
  #firstOfSize(size: number, address = 0): number {
    let [low, high] = [0, this.#gaps.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const gap = this.#gaps[middle]!;
      if (gap.size < size || (gap.size === size && gap.address < address)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Makes the gap at the end of the memory at least `size` long. */
  #grow(size: number, sizeBytes: number): void {
    const missing = size - (this.#gapUntil.get(this.#end)?.size ?? 0);
    const generous = Math.max(missing, this.#end * GROWTH_SHARE);
    if (!this.#growBy(generous) && !this.#growBy(missing)) {
      throw new DeviceError(
        `Cannot allocate a tensor of ${sizeBytes} bytes: expected the WASM memory to stay within ` +
          `its limit of 4 GB, found ${this.#usedBytes} bytes in ${this.blocks} tensors`,
        { reason: "memory", hint: "Take shorter clips, fewer at once, or a smaller model" },
      );
    }
    const address = this.#end;
    this.#end = this.#memory.buffer.byteLength;
    this.#release(address, this.#end - address);
  }

  #growBy(bytes: number): boolean {
    try {
      this.#memory.grow(Math.ceil(bytes / PAGE_BYTES));
      return true;
    } catch (error) {
      if (error instanceof RangeError) return false;
      throw error;
    }
  }
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
