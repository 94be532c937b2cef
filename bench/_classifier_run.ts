/**
 * The runs of a classifier that `_infer_row.ts` and its stock peer time alike: samples to scores, on the device in use.
 *
 * @module
 */
import type { AudioClassificationModel } from "../src/models/mod.ts";
import { pipeline } from "../src/classify/pipeline.ts";
import { noiseBatch } from "./_noise.ts";
import type { Measured, RowRequest } from "./_rows.ts";
import { medianMsOf, peakRssMb, sinceSpawn } from "./_timing.ts";

/** What was found, and what the model alone is timed with. */
export interface ClassifierRun {
  found: Omit<Measured, "forwardMs">;
  model: AudioClassificationModel;
  /** What the extractor makes of the clips. */
  inputValues: Float32Array;
  shape: number[];
  dispose(): void;
}

/** Loads a request's classifier and times it on noise. */
export async function timeClassifier(request: RowRequest): Promise<ClassifierRun> {
  const { batch, seconds, rounds, directory } = request;
  const classifier = await pipeline("audio-classification", directory);
  const loadMs = sinceSpawn(request);
  const { model, extractor } = classifier;
  const { samplingRate } = extractor;
  const samples = Math.round(samplingRate * seconds);
  const { inputs: noise } = noiseBatch([batch, samples]);
  const clips = Array.from(
    { length: batch },
    (_, i) => ({ samples: noise.subarray(i * samples, (i + 1) * samples), samplingRate }),
  );
  await classifier(clips);
  const firstMs = sinceSpawn(request);
  const rssMb = peakRssMb();
  await classifier(clips);
  const medianMs = await medianMsOf(rounds, () => classifier(clips));
  const { inputValues, shape } = extractor.extract(clips.map((clip) => clip.samples));
  const found = { medianMs, loadMs, firstMs, rssMb };
  return { found, model, inputValues, shape, dispose: () => classifier.dispose() };
}
