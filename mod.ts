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
export * from "./src/classify/pipeline.ts";
export { type BackendChoice, type Device, type DeviceOptions, useDevice } from "./src/devices.ts";
export * from "./src/errors.ts";
export * from "./src/features/mod.ts";
export * from "./src/hub/mod.ts";
export * from "./src/report/mod.ts";
export * from "./src/train/mod.ts";
export type { ByteSource, FileReader } from "./src/weights/byte_source.ts";
export type { TensorSource } from "./src/weights/tensor_source.ts";
