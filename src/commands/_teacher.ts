/**
 * The model that `train --teacher` names, ready to answer for the training clips.
 *
 * @module
 */
import type { AudioDataset } from "../data/audio_dataset.ts";
import { AutoFeatureExtractor, filesOf, loadInferenceModel } from "../pretrained.ts";
import { clipBatches } from "../train/batches/clip_batches.ts";
import type { Teacher } from "../train/loop/trainer.ts";
import { modelDirectory } from "./_model_directory.ts";
import type { Output } from "./_output.ts";

/**
 * Loads a teacher with its own extractor, on the device in use; the caller disposes its model.
 *
 * @throws {CheckpointError} where it is not a model that answers.
 */
export async function openTeacher(
  name: string,
  { clips, skipBadFiles }: { clips: AudioDataset; skipBadFiles: boolean },
  out: Output,
): Promise<Teacher> {
  const directory = await modelDirectory(name, out, { online: true });
  const featureExtractor = await AutoFeatureExtractor.fromPretrained(directory);
  const model = await loadInferenceModel(await filesOf(directory));
  try {
    model.expectComplete(directory);
  } catch (error) {
    model.dispose();
    throw error;
  }
  const trainDataset = clipBatches(clips, model, featureExtractor, { skipBadFiles });
  const million = (model.parameterCount / 1e6).toFixed(2);
  out.line(`Teacher: ${name} (${model.modelType}), ${million} M parameters`);
  return { model, featureExtractor, trainDataset };
}
