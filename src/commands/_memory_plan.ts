/**
 * What a clip takes of memory, by kernel: the plan that `info` prints.
 *
 * The model is loaded as it answers, and runs without computing anything: a plan of a minute takes a moment.
 *
 * @module
 */
import { pipeline } from "../classify/pipeline.ts";
import { planMemory } from "../kernels/wasm/peak_memory.ts";
import { megabytes, type Output, table } from "./_output.ts";

/** The plan of a clip, as `info` prints it with `--json`. */
export interface ClipMemory {
  /** Of the clip, computed whole. */
  seconds: number;
  /** Of the weights and what else is there before. */
  weightBytes: number;
  /** The most at a time, the weights included. */
  peakBytes: number;
  /** Kernels of WASM in their order, and the bytes in use while each runs. */
  kernels: { kernel: string; usedBytes: number }[];
}

/** The plan of a clip of some seconds on the WASM device in use. */
export async function clipMemory(directory: string, seconds: number): Promise<ClipMemory> {
  const classifier = await pipeline("audio-classification", directory, {
    ...{ maxSeconds: seconds + 1, offline: true, onWarning: () => {} },
  });
  try {
    const { samplingRate } = classifier.extractor;
    const samples = new Float32Array(Math.round(seconds * samplingRate));
    const plan = await planMemory(() => classifier({ samples, samplingRate }));
    const { startBytes: weightBytes, peakBytes, kernels } = plan!;
    return { seconds, weightBytes, peakBytes, kernels };
  } finally {
    classifier.dispose();
  }
}

/** Kernels that are printed: those during which most is in use. */
const MOST_ROWS = 12;

/** Prints a plan. */
export function printMemory(plan: ClipMemory, out: Output): void {
  const { seconds, weightBytes, peakBytes, kernels } = plan;
  out.line(
    `\nA clip of ${seconds} s takes ${megabytes(peakBytes)} at most, ` +
      `${megabytes(weightBytes)} of it weights`,
  );
  const numbered = kernels.map((planned, i) => ({ ...planned, number: i + 1 }));
  const largest = numbered.toSorted((a, b) => b.usedBytes - a.usedBytes).slice(0, MOST_ROWS);
  out.line(table(
    ["kernel", "", "in use"],
    largest.toSorted((a, b) => a.number - b.number).map(({ number, kernel, usedBytes }) => {
      return [`${number} of ${kernels.length}`, kernel, megabytes(usedBytes)];
    }),
  ));
}
