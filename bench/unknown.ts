/**
 * What a model makes of sounds that are a recording of nothing: silence, white and pink noise and hum, from -60 to 0 dB
 * of full scale.
 *
 * The clips are made here, by other means than those that `scores` fits with.
 *
 * @module
 */
import { type AudioClassifier, type Classification, pipeline } from "../src/classify/pipeline.ts";
import { Random } from "../src/random.ts";
import { fromWhereTyped } from "./_process.ts";
import type { Notes, Options, Question } from "./_question.ts";
import { type BenchRow, rowOf } from "./_records.ts";

/** `unknown`. */
export const question: Question = {
  asks: "Does a model reject silence, noise and hum?",
  options: {
    model: { help: "a model directory with scores that were fitted", default: "models/voice_menu" },
    clips: { help: "of each kind", default: "100" },
    seed: { help: "of the noise", default: "1" },
  },
  answer,
};

/** Louder than this, a class is claimed. */
const CLAIMED = 0.9;
const [QUIETEST_DB, LOUDEST_DB] = [-60, 0];

async function* answer(options: Options, notes: Notes): AsyncGenerator<BenchRow> {
  const clips = options.count("clips");
  const model = options.text("model");
  const classifier = await pipeline("audio-classification", fromWhereTyped(model));
  const random = new Random(options.count("seed"));
  for (const [kind, make] of Object.entries(KINDS)) {
    let [rejected, claimed, highest] = [0, 0, 0];
    for (let i = 0; i < clips; i++) {
      notes.progress(`${kind} ${i + 1}/${clips}`);
      const level = QUIETEST_DB + (LOUDEST_DB - QUIETEST_DB) * i / Math.max(1, clips - 1);
      const rateHz = classifier.extractor.samplingRate;
      const samples = make({ seconds: 1 + 2 * random.uniform(), rateHz, random });
      const answer = await classifier({ samples: scaled(samples, level), samplingRate: rateHz });
      const { none, best } = readAnswer(answer, classifier);
      rejected += Number(none);
      claimed += Number(best > CLAIMED);
      highest = Math.max(highest, best);
    }
    const of = `of ${clips} clips of ${kind}`;
    yield rowOf(`rejected, ${of}`, 100 * rejected / clips, "%");
    yield rowOf(`a class above ${CLAIMED}, ${of}`, 100 * claimed / clips, "%");
    yield rowOf(`highest score of a class, ${of}`, 100 * highest, "%");
  }
  classifier.dispose();
}

function readAnswer(
  answer: readonly Classification[],
  { labels }: AudioClassifier,
): { none: boolean; best: number } {
  const best = answer.find(({ label }) => labels.includes(label))?.score ?? 0;
  return { none: !labels.includes(answer[0]!.label), best };
}

interface Making {
  seconds: number;
  rateHz: number;
  random: Random;
}

const KINDS: Readonly<Record<string, (making: Making) => Float32Array>> = {
  silence: ({ seconds, rateHz, random }) => {
    const dither = random.uniform() < 0.5 ? 0 : 1 / 32768;
    return noise(seconds * rateHz, () => dither * Math.round(2 * random.uniform() - 1));
  },
  "white noise": ({ seconds, rateHz, random }) => {
    return noise(seconds * rateHz, () => random.normal());
  },
  "pink noise": pink,
  hum: ({ seconds, rateHz, random }) => {
    const mains = random.uniform() < 0.5 ? 50 : 60;
    const heights = Array.from({ length: 6 }, (_, i) => random.uniform() / (i + 1));
    const phases = heights.map(() => 2 * Math.PI * random.uniform());
    return Float32Array.from({ length: Math.round(seconds * rateHz) }, (_, at) => {
      return heights.reduce((sum, height, i) => {
        return sum + height * Math.sin(2 * Math.PI * mains * (i + 1) * at / rateHz + phases[i]!);
      }, 0);
    });
  },
};

function noise(length: number, draw: () => number): Float32Array {
  return Float32Array.from({ length: Math.round(length) }, draw);
}

/** White noise through the filter of P. Kellet, within 0.05 dB of -3 dB an octave. */
function pink({ seconds, rateHz, random }: Making): Float32Array {
  const poles = [0.99886, 0.99332, 0.969, 0.8665, 0.55, -0.7616];
  const gains = [0.0555179, 0.0750759, 0.153852, 0.3104856, 0.5329522, -0.016898];
  const states = poles.map(() => 0);
  let before = 0;
  return noise(seconds * rateHz, () => {
    const white = random.normal();
    poles.forEach((pole, i) => states[i] = pole * states[i]! + gains[i]! * white);
    const sum = states.reduce((a, b) => a + b, before + 0.5362 * white);
    before = 0.115926 * white;
    return sum;
  });
}

/** At a level of its root mean square, cut off at full scale; silence stays as it is. */
function scaled(samples: Float32Array, levelDb: number): Float32Array {
  const square = samples.reduce((sum, x) => sum + x * x, 0) / samples.length;
  if (square < 1e-8) return samples;
  const scale = 10 ** (levelDb / 20) / Math.sqrt(square);
  return samples.map((x) => Math.max(-1, Math.min(1, scale * x)));
}
