/**
 * Sound that goes on: windows, scores over time, events.
 *
 * @module
 */
export { type AnnotatedRecordings, annotatedRecordings } from "./annotated_recordings.ts";
export {
  ANNOTATION_FORMATS,
  type AnnotationFormat,
  type AnnotationFormatName,
  type AnnotationWriter,
  type WrittenEvent,
} from "./annotation_writers.ts";
export {
  type AnnotationFault,
  type AnnotationKind,
  annotationKind,
  type AnnotationTable,
  parseAnnotations,
  type ParseAnnotationsOptions,
} from "./annotations.ts";
export { longRecordingNotice, longRecordingWindows, MeanScores } from "./long_recordings.ts";
export {
  type DetectedEvent,
  heardScores,
  type SoundEvent,
  type WindowScores,
} from "./sound_event.ts";
export {
  type ClassThresholds,
  EventFinder,
  type EventOptions,
  type FoundEvent,
  type ScoredSpan,
} from "./events.ts";
export {
  DEFAULT_DETECT_SETTINGS,
  type DetectPlan,
  detectPlan,
  type DetectSettings,
  type HearingModel,
  type PerLabel,
} from "./settings.ts";
export { type AudioWindow, WindowCutter, type WindowOptions } from "./windows.ts";
export type { AnnotatedDetection } from "./annotated_detection.ts";
export { eventF1, type EventF1Options } from "./event_f1.ts";
export type { DetectionCounts, DetectionF1, F1Measures } from "./_f1.ts";
export { type Psds, psds, type PsdsOptions, type ThresholdedDetection } from "./psds.ts";
export { segmentF1, type SegmentF1Options } from "./segment_f1.ts";
export {
  wakeWordCurve,
  type WakeWordOptions,
  type WakeWordPoint,
  wakeWordPoint,
  type WakeWordRecording,
} from "./wake_word_curve.ts";
export { eventsOfScores, type ScoredRecording } from "./scored_recording.ts";
