/**
 * Sound of any length in, events out: windows of a recording go through a classifier one after the other.
 *
 * @module
 */
import {
  type AudioWindow,
  type DetectedEvent,
  type DetectPlan,
  type DetectSettings,
  EventFinder,
  type FoundEvent,
  heardScores,
  type ScoredSpan,
  WindowCutter,
  type WindowOptions,
  type WindowScores,
} from "../detect/mod.ts";
import { AudioFormatError } from "../errors.ts";
import {
  emptySound,
  openSound,
  type Sound,
  type SoundRules,
  type SoundSource,
} from "./_sound_source.ts";

/** How sound that goes on is heard; what is left out of the settings is the model's, or the default. */
export interface DetectOptions extends DetectSettings {
  /** The rate in hertz of samples that come alone. */
  samplingRate?: number;
  /** What messages call the recording. @default its path or URL */
  file?: string;
  /** Whether scores are those of the model alone, as for the classifier. @default the classifier's */
  rawScores?: boolean;
  /** The longest window that fits into memory, in seconds. @default the classifier's longest clip */
  maxSeconds?: number;
  /** Ends it: what waits is given up, and the reason is thrown. */
  signal?: AbortSignal;
  /** Called with the scores of each window, in order, before the events that they make. */
  onScores?: (window: WindowScores) => void;
  /** Runs each computation, so that several who share a device can wait for one another. @default at once */
  turn?: <T>(compute: () => Promise<T>) => Promise<T>;
}

/** Names of the options, each once; the compiler misses none. */
export const DETECT_OPTIONS: readonly string[] = Object.keys(
  {
    windowSeconds: 0,
    hopSeconds: 0,
    threshold: 0,
    offThreshold: 0,
    meanWindows: 0,
    medianWindows: 0,
    minEventSeconds: 0,
    minGapSeconds: 0,
    minApartSeconds: 0,
    lastWindow: 0,
    ignoredLabels: 0,
    samplingRate: 0,
    file: 0,
    rawScores: 0,
    maxSeconds: 0,
    signal: 0,
    onScores: 0,
    turn: 0,
  } satisfies Record<keyof DetectOptions, 0>,
);

/** What is said of a stretch of sound. */
export type Said = Pick<WindowScores, "scores" | "none">;

/** What is said of the samples of a window from where the frame before it ends to before its own end. */
export interface SaidOfFrame extends Said {
  /** The number of a sample of the window. */
  end: number;
}

/** A classifier, as far as it is needed here. */
export interface WindowClassifier {
  plan: DetectPlan;
  labels: readonly string[];
  /** How a path is read, and the rate wanted. */
  rules: SoundRules;
  /** The fewest samples of a window. */
  minSamples: number;
  /** Windows that are computed at once where they need not be waited for. */
  maxBatch: number;
  /** Called for a recording that was heard with a doubt. */
  onWarning?: (message: string) => void;
  /** What is said of each of several windows of one length, or of the frames of each, in the order in which they come. */
  scoresOf(windows: readonly AudioWindow[]): Promise<(Said | SaidOfFrame[])[]>;
}

/** How long the program may compute before others get a turn, such as a timer or a signal. */
const LONGEST_TURN_MS = 100;

/** The events of a recording, as soon as they are known. */
export async function* detectEvents(
  source: SoundSource,
  classifier: WindowClassifier,
  options: DetectOptions,
): AsyncGenerator<DetectedEvent, void, void> {
  const { plan, rules, onWarning, maxBatch } = classifier;
  options.signal?.throwIfAborted();
  const sound = await openSound(source, rules);
  const cutter = new WindowCutter(plan);
  const listener = new Listener(classifier, options);
  let waiting: AudioWindow[] = [];
  for await (const block of sound.blocks) {
    for (const window of cutter.push(block)) {
      waiting.push(window);
      if (waiting.length < maxBatch) continue;
      yield* listener.hear(waiting);
      waiting = [];
    }
    // Sound that is live is heard when it is there; a file has the next windows at once.
    if (!sound.isLive || waiting.length === 0) continue;
    yield* listener.hear(waiting);
    waiting = [];
  }
  if (waiting.length > 0) yield* listener.hear(waiting);
  const last = cutter.finish();
  if (last) {
    expectLongEnough(last, cutter.length, sound, classifier);
    yield* listener.hear([last], cutter.length);
  }
  if (cutter.length === 0) throw emptySound(sound.file);
  yield* listener.finish(cutter.length);
  const warning = sound.warning();
  if (warning !== undefined) {
    onWarning?.(`Odd audio${sound.file === undefined ? "" : ` "${sound.file}"`}: ${warning}`);
  }
}

/** Has batches of windows of a recording computed, and gives its length in samples. */
export async function eachBatch(
  sound: Sound,
  options: WindowOptions,
  maxBatch: number,
  compute: (windows: Float32Array[]) => Promise<void>,
): Promise<number> {
  const cutter = new WindowCutter(options);
  let waiting: Float32Array[] = [];
  for await (const block of sound.blocks) {
    for (const { samples } of cutter.push(block)) {
      waiting.push(samples);
      if (waiting.length < maxBatch) continue;
      await compute(waiting);
      waiting = [];
    }
  }
  if (waiting.length > 0) await compute(waiting);
  const last = cutter.finish();
  if (last) await compute([last.samples]);
  return cutter.length;
}

/** Scores windows, and finds the events in their scores. */
class Listener {
  readonly #classifier: WindowClassifier;
  readonly #options: DetectOptions;
  readonly #finder: EventFinder;
  #heardTo = 0;
  #lastPauseMs = performance.now();

  constructor(classifier: WindowClassifier, options: DetectOptions) {
    this.#classifier = classifier;
    this.#options = options;
    this.#finder = new EventFinder(classifier.plan);
  }

  /** `end` is that of the recording, where these are its last windows. */
  async *hear(windows: AudioWindow[], end?: number): AsyncGenerator<DetectedEvent, void, void> {
    const { signal, onScores, turn = (compute) => compute() } = this.#options;
    const { scoresOf, rules: { rateHz } } = this.#classifier;
    await this.#pause();
    signal?.throwIfAborted();
    const all = await turn(() => scoresOf(windows));
    for (const [i, window] of windows.entries()) {
      const found = all[i]!;
      const span = this.#spanOf(window, end);
      const parts = Array.isArray(found)
        ? framesWithin(found, window, span)
        : [{ said: found, heard: window, span }];
      for (const { said, heard, span } of parts) {
        onScores?.({ start: heard.start / rateHz, end: heard.end / rateHz, ...said });
        yield* this.#toSeconds(this.#finder.push({ ...span, scores: heardScores(said) }));
      }
    }
  }

  /** What was still heard when the recording was over. */
  *finish(end: number): Generator<DetectedEvent, void, void> {
    yield* this.#toSeconds(this.#finder.finish(end));
  }

  /** A window speaks for the hop around its centre, and for what nobody has spoken for before it. */
  #spanOf(window: AudioWindow, recordingEnd?: number): Span {
    const { windowSamples, hopSamples } = this.#classifier.plan;
    const start = this.#heardTo;
    const end = recordingEnd ?? window.start + Math.floor((windowSamples + hopSamples) / 2);
    this.#heardTo = end;
    return { start, end };
  }

  *#toSeconds(events: FoundEvent[]): Generator<DetectedEvent, void, void> {
    const { labels, rules: { rateHz } } = this.#classifier;
    for (const { index, start, end, score, state } of events) {
      yield { start: start / rateHz, end: end / rateHz, label: labels[index]!, score, state };
    }
  }

  /** Sound that is all in memory would otherwise keep the program to itself until it is over. */
  async #pause(): Promise<void> {
    if (performance.now() - this.#lastPauseMs < LONGEST_TURN_MS) return;
    await new Promise((resolve) => setTimeout(resolve));
    this.#lastPauseMs = performance.now();
  }
}

type Span = Pick<ScoredSpan, "start" | "end">;

/** The frames of a window that lie within what it speaks for, cut to that. */
function* framesWithin(
  frames: readonly SaidOfFrame[],
  window: AudioWindow,
  within: Span,
): Generator<{ said: Said; heard: Span; span: Span }, void, void> {
  let { start } = within;
  for (const { end: last, ...said } of frames) {
    const end = Math.min(window.start + last, within.end);
    if (end <= start) continue;
    const span = { start, end };
    yield { said, heard: span, span };
    start = end;
  }
}

function expectLongEnough(
  { samples }: AudioWindow,
  length: number,
  { file }: Sound,
  { minSamples, rules: { rateHz } }: WindowClassifier,
): void {
  if (samples.length >= minSamples) return;
  const [needed, found] = [minSamples / rateHz, length / rateHz].map((sec) => sec.toFixed(4));
  const name = file === undefined ? "the recording" : `"${file}"`;
  throw new AudioFormatError(
    `Cannot detect in ${name}: expected at least ${needed} s of audio, found ${found} s`,
    { file, hint: '`lastWindow: "pad"` fills it up with silence' },
  );
}
