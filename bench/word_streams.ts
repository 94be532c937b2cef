/**
 * Makes the recordings that `docs/detect.md` measures detection with: spoken digits at known times, in noise and among
 * other sounds; the clips to train on; and hours in which a wake word is to be heard.
 *
 * `deno run -P=bench bench/word_streams.ts --fsdd DIR --esc10 DIR --output DIR`. Everything is drawn from seeds. The
 * three parts share neither words nor recordings: training has folds 1 to 3 of ESC-10, development fold 4, test fold 5.
 *
 * @module
 */
import { decodeAudio, encodeWav, resample } from "../src/audio/mod.ts";
import { ANNOTATION_FORMATS, type SoundEvent } from "../src/detect/mod.ts";
import { Random } from "../src/random.ts";
import { backgroundSound } from "./_background_sound.ts";
import { fromWhereTyped } from "./_process.ts";
import { OptionError, Options } from "./_question.ts";
import { addWord, drawnPlaces, type Word } from "./_word_stream.ts";

const OPTIONS = {
  fsdd: { help: "the Free Spoken Digit Dataset, as an audio folder", default: "" },
  esc10: { help: "ESC-10, a folder for each sound", default: "" },
  output: { help: "where the recordings go", default: "word-streams" },
  word: { help: "the wake word", default: "seven" },
};

const RATE = 8_000;
const MINUTE = 60 * RATE;
const STREAM = 10 * MINUTE;
const WORDS_PER_STREAM = 40;
const GAPS = { least: 2 * RATE, most: 60 * RATE };
const WAKE_HOURS = 4;
const MIXTURES_PER_WORD = 12;
const OTHER_WORD_EVERY = 20 * RATE;
/** Takes of each speaker and digit; those from 0 to 4 are the test split. */
const DEVELOPMENT_TAKES = [5, 6, 7];

interface Clip extends Word {
  /** Such as `seven/george_5.wav`. */
  name: string;
  /** Which take of a speaker. */
  take: number;
  bytes: Uint8Array<ArrayBuffer>;
}

async function clipsOf(directory: string): Promise<Clip[]> {
  const clips: Clip[] = [];
  for (const label of namesIn(directory)) {
    for (const file of namesIn(`${directory}/${label}`)) {
      const bytes = await Deno.readFile(`${directory}/${label}/${file}`);
      const { samples } = await samplesOf(bytes);
      const take = Number(/_(\d+)\.\w+$/.exec(file)?.[1]);
      clips.push({ name: `${label}/${file}`, label, take, bytes, samples });
    }
  }
  return clips;
}

/** In one order wherever the files lie. */
function namesIn(directory: string): string[] {
  return Array.from(Deno.readDirSync(directory), ({ name }) => name).sort();
}

async function samplesOf(bytes: Uint8Array<ArrayBuffer>): Promise<{ samples: Float32Array }> {
  const { samples, sampleRateHz } = await decodeAudio(bytes);
  return { samples: sampleRateHz === RATE ? samples : resample(samples, sampleRateHz, RATE) };
}

/** The recordings of some folds; a name begins with its fold. */
async function recordingsOf(esc10: string, folds: readonly number[]): Promise<Float32Array[]> {
  const found: Float32Array[] = [];
  for (const label of namesIn(esc10)) {
    const directory = `${esc10}/${label}`;
    if (!Deno.statSync(directory).isDirectory) continue;
    for (const file of namesIn(directory)) {
      if (!folds.includes(Number(file[0]))) continue;
      const { samples } = await samplesOf(await Deno.readFile(`${directory}/${file}`));
      found.push(samples);
    }
  }
  return found;
}

function shuffled<T>(values: readonly T[], random: Random): T[] {
  return Array.from(random.permutation(values.length), (i) => values[i]!);
}

/** Writes recordings as they are made, and one table of what is in them. */
class StreamFolder {
  readonly #directory: string;
  readonly #writer = ANNOTATION_FORMATS.csv.writer();
  #table = this.#writer.heading;

  constructor(directory: string) {
    Deno.mkdirSync(directory, { recursive: true });
    this.#directory = directory;
  }

  add(file: string, sound: Float32Array, events: readonly SoundEvent[] = []): void {
    Deno.writeFileSync(`${this.#directory}/${file}`, encodeWav(sound, RATE));
    const inOrder = events.toSorted((a, b) => a.start - b.start);
    this.#table += inOrder.map((event) => this.#writer.line({ ...event, file })).join("");
  }

  close(): void {
    Deno.writeTextFileSync(`${this.#directory}/annotations.csv`, this.#table);
  }
}

/** The training split without the clips that words of the development streams are made from. */
function writeClips(directory: string, clips: readonly Clip[], split: string): void {
  for (const { name, label, bytes } of clips) {
    Deno.mkdirSync(`${directory}/${split}/${label}`, { recursive: true });
    Deno.writeFileSync(`${directory}/${split}/${name}`, bytes);
  }
}

function writeBackground(directory: string, recordings: Float32Array[], seed: number): void {
  const random = new Random(seed);
  Deno.mkdirSync(directory, { recursive: true });
  for (let i = 0; i < 40; i++) {
    const sound = backgroundSound(MINUTE / 2, { recordings, sampleRateHz: RATE, random });
    Deno.writeFileSync(`${directory}/background_${i}.wav`, encodeWav(sound, RATE));
  }
}

interface Parts {
  words: readonly Clip[];
  recordings: readonly Float32Array[];
  seed: number;
}

/** So many streams, each word once, for each seed. */
function writeStreams(
  directory: string,
  count: number,
  { words, recordings, seeds }: Omit<Parts, "seed"> & { seeds: readonly number[] },
): void {
  const folder = new StreamFolder(directory);
  for (const [round, seed] of seeds.entries()) {
    const random = new Random(seed);
    const order = shuffled(words, random);
    for (let i = 0; i < count; i++) {
      const own = order.slice(i * WORDS_PER_STREAM, (i + 1) * WORDS_PER_STREAM);
      const file = `stream_${round * count + i + 1}.wav`;
      folder.add(file, ...drawnStream(own, { recordings, random }));
    }
  }
  folder.close();
}

function drawnStream(
  words: readonly Clip[],
  { recordings, random }: Pick<Parts, "recordings"> & { random: Random },
): [sound: Float32Array, events: SoundEvent[]] {
  const sound = backgroundSound(STREAM, { recordings, sampleRateHz: RATE, random });
  const lengths = words.map(({ samples }) => samples.length);
  const places = drawnPlaces(lengths, STREAM, { ...GAPS, random });
  const events = words.map((word, at) => {
    return addWord(sound, word, { at: places[at]!, sampleRateHz: RATE });
  });
  return [sound, events];
}

/** Four hours with the wake word 300 times; with `others`, one of the other words every 20 s besides. */
function writeWakeWord(
  directory: string,
  word: string,
  { words, recordings, seed, others }: Parts & { others: boolean },
): void {
  const random = new Random(seed);
  const folder = new StreamFolder(directory);
  const own = words.filter(({ label }) => label === word);
  const other = words.filter(({ label }) => label !== word);
  const positives = shuffled(Array(MIXTURES_PER_WORD).fill(own).flat() as Clip[], random);
  const perHour = Math.ceil(positives.length / WAKE_HOURS);
  for (let hour = 0; hour < WAKE_HOURS; hour++) {
    const sound = backgroundSound(60 * MINUTE, { recordings, sampleRateHz: RATE, random });
    const events: SoundEvent[] = [];
    const slots = sound.length / OTHER_WORD_EVERY;
    if (others) {
      for (let slot = 0; slot < slots; slot++) {
        const at = slot * OTHER_WORD_EVERY + random.below(OTHER_WORD_EVERY / 4);
        events.push(addWord(sound, other[random.below(other.length)]!, { at, sampleRateHz: RATE }));
      }
    }
    const chosen = random.permutation(slots);
    positives.slice(hour * perHour, (hour + 1) * perHour).forEach((positive, i) => {
      // In the second half of a slot, so that it never lies over another word.
      const within = OTHER_WORD_EVERY / 2 + random.below(OTHER_WORD_EVERY / 4);
      const at = chosen[i]! * OTHER_WORD_EVERY + within;
      events.push(addWord(sound, positive, { at, sampleRateHz: RATE }));
    });
    folder.add(`hour_${hour + 1}.wav`, sound, events);
  }
  folder.close();
}

async function make(options: Options): Promise<void> {
  const [fsdd, esc10, output] = ["fsdd", "esc10", "output"].map((name) => {
    if (options.text(name) === "") throw new OptionError(`--${name} DIR`, "none");
    return fromWhereTyped(options.text(name));
  }) as [string, string, string];
  const all = await clipsOf(`${fsdd}/train`);
  const tests = await clipsOf(`${fsdd}/test`);
  const isDevelopment = ({ take }: Clip) => DEVELOPMENT_TAKES.includes(take);
  const development = all.filter(isDevelopment);
  writeClips(`${output}/clips`, all.filter((clip) => !isDevelopment(clip)), "train");
  writeClips(`${output}/clips`, development, "validation");
  writeClips(`${output}/clips`, tests, "test");
  writeBackground(`${output}/background`, await recordingsOf(esc10, [1, 2, 3]), 1);
  const held = await recordingsOf(esc10, [4]);
  // The words in three mixtures, since there are few of them.
  const seeds = [2, 102, 103];
  writeStreams(`${output}/development`, 3, { words: development, recordings: held, seeds });
  const recordings = await recordingsOf(esc10, [5]);
  writeStreams(`${output}/test`, 6, { words: tests, recordings, seeds: [3] });
  const word = options.text("word");
  const parts = { words: tests, recordings };
  writeWakeWord(`${output}/wake-word`, word, { ...parts, seed: 4, others: false });
  writeWakeWord(`${output}/wake-word-among-others`, word, { ...parts, seed: 5, others: true });
}

try {
  await make(new Options(Deno.args, OPTIONS));
} catch (error) {
  if (!(error instanceof OptionError)) throw error;
  console.error(`Error: ${error.message}`);
  Deno.exit(2);
}
