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
  type AnnotationTable,
  parseAnnotations,
  type ParseAnnotationsOptions,
} from "./annotations.ts";
export type { DetectedEvent, SoundEvent, WindowScores } from "./sound_event.ts";
