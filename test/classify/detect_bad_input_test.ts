import { equal, match, ok, rejects } from "node:assert/strict";
import { memory } from "@tensorflow/tfjs-core";
import { encodeWav } from "../../src/audio/mod.ts";
import {
  type AudioClassifier,
  createClassifier,
  type DetectOptions,
  pipeline,
  type SoundSource,
} from "../../src/classify/pipeline.ts";
import { AudioFormatError, FileError } from "../../src/errors.ts";
import { buildModel } from "../../src/models/mod.ts";
import { fixture } from "../audio/fixtures.ts";
import { startTestWasm } from "../devices.ts";
import { TINY_CONFIG, tinyExtractor, tone } from "../tiny_model.ts";

const RATE_HZ = 8_000;
const SAMPLES = { samplingRate: RATE_HZ, windowSeconds: 0.1, hopSeconds: 0.05 } as const;

interface Ears {
  warnings: string[];
  classifier: AudioClassifier;
  /** The error with which it ends, as one line. */
  refusal(source: SoundSource, options?: DetectOptions): Promise<string>;
  events(source: SoundSource, options?: DetectOptions): Promise<number>;
}

function earsTest(name: string, body: (ears: Ears) => Promise<void>, config = {}): void {
  Deno.test(name, async () => {
    const device = await startTestWasm({ threads: 1 });
    const warnings: string[] = [];
    const model = await buildModel({ ...TINY_CONFIG, ...config }, { seed: 1 });
    const classifier = createClassifier(model, tinyExtractor(), {
      onWarning: (warning) => void warnings.push(warning),
    });
    const { numTensors } = memory();
    const events = async (source: SoundSource, options: DetectOptions = {}) => {
      const all = classifier.detect(source, { ...SAMPLES, threshold: 0, ...options });
      return (await Array.fromAsync(all)).length;
    };
    const refusal = async (source: SoundSource, options: DetectOptions = {}) => {
      const error: unknown = await events(source, options).catch((error) => error);
      ok(error instanceof Error, "nothing was refused");
      match(error.message, /^Cannot [^\n]+$/);
      return String(error);
    };
    try {
      await body({ classifier, warnings, refusal, events });
      equal(memory().numTensors, numTensors);
    } finally {
      classifier.dispose();
      device.dispose();
    }
  });
}

async function* piecesOf<T extends Uint8Array | Float32Array>(whole: T, size: number) {
  for (let at = 0; at < whole.length; at += size) {
    yield await Promise.resolve(whole.subarray(at, at + size) as T);
  }
}

earsTest(
  "detect() refuses windows shorter than the receptive field or longer than memory allows",
  async ({ refusal }) => {
    const sound = tone(8_000);
    match(
      await refusal(sound, { windowSeconds: 0.005 }),
      /^RangeError: .* `windowSeconds` of at least 0\.0075, the shortest clip of the model, found 0\.005 s$/,
    );
    match(
      await refusal(sound, { windowSeconds: 181 }),
      /^RangeError: .* `windowSeconds` of at most 180, the longest clip that fits into memory, found 181 s$/,
    );
    match(
      await refusal(sound, { windowLength: 3 } as DetectOptions),
      /^TypeError: Cannot detect: expected options .* found option "windowLength"$/,
    );
  },
);

earsTest(
  "detect() names the sample that is no number, in a stream as in a whole",
  async ({ refusal }) => {
    const sound = tone(3_000);
    sound[2_345] = NaN;
    for (const source of [sound, piecesOf(sound, 100)]) {
      match(await refusal(source), /^AudioFormatError: .* found NaN as number 2345$/);
    }
    const wav = encodeWav(tone(3_000), RATE_HZ);
    const floats = new DataView(new ArrayBuffer(wav.length * 2));
    new Uint8Array(floats.buffer).set(wav.subarray(0, 44));
    floats.setUint16(20, 3, true);
    floats.setUint16(32, 4, true);
    floats.setUint32(28, RATE_HZ * 4, true);
    floats.setUint16(34, 32, true);
    floats.setUint32(40, 12_000, true);
    floats.setFloat32(44 + 4 * 1_234, NaN, true);
    const bytes = new Uint8Array(floats.buffer, 0, 12_044);
    match(await refusal(bytes), /^AudioFormatError: .* found NaN or infinity in frame 1234$/);
  },
);

earsTest("detect() refuses what is empty, too short or no audio", async ({ refusal }) => {
  const empty = /^AudioFormatError: .* expected samples, found an empty (recording|clip)$/;
  match(await refusal(new Float32Array(0)), empty);
  match(await refusal(piecesOf(new Float32Array(0), 1)), empty);
  match(await refusal(encodeWav(new Float32Array(0), RATE_HZ), { file: "a.wav" }), empty);
  match(await refusal(piecesOf(new Uint8Array(0), 1)), empty);
  const short = tone(20);
  match(await refusal(short), /expected at least 0\.0075 s of audio, found 0\.0025 s$/);
  match(await refusal(new Uint8Array(5_000).fill(7)), /^AudioFormatError: Cannot decode audio/);
  match(await refusal(tone(3_000), { samplingRate: undefined }), /expected their rate in hertz/);
  match(await refusal({} as SoundSource), /^TypeError: .* found Object$/);
  match(await refusal("a.wav"), /^TypeError: Cannot read "a.wav"/);
});

earsTest("detect() fills a recording up that is too short, where it may", async ({ events }) => {
  equal(await events(tone(20), { lastWindow: "pad" }), 10);
});

earsTest(
  "detect() hears what is there of a cut recording, and warns",
  async ({ events, warnings }) => {
    const wav = encodeWav(tone(8_000), RATE_HZ);
    ok(await events(wav.subarray(0, 9_001), { file: "cut.wav" }) > 0);
    equal(warnings.length, 1);
    match(warnings[0]!, /^Odd audio "cut.wav": Truncated/);
  },
);

earsTest("detect() hears the mean of 8 channels", async ({ classifier }) => {
  const [left, right] = [tone(4_000), tone(4_000, 2)];
  const samples = [left, right, ...Array.from({ length: 6 }, () => new Float32Array(4_000))];
  const scores: number[][] = [];
  const onScores = (window: { scores: Float64Array }) => void scores.push([...window.scores]);
  const mean = left.map((value, i) => Math.fround(Math.fround(value / 8) + right[i]! / 8));
  const sources: SoundSource[] = [{ samples, samplingRate: RATE_HZ }, mean];
  for (const source of sources) {
    await Array.fromAsync(classifier.detect(source, { ...SAMPLES, onScores }));
  }
  equal(scores.length, 20 - 2);
  for (const [i, row] of scores.slice(0, 9).entries()) equal(String(row), String(scores[9 + i]));
});

earsTest(
  "detect() ends with one error, or a warning, where a chained Ogg changes its rate",
  async (ears) => {
    const [first, second] = [await fixture("mono.opus"), await fixture("stereo.ogg")];
    const chained = new Uint8Array([...first, ...second]);
    const outcome = await ears.events(chained).catch((error: unknown) => error);
    if (outcome instanceof Error) ok(outcome instanceof AudioFormatError, String(outcome));
    else equal(ears.warnings.length, 1);
  },
);

earsTest(
  "detect() gives up an endless source that waits, when its signal says so",
  async ({ classifier }) => {
    const ending = new AbortController();
    let isClosed = false;
    const source = async function* () {
      try {
        yield tone(1_000);
        ending.abort(new RangeError("enough"));
        await new Promise(() => {});
      } finally {
        isClosed = true;
      }
    };
    const events = Array.fromAsync(
      classifier.detect(source(), { ...SAMPLES, signal: ending.signal }),
    );
    await rejects(events, /^RangeError: enough$/);
    equal(isClosed, false);
    const late = classifier.detect(tone(1_000), { ...SAMPLES, signal: ending.signal });
    await rejects(late.next(), /^RangeError: enough$/);
  },
);

earsTest(
  "detect() closes its source when the loop is left, and when it fails",
  async ({ classifier }) => {
    let closed = 0;
    const source = async function* (sound: Float32Array) {
      try {
        yield* piecesOf(sound, 500);
      } finally {
        closed++;
      }
    };
    for await (
      const _ of classifier.detect(source(tone(8_000)), { ...SAMPLES, threshold: 0 })
    ) break;
    equal(closed, 1);
    const broken = tone(8_000).fill(NaN, 4_000);
    await rejects(Array.fromAsync(classifier.detect(source(broken), SAMPLES)), AudioFormatError);
    equal(closed, 2);
  },
);

Deno.test("detect() refuses a model of values", async () => {
  const device = await startTestWasm({ threads: 1 });
  const model = await buildModel(TINY_CONFIG, { problemType: "regression" });
  const classifier = createClassifier(model, tinyExtractor());
  await rejects(
    classifier.detect(tone(1_000)).next(),
    /^TypeError: Cannot detect: .* one of values$/,
  );
  classifier.dispose();
  await rejects(classifier.detect(tone(1_000)).next(), /found a disposed one$/);
  device.dispose();
});

Deno.test("detect() names a file that cannot be read", async () => {
  const classifier = await pipeline("audio-classification");
  await rejects(classifier.detect("none.wav").next(), FileError);
  classifier.dispose();
});
