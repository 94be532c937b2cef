/**
 * What a worker thread of the WASM device runs, and the share of work every thread takes.
 *
 * The worker is started from a Blob that holds the text of these functions: this needs no file, no
 * network and no permission, and survives bundling. So each function must be complete in itself: it
 * names nothing outside its own body but its arguments.
 *
 * @module
 */

/** Indices of 32-bit numbers in the control block, which lies at the start of the memory. */
export const CONTROL = {
  /** Counts dispatches; workers sleep on it. */
  epoch: 0,
  /** `OPEN` while threads may join the dispatch, plus the number of workers inside it. */
  joined: 1,
  /** Which kernel. */
  kernel: 2,
  /** Number of units of work. */
  units: 3,
  /** Units taken at a time. */
  chunk: 4,
  /** First unit that no thread has taken. */
  next: 5,
  /** Number of arguments after thread, begin and end. */
  argCount: 6,
  /** 1 when a kernel trapped on a worker. */
  failed: 7,
  /** 1 when workers must end. */
  stop: 8,
  /** Workers that sleep. */
  asleep: 9,
  /** 1 for each thread whose worker is running, from here on. */
  alive: 16,
  /** Index of the first argument, as 64-bit floats. */
  args: 64,
} as const;

/** Flag in `CONTROL.joined`. */
export const OPEN = 1 << 30;

/** An exported kernel: computes units `begin` to `end` as thread number `thread`. */
export type Kernel = (thread: number, begin: number, end: number, ...args: number[]) => void;

/** The first message to a worker. */
export interface WorkerStart {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  /** Kernels in the order of their numbers. */
  names: string[];
  /** 1 for the first worker; the calling thread is 0. */
  thread: number;
  /** How often a worker looks for work before it sleeps. */
  spins: number;
  /** A worker without work for so long ends; the next dispatch starts another. */
  idleMs: number;
}

/** Takes chunks of the present dispatch until none are left. */
export function takeChunks(
  memory: WebAssembly.Memory,
  kernels: readonly Kernel[],
  thread: number,
  slot: typeof CONTROL,
): void {
  const control = new Int32Array(memory.buffer, 0, slot.args);
  const args = Array.from(
    new Float64Array(memory.buffer, 8 * slot.args, control[slot.argCount]),
  );
  const kernel = kernels[control[slot.kernel]!]!;
  const units = control[slot.units]!;
  const chunk = control[slot.chunk]!;
  for (;;) {
    const begin = Atomics.add(control, slot.next, chunk);
    if (begin >= units) return;
    kernel(thread, begin, Math.min(begin + chunk, units), ...args);
  }
}

/** What a worker scope offers, without the types of a browser. */
interface WorkerScope {
  onmessage: ((event: { data: WorkerStart }) => void) | null;
  postMessage(message: string): void;
  close(): void;
}

/** Joins dispatches until it is to stop, or without work for `idleMs`. */
function serveDispatches(
  scope: WorkerScope,
  slot: typeof CONTROL,
  open: number,
  take: typeof takeChunks,
): void {
  const join = (control: Int32Array, start: WorkerStart, kernels: Kernel[]) => {
    for (;;) {
      const joined = Atomics.load(control, slot.joined);
      if ((joined & open) === 0) return;
      if (Atomics.compareExchange(control, slot.joined, joined, joined + 1) === joined) break;
    }
    try {
      take(start.memory, kernels, start.thread, slot);
    } catch {
      Atomics.store(control, slot.failed, 1);
    }
    if (Atomics.sub(control, slot.joined, 1) === 1) Atomics.notify(control, slot.joined);
  };
  const waitForWork = (control: Int32Array, start: WorkerStart, seen: number): boolean => {
    for (let i = 0; i < start.spins; i++) {
      if (Atomics.load(control, slot.epoch) !== seen) return true;
    }
    Atomics.add(control, slot.asleep, 1);
    const outcome = Atomics.wait(control, slot.epoch, seen, start.idleMs);
    Atomics.sub(control, slot.asleep, 1);
    return outcome !== "timed-out";
  };
  scope.onmessage = ({ data: start }) => {
    const instance = new WebAssembly.Instance(start.module, { env: { memory: start.memory } });
    const kernels = start.names.map((name) => instance.exports[name] as Kernel);
    const control = new Int32Array(start.memory.buffer, 0, slot.args);
    scope.postMessage("ready");
    for (let isIdle = false; !isIdle && Atomics.load(control, slot.stop) === 0;) {
      const seen = Atomics.load(control, slot.epoch);
      join(control, start, kernels);
      isIdle = !waitForWork(control, start, seen);
    }
    Atomics.store(control, slot.alive + start.thread, 0);
    Atomics.notify(control, slot.alive + start.thread);
    scope.close();
  };
}

/** The program of a worker, as JavaScript. */
export function workerSource(): string {
  return `(${serveDispatches})(self, ${JSON.stringify(CONTROL)}, ${OPEN}, ${takeChunks});`;
}
