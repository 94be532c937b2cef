/**
 * Earshot classifies sound: it loads, fine-tunes, evaluates and serves the audio-classification models of
 * Hugging Face in TypeScript, on WebGPU and SIMD WebAssembly.
 *
 * ```ts
 * import { pipeline } from "@earshot/earshot";
 *
 * const classifier = await pipeline("audio-classification");
 * const second = { samples: new Float32Array(8_000), samplingRate: 8_000 };
 * const [best] = await classifier(second, { topK: 1 });
 * console.log(best?.label, best?.score);
 * ```
 *
 * @module
 */
import "./src/older_engines.ts";

// Models, by the names of transformers.
export {
  AutoConfig,
  AutoModelForAudioClassification,
  type PretrainedConfig,
  type PretrainedModel,
  type WithExtractor,
} from "./src/auto_model.ts";
export {
  AutoFeatureExtractor,
  type FromPretrainedOptions,
  type ModelFilesOptions,
  savePretrained,
  type SavePretrainedOptions,
} from "./src/pretrained.ts";
export type {
  AudioClassificationModel,
  Embedding,
  EmbedOptions,
  GivenLabels,
  ProblemType,
  SavedDtype,
} from "./src/models/mod.ts";
export type { ByteSource, FileReader } from "./src/weights/byte_source.ts";

// Classifying.
export {
  type AudioBufferLike,
  type AudioClassifier,
  type AudioInput,
  type AudioSamples,
  type BareSamples,
  type ChannelSamples,
  type Classification,
  type ClassifierHeads,
  type ClassifierOptions,
  type ClassifyOptions,
  type ClipSamples,
  createClassifier,
  type DetectOptions,
  type EmbedClipOptions,
  type EmbeddedClip,
  type FittedHead,
  type HeadedClassifier,
  type HeadedClassifyOptions,
  type HeadExamples,
  type HeadFacts,
  type LoadedClassifier,
  type OpenFile,
  pipeline,
  type PipelineOptions,
  type ScoreFunction,
  type SoundSource,
} from "./src/classify/pipeline.ts";
export type { ReadableBytes } from "./src/audio/mod.ts";
export {
  type AnnotatedDetection,
  type AnnotatedRecordings,
  annotatedRecordings,
  ANNOTATION_FORMATS,
  type AnnotationFault,
  type AnnotationFormat,
  type AnnotationFormatName,
  type AnnotationKind,
  annotationKind,
  type AnnotationTable,
  type AnnotationWriter,
  type DetectedEvent,
  type DetectionCounts,
  type DetectionF1,
  type DetectSettings,
  eventF1,
  type EventF1Options,
  type F1Measures,
  parseAnnotations,
  type ParseAnnotationsOptions,
  type PerLabel,
  type Psds,
  psds,
  type PsdsOptions,
  segmentF1,
  type SegmentF1Options,
  type SoundEvent,
  type ThresholdedDetection,
  wakeWordCurve,
  type WakeWordOptions,
  type WakeWordPoint,
  wakeWordPoint,
  type WakeWordRecording,
  type WindowScores,
  type WrittenEvent,
} from "./src/detect/mod.ts";
export { type BackendChoice, type Device, type DeviceOptions, useDevice } from "./src/devices.ts";
export {
  ASTFeatureExtractor,
  type ASTFeatureExtractorOptions,
  CedFeatureExtractor,
  type CedFeatureExtractorOptions,
  EfficientATFeatureExtractor,
  type EfficientATFeatureExtractorOptions,
  type ExtractOptions,
  type FeatureBatch,
  featureColumns,
  type FeatureColumnsOptions,
  type FeatureExtractor,
  type LoadExtractorOptions,
  type Padding,
  type RecordingWindow,
  SeamlessM4TFeatureExtractor,
  type SeamlessM4TFeatureExtractorOptions,
  Wav2Vec2FeatureExtractor,
  type Wav2Vec2FeatureExtractorOptions,
  WhisperFeatureExtractor,
  type WhisperFeatureExtractorOptions,
  type WindowExtractor,
} from "./src/features/mod.ts";

// Data sets, by the names of datasets.
export {
  type AudioValue,
  type Columns,
  Dataset,
  type DatasetSplitOptions,
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
export {
  type FilesOptions,
  type HubFileOptions,
  loadDataset,
  type LoadDatasetOptions,
  type NoticeKind,
} from "./src/data/load_dataset.ts";
export type { SplitSizes } from "./src/data/train_test_split.ts";

export {
  type AnnotationFiles,
  type AnnotationFilesOptions,
  readAnnotations,
} from "./src/data/annotation_files.ts";

// Training.
export {
  accuracy,
  allMetrics,
  type Average,
  averagePrecision,
  type Batch,
  type BatchSource,
  bootstrapInterval,
  type BootstrapOptions,
  type CallbackEvent,
  type CallbackState,
  type ClassMetrics,
  type ClipBatchesOptions,
  type ClipColumns,
  type ClipNotice,
  type ComputeMetrics,
  confusionMatrix,
  datasetBatches,
  type DatasetBatchesOptions,
  EarlyStoppingCallback,
  type EarlyStoppingOptions,
  type EffectlessOptions,
  type EvalPrediction,
  evaluateModel,
  type Evaluation,
  type HubStrategy,
  type Interval,
  type IntervalStrategy,
  type LogEntry,
  type LogLevel,
  perClass,
  precisionRecallF1,
  type PredictionOutput,
  PrinterCallback,
  ProgressCallback,
  type ProgressOutput,
  type Recipe,
  type RecipeData,
  type RecipeName,
  RECIPES,
  rocAuc,
  type RunOptimizer,
  type RunParts,
  type SamplingStrategy,
  type SaveStrategy,
  type SchedulerKwargs,
  type SchedulerType,
  suggestedArguments,
  TensorBoardCallback,
  topKAccuracy,
  Trainer,
  type TrainerCallback,
  type TrainerControl,
  type TrainerOptions,
  type TrainerPushOptions,
  type TrainerState,
  TrainingArguments,
  type TrainingOptions,
  type TrainOutput,
  type WayType,
} from "./src/train/mod.ts";

// What becomes of a model: an export, a report, a page on the hub.
export {
  type BackboneFacts,
  type CalibrationReport,
  exportC,
  type ExportCOptions,
  type ExportCReport,
  exportHead,
  type ExportHeadOptions,
  type ExportHeadReport,
  exportModel,
  exportOnnx,
  type ExportOnnxOptions,
  type ExportOnnxReport,
  type ExportOptions,
  type ExportReport,
  type LayerTrial,
  type OnnxDtype,
  type PackedDtype,
  type SetComparison,
} from "./src/export/mod.ts";
export * from "./src/report/mod.ts";
export {
  type CardDataset,
  type CardEvaluation,
  modelCard,
  type ModelCardFacts,
  type ModelCardWords,
} from "./src/card/mod.ts";
export {
  type KnownFacts,
  pushDirectory,
  pushToHub,
  type PushToHubOptions,
} from "./src/share/mod.ts";
export {
  type HubAccount,
  hubAccount,
  type HubBranch,
  hubBranch,
  type HubBranchOptions,
  type HubCommit,
  type HubFile,
  hubFiles,
  type HubFilesOptions,
  hubModelDirectory,
  hubModelFiles,
  type HubModelOptions,
  type HubOptions,
  type HubProgress,
  type HubPushOptions,
  type HubRepository,
  type HubRepositoryType,
  type HubUpload,
  type HubUploadProgress,
  removeToken,
  storeToken,
} from "./src/hub/mod.ts";
export * from "./src/errors.ts";
