/**
 * How V8 and the allocator of the C library keep house in a process that runs for days.
 *
 * By itself it lets the part of the heap where objects begin grow until it has 48 MB, by and by, and with it what
 * buffers of sound hold outside the heap: those that are no longer used are given back when that part is full. It also
 * collects the rest only when 60 MB are there, and from then on when it has become half as much again or more. All of it
 * is set to what these programs need from the start on; with a quarter, resident memory stands still within 5 MB.
 *
 * @module
 */

/** The argument of `deno run` for programs that run for days. */
export const STEADY_V8_FLAGS =
  "--v8-flags=--max-semi-space-size=2,--initial-heap-size=16,--heap-growing-percent=25";

/**
 * Variables for it that glibc reads, and nothing else does. By itself it has eight heaps for each core, and lets the size
 * from which a buffer has pages of its own, which go back when it is freed, grow with the first large ones: what clips
 * and recordings leave then stays in pieces in all of them.
 */
export const STEADY_VARIABLES: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: "2",
  MALLOC_MMAP_THRESHOLD_: "131072",
};

/** The same in front of a command of `deno task`. */
export const STEADY_PREFIX: string = Object.entries(STEADY_VARIABLES)
  .map(([name, value]) => `${name}=${value}`).join(" ");
