/**
 * Earshot in a browser: models of the web and of the hub, microphones and recordings, on WASM or WebGPU.
 *
 * It bundles as it is, with esbuild, Vite and the like. Compressed it takes less than 150 KB; the decoders of audio
 * formats are modules that a bundler splits off, and load when they are needed. WebGPU is an entry of its own,
 * `@earshot/earshot/browser/webgpu`.
 *
 * ```ts ignore
 * import { pipeline } from "@earshot/earshot/browser";
 *
 * const classifier = await pipeline("audio-classification", "./model/");
 * input.onchange = async () => console.log(await classifier(input.files[0]));
 * ```
 *
 * @module
 */
export { type BrowserPipelineOptions, pipeline } from "./pipeline.ts";
export type { StartDevice } from "./webgpu.ts";
export {
  type LoadProgress,
  type StoreOptions,
  webModelFiles,
  type WebModelOptions,
} from "./web_model_files.ts";
export {
  type LiveOptions,
  type LiveSamples,
  liveSamples,
  type MediaStreamLike,
} from "./live_samples.ts";
export { workletSource } from "./_worklet.ts";
export type {
  AudioBufferLike,
  AudioClassifier,
  AudioInput,
  AudioSamples,
  BareSamples,
  ChannelSamples,
  Classification,
  ClassifierHeads,
  ClassifierOptions,
  ClassifyOptions,
  ClipSamples,
  DetectOptions,
  EmbedClipOptions,
  EmbeddedClip,
  FittedHead,
  HeadedClassifier,
  HeadedClassifyOptions,
  HeadExamples,
  HeadFacts,
  LoadedClassifier,
  OpenFile,
  ScoreFunction,
  SoundSource,
} from "../classify/pipeline.ts";
export type { ReadableBytes } from "../audio/mod.ts";
export type { DetectedEvent, DetectSettings, SoundEvent, WindowScores } from "../detect/mod.ts";
export type { ByteSource, FileReader } from "../weights/byte_source.ts";
export * from "../errors.ts";
