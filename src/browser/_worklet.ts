/**
 * What runs where a browser hands out sound: it sends samples on, in pieces of some milliseconds.
 *
 * The worklet's program is the text of the function, so that bundling needs no file of its own.
 *
 * @module
 */

/** The processor's name. */
export const PROCESSOR = "earshot-samples";

/** Samples of a piece: 43 ms at 48 kHz. */
const PIECE = 2_048;

/** What the scope of a worklet has. */
interface WorkletScope {
  AudioWorkletProcessor: new () => { readonly port: MessagePort };
  registerProcessor(name: string, processor: unknown): void;
}

/** Complete in itself, because its text is another program. */
function registerSamples(scope: WorkletScope, name: string, size: number): void {
  scope.registerProcessor(
    name,
    class extends scope.AudioWorkletProcessor {
      // Fields of a class would become calls of a bundler's helpers, which the worklet has not.
      declare piece: Float32Array<ArrayBuffer>;
      declare filled: number;
      constructor() {
        super();
        this.piece = new Float32Array(size);
        this.filled = 0;
      }

      process(inputs: readonly (readonly Float32Array[])[]): boolean {
        const channels = inputs[0] ?? [];
        const count = channels[0]?.length ?? 0;
        for (let i = 0; i < count; i++) {
          let sum = 0;
          for (const channel of channels) sum += channel[i]!;
          this.piece[this.filled++] = sum / channels.length;
          if (this.filled < size) continue;
          this.port.postMessage(this.piece, [this.piece.buffer]);
          this.piece = new Float32Array(size);
          this.filled = 0;
        }
        return true;
      }
    },
  );
}

/**
 * The program of the worklet, as JavaScript.
 *
 * @example
 * ```ts
 * import { workletSource } from "@earshot/earshot/browser";
 * import { match } from "node:assert/strict";
 *
 * match(workletSource(), /registerProcessor/);
 * ```
 */
export function workletSource(): string {
  return `(${registerSamples})(globalThis, ${JSON.stringify(PROCESSOR)}, ${PIECE});`;
}
