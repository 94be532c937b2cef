import { deepEqual, equal, ok } from "node:assert/strict";
import {
  ASTFeatureExtractor,
  CedFeatureExtractor,
  EfficientATFeatureExtractor,
  type FeatureExtractor,
  SeamlessM4TFeatureExtractor,
  WhisperFeatureExtractor,
} from "../../src/features/mod.ts";
import { ofAnyLength } from "../../src/features/feature_extractor.ts";
import { KeptRows } from "../../src/features/kept_rows.ts";
import { Random } from "../../src/random.ts";

/** Noise that falls almost silent and is very loud again, so that what lies beside a frame shows in its bits. */
const RECORDING = (() => {
  const random = new Random(3);
  return Float32Array.from({ length: 24_000 }, (_, i) => {
    const loudness = Math.floor(i / 560) % 2 === 0 ? 1e4 : 1e-4;
    return loudness * random.normal();
  });
})();

const EXTRACTORS: Readonly<Record<string, FeatureExtractor>> = {
  "AST": new ASTFeatureExtractor({ numMelBins: 16, maxLength: 60 }),
  "AST, of any length": ofAnyLength(new ASTFeatureExtractor({ numMelBins: 16 })),
  "AST, not normalised": new ASTFeatureExtractor({ maxLength: 59, doNormalize: false }),
  "CED": new CedFeatureExtractor({ featureSize: 16 }),
  "EfficientAT": new EfficientATFeatureExtractor({ featureSize: 16, hopsize: 160 }),
  "Wav2Vec2-BERT": new SeamlessM4TFeatureExtractor({ numMelBins: 16 }),
  "Whisper": new WhisperFeatureExtractor({ chunkLength: 1 }),
  // Frames that overlap by little, an odd number of them, and samples left over behind the last one.
  "Whisper, other frames": new WhisperFeatureExtractor({
    ...{ chunkLength: 1, hopLength: 320, nFft: 400, samplingRate: 10_810 },
  }),
  "Whisper, of any length": ofAnyLength(new WhisperFeatureExtractor({ hopLength: 100 })),
};

/** Runs a body, and gives how many rows were kept at most. */
function countKept(body: () => void): number {
  const { set } = KeptRows.prototype;
  let most = 0;
  KeptRows.prototype.set = function (start, row) {
    set.call(this, start, row);
    most = Math.max(most, this.size);
  };
  try {
    body();
    return most;
  } finally {
    KeptRows.prototype.set = set;
  }
}

for (const [name, extractor] of Object.entries(EXTRACTORS)) {
  Deno.test(`extraction of windows is that of clips, to the bit: ${name}`, () => {
    const { stepSamples, begin } = extractor.windows!;
    const window = Math.min(extractor.fixedSamples ?? Infinity, 10_810);
    for (const hop of [stepSamples, 3 * stepSamples, stepSamples / 2, 640, 333]) {
      const most = countKept(() => {
        const extract = begin();
        for (let start = 0; start + window + hop <= RECORDING.length; start += 2 * hop) {
          const windows = [start, start + hop].map((at) => {
            return { start: at, samples: RECORDING.subarray(at, at + window) };
          });
          const clips = windows.map(({ samples }) => samples);
          deepEqual(extract(windows), extractor.extract(clips), `hop ${hop}`);
        }
      });
      // No more is kept than the pairs of a window, where all windows have the same ones.
      if (hop % stepSamples === 0) ok(most <= window / stepSamples, `${most} kept`);
    }
  });
}

Deno.test("extraction of windows normalises each by itself where it is asked to", () => {
  const extractor = new WhisperFeatureExtractor({ chunkLength: 1 });
  const windows = [0, 320].map((start) => {
    return { start, samples: RECORDING.subarray(start, start + 8_000) };
  });
  const clips = windows.map(({ samples }) => samples);
  const kept = countKept(() => {
    const found = extractor.windows.begin()(windows, { doNormalize: true });
    deepEqual(found, extractor.extract(clips, { doNormalize: true }));
  });
  equal(kept, 0);
});
