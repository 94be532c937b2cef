/**
 * `eval --annotations`: how well a model detects in recordings of any length.
 *
 * @module
 */
import { type AudioClassifier, pipeline } from "../classify/pipeline.ts";
import { readAnnotations } from "../data/annotation_files.ts";
import { audioFilesBelow } from "../data/audio_files.ts";
import { annotatedRecordings, type DetectSettings, type SoundEvent } from "../detect/mod.ts";
import { DatasetError } from "../errors.ts";
import { entryIfThere } from "../files.ts";
import type { InferenceModel } from "../models/inference_model.ts";
import { UsageError } from "./_arguments.ts";
import {
  bestThresholdsLine,
  type DetectedRecording,
  detectionLine,
  type DetectionMeasures,
  detectionMeasures,
  detectionRecord,
  detectionTables,
} from "./_detection_measures.ts";
import { expectSettings, hearingOf } from "./_detect_options.ts";
import type { Output } from "./_output.ts";

/** Ends of annotations are rounded. */
const END_SLACK_SECONDS = 0.1;

/** What is to be measured. */
export interface DetectionPlan {
  /** A folder of recordings, or one. */
  data: string;
  /** The tables that say what is in them. */
  annotations: string;
  settings: DetectSettings;
  wakeWord?: string;
}

/** What was found. */
export interface MeasuredDetection {
  recordings: DetectedRecording[];
  measures: DetectionMeasures;
}

/**
 * Detects in all annotated recordings, and prints the figures.
 *
 * @param onMeasured is given all that was found, while the model is still there.
 * @throws {DatasetError} where no recording is annotated, or no label is known to the model.
 */
export async function evaluateDetection(
  { model: directory, head, adapter }: { model: string; head?: string; adapter?: string },
  plan: DetectionPlan,
  out: Output,
  onMeasured: (found: MeasuredDetection, model: InferenceModel) => Promise<void>,
): Promise<void> {
  const truths = await annotatedFiles(plan, out);
  const classifier = await pipeline("audio-classification", directory, {
    head,
    adapter,
    offline: true,
    onWarning: (message) => out.warn(`Warning: ${message}`),
  });
  try {
    const { labels, model } = classifier;
    const hearing = hearingOf(classifier);
    const { rateHz } = hearing;
    const settled = expectSettings(plan.settings, hearing);
    expectKnown(truths, plan, labels, out);
    const setup = { plan: settled, labels, rateHz, wakeWord: plan.wakeWord };
    const recordings = await detectAll(classifier, truths, plan, out);
    warnOfEnds(recordings, out);
    const measures = detectionMeasures(recordings, setup);
    out.line(`${detectionTables(measures)}\n`);
    out.line(out.strong(detectionLine(measures)));
    out.line(bestThresholdsLine(measures));
    out.event(detectionRecord(measures));
    await onMeasured({ recordings, measures }, model);
  } finally {
    classifier.dispose();
  }
}

async function annotatedFiles(
  { data, annotations }: DetectionPlan,
  out: Output,
): Promise<Map<string, SoundEvent[]>> {
  const isFile = (await entryIfThere(data))?.isFile;
  const files = isFile ? [data] : await audioFilesBelow(data.replace(/(?<=.)[/\\]+$/, ""));
  const { tables } = await readAnnotations(annotations);
  const { events, missing, unlabelled } = annotatedRecordings(tables, files);
  if (events.size === 0) {
    const named = missing.length > 0 ? missing.slice(0, 3).join(", ") : "none";
    throw new DatasetError(
      `Cannot evaluate on "${data}": expected recordings that "${annotations}" names, found ${named}`,
      { file: annotations },
    );
  }
  if (missing.length > 0) {
    out.warn(`Without a recording, left out: ${shortList(missing)}`);
  }
  if (unlabelled.length > 0) {
    out.warn(`Without annotations, left out: ${shortList(unlabelled)}`);
  }
  return events;
}

function shortList(names: readonly string[]): string {
  const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
  return names.slice(0, 3).join(", ") + more;
}

function expectKnown(
  truths: ReadonlyMap<string, readonly SoundEvent[]>,
  { annotations, wakeWord }: DetectionPlan,
  labels: readonly string[],
  out: Output,
): void {
  const known = `a label of the model (${shortList(labels)})`;
  if (wakeWord !== undefined && !labels.includes(wakeWord)) {
    throw new UsageError(
      `Cannot use argument "--wake-word": expected ${known}, found "${wakeWord}"`,
    );
  }
  const annotated = new Set([...truths.values()].flat().map(({ label }) => label));
  const strange = [...annotated].filter((label) => !labels.includes(label));
  if (strange.length === 0) return;
  if (strange.length === annotated.size) {
    throw new DatasetError(
      `Cannot evaluate with "${annotations}": expected ${known}, found ${shortList(strange)}`,
      { file: annotations },
    );
  }
  out.warn(`Labels that the model does not have count as missed: ${shortList(strange)}`);
}

/** What is annotated after the end counts as missed: mostly times of another recording. */
function warnOfEnds(recordings: readonly DetectedRecording[], out: Output): void {
  const late = recordings.flatMap(({ file, truth, durationSeconds }) => {
    const beyond = truth.filter(({ end }) => end > durationSeconds + END_SLACK_SECONDS);
    return beyond.map(({ start, end }) => `${start} to ${end} s of "${file}"`);
  });
  if (late.length === 0) return;
  out.warn(`Annotated beyond the end, and so missed there: ${shortList(late)}`);
}

async function detectAll(
  classifier: AudioClassifier,
  truths: ReadonlyMap<string, SoundEvent[]>,
  { settings }: DetectionPlan,
  out: Output,
): Promise<DetectedRecording[]> {
  const found: DetectedRecording[] = [];
  const tick = out.progress("Recordings", truths.size);
  for (const [file, truth] of truths) {
    const recording = { file, truth, detected: [], windows: [], durationSeconds: 0 };
    found.push(
      await detectOne(classifier, recording, settings, (seconds) => {
        tick(found.length, `${(seconds / 60).toFixed(0)} min of ${file}`);
      }),
    );
    tick(found.length);
  }
  tick(undefined);
  return found;
}

async function detectOne(
  classifier: AudioClassifier,
  { file, truth }: DetectedRecording,
  settings: DetectSettings,
  onSecond: (seconds: number) => void,
): Promise<DetectedRecording> {
  const windows: DetectedRecording["windows"][number][] = [];
  const detected: DetectedRecording["detected"][number][] = [];
  const onScores = (window: typeof windows[number]) => {
    windows.push(window);
    if (windows.length % 100 === 0) onSecond(window.end);
  };
  for await (const { state, ...event } of classifier.detect(file, { ...settings, onScores })) {
    if (state === "ended") detected.push(event);
  }
  return { file, truth, detected, windows, durationSeconds: windows.at(-1)?.end ?? 0 };
}
