/**
 * `report.html` of a detection: timelines and figures, with what the model's training left beside it.
 *
 * @module
 */
import { basename, relative } from "node:path";
import { openAudio } from "../audio/mod.ts";
import { fileSource, writeFileAtomic } from "../files.ts";
import type { InferenceModel } from "../models/inference_model.ts";
import { type ClipAudio, reportHtml } from "../report/mod.ts";
import type { MeasuredDetection } from "./_eval_detection.ts";
import { modelData } from "./_report.ts";

/** What there is to report on. */
export interface ReportedDetection extends MeasuredDetection {
  model: InferenceModel;
  /** The folder of the recordings. */
  data: string;
  /** What the model is called. */
  name: string;
  /** Where the model lies, with the log of its training if there is one. */
  directory: string;
}

/**
 * Writes the report.
 *
 * @throws {FileError} where it cannot be written.
 */
export async function writeDetectionReport(file: string, run: ReportedDetection): Promise<void> {
  const { data: folder, recordings, measures: { segment, event, psds, wakeWord } } = run;
  // The page may be shown to others: it names recordings as they lie in their folder.
  const files = new Map(recordings.map(({ file }) => {
    return [relative(folder, file) || basename(file), file];
  }));
  const names = [...files.keys()];
  const data = {
    ...await modelData(run),
    detection: {
      recordings: recordings.map(({ durationSeconds, truth, detected }, at) => {
        return { file: names[at]!, truth, detected, durationSec: durationSeconds };
      }),
      segment,
      event,
      psds,
      wakeWord,
    },
  };
  const page = await reportHtml(data, {
    readStretch: ({ file }, startSec, endSec) => readStretch(files.get(file)!, startSec, endSec),
  });
  await writeFileAtomic(file, [new TextEncoder().encode(page)]);
}

/** Decodes a recording no further than to the end of the stretch. */
async function readStretch(file: string, startSec: number, endSec: number): Promise<ClipAudio> {
  using source = await fileSource(file);
  const audio = await openAudio(source, { file });
  const { sampleRateHz } = audio;
  const first = Math.round(startSec * sampleRateHz);
  const samples = new Float32Array(Math.round((endSec - startSec) * sampleRateHz));
  let at = -first;
  for await (const block of audio.blocks()) {
    const part = block.subarray(Math.max(0, -at), Math.max(0, samples.length - at));
    if (at + block.length > 0) samples.set(part, Math.max(0, at));
    at += block.length;
    if (at >= samples.length) break;
  }
  return { samples, sampleRateHz };
}
