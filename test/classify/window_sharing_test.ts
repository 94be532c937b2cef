/**
 * Windows that share mel frames have the scores of the clips that they are, to the bit, and a frame is computed once.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { isShared } from "../../src/classify/window_sharing.ts";
import { PowerSpectrum } from "../../src/features/_fourier.ts";
import { startTestWasm } from "../devices.ts";
import { TINY_SPECTROGRAM_MODELS, tinySpectrogramModel } from "../tiny_spectrogram_models.ts";
import { clipScores, type Lengths, recording, windowsOf } from "./_windows.ts";

const PAIR_SAMPLES = 320;

/** Runs a body, and counts the Fourier transforms, of two frames each, that it takes. */
async function countTransforms<T>(body: () => Promise<T>): Promise<[T, number]> {
  const { compute } = PowerSpectrum.prototype;
  let transforms = 0;
  PowerSpectrum.prototype.compute = function (...frames) {
    transforms++;
    compute.apply(this, frames);
  };
  try {
    return [await body(), transforms];
  } finally {
    PowerSpectrum.prototype.compute = compute;
  }
}

Deno.test("isShared() asks for a hop of whole steps, or a few hops that make some", () => {
  const sizes: [hop: number, expected: boolean][] = [
    [8_000, true],
    [320, true],
    [4_000, true],
    [2_000, true],
    [40, true],
    [20, false],
    [321, false],
    [16_000, true],
    [24_000, true],
    [24_080, false],
    [32_000, false],
  ];
  for (const [hopSamples, expected] of sizes) {
    equal(
      isShared({ stepSamples: 320 }, { windowSamples: 32_000, hopSamples }),
      expected,
      `hop ${hopSamples}`,
    );
  }
});

const LENGTHS: readonly Lengths[] = [
  ...[320, 640, 3_200].map((hop) => ({ window: 8_000, hop })),
  // Every second window has its pairs where another one has them, every fifth, every eighth, and none.
  ...[480, 192, 680, 683].map((hop) => ({ window: 8_000, hop })),
  // An odd number of frames; less than a pair of them besides.
  ...[7_920, 8_080, 8_129].map((window) => ({ window, hop: 1_600 })),
  { window: 8_000, hop: 960, lastWindow: "pad" },
  { window: 15_760, hop: 960, lastWindow: "back", block: 1_000_003 },
  { window: 8_000, hop: 960, block: 997 },
  { window: 8_000, hop: 640, block: 20_001, lastWindow: "pad" },
];

for (const tiny of TINY_SPECTROGRAM_MODELS) {
  const name = tiny.config.model_type;

  Deno.test(`detect() gives windows with shared frames the scores of clips: ${name}`, async () => {
    const device = await startTestWasm({ threads: 1 });
    const loaded = await tinySpectrogramModel(tiny);
    const samples = recording(20_500);
    for (const lengths of LENGTHS) {
      const windows = await windowsOf(loaded, samples, lengths);
      ok(windows.length > 3);
      const { window } = lengths;
      const expected = await clipScores(loaded, samples, { windows, window });
      deepEqual(windows, expected, JSON.stringify(lengths));
    }
    loaded.model.dispose();
    device.dispose();
  });

  Deno.test(`detect() computes a frame once, but those at the ends of windows: ${name}`, async () => {
    const device = await startTestWasm({ threads: 1 });
    const loaded = await tinySpectrogramModel(tiny);
    const [window, hop, count] = [8_000, 1_600, 20];
    const samples = recording(window + (count - 1) * hop);
    const [windows, alone] = await countTransforms(() =>
      windowsOf(loaded, samples, { window, hop: window })
    );
    const perWindow = alone / windows.length;
    const [, shared] = await countTransforms(() => windowsOf(loaded, samples, { window, hop }));
    const [, unshared] = await countTransforms(() =>
      windowsOf(loaded, samples, { window, hop: hop + 1 })
    );
    const inRecording = Math.ceil(samples.length / PAIR_SAMPLES);
    // Whisper's first pair has mirrored samples in it, its last three have padding.
    const endsOfWindow = name === "whisper" ? 4 : 0;
    ok(shared <= inRecording + endsOfWindow * count, `${shared} of ${unshared}`);
    ok(unshared >= perWindow * count);
    loaded.model.dispose();
    device.dispose();
  });
}
