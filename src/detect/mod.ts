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
export type { DetectedEvent, SoundEvent, WindowScores } from "./sound_event.ts";
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
