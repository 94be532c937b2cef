/**
 * Hard negatives: where a model hears something in recordings in which nothing is, which it is then trained on as
 * background.
 *
 * `train --mine-negatives` trains twice. The first pass has a directory of its own, in which the false alarms are listed,
 * so that a second pass that was interrupted goes on with the same ones.
 *
 * @module
 */
import type { AudioClip, AudioDataset } from "../data/audio_dataset.ts";
import { cutClips, type RecordingCut, type RecordingStretch } from "../data/background.ts";
import type { CutFile } from "../data/cut_file.ts";
import { ANNOTATION_FORMATS, type WindowScores } from "../detect/mod.ts";
import { createClassifier } from "../classify/classifier.ts";
import type { FeatureExtractor } from "../features/mod.ts";
import { attempt, fileSource, writeFileAtomic } from "../files.ts";
import type { AudioClassificationModel } from "../models/model.ts";
import { isThere } from "./_command.ts";
import type { Output } from "./_output.ts";

/** Score from which a window counts as a false alarm, as in detection. */
const THRESHOLD = 0.5;

/** The list of false alarms, in the directory of the first pass. */
const LIST = "mined_negatives.jsonl";

/** What is searched, and by what. */
export interface MiningOptions {
  model: AudioClassificationModel;
  extractor: FeatureExtractor;
  /** Where nothing is to be heard. */
  stretches: readonly RecordingStretch[];
  cuts: CutFile;
  windowSeconds: number;
  /** The class of background; undefined where a clip may have no label. */
  background?: string;
  /** The directory of the first pass. */
  firstPass: string;
}

/** A window in which something was heard. */
interface FalseAlarm extends RecordingCut {
  label: string;
  score: number;
}

/** The directory of the first pass of a run. */
export function firstPassOf(outputDir: string): string {
  return `${outputDir.replace(/[\\/]+$/, "")}-first-pass`;
}

/** Takes away the list of an earlier model of a first pass. */
export async function forgetMined(firstPass: string): Promise<void> {
  const list = `${firstPass}/${LIST}`;
  if (await isThere(list)) await attempt("remove", list, () => Deno.remove(list));
}

/** The training clips with the false alarms of the model among its own recordings, at most as many as there is background. */
export async function withMined(
  train: AudioDataset,
  options: MiningOptions,
  out: Output,
): Promise<AudioDataset> {
  const { firstPass, cuts, windowSeconds } = options;
  const number = train.labels.indexOf(options.background ?? "");
  const own = train.clips.filter(({ label, targets }) => {
    return targets ? targets.every((target) => target === 0) : label === number;
  }).length;
  const list = `${firstPass}/${LIST}`;
  const isListed = await isThere(list);
  const alarms = isListed ? await listedAlarms(list) : await falseAlarms(options, out);
  if (!isListed) await writeList(list, alarms, windowSeconds);
  const kept = hardest(alarms, { windowSeconds, most: Math.max(1, own) });
  const seconds = options.stretches.reduce((sum, { start, end }) => sum + end - start, 0);
  const found = kept.length === 1 ? "1 false alarm" : `${kept.length} false alarms`;
  out.line(`Hard negatives: ${found} in ${(seconds / 60).toFixed(1)} min without labels`);
  const clips = await cutClips(kept, cuts);
  const calm = train.labels.map(() => 0);
  const added = clips.map((clip): AudioClip => {
    return number < 0 ? { ...clip, label: 0, targets: calm } : { ...clip, label: number };
  });
  return { ...train, clips: [...train.clips, ...added] };
}

/** All windows within the stretches in which the model hears anything but background. */
async function falseAlarms(options: MiningOptions, out: Output): Promise<FalseAlarm[]> {
  const { stretches, windowSeconds } = options;
  const found: FalseAlarm[] = [];
  const byPath = Map.groupBy(stretches, ({ path }) => path);
  const tick = out.progress("Looking for false alarms", byPath.size);
  let done = 0;
  try {
    for (const [path, own] of byPath) {
      for await (const window of windowsOf(path, options)) {
        const alarm = alarmIn(window, options);
        const isFree = own.some(({ start, end }) => {
          return window.start >= start && window.start + windowSeconds <= end + 1e-6;
        });
        if (alarm && isFree) {
          found.push({ path, start: window.start, seconds: windowSeconds, ...alarm });
        }
      }
      tick(++done);
    }
  } finally {
    tick(undefined);
  }
  return found;
}

async function* windowsOf(
  path: string,
  { model, extractor, windowSeconds }: MiningOptions,
): AsyncGenerator<WindowScores> {
  // Not disposed: the model is the one that is trained on.
  const classifier = createClassifier(model, extractor, { openFile: fileSource });
  let heard: WindowScores[] = [];
  const settings = { windowSeconds, hopSeconds: windowSeconds / 2, lastWindow: "back" } as const;
  const onScores = (window: WindowScores) => heard.push(window);
  const events = classifier.detect(path, { ...settings, file: path, onScores });
  for await (const _event of events) {
    yield* heard;
    heard = [];
  }
  yield* heard;
}

function alarmIn(
  { scores }: WindowScores,
  { model, background }: MiningOptions,
): Pick<FalseAlarm, "label" | "score"> | undefined {
  let best: Pick<FalseAlarm, "label" | "score"> | undefined;
  for (const [at, label] of model.labels.entries()) {
    const score = scores[at]!;
    if (label === background || score < Math.max(THRESHOLD, best?.score ?? 0)) continue;
    best = { label, score };
  }
  return best;
}

/** The false alarms of the highest scores that do not overlap. */
function hardest(
  alarms: readonly FalseAlarm[],
  { windowSeconds, most }: { windowSeconds: number; most: number },
): FalseAlarm[] {
  const kept: FalseAlarm[] = [];
  const startsIn = new Map<string, number[]>();
  for (const alarm of alarms.toSorted((a, b) => b.score - a.score)) {
    if (kept.length === most) break;
    const starts = startsIn.get(alarm.path) ?? [];
    startsIn.set(alarm.path, starts);
    if (starts.some((start) => Math.abs(start - alarm.start) < windowSeconds - 1e-6)) continue;
    starts.push(alarm.start);
    kept.push(alarm);
  }
  return kept;
}

async function writeList(
  list: string,
  alarms: readonly FalseAlarm[],
  windowSeconds: number,
): Promise<void> {
  const { line } = ANNOTATION_FORMATS.jsonl.writer();
  const lines = alarms.map(({ path, start, label, score }) => {
    return line({ file: path, start, end: start + windowSeconds, label, score });
  });
  await writeFileAtomic(list, [new TextEncoder().encode(lines.join(""))]);
}

/** The list as it was written, by nobody but us. */
async function listedAlarms(list: string): Promise<FalseAlarm[]> {
  const text = await attempt("read", list, () => Deno.readTextFile(list));
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const { file: path, start, end, label, score } = JSON.parse(line);
    return { path, start, seconds: end - start, label, score };
  });
}
