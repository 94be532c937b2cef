/**
 * Earshot classifies sound: it loads, fine-tunes, evaluates and serves the audio-classification models of
 * Hugging Face in TypeScript, on WebGPU and SIMD WebAssembly.
 *
 * ```ts
 * import { pipeline } from "@earshot/earshot";
 *
 * const classifier = await pipeline("audio-classification", "models/voice_menu");
 * const [best] = await classifier("examples/voice_menu/test/balance/scotland-annie_1.wav", { topK: 1 });
 * console.log(best?.label, best?.score);
 * ```
 *
 * @module
 */
export {
  AutoFeatureExtractor,
  AutoModelForAudioClassification,
  type FromPretrainedOptions,
  savePretrained,
  type SavePretrainedOptions,
} from "./src/pretrained.ts";
export * from "./src/card/mod.ts";
export * from "./src/classify/pipeline.ts";
export {
  type AudioValue,
  type Columns,
  Dataset,
  type DatasetSplitOptions,
  type DatasetView,
  type FilterOptions,
  type MapOptions,
  type Mapped,
  type Row,
  type RowChange,
} from "./src/data/dataset.ts";
export { DatasetDict, DatasetSplits } from "./src/data/dataset_dict.ts";
export {
  Audio,
  type AudioOptions,
  ClassLabel,
  type Feature,
  type Features,
  Sequence,
  Struct,
  Value,
} from "./src/data/features.ts";
export { loadDataset, type LoadDatasetOptions } from "./src/data/load_dataset.ts";
export type { OpenFile, StoredRow, Table } from "./src/data/table.ts";
export type { SplitSizes } from "./src/data/train_test_split.ts";
export { type BackendChoice, type Device, type DeviceOptions, useDevice } from "./src/devices.ts";
export * from "./src/errors.ts";
export * from "./src/features/mod.ts";
export * from "./src/hub/mod.ts";
export * from "./src/report/mod.ts";
export {
  type KnownFacts,
  pushDirectory,
  pushToHub,
  type PushToHubOptions,
} from "./src/share/mod.ts";
export * from "./src/train/mod.ts";
export type { ByteSource, FileReader } from "./src/weights/byte_source.ts";
export type { HeldForm, HeldTensor, TensorSource } from "./src/weights/tensor_source.ts";
