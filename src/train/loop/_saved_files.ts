/**
 * What a run leaves: the whole model or, where it was asked for, the low-rank changes and the head alone.
 *
 * @module
 */
import type { FeatureExtractor } from "../../features/mod.ts";
import type { FileToWrite } from "../../files.ts";
import { adapterOf } from "../../heads/adapter_files.ts";
import { adapterDirectoryFiles, modelFiles } from "../../pretrained.ts";
import type { TrainerOptions } from "./_trainer_options.ts";

type SavedRun = Pick<TrainerOptions, "model" | "args">;

/** The files of the output directory's model, the one that makes it a model last. */
export function savedFiles(
  { model, args }: SavedRun,
  extractor: FeatureExtractor,
): FileToWrite[] {
  if (!args.saveAdapter) return modelFiles(model, extractor);
  return adapterDirectoryFiles(model, extractor, model.origin.name!);
}

/** Weights of either form, of which one must not be left beside the other. */
const WEIGHTS = ["model.safetensors", "adapter_config.json", "adapter_model.safetensors"];

/** Weights of an earlier model that files of these names do not replace. */
export function staleWeights(names: readonly string[]): string[] {
  return WEIGHTS.filter((name) => !names.includes(name));
}

/**
 * Looks before the first step at whether an adapter can be saved that was asked for.
 *
 * @throws {RangeError} where changes are to be saved that there are not, or whose model nobody else could find.
 * @throws {UnsupportedOpError} where a tensor is trained that peft has no place for.
 */
export function expectAdapter(
  { model, args }: SavedRun,
  onNotice: (message: string) => void,
): void {
  if (!args.saveAdapter) return;
  const refuse = (fault: string) => {
    throw new RangeError(`Cannot use training argument "saveAdapter": expected ${fault}`);
  };
  if (args.loraRank === 0) refuse("`loraRank` above 0, found 0");
  if (args.pushToHub) refuse("no `pushToHub`, found both");
  const { name } = model.origin;
  if (name === undefined) {
    refuse("a whole model from a directory or the hub, found new weights or another adapter");
  }
  adapterOf(model, name!);
  if (model.modelType !== "wavlm") return;
  onNotice(
    "transformers passes changes of WavLM's attention by, so that in Python the adapter counts only once it is merged: " +
      "PeftModel.from_pretrained(...).merge_and_unload()",
  );
}
