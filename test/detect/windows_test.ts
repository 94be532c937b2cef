import { deepEqual, equal } from "node:assert/strict";
import { type AudioWindow, WindowCutter, type WindowOptions } from "../../src/detect/mod.ts";

const RECORDING = Float32Array.from({ length: 100_000 }, (_, i) => i + 1);

function cut(samples: Float32Array, blockSamples: number, options: WindowOptions): AudioWindow[] {
  const cutter = new WindowCutter(options);
  const windows: AudioWindow[] = [];
  for (let at = 0; at < samples.length; at += blockSamples) {
    windows.push(...cutter.push(samples.subarray(at, at + blockSamples)));
  }
  equal(cutter.length, samples.length);
  const last = cutter.finish();
  return last ? [...windows, last] : windows;
}

function placesOf(windows: readonly AudioWindow[]): [number, number][] {
  return windows.map(({ start, end }) => [start, end]);
}

Deno.test("WindowCutter() gives the same windows for blocks of any length", () => {
  const lengths: [number, number][] = [[40_000, 7_000], [700, 700], [300, 5_000], [1, 999]];
  for (const [windowSamples, hopSamples] of lengths) {
    for (const lastWindow of ["back", "pad"] as const) {
      const options = { windowSamples, hopSamples, lastWindow };
      const whole = cut(RECORDING, RECORDING.length, options);
      for (const { start, end, samples } of whole) {
        deepEqual(samples.subarray(0, end - start), RECORDING.subarray(start, end));
        equal(samples.length, windowSamples);
      }
      deepEqual(cut(RECORDING, 1, options), whole);
      deepEqual(cut(RECORDING, 4_096, options), whole);
    }
  }
});

Deno.test("WindowCutter() moves the last window back, or fills it up", () => {
  const options = { windowSamples: 4, hopSamples: 3, lastWindow: "back" } as const;
  const nine = RECORDING.subarray(0, 9);
  deepEqual(placesOf(cut(nine, 2, options)), [[0, 4], [3, 7], [5, 9]]);
  const padded = cut(nine, 2, { ...options, lastWindow: "pad" });
  deepEqual(placesOf(padded), [[0, 4], [3, 7], [6, 9]]);
  deepEqual([...padded.at(-1)!.samples], [7, 8, 9, 0]);
});

Deno.test("WindowCutter() adds no window where the last one ends with the recording", () => {
  for (const lastWindow of ["back", "pad"] as const) {
    const options = { windowSamples: 4, hopSamples: 3, lastWindow };
    deepEqual(placesOf(cut(RECORDING.subarray(0, 7), 7, options)), [[0, 4], [3, 7]]);
  }
});

Deno.test("WindowCutter() leaves a recording shorter than a window as it is, unless it is to be filled up", () => {
  const options = { windowSamples: 5, hopSamples: 2, lastWindow: "back" } as const;
  const three = RECORDING.subarray(0, 3);
  deepEqual(cut(three, 1, options), [{ start: 0, end: 3, samples: Float32Array.of(1, 2, 3) }]);
  deepEqual(cut(three, 1, { ...options, lastWindow: "pad" }), [
    { start: 0, end: 3, samples: Float32Array.of(1, 2, 3, 0, 0) },
  ]);
  deepEqual(cut(three.subarray(0, 0), 1, options), []);
});

Deno.test("WindowCutter() leaves out what lies between windows when the hop is longer", () => {
  const options = { windowSamples: 2, hopSamples: 5, lastWindow: "back" } as const;
  deepEqual(placesOf(cut(RECORDING.subarray(0, 9), 1, options)), [[0, 2], [5, 7]]);
  deepEqual(placesOf(cut(RECORDING.subarray(0, 11), 1, options)), [[0, 2], [5, 7], [9, 11]]);
});
