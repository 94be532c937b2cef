/**
 * The threads of the WASM device: one dispatch at a time, shared by the caller and the workers.
 *
 * A dispatch is a kernel, its arguments and a number of independent units of work. The caller opens
 * it in a control block inside the shared memory, takes chunks of units like everybody else, closes
 * it when none are left, and waits for those workers that joined. A worker that wakes up late finds
 * the dispatch closed and delays nobody. Which thread computes a unit is left to chance, so kernels
 * must give the same bits whoever does.
 *
 * @module
 */
import {
  CONTROL,
  type Kernel,
  OPEN,
  takeChunks,
  workerSource,
  type WorkerStart,
} from "./_worker.ts";

/** First address behind the control block and its arguments. */
export const CONTROL_BYTES = 4096;
/** Most arguments of a kernel, besides thread, begin and end. */
const MAX_ARGS = 64;
/** The control block has a place for each. */
export const MAX_THREADS = 48;

const CHUNKS_PER_THREAD = 4;
const MAX_UNITS = 2 ** 30;
/** Some tens of microseconds: the usual gap between two kernels of a training step. */
const WORKER_SPINS = 20_000;
const CALLER_SPINS = 2_000;
const CALLER_WAIT_MS = 1;
const WORKER_IDLE_MS = 1_000;

/** What the threads run. */
export interface ThreadProgram {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  instance: WebAssembly.Instance;
}

/** Runs kernels, on worker threads too where there are any. */
export class ThreadPool {
  readonly #program: ThreadProgram;
  readonly #names: string[];
  readonly #numbers: Map<string, number>;
  readonly #kernels: Kernel[];
  readonly #control: Int32Array;
  readonly #args: Float64Array;
  readonly #canBlock: boolean;
  #workers: (Worker | undefined)[] = [];
  #sourceUrl: string | undefined;
  #threads = 1;

  /** Starts with the calling thread alone. */
  constructor(program: ThreadProgram) {
    const { memory, instance } = program;
    this.#program = program;
    this.#names = Object.keys(instance.exports)
      .filter((name) => typeof instance.exports[name] === "function").sort();
    this.#numbers = new Map(this.#names.map((name, i) => [name, i]));
    this.#kernels = this.#names.map((name) => instance.exports[name] as Kernel);
    this.#control = new Int32Array(memory.buffer, 0, CONTROL.args);
    this.#args = new Float64Array(memory.buffer, 8 * CONTROL.args, MAX_ARGS);
    this.#canBlock = isShared(memory) && canBlock(this.#control);
  }

  /** Threads that take part, the caller included. */
  get threads(): number {
    return this.#threads;
  }

  /**
   * Starts workers until there are `threads` in all, and waits for them.
   *
   * @throws whatever keeps a worker from starting; there are as many threads as before then.
   */
  async startWorkers(threads: number): Promise<void> {
    this.#sourceUrl = URL.createObjectURL(
      new Blob([workerSource()], { type: "text/javascript" }),
    );
    try {
      const started = Array.from({ length: threads - 1 }, (_, i) => this.#startWorker(i + 1));
      await Promise.all(started.map(untilReady));
      this.#threads = threads;
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /**
   * Runs `kernel(thread, begin, end, ...args)` over units 0 to `units`, in chunks of at least `grain`.
   *
   * The calling thread does all of it where there is only one chunk.
   *
   * @throws {RangeError} when there is no such kernel, or too many arguments or units.
   */
  dispatch(kernel: string, units: number, args: readonly number[], grain: number): void {
    const number = this.#numbers.get(kernel);
    if (number === undefined || args.length > MAX_ARGS || units > MAX_UNITS) {
      throw new RangeError(
        `Cannot run kernel "${kernel}" on ${units} units with ${args.length} arguments: expected ` +
          `one of ${this.#names}, ${MAX_UNITS} units and ${MAX_ARGS} arguments at most`,
      );
    }
    const chunk = Math.max(1, grain, Math.ceil(units / (this.#threads * CHUNKS_PER_THREAD)));
    if (units === 0) return;
    if (this.#threads === 1 || chunk >= units) this.#kernels[number]!(0, 0, units, ...args);
    else this.#share(number, units, chunk, args);
  }

  /** Ends the workers; the calling thread goes on alone. */
  dispose(): void {
    if (this.#workers.length > 0) {
      Atomics.store(this.#control, CONTROL.stop, 1);
      this.#wake();
      for (const worker of this.#workers) worker?.terminate();
    }
    if (this.#sourceUrl) URL.revokeObjectURL(this.#sourceUrl);
    this.#workers = [];
    this.#sourceUrl = undefined;
    this.#threads = 1;
  }

  #share(kernel: number, units: number, chunk: number, args: readonly number[]): void {
    const control = this.#control;
    this.#restartWorkers();
    this.#args.set(args);
    control[CONTROL.kernel] = kernel;
    control[CONTROL.units] = units;
    control[CONTROL.chunk] = chunk;
    control[CONTROL.argCount] = args.length;
    control[CONTROL.next] = 0;
    control[CONTROL.failed] = 0;
    Atomics.store(control, CONTROL.joined, OPEN);
    this.#wake();
    try {
      takeChunks(this.#program.memory, this.#kernels, 0, CONTROL);
    } finally {
      Atomics.and(control, CONTROL.joined, ~OPEN);
      this.#waitForWorkers();
    }
    if (Atomics.load(control, CONTROL.failed) !== 0) {
      throw new WebAssembly.RuntimeError(
        `Cannot finish kernel "${this.#names[kernel]}": expected no trap, found one on a worker`,
      );
    }
  }

  #wake(): void {
    Atomics.add(this.#control, CONTROL.epoch, 1);
    if (Atomics.load(this.#control, CONTROL.asleep) > 0) {
      Atomics.notify(this.#control, CONTROL.epoch);
    }
  }

  #waitForWorkers(): void {
    for (let i = 0; Atomics.load(this.#control, CONTROL.joined) !== 0; i++) {
      if (i < CALLER_SPINS || !this.#canBlock) continue;
      const joined = Atomics.load(this.#control, CONTROL.joined);
      if (joined !== 0) Atomics.wait(this.#control, CONTROL.joined, joined, CALLER_WAIT_MS);
    }
  }

  /** Those that left for want of work come back while this dispatch, or a later one, runs. */
  #restartWorkers(): void {
    for (let thread = 1; thread < this.#threads; thread++) {
      if (Atomics.load(this.#control, CONTROL.alive + thread) === 0) this.#startWorker(thread);
    }
  }

  #startWorker(thread: number): Worker {
    const worker = new Worker(this.#sourceUrl!, { type: "module" });
    const start: WorkerStart = {
      module: this.#program.module,
      memory: this.#program.memory,
      names: this.#names,
      thread,
      spins: WORKER_SPINS,
      idleMs: WORKER_IDLE_MS,
    };
    Atomics.store(this.#control, CONTROL.alive + thread, 1);
    worker.postMessage(start);
    this.#workers[thread] = worker;
    return worker;
  }
}

function untilReady(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.onmessage = () => resolve();
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new TypeError(`Cannot start a worker: ${event.message}`));
    };
  });
}

/** Whether workers can be given the memory at all. */
function isShared(memory: WebAssembly.Memory): boolean {
  return typeof SharedArrayBuffer !== "undefined" && memory.buffer instanceof SharedArrayBuffer;
}

/** The main thread of a browser may not wait; it can only look again. */
function canBlock(control: Int32Array): boolean {
  try {
    Atomics.wait(control, CONTROL.epoch, control[CONTROL.epoch]! + 1, 0);
    return true;
  } catch {
    return false;
  }
}
