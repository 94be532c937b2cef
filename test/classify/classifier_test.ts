import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { memory } from "@tensorflow/tfjs-core";
import { decodeAudio, encodeWav } from "../../src/audio/mod.ts";
import {
  type AudioBufferLike,
  type AudioInput,
  type Classification,
  createClassifier,
  pipeline,
} from "../../src/classify/pipeline.ts";
import { AudioFormatError, FileError } from "../../src/errors.ts";
import { useDevice } from "../../src/devices.ts";
import { Wav2Vec2FeatureExtractor } from "../../src/features/mod.ts";
import { buildModel } from "../../src/models/mod.ts";
import { loadPretrained } from "../../src/pretrained.ts";
import { assertAllClose } from "../compare.ts";
import { deviceTest } from "../devices.ts";
import { kitPath, kitTest, readJson, readTensors } from "../kit.ts";
import { useReference } from "../reference/backend.ts";
import {
  saveTinyModel,
  TINY_CONFIG,
  TINY_LABELS,
  TINY_MIN_SAMPLES,
  tinyExtractor,
  tinyModel,
  tone,
} from "../tiny_model.ts";

const RATE_HZ = 8_000;

async function tinyClassifier(options: Parameters<typeof createClassifier>[2] = {}) {
  await useReference();
  return createClassifier(await tinyModel(), tinyExtractor(), options);
}

function clip(samples: Float32Array, samplingRate = RATE_HZ): AudioInput {
  return { samples, samplingRate };
}

function closeTo(actual: Classification[], expected: Classification[], tolerance = 1e-6): void {
  deepEqual(actual.map(({ label }) => label), expected.map(({ label }) => label));
  for (const [i, { score }] of actual.entries()) {
    ok(Math.abs(score - expected[i]!.score) <= tolerance, `${score} for ${expected[i]!.score}`);
  }
}

Deno.test("classifier() gives labels in descending order of shares that add up to one", async () => {
  const classifier = await tinyClassifier();
  const answer = await classifier(clip(tone(800)));
  deepEqual(answer.map(({ label }) => label).sort(), [...TINY_LABELS].sort());
  const scores = answer.map(({ score }) => score);
  deepEqual(scores, scores.toSorted((a, b) => b - a));
  ok(scores[0]! > scores.at(-1)!);
  ok(Math.abs(scores.reduce((a, b) => a + b) - 1) < 1e-12);
  classifier.dispose();
});

Deno.test("classifier() computes softmax, sigmoid and none of the same scores", async () => {
  const classifier = await tinyClassifier();
  const input = clip(tone(800));
  const raw = await classifier(input, { functionToApply: "none" });
  const sum = raw.reduce((total, { score }) => total + Math.exp(score), 0);
  const apply = (f: (score: number) => number) =>
    raw.map(({ label, score }) => ({ label, score: f(score) }));
  closeTo(await classifier(input), apply((score) => Math.exp(score) / sum), 1e-12);
  const sigmoid = await classifier(input, { functionToApply: "sigmoid" });
  closeTo(sigmoid, apply((score) => 1 / (1 + Math.exp(-score))), 1e-12);
  classifier.dispose();
});

Deno.test("classifier() applies what the model's problem asks for", async () => {
  await useReference();
  const input = clip(tone(800));
  const functions = { multi_label_classification: "sigmoid", regression: "none" } as const;
  for (const [name, functionToApply] of Object.entries(functions)) {
    const problemType = name as keyof typeof functions;
    const model = await buildModel(TINY_CONFIG, { problemType });
    const classifier = createClassifier(model, tinyExtractor());
    deepEqual(await classifier(input), await classifier(input, { functionToApply }), problemType);
    classifier.dispose();
  }
});

Deno.test("classifier() gives topK classes, five by default, and all where there are fewer", async () => {
  await useReference();
  const labels = Array.from({ length: 7 }, (_, i) => `c${i}`);
  const classifier = createClassifier(await buildModel(TINY_CONFIG, { labels }), tinyExtractor());
  const input = clip(tone(800));
  equal((await classifier(input)).length, 5);
  equal((await classifier(input, { topK: 2 })).length, 2);
  equal((await classifier(input, { topK: 100 })).length, 7);
  equal((await classifier(input, { topK: Infinity })).length, 7);
  for (const topK of [0, -1, 1.5, NaN]) await rejects(classifier(input, { topK }), RangeError);
  await rejects(
    classifier(input, { functionToApply: "max" as "none" }),
    /expected functionToApply softmax or sigmoid or none, found max/,
  );
  classifier.dispose();
});

Deno.test("classifier() keeps the order of the labels where scores are equal", async () => {
  await useReference();
  const model = await buildModel({ ...TINY_CONFIG, initializer_range: 0 });
  const classifier = createClassifier(model, tinyExtractor());
  const answer = await classifier(clip(tone(800)));
  deepEqual(answer, TINY_LABELS.map((label) => ({ label, score: 0.2 })));
  classifier.dispose();
});

/** What the Web Audio API gives, as far as it is used. */
function audioBuffer(channels: Float32Array[], sampleRate: number): AudioBufferLike {
  const getChannelData = (channel: number) => channels[channel]!;
  return { sampleRate, numberOfChannels: channels.length, getChannelData };
}

Deno.test("classifier() takes the mean of channels, of one length", async () => {
  const classifier = await tinyClassifier();
  const [left, right] = [tone(800), new Float32Array(800)];
  const half = left.map((value) => value / 2);
  const expected = await classifier(clip(half));
  closeTo(await classifier({ samples: [left, right], samplingRate: RATE_HZ }), expected);
  closeTo(await classifier(audioBuffer([left, right], RATE_HZ)), expected);
  const unlike = { samples: [left, tone(801)], samplingRate: RATE_HZ };
  await rejects(classifier(unlike), /expected channels of one length, found 800, 801 samples$/);
  classifier.dispose();
});

Deno.test("classifier() gives all classes for a topK of null, and refuses options that there are not", async () => {
  const classifier = await tinyClassifier();
  const all = await classifier(clip(tone(800)), { topK: null });
  equal(all.length, TINY_LABELS.length);
  const odd: [object, RegExp][] = [
    [{ top_k: 3 }, /^TypeError: Cannot classify: expected "topK", found option "top_k"$/],
    [
      { threshold: 3 },
      /expected options topK, functionToApply, rawScores, samplingRate, maxSeconds, maxDecodedBytes, longClips, onWarning, onDecoded, turn, share, found option "threshold"$/,
    ],
  ];
  for (const [options, message] of odd) {
    await rejects(classifier(clip(tone(800)), options), message);
  }
  classifier.dispose();
});

Deno.test("classifier() says that it was disposed, and may be disposed twice", async () => {
  const classifier = await tinyClassifier();
  classifier.dispose();
  classifier.dispose();
  const message =
    /^TypeError: Cannot classify: expected a classifier in use, found a disposed one$/;
  await rejects(classifier(clip(tone(800))), message);
});

Deno.test("classifier() answers the same for every form of one clip", async () => {
  const classifier = await tinyClassifier({ readFile: (path) => Deno.readFile(path) });
  const bytes = encodeWav(tone(800), RATE_HZ);
  const path = await Deno.makeTempFile({ suffix: " %20.wav" });
  await Deno.writeFile(path, bytes);
  const { samples } = await decodeAudio(bytes);
  const forms: AudioInput[] = [
    { samples, samplingRate: RATE_HZ },
    { raw: samples, samplingRate: RATE_HZ },
    { array: samples, samplingRate: RATE_HZ },
    { samples, sampleRateHz: RATE_HZ },
    { array: samples, sampling_rate: RATE_HZ },
    { array: Array.from(samples), sampling_rate: RATE_HZ },
    { samples: Float64Array.from(samples), samplingRate: RATE_HZ },
    { samples: Int16Array.from(samples, (value) => value * 2 ** 15), samplingRate: RATE_HZ },
    { samples: [samples, samples], samplingRate: RATE_HZ },
    audioBuffer([samples, samples], RATE_HZ),
    bytes,
    bytes.slice().buffer,
    new Blob([bytes.slice()]),
    path,
    new URL(`file://${path.replace("%", "%25").replace(" ", "%20")}`),
    URL.createObjectURL(new Blob([bytes.slice()])),
    `data:audio/wav;base64,${btoa(String.fromCharCode(...bytes))}`,
  ];
  const expected = await classifier(forms[0]!);
  for (const form of forms) deepEqual(await classifier(form), expected);
  for (const bare of [samples, Float64Array.from(samples)]) {
    deepEqual(await classifier(bare, { samplingRate: RATE_HZ }), expected);
    deepEqual(await classifier([bare], { samplingRate: RATE_HZ }), [expected]);
  }
  await Deno.remove(path);
  classifier.dispose();
});

Deno.test("classifier() fetches a clip from a web address, and says what the server answered", async () => {
  const classifier = await tinyClassifier();
  const bytes = encodeWav(tone(800), RATE_HZ);
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    return request.url.endsWith("/clip.wav")
      ? new Response(bytes.slice())
      : new Response("no", { status: 404 });
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  deepEqual(await classifier(`${url}/clip.wav`), await classifier(bytes));
  await rejects(classifier(new URL(`${url}/x.wav`)), (error) => {
    ok(error instanceof FileError);
    match(error.message, /^Cannot read "http:.*x\.wav": expected status 200, found 404$/);
    return true;
  });
  await server.shutdown();
  await rejects(classifier(`${url}/clip.wav`), /the server was not reached/);
  classifier.dispose();
});

Deno.test("classifier() resamples to the extractor's rate", async () => {
  const classifier = await tinyClassifier();
  const slow = Float32Array.from({ length: 1600 }, (_, i) => Math.sin(i / 10));
  const fast = Float32Array.from({ length: 3200 }, (_, i) => Math.sin(i / 20));
  const expected = await classifier(clip(slow));
  closeTo(await classifier(clip(fast, 2 * RATE_HZ)), expected, 0.02);
  const wrong = await classifier(clip(fast));
  ok(
    Math.abs(wrong[0]!.score - expected[0]!.score) > 0.02 || wrong[0]!.label !== expected[0]!.label,
  );
  classifier.dispose();
});

Deno.test("classifier() never lets clips of unlike length change each other's scores", async () => {
  const classifier = await tinyClassifier();
  const clips = [400, 400, 900, 400, 61, 900, 900].map((samples, i) => clip(tone(samples, i + 1)));
  const together = await classifier(clips);
  equal(together.length, clips.length);
  for (const [i, answer] of together.entries()) closeTo(answer, await classifier(clips[i]!));
  classifier.dispose();
});

Deno.test("classifier() runs clips of one length as a batch of up to eight", async () => {
  const classifier = await tinyClassifier();
  const { model } = classifier;
  const shapes: number[][] = [];
  const forward = model.forward.bind(model);
  model.forward = (inputs, options) => {
    shapes.push(inputs.inputs.shape);
    return forward(inputs, options);
  };
  await classifier([...Array(9).fill(clip(tone(80))), clip(tone(81)), clip(tone(80))]);
  deepEqual(shapes, [[8, 80], [1, 80], [1, 81], [1, 80]]);
  deepEqual(await classifier([]), []);
  classifier.dispose();
});

Deno.test("classifier() predicts silence", async () => {
  const classifier = await tinyClassifier();
  const answer = await classifier(clip(new Float32Array(800)));
  ok(answer.every(({ score }) => score > 0 && score < 1));
  classifier.dispose();
});

Deno.test("classifier() takes the shortest clip that the model takes, and refuses a shorter one", async () => {
  const classifier = await tinyClassifier({ readFile: (path) => Deno.readFile(path) });
  equal(classifier.model.minSamples, TINY_MIN_SAMPLES);
  equal((await classifier(clip(tone(TINY_MIN_SAMPLES)))).length, 5);
  const path = await Deno.makeTempFile({ suffix: ".wav" });
  await Deno.writeFile(path, encodeWav(tone(TINY_MIN_SAMPLES - 1), RATE_HZ));
  await rejects(classifier(path), (error) => {
    ok(error instanceof AudioFormatError);
    equal(error.file, path);
    equal(
      error.message,
      `Cannot classify "${path}": expected at least 0.0075 s of audio, found 0.0074 s`,
    );
    return true;
  });
  await rejects(
    classifier([clip(tone(800)), clip(tone(3))]),
    /^AudioFormatError: Cannot classify "clip 2 of 2": expected at least/,
  );
  await rejects(
    classifier(clip(new Float32Array(0))),
    /Cannot classify the clip: .* found 0\.0000 s/,
  );
  await Deno.remove(path);
  classifier.dispose();
});

Deno.test("classifier() hears what is too long in windows where it may, and says so", async () => {
  const warnings: string[] = [];
  const classifier = await tinyClassifier({
    maxSeconds: 1,
    longClips: "windows",
    onWarning: (warning) => void warnings.push(warning),
  });
  const tones = Float32Array.of(...tone(8_000), ...tone(8_000, 3), ...tone(4_000, 2));
  const wav = encodeWav(tones, RATE_HZ);
  const { samples: long } = await decodeAudio(wav);
  const asked = { functionToApply: "none", samplingRate: RATE_HZ } as const;
  const windows = [long.slice(0, 8_000), long.slice(8_000, 16_000), long.slice(12_000)];
  const parts = await classifier(windows, asked);
  const expected = TINY_LABELS.map((label) => {
    const scores = parts.map((part) => part.find((row) => row.label === label)!.score);
    return { label, score: scores.reduce((a, b) => a + b) / 3 };
  }).sort((a, b) => b.score - a.score);
  deepEqual(warnings, []);
  for (const input of [long, wav, new Blob([wav])]) {
    closeTo(await classifier(input, asked), expected);
  }
  const [first, second, third] = await classifier([windows[0]!, long, windows[2]!], asked);
  closeTo(first!, parts[0]!);
  closeTo(second!, expected);
  closeTo(third!, parts[2]!);
  deepEqual([...new Set(warnings)], [
    "The recording has 2.5 s, too many to hear at once: its scores are the mean of 3 windows of 1 s; " +
    "detect tells what is heard when",
  ]);
  classifier.dispose();
});

Deno.test("classifier() refuses what is too long, not finite or no audio", async () => {
  const classifier = await tinyClassifier({ maxSeconds: 1 });
  const long = tone(RATE_HZ + 1);
  await rejects(classifier(clip(long)), /Cannot classify the clip: expected at most 1 s of audio/);
  await rejects(classifier(encodeWav(long, RATE_HZ)), /expected at most 1 s/);
  const broken = tone(800);
  broken[7] = NaN;
  await rejects(classifier(clip(broken)), /expected finite samples, found NaN as number 7/);
  await rejects(classifier(new Uint8Array(0)), AudioFormatError);
  await rejects(classifier(clip(tone(800), NaN)), TypeError);
  await rejects(classifier(clip(tone(800), 8_000.5)), RangeError);
  await rejects(classifier("clip.wav"), /^TypeError: Cannot read "clip.wav": .* found a path$/);
  const wrong: unknown[] = [
    tone(800),
    { samples: ["a", "b"], samplingRate: 8_000 },
    { samples: [], samplingRate: 8_000 },
    3,
    null,
    undefined,
  ];
  for (const input of wrong) await rejects(classifier(input as AudioInput), TypeError);
  classifier.dispose();
});

Deno.test("classifier() says so where the model's weights give no finite scores", async () => {
  await useReference();
  const model = await buildModel(TINY_CONFIG, { source: await brokenWeights() });
  const classifier = createClassifier(model, tinyExtractor());
  await rejects(classifier(clip(tone(800))), /expected finite scores, found NaN/);
  classifier.dispose();
});

/** The tensors of the tiny model with a bias that is no number. */
async function brokenWeights() {
  const model = await tinyModel();
  const { parameters } = model;
  return {
    file: "broken.safetensors",
    names: () => parameters.keys(),
    shape: (name: string) => parameters.get(name)?.shape,
    read: (name: string) => {
      const size = parameters.get(name)!.size;
      return Promise.resolve(new Float32Array(size).fill(name === "classifier.bias" ? NaN : 0.1));
    },
  };
}

Deno.test("classifier() leaks no tensor over fifty calls", async () => {
  const classifier = await tinyClassifier();
  await classifier(clip(tone(200)));
  const before = memory().numTensors;
  for (let i = 0; i < 50; i++) await classifier(clip(tone(200 + i)));
  equal(memory().numTensors, before);
  classifier.dispose();
  equal(memory().numTensors, before - classifier.model.weights.size);
});

deviceTest("classifier() gives the reference's scores", async ({ backendName }) => {
  const directory = await Deno.makeTempDir();
  const inputs = [clip(tone(800)), clip(tone(4_000, 3)), clip(tone(4_000, 2))];
  const { setBackend } = await import("@tensorflow/tfjs-core");
  await useReference();
  await saveTinyModel(directory);
  const reference = await pipeline("audio-classification", directory);
  const expected = await reference(inputs);
  reference.dispose();
  await setBackend(backendName);
  const before = memory().numTensors;
  const model = await loadPretrained(directory);
  const classifier = createClassifier(model, tinyExtractor());
  for (let i = 0; i < 50; i++) {
    for (const [j, answer] of (await classifier(inputs)).entries()) {
      closeTo(answer, expected[j]!, 1e-5);
    }
  }
  classifier.dispose();
  equal(memory().numTensors, before);
  await Deno.remove(directory, { recursive: true });
});

kitTest(
  "classifier() gives each clip of a list the scores that it has alone in the reference",
  async () => {
    await useDevice({ backend: "wasm" });
    const cases = [...Deno.readDirSync(kitPath())].map(({ name }) => name).sort();
    const extractor = new Wav2Vec2FeatureExtractor({ doNormalize: false });
    for (const name of cases.filter((name) => name.startsWith("wav2vec2-"))) {
      const directory = kitPath(name);
      const { lengths } = await readJson<{ lengths: number[] }>(`${directory}/meta.json`);
      const padded = (await readTensors(`${directory}/inputs.safetensors`)).get("input_values")!;
      const expected = (await readTensors(`${directory}/expected.safetensors`)).get(
        "single.logits",
      )!;
      const model = await loadPretrained(directory);
      const classifier = createClassifier(model, extractor);
      const inputs = lengths.map((length, i) => {
        const start = i * padded.shape[1]!;
        const samples = new Float32Array(padded.values.subarray(start, start + length));
        return { samples, samplingRate: 16_000 };
      });
      const answers = await classifier(inputs, { topK: Infinity, functionToApply: "none" });
      const logits = answers.flatMap((answer) =>
        model.labels.map((label) => answer.find((found) => found.label === label)!.score)
      );
      assertAllClose(logits, Array.from(expected.values), { atol: 5e-5, label: name });
      classifier.dispose();
    }
  },
);

Deno.test("classifier.embed() gives the classes of the same pass", async () => {
  await useReference();
  const model = await tinyModel();
  const forward = model.forward.bind(model);
  let passes = 0;
  model.forward = (inputs, options) => (passes++, forward(inputs, options));
  const classifier = createClassifier(model, tinyExtractor());
  const before = memory().numTensors;
  const { classes } = await classifier.embed(clip(tone(800)));
  equal(passes, 1);
  equal(memory().numTensors, before);
  deepEqual(classes, await classifier(clip(tone(800))));
  classifier.dispose();
});
